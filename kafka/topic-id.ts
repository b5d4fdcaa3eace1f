// A topic's id: what Kafka itself tells a topic from an earlier one of the same name by (KIP-516).
import { connect, type Socket } from 'node:net';

/**
 * kafkajs speaks an older version of the Metadata request, whose answer has no ids; this asks in version 12.
 * https://kafka.apache.org/protocol.html#The_Messages_Metadata
 */
export async function topicId(brokers: readonly string[], topic: string, timeoutMs = 5_000): Promise<string> {
  let cause: unknown;
  for (const broker of brokers) {
    try {
      const answer = readTopic(await ask(broker, metadataRequest(topic), timeoutMs));
      if (answer.errorCode === unknownTopic) break;
      // A topic that was just made may have no leader yet; its id is known all the same.
      if (answer.errorCode !== 0 && answer.errorCode !== leaderNotAvailable) {
        throw new Error(`Kafka answers error ${answer.errorCode}`);
      }
      return answer.id;
    } catch (error) {
      cause = error;
    }
  }
  throw new Error(cause === undefined ? `no such topic: ${topic}` : `no broker tells the id of ${topic}`, { cause });
}

const unknownTopic = 3;
const leaderNotAvailable = 5;
const largestAnswerBytes = 1_000_000;

function ask(broker: string, request: Buffer, timeoutMs: number): Promise<Buffer> {
  const colon = broker.lastIndexOf(':');
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const socket: Socket = connect({ host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) });
  const chunks: Buffer[] = [];
  socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`${broker} does not answer`)));
  socket.on('error', reject);
  socket.on('close', () => reject(new Error(`${broker} has closed the connection`)));
  socket.on('connect', () => socket.write(request));
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    const received = Buffer.concat(chunks);
    if (received.length < 4) return;
    const size = received.readInt32BE(0);
    if (size > largestAnswerBytes) socket.destroy(new Error(`${broker} answers with ${size} bytes`));
    else if (received.length >= size + 4) {
      resolve(received.subarray(4, size + 4));
      socket.destroy();
    }
  });
  return promise;
}

const noTags = Buffer.of(0);

function metadataRequest(topic: string): Buffer {
  const header = Buffer.alloc(10);
  header.writeInt16BE(3, 0); // Metadata
  header.writeInt16BE(12, 2);
  header.writeInt32BE(1, 4); // correlation id
  header.writeInt16BE(-1, 8); // no client id
  const name = Buffer.from(topic);
  const body = Buffer.concat([
    varint(2), // one topic (compact arrays count from one)
    Buffer.alloc(16), // asked by name, not by id
    varint(name.length + 1),
    name,
    noTags,
    Buffer.of(0, 0), // don't create it, don't tell permissions
    noTags,
  ]);
  const size = Buffer.alloc(4);
  size.writeInt32BE(header.length + noTags.length + body.length);
  return Buffer.concat([size, header, noTags, body]);
}

function readTopic(answer: Buffer): { errorCode: number; id: string } {
  let at = 4; // correlation id
  const readVarint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = answer.readUInt8(at++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  };
  const skip = (bytes: number): void => {
    at += bytes;
  };
  const skipString = (): void => skip(Math.max(0, readVarint() - 1));
  const skipTags = (): void => {
    for (let count = readVarint(); count > 0; count -= 1) {
      readVarint();
      skip(readVarint());
    }
  };
  skipTags();
  skip(4); // throttle time
  for (let brokers = readVarint() - 1; brokers > 0; brokers -= 1) {
    skip(4); // id
    skipString(); // host
    skip(4); // port
    skipString(); // rack
    skipTags();
  }
  skipString(); // cluster id
  skip(4); // controller
  if (readVarint() !== 2) throw new Error('Kafka does not answer for the one topic');
  const errorCode = answer.readInt16BE(at);
  skip(2);
  skipString(); // name
  return { errorCode, id: answer.subarray(at, at + 16).toString('hex') };
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.of(...bytes, rest);
    bytes.push((rest & 0x7f) | 0x80);
  }
}
