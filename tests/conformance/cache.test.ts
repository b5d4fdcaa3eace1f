// The newest edition of the public suite: what passed keeps passing, and the list of what does not is true.
import { describe, expect, it } from 'vitest';
import { cacheRuntimes } from '../../scripts/edge-cache.ts';
import { runCacheSuite } from './cache.ts';
import { unmetOn } from './cache-unmet.ts';

describe.concurrent('the cache, by the public suite', () => {
  it.each(cacheRuntimes)(
    'passes every test on %s but those that cannot be met there',
    async (runtime) => {
      const expectedToFail = unmetOn(runtime);
      const verdicts = await runCacheSuite(runtime, { expectedToFail });
      const counted = verdicts.filter(({ kind }) => kind !== 'check');
      expect(counted).toHaveLength(265);
      expect(counted.filter(({ passed, id }) => !passed && !expectedToFail.includes(id))).toEqual([]);
      expect(
        counted
          .filter(({ passed }) => !passed)
          .map(({ id }) => id)
          .sort(),
      ).toEqual(expectedToFail.sort());
    },
    300_000,
  );
});
