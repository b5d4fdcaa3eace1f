// A handler's stream on its way to the caller: in order, no faster than it is taken, ended when nobody listens.
import { once } from 'node:events';
import { Metadata, type ServerWritableStream } from '@grpc/grpc-js';

/** Rejects with the signal's reason when that fires first. */
export async function pump<Item>(
  items: AsyncIterable<Item>,
  call: ServerWritableStream<unknown, Item>,
  signal: AbortSignal,
): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  const aborted = new Promise<never>((_resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  aborted.catch(() => undefined); // it may fire after the stream has ended
  // At once, so that a caller who waits for a first change knows that the stream is open.
  call.sendMetadata(new Metadata());
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted]);
      if (next.done) break;
      if (!call.write(next.value)) await Promise.race([once(call, 'drain'), aborted]);
    }
    call.end();
  } catch (error) {
    // Not awaited: a handler that is deep in a wait gets here only when that wait ends.
    void iterator.return?.()?.catch(() => undefined);
    throw error;
  }
}
