// A consumer group of the embedded bus: who reads which partition, and the reading itself.

import { endsWithin, handlerGraceMs, pause, retryPauseMs } from '../../../kafka/retry.ts';
import type { Log } from '../telemetry/log.ts';
import type { Incoming, Subscription, SubscriptionOptions } from './bus.ts';
import type { EmbeddedLog } from './embedded-log.ts';

const readBatch = 50;
/** A backlog is committed this often; the last message of a batch at once. A crash repeats at most this much. */
const commitEveryMs = 200;

interface Member {
  readonly options: SubscriptionOptions;
}

export interface Group {
  readonly empty: boolean;
  join(options: SubscriptionOptions): Subscription;
}

export function createGroup(name: string, store: EmbeddedLog, log: Log): Group {
  const members: Member[] = [];
  const readers = new Map<string, { member: Member; reader: Reader }>();
  let assigning: Promise<void> = Promise.resolve();

  const wanted = (): Map<string, { member: Member; topic: string; partition: number }> => {
    const topics = new Set(members.flatMap((member) => member.options.topics));
    const shares = [...topics].flatMap((topic) => {
      const eligible = members.filter((member) => member.options.topics.includes(topic));
      return store.partitions(topic).flatMap((partition) => {
        const member = eligible[partition % eligible.length];
        return member ? [[`${topic}/${partition}`, { member, topic, partition }] as const] : [];
      });
    });
    return new Map(shares);
  };

  /** First takes away, then gives: a partition never has two readers. */
  const assign = async (): Promise<void> => {
    const shares = wanted();
    const leaving = [...readers].filter(([place, { member }]) => shares.get(place)?.member !== member);
    await Promise.all(
      leaving.map(async ([place, { reader }]) => {
        await reader.stop();
        readers.delete(place);
      }),
    );
    for (const [place, { member, topic, partition }] of shares) {
      if (readers.has(place)) continue;
      const { handle, atOnce = 1 } = member.options;
      const reader = startReader({ group: name, topic, partition, store, log, handle, atOnce });
      readers.set(place, { member, reader });
    }
  };
  const reassign = (): Promise<void> => {
    const turn = assigning.then(assign);
    assigning = turn.catch(() => {});
    return turn;
  };

  return {
    get empty() {
      return members.length === 0;
    },
    join(options) {
      const member: Member = { options };
      let left = false;
      const enter = async (): Promise<void> => {
        await store.ensureTopics(options.topics);
        for (const topic of options.topics) await store.pin(name, topic, options.from);
        if (left) throw new Error('the subscription was closed before it was ready');
        members.push(member);
        await reassign();
      };
      const ready = enter();
      // Who never looks at `ready` is told by the log.
      ready.catch((error) => left || log.error('bus.subscribe_failed', { group: name, error }));
      return {
        ready,
        async [Symbol.asyncDispose]() {
          left = true;
          await ready.catch(() => {});
          const index = members.indexOf(member);
          if (index >= 0) members.splice(index, 1);
          await reassign();
        },
      };
    },
  };
}

interface ReaderOptions {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly store: EmbeddedLog;
  readonly log: Log;
  readonly handle: SubscriptionOptions['handle'];
  readonly atOnce: number;
}

interface Reader {
  stop(): Promise<void>;
}

function startReader({ group, topic, partition, store, log, handle, atOnce }: ReaderOptions): Reader {
  const stopping = new AbortController();
  const { signal } = stopping;
  let abandoned = false;
  let next: number | undefined;
  let committed = 0;
  let committedAt = 0;

  const commit = async (): Promise<void> => {
    // After it was abandoned, the partition may have another reader.
    if (next === undefined || next === committed || abandoned) return;
    const offset = next;
    await store.commit(group, topic, partition, offset);
    committed = offset;
    committedAt = performance.now();
  };

  /** True once the handler has resolved; false when the reader was stopped before. */
  const deliver = async (messages: Incoming): Promise<boolean> => {
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        await handle(messages, signal);
        return true;
      } catch (error) {
        if (signal.aborted) return false;
        const pauseMs = Math.round(retryPauseMs(failures));
        const { offset } = messages[0];
        log.warn('bus.handler_failed', { group, topic, partition, offset, failures, pauseMs, error });
        await commit();
        await pause(pauseMs, signal);
      }
    }
    return false;
  };

  const readOn = async (): Promise<void> => {
    next ??= committed = (await store.committed(group, topic)).get(partition) ?? 0;
    const end = store.end(topic, partition);
    if (next >= end) return store.grown(topic, partition, next, signal);
    const batch = await store.read(topic, partition, next, readBatch);
    // All that was left has been trimmed.
    if (batch.length === 0) next = end;
    for (let start = 0; start < batch.length; start += atOnce) {
      const [first, ...rest] = batch.slice(start, start + atOnce);
      if (!first || !(await deliver([first, ...rest]))) break;
      next = (rest.at(-1) ?? first).offset + 1;
      if (performance.now() - committedAt > commitEveryMs) await commit();
    }
    await commit();
  };

  const run = async (): Promise<void> => {
    let failures = 0;
    while (!signal.aborted) {
      try {
        await readOn();
        failures = 0;
      } catch (error) {
        // The database failed, not the handler: what was not committed comes again.
        failures += 1;
        log.error('bus.read_failed', { group, topic, partition, failures, error });
        next = undefined;
        await pause(retryPauseMs(failures), signal);
      }
    }
  };
  const ended = run();

  return {
    async stop() {
      stopping.abort();
      if (await endsWithin(handlerGraceMs, ended)) return;
      abandoned = true;
      log.warn('bus.handler_abandoned', { group, topic, partition });
    },
  };
}
