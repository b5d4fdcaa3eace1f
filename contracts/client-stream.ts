// A client's stream: what was asked for, and how messages of channels become events with ids.
// Edge and realtime node do it alike, so a client may leave the one and go on at the other.
import type { z } from 'zod';
import { fieldErrors, ProblemError } from './problem.ts';
import {
  type ChannelMessage,
  decodeCursor,
  encodeCursor,
  type Position,
  type ResetMessage,
  StreamQuery,
  type Topic,
  topicOfEvent,
  userChannel,
} from './stream.ts';

export interface StreamFilter {
  /** Null: all. */
  readonly topics: readonly Topic[] | null;
  readonly order: string | null;
}

export interface StreamRequest {
  /** The user's own channel first, then public ones; ids name channels in this order. */
  readonly channels: readonly string[];
  /** Null: from now on. A channel that a given cursor doesn't place has an unknown place, and that means a reset. */
  readonly cursor: ReadonlyMap<string, Position> | null;
  readonly filter: StreamFilter;
}

export interface ClientEvent {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
  readonly traceparent?: string;
  /** When the message was written, in ms; absent for events of the stream itself. */
  readonly time?: number;
}

export type ResetReason = z.infer<typeof ResetMessage>['reason'];

/** Throws `invalid-parameter`. The header is newer than the query: browsers repeat the query as it was. */
export function parseStreamRequest(query: URLSearchParams, lastEventId: string | null, userId: string): StreamRequest {
  // What is left empty was not given, as in REST.
  const given = Object.fromEntries([...query].filter(([, value]) => value !== ''));
  const parsed = StreamQuery.safeParse(given);
  if (!parsed.success) throw new ProblemError('invalid-parameter', { errors: fieldErrors(parsed.error) });
  const { topics, order, channels = [], last_event_id } = parsed.data;
  const place = lastEventId || last_event_id || null;
  return {
    channels: [...new Set([userChannel(userId), ...channels])],
    cursor: place === null ? null : (decodeCursor(place) ?? new Map()),
    filter: { topics: topics ?? null, order: order ?? null },
  };
}

/** Public channels were asked for by name, so everything in them passes. */
export function passes({ topics, order }: StreamFilter, { channel, event, data }: ChannelMessage): boolean {
  if (!channel.startsWith('user:')) return true;
  const topic = topicOfEvent[event];
  if (topics !== null && (topic === undefined || !topics.includes(topic))) return false;
  return order === null || (typeof data === 'object' && data !== null && 'order_id' in data && data.order_id === order);
}

/** The places of one stream as its client knows them. What the filter held back moves nothing. */
export class ClientPlaces {
  /** Each as it is in the id: with every message only one of them changes. */
  readonly #places = new Map<string, string>();

  constructor(places: ReadonlyMap<string, Position>) {
    for (const [channel, position] of places) this.#set(channel, position);
  }

  get id(): string {
    return [...this.#places.values()].join('~');
  }

  message({ channel, position, event, data, traceparent }: ChannelMessage): ClientEvent {
    this.#set(channel, position);
    return { id: this.id, event, data, time: position.time, ...(traceparent === undefined ? {} : { traceparent }) };
  }

  reset(reason: ResetReason, heads: ReadonlyMap<string, Position>, now: number): ClientEvent {
    for (const [channel, head] of heads) this.#set(channel, head);
    return {
      id: this.id,
      event: 'reset',
      data: { reason, at: new Date(now).toISOString() } satisfies z.infer<typeof ResetMessage>,
    };
  }

  #set(channel: string, position: Position): void {
    this.#places.set(channel, encodeCursor(new Map([[channel, position]])));
  }
}

/**
 * The first block of an SSE answer. An `id` without data dispatches nothing, yet a client that loses
 * the connection before its first message then resumes from here (HTML, section 9.2.6).
 */
export const sseOpening = (id: string, retryMs: number): string => `retry: ${Math.round(retryMs)}\nid: ${id}\n\n`;
export const sseEvent = ({ id, event, data }: ClientEvent): string => `id: ${id}${sseRest(event, data)}`;
export const ssePing = ': ping\n\n';
export const sseHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
};

/** One message of the WebSocket `/v1/ws`. */
export const socketText = ({ id, event, data, traceparent }: ClientEvent): string =>
  JSON.stringify({ id, event, data, ...(traceparent === undefined ? {} : { traceparent }) });
/** The first message of a WebSocket: the place to resume from while nothing else has come. */
export const socketOpening = (id: string): string => JSON.stringify({ id, event: 'open', data: {} });

/** Close codes of `/v1/ws` (RFC 6455, section 7.4.2: 4000 and up are ours). After each the client resumes with its last id. */
export const socketClose = {
  goingAway: [1001, 'moving: connect again'],
  tokenExpired: [4001, 'the token expired'],
  tooSlow: [4002, 'too slow: connect again'],
  silent: [4003, 'no answer to pings'],
  tooMuch: [1009, 'clients have nothing to say but ping'],
} as const satisfies Record<string, readonly [code: number, reason: string]>;

/** One message goes to many clients, and is written as text once. An object of data belongs to one event. */
const texts = new WeakMap<object, string>();
function sseRest(event: string, data: unknown): string {
  const known = typeof data === 'object' && data !== null ? texts.get(data) : undefined;
  if (known !== undefined) return known;
  const text = `\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
  if (typeof data === 'object' && data !== null) texts.set(data, text);
  return text;
}
