// The Kafka producer: one send at a time, what waits meanwhile goes together in the next.
import { type Kafka, Partitioners, type Producer } from 'kafkajs';
import type { OutgoingMessage } from './bus.ts';

/** Brokers take batches of 1 MiB by default; the rest is room for what surrounds the messages. */
const largestSendBytes = 900_000;
const messageOverheadBytes = 100;

export interface KafkaProducer extends AsyncDisposable {
  publish(topic: string, messages: readonly OutgoingMessage[]): Promise<void>;
}

interface Waiting {
  readonly topic: string;
  readonly messages: readonly OutgoingMessage[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Idempotent and acknowledged by all replicas in sync. After a failure nobody knows whether the batch was stored,
 * while kafkajs uses its sequence number again: the broker would take the next batch for a repetition and drop it.
 * So a failed send costs the producer its life, and sends never overlap.
 */
export function createKafkaProducer(kafka: Kafka, sent: () => void = () => {}): KafkaProducer {
  let producer: Producer | undefined;
  let waiting: Waiting[] = [];
  let sending: Promise<void> | undefined;

  const connected = async (): Promise<Producer> => {
    if (producer) return producer;
    const created = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 6 },
    });
    await created.connect();
    producer = created;
    return created;
  };

  const send = async (batch: readonly Waiting[]): Promise<void> => {
    const current = await connected();
    try {
      const topicMessages = batch.map(({ topic, messages }) => ({
        topic,
        messages: messages.map(({ key, value, headers }) => ({ key, value, headers: { ...headers } })),
      }));
      await current.sendBatch({ topicMessages, acks: -1 });
      sent();
    } catch (error) {
      producer = undefined;
      await current.disconnect().catch(() => {}); // its connection may be what failed
      throw error;
    }
  };

  const takeBatch = (): Waiting[] => {
    let bytes = 0;
    const over = waiting.findIndex((each, index) => {
      bytes += each.bytes;
      return index > 0 && bytes > largestSendBytes;
    });
    return waiting.splice(0, over < 0 ? waiting.length : over);
  };

  const sendAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = takeBatch();
      try {
        await send(batch);
        for (const each of batch) each.resolve();
      } catch (error) {
        for (const each of batch) each.reject(error);
      }
    }
    sending = undefined;
  };

  const sendSoon = (topic: string, messages: readonly OutgoingMessage[]): Promise<void> =>
    new Promise((resolve, reject) => {
      const bytes = messages.reduce((sum, message) => sum + sizeBytes(message), 0);
      waiting.push({ topic, messages, bytes, resolve, reject });
      sending ??= sendAll();
    });

  return {
    async publish(topic, messages) {
      // One after the other, so that a failed part is not overtaken by the next.
      for (const part of parts(messages)) await sendSoon(topic, part);
    },
    async [Symbol.asyncDispose]() {
      await sending;
      waiting = [];
      await producer?.disconnect();
      producer = undefined;
    },
  };
}

function parts(messages: readonly OutgoingMessage[]): OutgoingMessage[][] {
  const result: OutgoingMessage[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    const size = sizeBytes(message);
    if (size > largestSendBytes) throw new Error(`a message of ${size} bytes is more than a broker takes`);
    bytes += size;
    if (bytes > largestSendBytes) {
      bytes = size;
      result.push([]);
    }
    result.at(-1)?.push(message);
  }
  return result;
}

const sizeBytes = ({ key, value, headers }: OutgoingMessage): number =>
  messageOverheadBytes +
  Buffer.byteLength(key) +
  Buffer.byteLength(value) +
  Object.entries(headers).reduce(
    (sum, [name, content]) => sum + Buffer.byteLength(name) + Buffer.byteLength(content) + 8,
    0,
  );
