// `GET /v1/stream`: a client's stream as SSE (HTML, section 9.2), straight from this node.
import type { HttpBindings } from '@hono/node-server';
import type { Handler } from 'hono';
import { type ClientEvent, sseEvent, sseHeaders, sseOpening, ssePing } from '../contracts/client-stream.ts';
import { bearerOf } from './access.ts';
import type { ClientStream, Clients } from './clients.ts';

export interface SseOptions {
  readonly clients: Clients;
  readonly random: () => number;
  /** Whether this node is going: clients then come back over a longer time, to other nodes. */
  readonly isDraining: () => boolean;
  readonly times?: Partial<SseTimes>;
}

export interface SseTimes {
  readonly pingMs: number;
  /** Clients come back after this plus up to as much again, so that they don't all come at once. */
  readonly retryMs: number;
  readonly drainRetryMs: number;
}

const defaultTimes: SseTimes = { pingMs: 15_000, retryMs: 1_000, drainRetryMs: 3_000 };
/** How much of what waits goes into one chunk. */
const maxBatch = 64;

export function sseHandler({
  clients,
  random,
  isDraining,
  times: given,
}: SseOptions): Handler<{ Bindings: HttpBindings }> {
  const times = { ...defaultTimes, ...given };
  const spread = (ms: number): number => ms * (1 + random());

  return async (c) => {
    const stream = await clients.open({
      kind: 'sse',
      token: bearerOf(c.req.header('authorization')),
      query: new URL(c.req.url).searchParams,
      lastEventId: c.req.header('last-event-id') ?? null,
    });
    // Hono answers HEAD by this handler and lets go of the body unread: nobody else would end the stream.
    if (c.req.raw.method === 'HEAD') {
      stream.leave();
      return new Response(null, { headers: sseHeaders });
    }
    const body = bodyOf(stream, {
      opening: sseOpening(stream.firstId, spread(times.retryMs)),
      closing: () => (isDraining() ? `retry: ${Math.round(spread(times.drainRetryMs))}\n\n` : ''),
      pingMs: times.pingMs,
      // The reader may never take another byte, so the connection has to go for the stream to end.
      cut: () => c.env.outgoing.destroy(),
    });
    return new Response(body, { headers: sseHeaders });
  };
}

interface BodyOptions {
  readonly opening: string;
  readonly closing: () => string;
  readonly pingMs: number;
  readonly cut: () => void;
}

/** Pulled chunk by chunk: what the client doesn't read waits in the watch, which is bounded. */
function bodyOf(
  { watch, delivered, leave }: ClientStream,
  { opening, closing, pingMs, cut }: BodyOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let pinging: NodeJS.Timeout | undefined;
  const finish = (): void => {
    clearInterval(pinging);
    leave();
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        controller.enqueue(encoder.encode(opening));
        pinging = setInterval(() => {
          if (watch.ended === 'too_slow') {
            finish();
            cut();
            return;
          }
          // A reader who hasn't taken what is there needs no ping.
          if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(ssePing));
        }, pingMs);
      },
      async pull(controller) {
        const first = await watch.next();
        if (!first) {
          finish();
          const last = closing();
          if (last) controller.enqueue(encoder.encode(last));
          controller.close();
          return;
        }
        const batch: ClientEvent[] = [first];
        for (let next = watch.take(); next; next = batch.length < maxBatch ? watch.take() : undefined) batch.push(next);
        controller.enqueue(encoder.encode(batch.map(sseEvent).join('')));
        batch.forEach(delivered);
      },
      cancel: finish,
    },
    { highWaterMark: 2 },
  );
}
