// Serving a watch to one client: what SSE and WebSocket have in common.
import { type ClientEvent, parseStreamRequest, type StreamRequest } from '../../contracts/client-stream.ts';
import { ProblemError } from '../../contracts/problem.ts';
import type { Watch } from '../../contracts/stream-watch.ts';
import type { FanIn } from './fanin.ts';

export interface StreamWho {
  /** When the token that opened the stream expires, in ms: the stream ends then, and the client comes with a new one. */
  readonly expiresAt: number;
  /** Fires when the session ends before its token does. */
  readonly revoked?: AbortSignal;
  /** The client's address; absent or empty where nobody knows it. */
  readonly address?: string;
}

export interface StreamServing {
  readonly fanIn: FanIn;
  readonly clock: () => number;
  readonly random?: () => number;
  readonly times?: Partial<StreamTimes>;
  /** The client left (the request's signal) or the process is going. */
  readonly signal: AbortSignal;
  /** Called as each message is handed to the client: where a span with the message's `traceparent` belongs. */
  readonly onDeliver?: (event: ClientEvent) => void;
}

export interface StreamTimes {
  readonly pingMs: number;
  /** A WebSocket client that answered pings before and is silent for this long is closed. */
  readonly silenceMs: number;
  /** Clients come back after this plus up to as much again, so that they don't all come at once. */
  readonly retryMs: number;
  /** The same when this edge is going. */
  readonly drainRetryMs: number;
  /** A reader who takes nothing of what is there for this long is gone. Not every runtime says so by itself. */
  readonly stuckMs: number;
  /** How long an answer waits for its channels. After that it begins anyhow, and the first event is a reset. */
  readonly openingMs: number;
}

export const streamTimes: StreamTimes = {
  pingMs: 15_000,
  silenceMs: 45_000,
  retryMs: 1_000,
  drainRetryMs: 5_000,
  stuckMs: 60_000,
  openingMs: 3_000,
};

/** Throws `invalid-parameter`. */
export const streamRequest = (request: Request, userId: string): StreamRequest =>
  parseStreamRequest(new URL(request.url).searchParams, request.headers.get('last-event-id'), userId);

export interface OpenWatch {
  readonly watch: Watch;
  readonly delivered: (event: ClientEvent) => void;
  /** Lets go of timers and signals; the watch has ended by then. */
  readonly finish: () => void;
}

const longestTimerMs = 2 ** 31 - 1;

export async function openWatch(wanted: StreamRequest, who: StreamWho, serving: StreamServing): Promise<OpenWatch> {
  const { fanIn, clock, onDeliver } = serving;
  const openedAt = clock();
  const watch = fanIn.watch(wanted, who.address);
  const leave = (): void => watch.end('left');
  const signals = who.revoked ? [serving.signal, who.revoked] : [serving.signal];
  for (const signal of signals) {
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
  }
  const expiring = setTimeout(leave, Math.min(Math.max(0, who.expiresAt - clock()), longestTimerMs));
  const finish = (): void => {
    clearTimeout(expiring);
    for (const signal of signals) signal.removeEventListener('abort', leave);
  };

  let opening: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<'late'>((resolve) => {
    opening = setTimeout(() => resolve('late'), serving.times?.openingMs ?? streamTimes.openingMs);
  });
  try {
    if ((await Promise.race([watch.opened, late])) === 'late') watch.answeredEarly();
  } catch (error) {
    finish();
    throw new ProblemError('unavailable', { headers: { 'retry-after': '1' }, cause: error });
  } finally {
    clearTimeout(opening);
  }

  const delivered = (event: ClientEvent): void => {
    fanIn.metrics.count(event.event === 'reset' ? 'reset' : 'message_out');
    // What is replayed was late before it was asked for.
    if (event.time !== undefined && event.time >= openedAt)
      fanIn.metrics.latency(Math.max(0, clock() - event.time) / 1000);
    onDeliver?.(event);
  };
  return { watch, delivered, finish };
}
