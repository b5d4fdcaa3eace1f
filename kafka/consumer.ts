// A Kafka subscription: partitions of a group, each handled in order, committed after the effect.
import type { Admin, Consumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import type { KafkaLog } from './client.ts';
import { endsWithin, handlerGraceMs, pause, retryPauseMs } from './retry.ts';
import type { KafkaTopics } from './topics.ts';

/** How long a killed process keeps its partitions from others. Brokers allow no less than 6 s by default. */
const defaultSessionMs = 10_000;
const timing = {
  /** How soon a member notices that partitions are shared out anew. */
  heartbeatInterval: 500,
  rebalanceTimeout: 30_000,
  /**
   * A fetch returns with the first byte; this is only how long an idle one waits. The broker answers the requests of
   * a connection one by one, so a shutdown or a resumed partition waits for it too.
   */
  maxWaitTimeInMs: 250,
  minBytes: 1,
};
/** A backlog is committed this often; the last message of a batch at once. A crash repeats at most this much. */
const commitEveryMs = 200;
const partitionsAtOnce = 8;
/** A broker that comes back is found soon after; kafkajs has tried for some seconds before. */
const longestRestartPauseMs = 2_000;

export interface ReceivedMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: Date;
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** At least one, of one partition, in order. */
export type Received = readonly [ReceivedMessage, ...ReceivedMessage[]];

/** As core's bus and realtime's source promise it. */
export interface SubscriptionOptions {
  /** Subscribers of one group share the partitions; each message reaches one of them. */
  readonly group: string;
  readonly topics: readonly string[];
  /** Where a group that has no committed offset yet begins. */
  readonly from: 'beginning' | 'end';
  /** How many of the messages that wait in a partition are handled in one call; one by default. */
  readonly atOnce?: number;
  /**
   * Called once at a time per partition, in order. Offsets are committed only after it resolves; after a rejection
   * the same messages come again. `signal` fires when the subscription ends or partitions are shared out anew.
   */
  readonly handle: (messages: Received, signal: AbortSignal) => Promise<void>;
}

export interface Subscription extends AsyncDisposable {
  /** Resolves once partitions are assigned and messages flow. */
  readonly ready: Promise<void>;
}

export interface KafkaSubscriptionOptions {
  readonly kafka: Pick<Kafka, 'consumer'>;
  readonly topics: Pick<KafkaTopics, 'admin' | 'ensure'>;
  readonly subscription: SubscriptionOptions;
  readonly log: KafkaLog;
  readonly sessionTimeoutMs?: number | undefined;
}

export function subscribeToKafka(options: KafkaSubscriptionOptions): Subscription {
  const { kafka, subscription, log } = options;
  const { group, topics, from } = subscription;
  const closing = new AbortController();
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => {}); // whoever awaits it is told; nobody has to
  const state: ConsumerState = { generation: new AbortController(), failures: new Map(), resumes: new Map() };
  let restarts = 0;

  /** Lives until it crashes or the subscription is closed. */
  const consume = async (): Promise<void> => {
    const consumer = kafka.consumer({
      groupId: group,
      ...timing,
      sessionTimeout: options.sessionTimeoutMs ?? defaultSessionMs,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 6, restartOnFailure: async () => false },
    });
    const ended = Promise.withResolvers<void>();
    const { CRASH, GROUP_JOIN, REBALANCING } = consumer.events;
    consumer.on(CRASH, ({ payload }) => ended.reject(payload.error));
    consumer.on(REBALANCING, () => state.generation.abort());
    consumer.on(GROUP_JOIN, async ({ payload }) => {
      state.generation.abort();
      state.generation = new AbortController();
      resumeAll(state);
      try {
        if (from === 'end')
          await pinNewPartitions(consumer, await options.topics.admin(), group, payload.memberAssignment);
        restarts = 0;
        ready.resolve();
      } catch (error) {
        ended.reject(error);
      }
    });
    closing.signal.addEventListener('abort', () => ended.resolve(), { once: true });
    ended.promise.catch(() => {}); // it may crash before it is awaited
    try {
      await options.topics.ensure(topics);
      await consumer.connect();
      await consumer.subscribe({ topics: [...topics], fromBeginning: from === 'beginning' });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: partitionsAtOnce,
        eachBatch: (payload) => handleBatch(payload, state, subscription, log),
      });
      await ended.promise;
    } finally {
      // Handlers hear of it first: disconnecting waits for them.
      state.generation.abort();
      resumeAll(state);
      await consumer.disconnect();
    }
  };

  const live = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      try {
        await consume();
      } catch (error) {
        restarts += 1;
        const pauseMs = Math.round(Math.min(longestRestartPauseMs, retryPauseMs(restarts)));
        log.error('bus.consumer_failed', { group, topics, restarts, pauseMs, error });
        await pause(pauseMs, closing.signal);
      }
    }
  };
  const ended = live();

  return {
    ready: ready.promise,
    async [Symbol.asyncDispose]() {
      ready.reject(new Error('the subscription was closed before it was ready'));
      closing.abort();
      state.generation.abort();
      await ended;
    },
  };
}

interface ConsumerState {
  /** Ends when partitions are shared out anew: nobody knows then who has which. */
  generation: AbortController;
  /** Failures in a row of the messages at a place. */
  readonly failures: Map<string, number>;
  /** Partitions that pause after a failure. */
  readonly resumes: Map<string, () => void>;
}

