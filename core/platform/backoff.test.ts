import { describe, expect, it } from 'vitest';
import { backoffMs } from './backoff.ts';

describe('a backoff', () => {
  it.each([
    [0, 100],
    [1, 200],
    [3, 800],
    [4, 1_000],
    [5_000, 1_000],
  ])('at %i lies in the upper half below %i ms', (exponent, most) => {
    for (let i = 0; i < 200; i += 1) {
      const pause = backoffMs(exponent, { firstMs: 100, longestMs: 1_000 });
      expect(pause).toBeGreaterThanOrEqual(most / 2);
      expect(pause).toBeLessThanOrEqual(most);
    }
  });
});
