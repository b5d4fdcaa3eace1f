// `npm run conformance:cache`: the public suite against `npm run edge:cache` on each runtime. `-- --runtime node,deno`
// for some of them, `-- --suite FOLDER` for another edition than the one in the repository.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type CacheRuntime, cacheRuntimes } from '../../scripts/edge-cache.ts';
import { kinds, newestEdition, runCacheSuite, type Verdict } from './cache.ts';
import { unmet, unmetOn } from './cache-unmet.ts';

const { values } = parseArgs({
  options: {
    runtime: { type: 'string', default: cacheRuntimes.join() },
    suite: { type: 'string', default: newestEdition },
  },
});
const asked = values.runtime.split(',');
const runtimes = cacheRuntimes.filter((runtime) => asked.includes(runtime));
if (runtimes.length !== asked.length) {
  console.error(`usage: npm run conformance:cache -- [--runtime ${cacheRuntimes.join()}] [--suite FOLDER]`);
  process.exit(2);
}

const all = new Map<CacheRuntime, Verdict[]>();
for (const runtime of runtimes) {
  const expectedToFail = unmetOn(runtime);
  const verdicts = await runCacheSuite(runtime, { suite: resolve(values.suite), expectedToFail });
  all.set(runtime, verdicts);
  for (const { id, kind, passed, reason } of verdicts) {
    const expected = expectedToFail.includes(id);
    if (kind === 'check' || passed !== expected) {
      if (!passed && expected) console.log(`${runtime}: ${kind} ${id} can't be met: ${unmet[id]?.reason}`);
      continue;
    }
    process.exitCode = 1;
    console.log(
      passed
        ? `${runtime}: ${id} passes now: take it from tests/conformance/cache-unmet.ts`
        : `${runtime}: FAIL ${kind} ${id}: ${reason}`,
    );
  }
}
console.table(
  [...all].map(([runtime, verdicts]) => ({
    runtime,
    ...Object.fromEntries(
      kinds.map((kind) => {
        const ofKind = verdicts.filter((each) => each.kind === kind);
        return [kind, `${ofKind.filter(({ passed }) => passed).length} of ${ofKind.length}`];
      }),
    ),
  })),
);
