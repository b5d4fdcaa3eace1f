// The suite's tests that the cache does not pass, and why. Every other required and optimal test passes on each runtime.
import { type CacheRuntime, cacheRuntimes } from '../../scripts/edge-cache.ts';

export interface Unmet {
  readonly runtimes: readonly CacheRuntime[];
  readonly reason: string;
}

const interim: Unmet = {
  runtimes: ['deno', 'workerd'],
  reason: 'fetch tells nobody of interim answers (1xx), and neither Deno.serve nor a worker can send one',
};
const mSearch: Unmet = {
  runtimes: ['workerd'],
  reason: 'workerd itself refuses methods that its HTTP parser does not know with 501',
};

export const unmet: Readonly<Record<string, Unmet>> = {
  'conditional-lm-fresh-no-lm': {
    runtimes: cacheRuntimes,
    reason:
      'it wants 304 although the stored answer’s Date is later than If-Modified-Since, where RFC 9111, section 4.3.2, ' +
      'allows 304 only for a Date that is not later',
  },
  'interim-102': interim,
  'interim-103': interim,
  'interim-not-cached': interim,
  'interim-no-header-reuse': interim,
  'invalidate-M-SEARCH': mSearch,
  'invalidate-M-SEARCH-failed': mSearch,
};

export const unmetOn = (runtime: CacheRuntime): string[] =>
  Object.keys(unmet).filter((id) => unmet[id]?.runtimes.includes(runtime));
