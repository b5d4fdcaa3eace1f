// The public suite of HTTP caching (http-tests/cache-tests) against the edge's cache on one runtime.
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { cacheProxyConfig } from '../../edge/cache-proxy/app.ts';
import { type CacheRuntime, startCacheOn } from '../../scripts/edge-cache.ts';
import { freePort } from '../../scripts/free-port.ts';
import { until } from '../until.ts';
import { engineOf } from './cache-suite.ts';

export const newestEdition = join(import.meta.dirname, 'cache-tests');

export const kinds = ['required', 'optimal', 'check'] as const;
export type Kind = (typeof kinds)[number];

export interface Verdict {
  readonly id: string;
  readonly kind: Kind;
  readonly passed: boolean;
  /** What the suite said against it. */
  readonly reason: string;
}

const Tests = z.array(
  z.object({
    tests: z.array(
      z.object({
        id: z.string(),
        kind: z.enum(kinds).default('required'),
        browser_only: z.boolean().default(false),
        depends_on: z.array(z.string()).default([]),
      }),
    ),
  }),
);
type Test = z.output<typeof Tests>[number]['tests'][number];
type Results = Readonly<Record<string, true | readonly [kind: string, message?: string]>>;

/** How often a test that failed is tried again alone: the suite waits by the clock, and the machine may have been busy. */
const tries = 2;

/** Tests in `expectedToFail` are not tried again. */
export async function runCacheSuite(
  runtime: CacheRuntime,
  { suite = newestEdition, expectedToFail = [] }: { suite?: string; expectedToFail?: readonly string[] } = {},
): Promise<Verdict[]> {
  const tests = await readTests(suite);
  const port = await freePort();
  await using _server = await startSuiteServer(suite, port);
  await using proxy = await startCacheOn(
    runtime,
    cacheProxyConfig({ ORIGIN: `http://127.0.0.1:${port}`, PORT: String(await freePort()) }),
  );
  let results = await runClient(suite, proxy.url);
  for (let again = 0; again < tries; again += 1) {
    const failed = judged(tests, results).filter(({ kind, passed }) => kind !== 'check' && !passed);
    const surprising = failed.map(({ id }) => id).filter((id) => !expectedToFail.includes(id));
    if (surprising.length === 0) break;
    results = { ...results, ...(await runClient(suite, proxy.url, surprising)) };
  }
  return judged(tests, results);
}

async function readTests(suite: string): Promise<Test[]> {
  const module = (await import(pathToFileURL(join(suite, 'tests/index.mjs')).href)) as { default: unknown };
  return Tests.parse(module.default)
    .flatMap((each) => each.tests)
    .filter((test) => !test.browser_only);
}

/** As the suite itself judges: what depends on something that does not work says nothing. */
function judged(tests: readonly Test[], results: Results): Verdict[] {
  const byId = new Map(tests.map((test) => [test.id, test]));
  const brokenBelow = (test: Test): string | undefined =>
    test.depends_on.find((id) => results[id] !== true || brokenBelow(byId.get(id) ?? test) !== undefined);
  return tests.map((test) => {
    const result = results[test.id];
    const broken = brokenBelow(test);
    const reason = broken ? `depends on ${broken}` : result === true ? '' : (result?.join(': ') ?? 'did not run');
    return { id: test.id, kind: test.kind, passed: result === true && broken === undefined, reason };
  });
}

async function startSuiteServer(suite: string, port: number): Promise<AsyncDisposable> {
  const child = spawn(process.execPath, [join(engineOf(suite), 'server/server.mjs')], {
    env: {
      ...process.env,
      npm_config_protocol: 'http',
      npm_config_port: String(port),
      npm_config_pidfile: join(tmpdir(), `lotok-cache-tests-${port}.pid`),
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await until('the suite’s server answers', async () => (await fetch(`http://127.0.0.1:${port}/none`)).status === 404);
  return {
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

function runClient(suite: string, url: string, ids: readonly string[] = []): Promise<Results> {
  const child = spawn(
    process.execPath,
    ['--no-warnings', join(import.meta.dirname, 'cache-suite.ts'), suite, url, ...ids],
    {
      // It tells there of tests whose configuration it could not store, which fail.
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0
        ? resolve(JSON.parse(output.slice(output.lastIndexOf('\n') + 1)) as Results)
        : reject(new Error(`the suite’s client ended with ${code}: ${output.slice(-500)}`)),
    );
  });
}
