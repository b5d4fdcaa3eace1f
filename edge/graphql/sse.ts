// A subscription as server-sent events (GraphQL over SSE, distinct connections), each with its position as the event's id.
import type { ExecutionResult } from 'graphql';
import { sseHeaders, ssePing } from '../../contracts/client-stream.ts';

const pingMs = 15_000;

/** `positionOf` is asked right after each result: where a client that has it goes on. */
export function sseResponse(results: AsyncIterable<ExecutionResult>, positionOf: () => string | undefined): Response {
  const encoder = new TextEncoder();
  const iterator = results[Symbol.asyncIterator]();
  let pinging: ReturnType<typeof setInterval> | undefined;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start(controller) {
        pinging = setInterval(() => {
          if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(ssePing));
        }, pingMs);
      },
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done) {
          clearInterval(pinging);
          controller.enqueue(encoder.encode('event: complete\ndata:\n\n'));
          controller.close();
          return;
        }
        const position = positionOf();
        const id = position === undefined ? '' : `id: ${position}\n`;
        controller.enqueue(encoder.encode(`${id}event: next\ndata: ${JSON.stringify(value)}\n\n`));
      },
      async cancel() {
        clearInterval(pinging);
        await iterator.return?.();
      },
    },
    { highWaterMark: 1 },
  );
  return new Response(body, { headers: sseHeaders });
}
