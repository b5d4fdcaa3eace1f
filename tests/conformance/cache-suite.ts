// One run of the suite's client, in a process of its own: it keeps its results in its modules.
// Arguments: the suite's folder, the cache's address, and optionally the ids to run. Prints the results as JSON.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';

const Suites = z.array(z.looseObject({ name: z.string(), tests: z.array(z.looseObject({ id: z.string() })) }));
/** True, or the kind of error and what it says. */
const Results = z.record(z.string(), z.union([z.literal(true), z.tuple([z.string(), z.string().optional()])]));

/** Older editions have no `test-engine`. */
export const engineOf = (suite: string): string =>
  existsSync(join(suite, 'test-engine')) ? join(suite, 'test-engine') : suite;

const atOnce = 60;

if (import.meta.main) {
  const [suite = '', base = '', ...ids] = process.argv.slice(2);
  const load = (path: string) => import(pathToFileURL(resolve(path)).href);
  const { runTests, getResults } = (await load(join(engineOf(suite), 'client/runner.mjs'))) as {
    runTests: (...args: unknown[]) => Promise<void>;
    getResults: () => unknown;
  };
  const all = Suites.parse(((await load(join(suite, 'tests/index.mjs'))) as { default: unknown }).default);
  const chosen =
    ids.length === 0 ? all : all.map((each) => ({ ...each, tests: each.tests.filter(({ id }) => ids.includes(id)) }));
  // Older editions want the fetch that they were written for: ours adds `no-cache` to conditional requests.
  const older = engineOf(suite) === suite;
  const fetches = older ? [createRequire(resolve(suite, 'cli.mjs'))('node-fetch')] : [];
  await runTests(chosen, ...fetches, false, base, atOnce);
  process.stdout.write(JSON.stringify(Results.parse(getResults())), () => process.exit(0));
}
