// Reading topics of Kafka from their beginning to their present end, once and for nobody's account.
import { randomUUID } from 'node:crypto';
import type { Admin, EachBatchPayload, Kafka } from 'kafkajs';
import { patiently } from '../../../kafka/client.ts';
import { incoming } from '../../../kafka/consumer.ts';
import type { IncomingMessage } from './bus.ts';

/** Brokers that fall silent in the middle are given up after so long. */
const patienceMs = 30_000;

export async function readAllOfKafka(
  kafka: Kafka,
  admin: Admin,
  topics: readonly string[],
  visit: (message: IncomingMessage) => void | Promise<void>,
): Promise<void> {
  /** Where each partition ended when we came, for those that have something. */
  const ends = new Map<string, bigint>();
  for (const topic of topics) {
    for (const { partition, low, high } of await patiently(() => admin.fetchTopicOffsets(topic))) {
      if (BigInt(low) < BigInt(high)) ends.set(`${topic}/${partition}`, BigInt(high));
    }
  }
  if (ends.size === 0) return;

  // kafkajs reads in groups only. This one is alone in its own and commits nothing, so brokers forget it by themselves.
  const consumer = kafka.consumer({
    groupId: `lotok-read-${randomUUID()}`,
    maxWaitTimeInMs: 250,
    allowAutoTopicCreation: false,
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 6, restartOnFailure: async () => false },
  });
  const over = Promise.withResolvers<void>();
  over.promise.catch(() => {}); // it may fail before it is awaited
  const silence = setTimeout(() => over.reject(new Error('Kafka has stopped answering')), patienceMs);
  consumer.on(consumer.events.CRASH, ({ payload }) => over.reject(payload.error));

  const eachBatch = async ({ batch, heartbeat, resolveOffset, isRunning }: EachBatchPayload): Promise<void> => {
    const place = `${batch.topic}/${batch.partition}`;
    for (const raw of batch.messages) {
      const end = ends.get(place);
      if (!isRunning() || end === undefined || BigInt(raw.offset) >= end) break;
      try {
        const visiting = visit(incoming(batch.topic, batch.partition, raw));
        // Topics have millions; most visits are over at once.
        if (visiting) {
          await visiting;
          silence.refresh();
          await heartbeat();
        }
      } catch (error) {
        ends.clear();
        return over.reject(error);
      }
      resolveOffset(raw.offset);
    }
    silence.refresh();
    await heartbeat();
    if (BigInt(batch.lastOffset()) + 1n >= (ends.get(place) ?? 0n)) ends.delete(place);
    if (ends.size === 0) over.resolve();
  };

  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 1,
      eachBatch,
    });
    await over.promise;
  } finally {
    clearTimeout(silence);
    await consumer.disconnect();
  }
}
