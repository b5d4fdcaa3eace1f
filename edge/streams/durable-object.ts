// The stream hub on Workers: one Durable Object holds the fan-in for all isolates.
import { z } from 'zod';
import type { StreamRequest } from '../../contracts/client-stream.ts';
import { ProblemError } from '../../contracts/problem.ts';
import {
  decodeCursor,
  encodeCursor,
  type Position,
  SessionRevoked,
  sessionChannel,
  Topic,
} from '../../contracts/stream.ts';
import { defaultStreamsPerAddress } from '../../contracts/stream-quota.ts';
import { createSessions, type Sessions } from '../auth/sessions.ts';
import { createLog, type Log } from '../log.ts';
import type { EdgeSocket } from '../platform.ts';
import { createFanIn, type FanIn } from './fanin.ts';
import type { StreamServing, StreamWho } from './serving.ts';
import { serveSse } from './sse.ts';
import type { Connect } from './upstream.ts';
import { serveSocket } from './websocket.ts';

/** What the object's environment has to say; the Worker's own bindings come along and are ignored. */
const HubEnv = z.object({
  REALTIME_URL: z.string().transform((text) =>
    text
      .split(',')
      .map((each) => each.trim())
      .filter(Boolean),
  ),
  REALTIME_TOKEN: z.string().min(16),
  STREAMS_PER_ADDRESS: z.coerce.number().int().min(0).default(defaultStreamsPerAddress),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

/** A stream request that the edge app has authenticated, as it travels from an isolate to the hub. */
const HubOrder = z.object({
  channels: z.array(z.string().max(200)).min(1).max(32),
  cursor: z.string().max(4096).nullable(),
  topics: z.array(Topic).nullable(),
  order: z.string().nullable(),
  expiresAt: z.number(),
  /** The session whose end ends the stream. */
  sid: z.string().nullable(),
  address: z.string().max(64),
});

const orderHeader = 'lotok-stream-order';
const origin = 'https://stream-hub.internal';

/**
 * The request for the hub. It is made anew, so no header of the client's reaches the hub, which
 * believes what it is told; nobody but the Worker can reach the hub.
 */
export function hubStreamRequest(
  client: Request,
  wanted: StreamRequest,
  who: { readonly expiresAt: number; readonly sid?: string; readonly address?: string },
): Request {
  const order: z.input<typeof HubOrder> = {
    channels: [...wanted.channels],
    // An empty cursor stays one: it means a place that nobody knows.
    cursor: wanted.cursor === null ? null : encodeCursor(wanted.cursor),
    topics: wanted.filter.topics === null ? null : [...wanted.filter.topics],
    order: wanted.filter.order,
    expiresAt: who.expiresAt,
    sid: who.sid ?? null,
    address: who.address ?? '',
  };
  const headers = new Headers({ [orderHeader]: JSON.stringify(order) });
  const socket = client.headers.get('upgrade')?.toLowerCase() === 'websocket';
  if (socket) headers.set('upgrade', 'websocket');
  return new Request(`${origin}/${socket ? 'ws' : 'stream'}`, { headers, signal: client.signal });
}

/** Asks the hub what a system channel said after a place; answered with `HubMessages`. */
export const hubMessagesRequest = (channel: string, after: string | null): Request =>
  new Request(`${origin}/messages?${new URLSearchParams({ channel, ...(after === null ? {} : { after }) })}`);

/** Asks the hub for its gauges: the isolate that answers `/metrics` has no streams of its own. */
export const hubGaugesRequest = (): Request => new Request(`${origin}/gauges`);
export const HubGauges = z.partialRecord(z.enum(['upstreams', 'channels', 'streams']), z.number());
type HubGauges = z.infer<typeof HubGauges>;

/** `gap`: forget all that was learned from earlier messages. `next` is the `after` of the next question. */
export const HubMessages = z.object({
  gap: z.boolean(),
  messages: z.array(z.object({ event: z.string(), data: z.unknown() })),
  next: z.string(),
});
export type HubMessages = z.infer<typeof HubMessages>;

export class StreamHub {
  readonly #fanIn: FanIn;
  readonly #serving: Omit<StreamServing, 'signal'>;
  readonly #sessions: Sessions;
  readonly #log: Log;
  readonly #gauges: HubGauges = {};

  constructor(_state: unknown, env: unknown) {
    const { REALTIME_URL, REALTIME_TOKEN, STREAMS_PER_ADDRESS, LOG_LEVEL } = HubEnv.parse(env);
    const clock = Date.now;
    this.#log = createLog(LOG_LEVEL, console.log, { part: 'stream-hub' });
    this.#fanIn = createFanIn({
      nodes: REALTIME_URL,
      token: REALTIME_TOKEN,
      connect: connectByFetch,
      log: this.#log,
      clock,
      limits: { maxStreamsPerAddress: STREAMS_PER_ADDRESS },
      metrics: {
        gauge: (name, value) => {
          this.#gauges[name] = value;
        },
        count: () => {},
        latency: () => {},
      },
    });
    this.#serving = { fanIn: this.#fanIn, clock };
    this.#sessions = createSessions(clock, 0);
    this.#fanIn.listen(sessionChannel, {
      onMessage: ({ event, data }) => {
        const revoked = event === 'session.revoked' ? SessionRevoked.safeParse(data).data : undefined;
        if (revoked) this.#sessions.end(revoked.sid, revoked.until);
      },
      // Whose session ended meanwhile isn't known: all come again, and the isolates look at them anew.
      onGap: () => this.#sessions.newsLost(),
    });
  }

  async fetch(request: Request): Promise<Response> {
    try {
      const url = new URL(request.url);
      switch (url.pathname) {
        case '/stream':
          return await this.#stream(request);
        case '/ws':
          return this.#upgrade(request);
        case '/messages':
          return await this.#messages(url.searchParams, request.signal);
        case '/gauges':
          return Response.json(this.#gauges);
        default:
          throw new ProblemError('not-found');
      }
    } catch (error) {
      if (error instanceof ProblemError) return error.toResponse();
      throw error;
    }
  }

  async #stream(request: Request): Promise<Response> {
    const { wanted, who, session } = this.#orderOf(request);
    request.signal.addEventListener('abort', () => session[Symbol.dispose](), { once: true });
    return serveSse(wanted, who, { ...this.#serving, signal: request.signal });
  }

  #upgrade(request: Request): Response {
    const { wanted, who, session } = this.#orderOf(request);
    const { client, server } = socketPair();
    server.accept();
    // The socket tells by its close event that the client left.
    const never = new AbortController().signal;
    serveSocket(server, wanted, who, { ...this.#serving, signal: never })
      .catch((error: unknown) => this.#log.warn('stream.socket_failed', { error }))
      .finally(() => session[Symbol.dispose]());
    return new Response(null, { status: 101, webSocket: client } as ResponseInit);
  }

  #orderOf(request: Request) {
    const order = HubOrder.parse(JSON.parse(request.headers.get(orderHeader) ?? 'null'));
    const { channels, cursor, topics, order: orderId, expiresAt, sid, address } = order;
    const wanted: StreamRequest = {
      channels,
      cursor: cursor === null ? null : (decodeCursor(cursor) ?? new Map()),
      filter: { topics, order: orderId },
    };
    const session = this.#sessions.watch(sid ?? '');
    const who: StreamWho = { expiresAt, revoked: session.signal, address };
    return { wanted, who, session };
  }

  async #messages(query: URLSearchParams, left: AbortSignal): Promise<Response> {
    const channel = query.get('channel') ?? '';
    const after = query.get('after');
    const since: Position | undefined = after === null ? undefined : decodeCursor(after)?.get(channel);
    const signal = AbortSignal.any([left, AbortSignal.timeout(2_000)]);
    const found = await this.#fanIn.read(channel, since, signal).catch((cause: unknown) => {
      throw new ProblemError('unavailable', { cause });
    });
    return Response.json({
      gap: found.gap || since === undefined,
      messages: found.messages.map(({ event, data }) => ({ event, data })),
      next: encodeCursor(new Map([[channel, found.head]])),
    } satisfies HubMessages);
  }
}

interface WorkerSocket extends EdgeSocket {
  accept(): void;
}

/** workerd opens a client's WebSocket with headers through `fetch`. */
export const connectByFetch: Connect = async (url, { headers, signal }) => {
  // The signal is about the opening only, and workerd would cut the open socket by it.
  const opening = new AbortController();
  const giveUp = (): void => opening.abort(signal?.reason);
  signal?.addEventListener('abort', giveUp, { once: true });
  const response = await fetch(url.replace(/^ws/, 'http'), {
    headers: { ...headers, upgrade: 'websocket' },
    signal: opening.signal,
  }).finally(() => signal?.removeEventListener('abort', giveUp));
  const socket = (response as { webSocket?: WorkerSocket | null }).webSocket;
  if (!socket) throw new Error(`the realtime node answered ${response.status}`);
  socket.accept();
  return socket;
};

function socketPair(): { client: WorkerSocket; server: WorkerSocket } {
  const { WebSocketPair } = globalThis as unknown as { WebSocketPair: new () => { 0: WorkerSocket; 1: WorkerSocket } };
  const pair = new WebSocketPair();
  return { client: pair[0], server: pair[1] };
}
