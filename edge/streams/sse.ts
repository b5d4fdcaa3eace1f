// A watch as an SSE response (HTML, section 9.2).
import {
  type ClientEvent,
  type StreamRequest,
  sseEvent,
  sseHeaders,
  sseOpening,
  ssePing,
} from '../../contracts/client-stream.ts';
import { openWatch, type StreamServing, type StreamWho, streamTimes } from './serving.ts';

/** How much of what waits goes into one chunk. */
const maxBatch = 64;

/** Throws `too-many-requests` and `unavailable`. Before the answer the channels are live, or a reset comes first. */
export async function serveSse(wanted: StreamRequest, who: StreamWho, serving: StreamServing): Promise<Response> {
  const { fanIn, random = Math.random } = serving;
  const times = { ...streamTimes, ...serving.times };
  const { watch, delivered, finish } = await openWatch(wanted, who, serving);

  const encoder = new TextEncoder();
  let pinging: ReturnType<typeof setInterval> | undefined;
  let begun = false;
  let stuckSince: number | undefined;
  const finishAll = (): void => {
    clearInterval(pinging);
    watch.end('left');
    finish();
  };
  // Pulled chunk by chunk: what the client doesn't read waits in the watch, which is bounded.
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start(controller) {
        pinging = setInterval(() => {
          if ((controller.desiredSize ?? 0) > 0) {
            stuckSince = undefined;
            controller.enqueue(encoder.encode(ssePing));
            return;
          }
          // A reader who hasn't taken what is there needs no ping. It may never take it, and the runtime may never say
          // that it is gone: only an error lets go of what waits, and a client that lives resumes from its last id.
          stuckSince ??= serving.clock();
          if (watch.ended !== 'too_slow' && serving.clock() - stuckSince < times.stuckMs) return;
          finishAll();
          controller.error(new Error('the reader takes nothing'));
        }, times.pingMs);
      },
      async pull(controller) {
        if (!begun) {
          begun = true;
          const id = await watch.opened;
          if (id !== null) {
            controller.enqueue(encoder.encode(sseOpening(id, times.retryMs * (1 + random()))));
            return;
          }
        }
        const first = await watch.next();
        if (!first) {
          finishAll();
          if (fanIn.ending)
            controller.enqueue(encoder.encode(`retry: ${Math.round(times.drainRetryMs * (1 + random()))}\n\n`));
          controller.close();
          return;
        }
        const batch: ClientEvent[] = [first];
        for (let next = watch.take(); next; next = batch.length < maxBatch ? watch.take() : undefined) batch.push(next);
        controller.enqueue(encoder.encode(batch.map(sseEvent).join('')));
        batch.forEach(delivered);
      },
      cancel: finishAll,
    },
    { highWaterMark: 1 },
  );
  return new Response(body, { headers: sseHeaders });
}
