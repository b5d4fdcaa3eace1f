// When to come back after a connection ended.

const firstWindowMs = 1_000;
const widestWindowMs = 30_000;

/**
 * Never sooner than the server asked (`retry`, `Retry-After`; it spreads those itself). On top of it comes a random
 * part of a window that doubles with each failure: full jitter, so that those who left together don't return together.
 */
export function backoffMs(failures: number, askedMs: number, random: () => number): number {
  if (failures === 0 && askedMs > 0) return askedMs;
  return askedMs + random() * Math.min(widestWindowMs, firstWindowMs * 2 ** Math.max(0, failures - 1));
}

/** Resolves when the time is over, the signal fires, or `wake` is called. */
export function pause(ms: number, signal: AbortSignal): { readonly over: Promise<void>; readonly wake: () => void } {
  let wake = (): void => {};
  const over = new Promise<void>((resolve) => {
    const timer = setTimeout(() => wake(), ms);
    wake = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
      resolve();
    };
    signal.addEventListener('abort', wake, { once: true });
    if (signal.aborted) wake();
  });
  return { over, wake };
}
