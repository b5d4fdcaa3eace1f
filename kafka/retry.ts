// The pause before a message is tried again: grows with each failure, ends at once when the subscription does.

const firstMs = 100;
const longestMs = 30_000;

/** How long to wait after the given number of failures in a row (1 is the first). Jitter keeps retries apart. */
export function retryPauseMs(failures: number): number {
  const full = Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 20));
  return full * (0.75 + Math.random() / 4);
}

/** Resolves when the time is over or the signal fires, whichever is first. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** Whether `work` ended within the time; it goes on behind our back when it didn't. */
export async function endsWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(() => late.resolve(false), ms);
  try {
    return await Promise.race([
      work.then(
        () => true,
        () => true,
      ),
      late.promise,
    ]);
  } finally {
    clearTimeout(timer);
  }
}

/** How long an ended subscription waits for a handler that still runs, before it lets go without committing. */
export const handlerGraceMs = 10_000;
