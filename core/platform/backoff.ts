// How long to wait before trying again.

export interface Backoff {
  /** The pause at exponent 0. */
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Doubles with each exponent up to the longest; half of it is jitter, so that what failed together does not come back together. */
export const backoffMs = (exponent: number, { firstMs, longestMs }: Backoff): number =>
  Math.min(longestMs, firstMs * 2 ** exponent) * (0.5 + Math.random() / 2);
