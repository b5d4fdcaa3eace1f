// Waiting for a condition, with a deadline instead of a sleep.

/** Thrown by a condition that can't come true any more: waiting ends at once. */
export class Hopeless extends Error {}

/**
 * Polls `condition` until it returns something truthy, and returns that.
 * Errors thrown meanwhile are part of waiting; the last one is the cause when time is up.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  { timeoutMs = 10_000, everyMs = 20 } = {},
): Promise<NonNullable<T>> {
  const end = Date.now() + timeoutMs;
  let cause: unknown;
  do {
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      cause = error;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  } while (Date.now() < end);
  throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause });
}
