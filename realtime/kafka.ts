// The event source on Apache Kafka, through kafkajs.
import { setTimeout as sleep } from 'node:timers/promises';
import { type EachBatchPayload, Kafka, logLevel } from 'kafkajs';
import type { Log } from './log.ts';
import type { EventSource, SourceMessage, SourceSubscription, SourceSubscriptionOptions } from './source.ts';

export interface KafkaSourceOptions {
  readonly brokers: readonly string[];
  readonly log: Log;
}

const longestPauseMs = 5_000;

export async function openKafkaSource({ brokers, log }: KafkaSourceOptions): Promise<EventSource & AsyncDisposable> {
  const kafka = new Kafka({
    clientId: 'lotok-realtime',
    brokers: [...brokers],
    connectionTimeout: 5_000,
    retry: { initialRetryTime: 200, maxRetryTime: 10_000, retries: 8 },
    logLevel: logLevel.WARN,
    logCreator:
      () =>
      ({ level, log: { message, error } }) => {
        const write = level <= logLevel.ERROR ? log.error : log.warn;
        write('kafka.client', { message, ...(error === undefined ? {} : { cause: error }) });
      },
  });
  const admin = kafka.admin();
  await admin.connect();

  return {
    subscribe: (options) => subscribe(kafka, options, log),

    async lag(group, topics) {
      const committed = await admin.fetchOffsets({ groupId: group, topics: [...topics] });
      const lags: { readonly lag: number }[] = [];
      for (const { topic, partitions } of committed) {
        const ends = new Map((await admin.fetchTopicOffsets(topic)).map((end) => [end.partition, end]));
        for (const { partition, offset } of partitions) {
          const end = ends.get(partition);
          // Nothing committed is -1: the group begins at the oldest message that is there.
          if (end) lags.push({ lag: Number(end.high) - Math.max(Number(offset), Number(end.low)) });
        }
      }
      return lags;
    },

    // kafkajs knows no topic ids. A topic made anew in the same cluster is noticed by the history, since
    // offsets then go back while time goes on.
    async epoch(topic) {
      const { clusterId } = await admin.describeCluster();
      return `${clusterId}/${topic}`;
    },

    [Symbol.asyncDispose]: () => admin.disconnect(),
  };
}

function subscribe(
  kafka: Kafka,
  { group, topics, from, handle }: SourceSubscriptionOptions,
  log: Log,
): SourceSubscription {
  const stopping = new AbortController();
  const { signal } = stopping;
  const consumer = kafka.consumer({
    groupId: group,
    sessionTimeout: 30_000,
    heartbeatInterval: 3_000,
    maxWaitTimeInMs: 1_000,
    retry: { retries: 8, restartOnFailure: async () => true },
  });
  const joined = Promise.withResolvers<void>();
  consumer.on(consumer.events.GROUP_JOIN, () => joined.resolve());

  const eachBatch = async ({
    batch,
    resolveOffset,
    heartbeat,
    commitOffsetsIfNecessary,
    isRunning,
    isStale,
  }: EachBatchPayload): Promise<void> => {
    for (const { key, value, headers, offset, timestamp } of batch.messages) {
      const message: SourceMessage = {
        key: key?.toString() ?? '',
        value: value?.toString() ?? '',
        headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, each]) => [name, String(each)])),
        partition: batch.partition,
        offset: Number(offset),
        timestamp: new Date(Number(timestamp)),
      };
      for (let failures = 0; ; ) {
        if (!isRunning() || isStale() || signal.aborted) return;
        try {
          await handle(message, signal);
          break;
        } catch (error) {
          failures += 1;
          log.error('source.handling_failed', { partition: batch.partition, offset, failures, error });
          await heartbeat();
          await sleep(Math.min(longestPauseMs, 50 * 2 ** failures), undefined, { signal }).catch(() => undefined);
        }
      }
      resolveOffset(offset);
      await commitOffsetsIfNecessary();
      await heartbeat();
    }
  };
  const run = async (): Promise<void> => {
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: from === 'beginning' });
    await consumer.run({
      eachBatchAutoResolve: false,
      autoCommitInterval: 1_000,
      autoCommitThreshold: 200,
      partitionsConsumedConcurrently: 4,
      eachBatch,
    });
  };
  const running = keepTrying(run, signal, log);
  running.catch(joined.reject);

  return {
    ready: joined.promise,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      // Nobody waits any more, and a rejection that nobody hears would end the process.
      joined.promise.catch(() => undefined);
      joined.reject(new Error('the subscription was ended'));
      await running.catch(() => undefined);
      await consumer.disconnect();
    },
  };
}

/** The cluster may come later than we do; the topic too. */
async function keepTrying(run: () => Promise<void>, signal: AbortSignal, log: Log): Promise<void> {
  for (let failures = 0; !signal.aborted; ) {
    try {
      return await run();
    } catch (error) {
      failures += 1;
      log.warn('source.not_connected', { failures, error });
      await sleep(Math.min(longestPauseMs, 200 * 2 ** failures), undefined, { signal }).catch(() => undefined);
    }
  }
}
