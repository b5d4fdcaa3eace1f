// The bridge: takes each message of `realtime.v1` from the bus into the history, at least once and in order.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Tracer } from '@opentelemetry/api';
import { z } from 'zod';
import { realtimeTopic } from '../contracts/events.ts';
import { RealtimeMessage } from '../contracts/stream.ts';
import type { History } from './history.ts';
import type { Log } from './log.ts';
import type { RealtimeMetrics } from './metrics.ts';
import type { EventSource, SourceMessage } from './source.ts';
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
}

/** A message larger than this would stop at some WebSocket on its way. */
const maxMessageBytes = 32 * 1024;
const channelName = /^(user|ad|category|system):[\w-]{1,64}$/;
const traceparentForm = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const lagEveryMs = 5_000;

export function startBridge({ source, history, log, metrics, tracer, group, rebuild }: BridgeOptions): Bridge {
  const stopping = new AbortController();
  const { signal } = stopping;

  const handle = async (incoming: SourceMessage): Promise<void> => {
    const { key, partition, offset, timestamp, headers } = incoming;
    const message = parse(incoming);
    // Such a message will never do; what is behind it mustn't wait for it. Nor is it put aside for a replay, which
    // would show old news: docs/decisions/2026-11-25-live-messages-are-not-put-aside.md.
    if (typeof message === 'string') {
      metrics.bridged.inc({ outcome: 'malformed' });
      log.error('bridge.malformed', { topic: realtimeTopic, partition, offset, reason: message });
      await history.skip({ partition, offset: offset + 1, time: timestamp.getTime() });
      return;
    }
    const traceparent = headers['traceparent'];
    const bridged = {
      event: message.event,
      time: timestamp.getTime(),
      ...(traceparent !== undefined && traceparentForm.test(traceparent) ? { traceparent } : {}),
    };
    const id = idOf(headers);
    const result = await history.append({
      channel: key,
      partition,
      offset: offset + 1,
      data: message.data,
      ...bridged,
      ...(id === undefined ? {} : { id }),
    });
    // What is read again after a restart was traced in its time.
    if (result.appended && isReady) traceDelivery(tracer, `bridge ${message.event}`, bridged, Date.now());
    if (result.appended) metrics.bridged.inc({ outcome: 'appended' });
    else metrics.bridged.inc({ outcome: result.known === 'id' ? 'repeated' : 'known' });
  };

  const subscription = source.subscribe({
    group,
    topics: [realtimeTopic],
    from: 'beginning',
    handle: ([message]) => handle(message),
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

/** The message, or what is wrong with it. */
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
