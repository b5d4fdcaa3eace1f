// A handler's stream on its way to the caller: in order, no faster than it is taken, ended when nobody listens.
import { once } from 'node:events';
import { Metadata, type ServerWritableStream } from '@grpc/grpc-js';

/** An empty message tells that the stream lives, though nothing happens. Real ones are never empty. */
export const heartbeatEveryMs = 15_000;
/** After this silence a caller takes a stream for dead. */
export const longestSilenceMs = 3 * heartbeatEveryMs;

export interface PumpOptions<Item> {
  /** Rejects with its reason when it fires first. */
  readonly signal: AbortSignal;
  readonly heartbeat: { readonly everyMs: number; readonly message: Item };
}

export async function pump<Item>(
  items: AsyncIterable<Item>,
  call: ServerWritableStream<unknown, Item>,
  { signal, heartbeat }: PumpOptions<Item>,
): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  const aborted = new Promise<never>((_resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  aborted.catch(() => undefined); // it may fire after the stream has ended
  // Only between items: with a slow reader there is something to send anyway.
  let waiting = false;
  const beating = setInterval(() => {
    if (waiting && !call.writableNeedDrain) call.write(heartbeat.message);
  }, heartbeat.everyMs);
  // At once, so that a caller who waits for a first change knows that the stream is open.
  call.sendMetadata(new Metadata());
  try {
    for (;;) {
      waiting = true;
      const next = await Promise.race([iterator.next(), aborted]);
      waiting = false;
      if (next.done) break;
      if (!call.write(next.value)) await Promise.race([once(call, 'drain'), aborted]);
    }
    call.end();
  } catch (error) {
    // Not awaited: a handler that is deep in a wait gets here only when that wait ends.
    void iterator.return?.()?.catch(() => undefined);
    throw error;
  } finally {
    clearInterval(beating);
  }
}
