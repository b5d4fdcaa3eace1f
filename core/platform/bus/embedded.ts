// The embedded bus: a durable log in the database of one process, for `npm start` and tests.
import type { Kysely } from 'kysely';
import { type Clock, systemClock } from '../clock.ts';
import type { Log } from '../telemetry/log.ts';
import type { Bus, IncomingMessage, Subscription } from './bus.ts';
import { createGroup, type Group } from './embedded-group.ts';
import { type BusTables, openLog, type Retention } from './embedded-log.ts';

export interface EmbeddedBusOptions {
  /** The schema `bus` of this database is made and owned by the bus. */
  readonly db: Kysely<BusTables>;
  readonly log: Log;
  readonly clock?: Clock;
  /** Of topics made from now on. */
  readonly partitionsPerTopic?: number;
  readonly retention?: Partial<Retention & { readonly checkEveryMs: number }>;
}

const readBatch = 200;
const day = 24 * 3_600_000;
const defaultRetention = { messagesPerTopic: 100_000, ageMs: 7 * day, idleGroupMs: 7 * day, checkEveryMs: 60_000 };

/**
 * Publishers wake readers in memory, so there is no polling and nearly no delay, and only one process may use it.
 * Between statements the database is free for handlers: no transaction stays open while one runs.
 */
export async function openEmbeddedBus(options: EmbeddedBusOptions): Promise<Bus> {
  const { db, log, clock = systemClock, partitionsPerTopic = 4 } = options;
  const retention = { ...defaultRetention, ...options.retention };
  const store = await openLog(db, { clock, partitionsPerTopic });
  const groups = new Map<string, Group>();
  const subscriptions = new Set<Subscription>();
  let closed = false;
  let trimming: Promise<void> = Promise.resolve();
  // Not at once: groups that hold what they have not read must have subscribed again by then.
  let trimmedAt = clock.now().getTime();

  const trimWhenDue = (): void => {
    const now = clock.now().getTime();
    if (now - trimmedAt < retention.checkEveryMs) return;
    trimmedAt = now;
    const live = [...groups].filter(([, group]) => !group.empty).map(([name]) => name);
    trimming = trimming
      .then(() => store.trim(retention, live))
      .catch((error) => log.error('bus.trim_failed', { error }));
  };

  const assertOpen = (): void => {
    if (closed) throw new Error('the bus is closed');
  };

  return {
    async ensureTopics(topics, { keepMs } = {}) {
      assertOpen();
      await store.ensureTopics(topics);
      if (keepMs !== undefined) await store.keep(topics, keepMs);
    },

    async publish(topic, messages) {
      assertOpen();
      await store.append(topic, messages);
      trimWhenDue();
    },

    subscribe(subscription) {
      assertOpen();
      const group = groups.get(subscription.group) ?? createGroup(subscription.group, store, log);
      groups.set(subscription.group, group);
      const joined = group.join(subscription);
      const own: Subscription = {
        ready: joined.ready,
        async [Symbol.asyncDispose]() {
          subscriptions.delete(own);
          await joined[Symbol.asyncDispose]();
        },
      };
      subscriptions.add(own);
      return own;
    },

    async readAll(topics, visit) {
      assertOpen();
      const places = topics.flatMap((topic) =>
        store.partitions(topic).map((partition) => ({ topic, partition, end: store.end(topic, partition) })),
      );
      for (const { topic, partition, end } of places) {
        let batch: IncomingMessage[] = [];
        for (let next = 0; next < end; next = (batch.at(-1)?.offset ?? end) + 1) {
          batch = await store.read(topic, partition, next, readBatch);
          for (const message of batch) if (message.offset < end) await visit(message);
        }
      }
    },

    async lag(group, topics) {
      const lags = topics.map(async (topic) => {
        const [committed, begins] = await Promise.all([store.committed(group, topic), store.begins(topic)]);
        return store.partitions(topic).map((partition) => {
          const end = store.end(topic, partition);
          const begin = begins.get(partition) ?? end;
          return { topic, partition, lag: end - Math.max(begin, committed.get(partition) ?? 0) };
        });
      });
      return (await Promise.all(lags)).flat();
    },

    async epoch(topic) {
      return store.epoch(topic);
    },

    async [Symbol.asyncDispose]() {
      closed = true;
      await Promise.all([...subscriptions].map((subscription) => subscription[Symbol.asyncDispose]()));
      await trimming;
    },
  };
}