function resumeAll({ resumes }: ConsumerState): void {
  for (const resume of resumes.values()) resume();
}

async function handleBatch(
  { batch, resolveOffset, commitOffsetsIfNecessary, heartbeat, pause: pausePartition, isStale }: EachBatchPayload,
  state: ConsumerState,
  { group, handle, atOnce = 1 }: SubscriptionOptions,
  log: KafkaLog,
): Promise<void> {
  const { topic, partition } = batch;
  const { generation } = state;
  const { signal } = generation;
  const place = `${topic}/${partition}`;
  let lost: unknown;
  let handled: bigint | undefined;
  let committedAt = performance.now();

  const beat = setInterval(() => {
    // What a heartbeat says (another member has come, say) is told to the handler now and to kafkajs after it.
    heartbeat().catch((error: unknown) => {
      lost = error;
      generation.abort();
    });
  }, timing.heartbeatInterval);

  const commit = async (): Promise<void> => {
    // In a later generation the partition may be another member's, and the broker would not notice.
    if (handled === undefined || state.generation !== generation) return;
    const offset = String(handled + 1n);
    await commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset }] }] });
    handled = undefined;
    committedAt = performance.now();
  };

  /** Others go on meanwhile, and so do heartbeats; the message is fetched again since it was not resolved. */
  const holdPartition = (offset: number, error: unknown): void => {
    const failures = (state.failures.get(place) ?? 0) + 1;
    state.failures.set(place, failures);
    const pauseMs = Math.round(retryPauseMs(failures));
    log.warn('bus.handler_failed', { group, topic, partition, offset, failures, pauseMs, error });
    const resume = pausePartition();
    const resumeOnce = (): void => {
      clearTimeout(timer);
      state.resumes.delete(place);
      resume();
    };
    const timer = setTimeout(resumeOnce, pauseMs);
    state.resumes.set(place, resumeOnce);
  };

  try {
    for (let start = 0; start < batch.messages.length; start += atOnce) {
      if (signal.aborted || isStale()) break;
      const some = batch.messages.slice(start, start + atOnce);
      const [first, ...rest] = some.map((raw) => incoming(topic, partition, raw));
      const last = some.at(-1);
      if (!first || !last) break;
      const outcome = await settle(handle([first, ...rest], signal), signal);
      if (outcome === 'abandoned') {
        log.warn('bus.handler_abandoned', { group, topic, partition, offset: first.offset });
        break;
      }
      if (outcome !== 'done') {
        if (!signal.aborted) holdPartition(first.offset, outcome.error);
        break;
      }
      if (state.generation !== generation) break;
      state.failures.delete(place);
      // The last one also covers what the broker keeps behind it for itself.
      handled = last === batch.messages.at(-1) ? BigInt(batch.lastOffset()) : BigInt(last.offset);
      resolveOffset(last.offset);
      if (performance.now() - committedAt > commitEveryMs) await commit();
    }
    await commit();
  } finally {
    clearInterval(beat);
  }
  if (lost !== undefined) throw lost;
}

/** Waits for the handler, and once the signal has fired no longer than the grace it is given. */
async function settle(
  handling: Promise<void>,
  signal: AbortSignal,
): Promise<'done' | 'abandoned' | { readonly error: unknown }> {
  const settled = handling.then(
    () => 'done' as const,
    (error: unknown) => ({ error }),
  );
  const aborted = Promise.withResolvers<'aborted'>();
  const abort = (): void => aborted.resolve('aborted');
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const first = await Promise.race([settled, aborted.promise]);
  signal.removeEventListener('abort', abort);
  if (first !== 'aborted') return first;
  return (await endsWithin(handlerGraceMs, settled)) ? settled : 'abandoned';
}

/**
 * A group that begins at the end gets its place committed at once. Else the place would be "the end" again after
 * each restart until its first message, and what came in between would be lost.
 */
async function pinNewPartitions(
  consumer: Consumer,
  admin: Admin,
  groupId: string,
  assigned: Readonly<Record<string, number[]>>,
): Promise<void> {
  const topics = Object.keys(assigned);
  if (topics.length === 0) return;
  for (const { topic, partitions } of await admin.fetchOffsets({ groupId, topics })) {
    const unknown = new Set(partitions.filter(({ offset }) => Number(offset) < 0).map(({ partition }) => partition));
    const own = (assigned[topic] ?? []).filter((partition) => unknown.has(partition));
    if (own.length === 0) continue;
    const ends = (await admin.fetchTopicOffsets(topic)).filter(({ partition }) => own.includes(partition));
    await consumer.commitOffsets(ends.map(({ partition, high }) => ({ topic, partition, offset: high })));
    for (const { partition, high } of ends) consumer.seek({ topic, partition, offset: high });
  }
}

export function incoming(
  topic: string,
  partition: number,
  { key, value, headers, offset, timestamp }: KafkaMessage,
): ReceivedMessage {
  const texts = Object.entries(headers ?? {}).map(([name, content]) => [
    name,
    [content].flat().at(-1)?.toString() ?? '',
  ]);
  return {
    topic,
    partition,
    offset: Number(offset),
    timestamp: new Date(Number(timestamp)),
    key: key?.toString() ?? '',
    value: value?.toString() ?? '',
    headers: Object.fromEntries(texts),
  };
}
