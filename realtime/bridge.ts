// The bridge: takes each message of `realtime.v1` from the bus into the history, at least once and in order.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Tracer } from '@opentelemetry/api';
import { z } from 'zod';
import { realtimeTopic } from '../contracts/events.ts';
import { RealtimeMessage } from '../contracts/stream.ts';
import type { Appended, BridgedMessage, History } from './history.ts';
import type { Log } from './log.ts';
import type { RealtimeMetrics } from './metrics.ts';
import type { EventSource, Received, SourceMessage } from './source.ts';
import { traceDelivery } from './tracing.ts';

export interface BridgeOptions {
  readonly source: EventSource;
  readonly history: History;
  readonly log: Log;
  readonly metrics: RealtimeMetrics;
  readonly tracer: Tracer;
  /**
   * Nodes that share a history share a group, and each message is bridged by one of them. A node with
   * a history of its own has a group of its own, and reads the retained log from its beginning.
   */
  readonly group: string;
  /** Whether the history is empty until the log was read: then `ready` waits for that. */
  readonly rebuild: boolean;
}

export interface Bridge extends AsyncDisposable {
  /** Resolves once the history can answer. */
  readonly ready: Promise<void>;
  readonly isReady: boolean;
  /** For how long the oldest messages in hand have been waiting for the history. */
  readonly busyMs: number;
}

/** A message larger than this would stop at some WebSocket on its way. */
const maxMessageBytes = 32 * 1024;
const channelName = /^(user|ad|category|system):[\w-]{1,64}$/;
const traceparentForm = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const lagEveryMs = 5_000;
/** What waits on the bus is taken in portions of this many: one call to Redis each. */
const atOnce = 64;

export function startBridge({ source, history, log, metrics, tracer, group, rebuild }: BridgeOptions): Bridge {
  const stopping = new AbortController();
  const { signal } = stopping;

  const handle = async (incoming: Received): Promise<void> => {
    let waiting: BridgedMessage[] = [];
    const append = async (): Promise<void> => {
      const taken = waiting;
      waiting = [];
      if (taken.length > 0) note(taken, await history.append(taken));
    };
    for (const each of incoming) {
      const message = bridged(each);
      if (typeof message !== 'string') {
        waiting.push(message);
        continue;
      }
      await append();
      await skip(each, message);
    }
    await append();
  };

  // Such a message will never do; what is behind it mustn't wait for it. Nor is it put aside for a replay, which
  // would show old news: docs/decisions/2026-11-25-live-messages-are-not-put-aside.md.
  const skip = async ({ partition, offset, timestamp }: SourceMessage, reason: string): Promise<void> => {
    metrics.bridged.inc({ outcome: 'malformed' });
    log.error('bridge.malformed', { topic: realtimeTopic, partition, offset, reason });
    await history.skip({ partition, offset: offset + 1, time: timestamp.getTime() });
  };

  const note = (messages: readonly BridgedMessage[], results: readonly Appended[]): void => {
    for (const [index, result] of results.entries()) {
      const message = messages[index];
      // What is read again after a restart was traced in its time.
      if (message && result.appended && isReady) traceDelivery(tracer, `bridge ${message.event}`, message, Date.now());
      metrics.bridged.inc({ outcome: outcomeOf(result) });
    }
  };

  /** When each call that goes on now began: one for each partition. */
  const busySince = new Set<number>();
  const subscription = source.subscribe({
    group,
    topics: [realtimeTopic],
    from: 'beginning',
    atOnce,
    handle: async (messages) => {
      const began = performance.now();
      busySince.add(began);
      try {
        await handle(messages);
      } finally {
        busySince.delete(began);
      }
    },
  });
  const lag = async (): Promise<number> => {
    const total = (await source.lag(group, [realtimeTopic])).reduce((sum, each) => sum + each.lag, 0);
    metrics.bridgeLag.set(total);
    return total;
  };
  let isReady = false;
  const makeReady = async (): Promise<void> => {
    await subscription.ready;
    while (rebuild && !signal.aborted && (await lag()) > 0) await sleep(50, undefined, { signal });
    isReady = true;
  };
  const watchLag = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        await lag();
      } catch (error) {
        if (!signal.aborted) log.warn('bridge.lag_unknown', { error });
      }
      await sleep(lagEveryMs, undefined, { signal }).catch(() => undefined);
    }
  };
  const ready = makeReady();
  ready.catch((error: unknown) => {
    if (!signal.aborted) log.error('bridge.not_ready', { error });
  });
  const watching = watchLag();

  return {
    ready,
    get isReady() {
      return isReady;
    },
    get busyMs() {
      return busySince.size === 0 ? 0 : performance.now() - Math.min(...busySince);
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await subscription[Symbol.asyncDispose]();
      await watching;
    },
  };
}

/**
 * An event is known by its source and its id together (CloudEvents 1.0, "id"). Hashed, so that what outside producers
 * write takes a bounded place in the history. Undefined where a producer gives no id: such a repeat can't be told
 * from news.
 */
function idOf({ ce_source: source = '', ce_id: id }: SourceMessage['headers']): string | undefined {
  if (id === undefined || id === '') return undefined;
  return createHash('sha256')
    .update(JSON.stringify([source, id]))
    .digest('base64url')
    .slice(0, 22);
}

const outcomeOf = (result: Appended): string => {
  if (result.appended) return 'appended';
  return result.known === 'id' ? 'repeated' : 'known';
};

/** The message as the history takes it, or what is wrong with it. */
function bridged(incoming: SourceMessage): BridgedMessage | string {
  const { key, partition, offset, timestamp, headers } = incoming;
  const message = parse(incoming);
  if (typeof message === 'string') return message;
  const { traceparent } = headers;
  const id = idOf(headers);
  return {
    channel: key,
    partition,
    offset: offset + 1,
    time: timestamp.getTime(),
    event: message.event,
    data: message.data,
    ...(traceparent !== undefined && traceparentForm.test(traceparent) ? { traceparent } : {}),
    ...(id === undefined ? {} : { id }),
  };
}

function parse({ key, value }: SourceMessage): RealtimeMessage | string {
  if (!channelName.test(key)) return 'the key is no channel';
  if (Buffer.byteLength(value) > maxMessageBytes) return `the value is longer than ${maxMessageBytes} bytes`;
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch {
    return 'the value is not JSON';
  }
  const message = RealtimeMessage.safeParse(json);
  return message.success ? message.data : z.prettifyError(message.error);
}
