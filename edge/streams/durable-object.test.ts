import { afterEach, expect, it, vi } from 'vitest';
import { connectByFetch } from './durable-object.ts';

afterEach(() => vi.unstubAllGlobals());

it('the hub’s stream from a realtime node outlives the time that its opening may take', async () => {
  let signal: AbortSignal | null | undefined;
  vi.stubGlobal('fetch', async (_url: string, init: RequestInit) => {
    signal = init.signal;
    return { status: 101, webSocket: { accept: () => undefined } };
  });
  const opening = new AbortController();
  await connectByFetch('ws://realtime/v1/mux', { headers: {}, signal: opening.signal });
  opening.abort();
  expect(signal?.aborted).toBe(false);
});
