// The topics in Kafka, read from their beginnings to ends fixed before, by a consumer group that is gone afterwards.
import { randomBytes } from 'node:crypto';
import type { EachBatchPayload } from 'kafkajs';
import { createKafkaClient } from '../../core/platform/bus/kafka-client.ts';
import { silentLog } from '../../core/platform/telemetry/log.ts';
import { groups, headersRead, type Marks, type TopicMessage, type Topics, topicsRead } from './evidence.ts';

/** A broker that gives nothing for so long while something is left to read is not going to. */
const patienceMs = 60_000;
const batchSize = 5_000;

export interface KafkaTopics extends Topics, AsyncDisposable {}

export async function openKafkaTopics(brokers: readonly string[]): Promise<KafkaTopics> {
  const kafka = createKafkaClient({ brokers, clientId: 'verify-invariants', log: silentLog });
  const admin = kafka.admin({ retry: { retries: 3 } });
  await admin.connect();

  const marks = async (): Promise<Marks> => {
    const known = new Set(await admin.listTopics());
    const missing = topicsRead.filter((topic) => !known.has(topic));
    if (missing.length > 0) throw new Error(`Kafka has no topic ${missing.join(', ')}: has core ever run on it?`);
    // Groups first: what they have committed lies below the ends then.
    const places = await Promise.all(
      groups.map(async ([service, groupId]) =>
        (await admin.fetchOffsets({ groupId })).flatMap(({ topic, partitions }) =>
          partitions.map(({ partition, offset }) => ({ service, topic, partition, next: Math.max(0, Number(offset)) })),
        ),
      ),
    );
    const partitions = await Promise.all(
      topicsRead.map(async (topic) =>
        (await admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => ({
          topic,
          partition,
          low: Number(low),
          end: Number(high),
        })),
      ),
    );
    return { groups: places.flat(), partitions: partitions.flat() };
  };

  const read: Topics['read'] = async ({ partitions }, handle) => {
    const left = new Map<string, number>(
      partitions.flatMap(({ topic, partition, low, end }) =>
        end > low ? [[`${topic}/${partition}`, end] as const] : [],
      ),
    );
    if (left.size === 0) return;
    const over = Promise.withResolvers<void>();
    over.promise.catch(() => {}); // it may fail before it is awaited
    let timer: NodeJS.Timeout | undefined;
    const wait = (): void => {
      clearTimeout(timer);
      timer = setTimeout(
        () => over.reject(new Error(`Kafka gives no more of ${[...left.keys()].join(', ')}`)),
        patienceMs,
      );
    };
    // All batches go into one database connection.
    let turn = Promise.resolve();

    const take = async ({ batch, resolveOffset, heartbeat }: EachBatchPayload): Promise<void> => {
      const place = `${batch.topic}/${batch.partition}`;
      const end = left.get(place);
      if (end !== undefined) {
        const messages = batch.messages
          .filter(({ offset }) => Number(offset) < end)
          .map((message) => messageOf(batch.topic, batch.partition, message));
        for (let first = 0; first < messages.length; first += batchSize) {
          turn = turn.then(() => handle(messages.slice(first, first + batchSize)));
          await turn;
          wait();
          await heartbeat();
        }
        if (Number(batch.lastOffset()) + 1 >= end) left.delete(place);
        if (left.size === 0) over.resolve();
      }
      resolveOffset(batch.lastOffset());
    };

    const groupId = `lotok-verify-${randomBytes(6).toString('hex')}`;
    const consumer = kafka.consumer({
      groupId,
      allowAutoTopicCreation: false,
      sessionTimeout: 30_000,
      maxWaitTimeInMs: 250,
      maxBytesPerPartition: 4 * 1024 * 1024,
      retry: { retries: 5, restartOnFailure: async () => false },
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => over.reject(payload.error));
    try {
      await consumer.connect();
      const topics = [...new Set([...left.keys()].map((place) => place.slice(0, place.lastIndexOf('/'))))];
      await consumer.subscribe({ topics, fromBeginning: true });
      wait();
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: 4,
        eachBatch: async (payload) => {
          try {
            await take(payload);
          } catch (error) {
            // Reading again would not mend it.
            over.reject(error);
          }
        },
      });
      await over.promise;
    } finally {
      clearTimeout(timer);
      await consumer.disconnect();
      await admin.deleteGroups([groupId]).catch(() => {}); // an empty group goes by itself too, later
    }
  };

  return { marks, read, [Symbol.asyncDispose]: () => admin.disconnect() };
}

function messageOf(
  topic: string,
  partition: number,
  { key, value, headers, offset, timestamp }: EachBatchPayload['batch']['messages'][number],
): TopicMessage {
  const texts: Record<string, string> = {};
  // Of the others there are many.
  for (const name of headersRead) {
    const content = headers?.[name];
    if (content !== undefined) texts[name] = [content].flat().at(-1)?.toString() ?? '';
  }
  return {
    topic,
    partition,
    offset: Number(offset),
    at: new Date(Number(timestamp)),
    key: key?.toString() ?? '',
    value: value?.toString() ?? '',
    headers: texts,
  };
}
