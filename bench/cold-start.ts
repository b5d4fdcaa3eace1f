// From nothing to the first answer on each runtime, beside the least program of that runtime that answers anything.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { startWorker } from '../scripts/edge-worker.ts';
import { bundleWorker } from '../scripts/edge-worker-bundle.ts';
import { freePort } from '../scripts/free-port.ts';
import { start } from './processes.ts';
import { median } from './statistics.ts';

const patienceMs = 30_000;

export async function benchColdStart({ rounds }: { readonly rounds: number }): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lotok-bench-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const leastNode = join(folder, 'least-node.mjs');
  await writeFile(
    leastNode,
    "import { createServer } from 'node:http'; createServer((_, answer) => answer.end('ok')).listen(Number(process.env.PORT), '127.0.0.1');",
  );
  const leastDeno = join(folder, 'least-deno.ts');
  await writeFile(
    leastDeno,
    "Deno.serve({ hostname: '127.0.0.1', port: Number(Deno.env.get('PORT')) }, () => new Response('ok'));",
  );
  const worker = join(folder, 'worker.js');
  await bundleWorker('edge/worker.ts', worker);
  const leastWorker = "export default { fetch: () => new Response('ok') }; export class StreamHub {}";
  await writeFile(join(folder, 'least-worker.js'), leastWorker);
  const node = process.execPath;
  const deno = ['node_modules/.bin/deno', 'run', '-A', '--unstable-no-legacy-abort'] as const;

  const contenders: readonly { readonly name: string; readonly begin: (port: number) => Promise<AsyncDisposable> }[] = [
    { name: 'Node, the least', begin: begun(node, leastNode) },
    { name: 'Node, the edge', begin: begun(node, 'edge/node.ts') },
    { name: 'Deno, the least', begin: begun(...deno, leastDeno) },
    { name: 'Deno, the edge', begin: begun(...deno, 'edge/deno.ts') },
    { name: 'workerd, the least', begin: (port) => workerOf(join(folder, 'least-worker.js'), port) },
    { name: 'workerd, the edge', begin: (port) => workerOf(worker, port) },
  ];
  const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  // Once more than is counted: the first finds no file in memory.
  for (let round = 0; round <= rounds; round += 1) {
    for (const { name, begin } of contenders) {
      const port = await freePort();
      const began = performance.now();
      await using _ = await begin(port);
      await firstAnswer(port);
      if (round > 0) times.get(name)?.push(performance.now() - began);
    }
  }
  const bytes = await readFile(worker);
  const compressed = await promisify(gzip)(bytes);
  console.log(`\nMilliseconds from the start to the first answer, median of ${rounds}`);
  console.table(contenders.map(({ name }) => ({ server: name, ms: Math.round(median(times.get(name) ?? [])) })));
  const evaluation = median(times.get('workerd, the edge') ?? []) - median(times.get('workerd, the least') ?? []);
  console.log(
    `The bundle is ${kibibytes(bytes)} KiB, ${kibibytes(compressed)} KiB compressed; to read it, evaluate it and make an edge takes workerd ${Math.round(evaluation)} ms`,
  );
}

const environment = (port: number): Record<string, string> => ({
  PORT: String(port),
  HOST: '127.0.0.1',
  EDGE_WORKERS: '1',
  CORE_URL: 'http://127.0.0.1:9',
  LOG_LEVEL: 'error',
});

const begun =
  (command: string, ...args: readonly string[]) =>
  async (port: number): Promise<AsyncDisposable> =>
    start('server', command, args, environment(port));

const workerOf = (script: string, port: number): Promise<AsyncDisposable> => startWorker(environment(port), script);

async function firstAnswer(port: number): Promise<void> {
  const end = performance.now() + patienceMs;
  while (performance.now() < end) {
    try {
      await (await fetch(`http://127.0.0.1:${port}/healthz`)).arrayBuffer();
      return;
    } catch {
      // Not yet; asking often costs less than the answer is late otherwise.
      await sleep(2);
    }
  }
  throw new Error(`nothing answered within ${patienceMs} ms`);
}
const kibibytes = (bytes: Uint8Array): number => Math.round(bytes.byteLength / 1024);
