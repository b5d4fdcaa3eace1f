// The event source on Apache Kafka, through kafkajs.
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { type EachBatchPayload, Kafka, type KafkaMessage, logLevel } from 'kafkajs';
import { topicId } from './kafka-topic-id.ts';
import type { Log } from './log.ts';
import type { EventSource, SourceMessage, SourceSubscription, SourceSubscriptionOptions } from './source.ts';

export interface KafkaSourceOptions {
  readonly brokers: readonly string[];
  readonly log: Log;
}

const timing = {
  /** How long a killed node keeps its partitions from others. Brokers allow no less than 6 s by default. */
  sessionTimeout: 10_000,
  heartbeatInterval: 500,
  rebalanceTimeout: 30_000,
  /** A fetch returns with the first byte; this is only how long an idle one waits. */
  maxWaitTimeInMs: 250,
};
const commitEveryMs = 200;
const partitionsPerTopic = 4;
const longestPauseMs = 2_000;
const pauseMs = (failures: number): number => Math.min(longestPauseMs, 50 * 2 ** failures) * (0.5 + Math.random() / 2);

export function openKafkaSource({ brokers, log }: KafkaSourceOptions): EventSource & AsyncDisposable {
  const kafka = new Kafka({
    clientId: 'lotok-realtime',
    brokers: [...brokers],
    connectionTimeout: 3_000,
    requestTimeout: 10_000,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 6 },
    logLevel: logLevel.WARN,
    logCreator:
      () =>
      ({ level, namespace, log: { message } }) =>
        (level === logLevel.ERROR ? log.warn : log.debug)('kafka.client', { namespace, message }),
  });
  const admin = kafka.admin({ retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 5 } });
  let connecting: Promise<void> | undefined;
  const connected = (): Promise<void> => {
    connecting ??= admin.connect().catch((error: unknown) => {
      connecting = undefined;
      throw error;
    });
    return connecting;
  };

  return {
    subscribe: (options) => subscribe(kafka, options, log),

    async lag(group, topics) {
      await connected();
      const groupOffsets = await admin.fetchOffsets({ groupId: group, topics: [...topics] });
      const lags = groupOffsets.map(async ({ topic, partitions }) => {
        const committed = new Map(partitions.map(({ partition, offset }) => [partition, Number(offset)]));
        // Nothing committed: the group begins at the oldest message that is there.
        return (await admin.fetchTopicOffsets(topic)).map(({ partition, high, low }) => ({
          lag: Number(high) - Math.max(Number(low), committed.get(partition) ?? 0),
        }));
      });
      return (await Promise.all(lags)).flat();
    },

    // Core makes the topic, too; whoever comes first does, and the other finds it there.
    async epoch(topic) {
      await connected();
      if (!(await admin.listTopics()).includes(topic)) {
        await admin.createTopics({
          waitForLeaders: true,
          topics: [{ topic, numPartitions: partitionsPerTopic, replicationFactor: -1 }],
        });
      }
      return topicId(brokers, topic);
    },

    async [Symbol.asyncDispose]() {
      await connecting?.catch(() => undefined);
      await admin.disconnect();
    },
  };
}

function subscribe(kafka: Kafka, options: SourceSubscriptionOptions, log: Log): SourceSubscription {
  const stopping = new AbortController();
  const { signal } = stopping;
  const ready = Promise.withResolvers<void>();
  // Whoever awaits it is told; nobody has to.
  ready.promise.catch(() => undefined);

  /** Lives until it crashes or the subscription ends. */
  const consume = async (): Promise<void> => {
    const consumer = kafka.consumer({
      groupId: options.group,
      ...timing,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 6, restartOnFailure: async () => false },
    });
    const over = Promise.withResolvers<void>();
    // It may crash before it is awaited.
    over.promise.catch(() => undefined);
    consumer.on(consumer.events.CRASH, ({ payload }) => over.reject(payload.error));
    consumer.on(consumer.events.GROUP_JOIN, () => ready.resolve());
    const stop = (): void => over.resolve();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: [...options.topics], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: 4,
        eachBatch: (payload) => handleBatch(payload, options, signal, log),
      });
      await over.promise;
    } finally {
      signal.removeEventListener('abort', stop);
      await consumer.disconnect();
    }
  };
  const live = async (): Promise<void> => {
    for (let failures = 0; !signal.aborted; ) {
      try {
        await consume();
      } catch (error) {
        failures += 1;
        log.warn('source.failed', { failures, error });
        await sleep(pauseMs(failures), undefined, { signal }).catch(() => undefined);
      }
    }
  };
  const living = live();

  return {
    ready: ready.promise,
    async [Symbol.asyncDispose]() {
      ready.reject(new Error('the subscription was ended before it was ready'));
      stopping.abort();
      await living;
    },
  };
}

/** Message by message; one that can't be handled now is tried again, and those behind it wait. */
async function handleBatch(
  payload: EachBatchPayload,
  { handle }: SourceSubscriptionOptions,
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  const { batch, resolveOffset, commitOffsetsIfNecessary, heartbeat, isRunning, isStale } = payload;
  const { topic, partition } = batch;
  let handled: bigint | undefined;
  let committedAt = performance.now();
  const commit = async (): Promise<void> => {
    if (handled === undefined) return;
    await commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset: String(handled + 1n) }] }] });
    handled = undefined;
    committedAt = performance.now();
  };

  for (const raw of batch.messages) {
    const message = incoming(partition, raw);
    for (let failures = 0; ; ) {
      if (!isRunning() || isStale() || signal.aborted) return;
      try {
        await handle(message, signal);
        break;
      } catch (error) {
        failures += 1;
        log.warn('source.handling_failed', { partition, offset: message.offset, failures, error });
        await sleep(pauseMs(failures), undefined, { signal }).catch(() => undefined);
        await heartbeat();
      }
    }
    // The last one also covers what the broker keeps behind it for itself.
    handled = raw === batch.messages.at(-1) ? BigInt(batch.lastOffset()) : BigInt(raw.offset);
    resolveOffset(raw.offset);
    await heartbeat();
    if (performance.now() - committedAt > commitEveryMs) await commit();
  }
  await commit();
}

function incoming(partition: number, { key, value, headers, offset, timestamp }: KafkaMessage): SourceMessage {
  const texts = Object.entries(headers ?? {}).map(([name, content]) => [
    name,
    [content].flat().at(-1)?.toString() ?? '',
  ]);
  return {
    key: key?.toString() ?? '',
    value: value?.toString() ?? '',
    headers: Object.fromEntries(texts),
    partition,
    offset: Number(offset),
    timestamp: new Date(Number(timestamp)),
  };
}

interface RequestQueue {
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  readonly throttledUntil: number;
  readonly pending: readonly unknown[];
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

/**
 * kafkajs 2.2.4 sets this timer to a time in the past whenever nothing waits, so each connection wakes a
 * thousand times a second, and newer Node warns of it. Without a waiting request there is nothing to check.
 */
const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };
prototype.scheduleCheckPendingRequests = function scheduleCheckPendingRequests(this: RequestQueue): void {
  if (this.throttleCheckTimeoutId || this.pending.length === 0) return;
  const throttledMs = this.throttledUntil - Date.now();
  const check = (): void => {
    this.throttleCheckTimeoutId = null;
    this.checkPendingRequests();
  };
  this.throttleCheckTimeoutId = setTimeout(check, throttledMs > 0 ? throttledMs : 10);
};
