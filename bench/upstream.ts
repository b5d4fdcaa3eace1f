// What HTTP/2 towards core is worth: answers that come from core, through one edge that asks it in HTTP/2 and one in
// HTTP/1.1, in turns. Core answers with its own listener, and every address is asked for once.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { freePort } from '../scripts/free-port.ts';
import { until } from '../tests/until.ts';
import { inParallel } from './buyers.ts';
import { cpuOf } from './cpu.ts';
import { type Running, start } from './processes.ts';
import { median } from './statistics.ts';

export interface UpstreamOptions {
  readonly rounds: number;
  readonly requests: number;
  readonly atOnce: number;
}

interface Contender {
  readonly protocol: string;
  readonly url: string;
  readonly running: Running;
  readonly perSecond: number[];
  readonly milliseconds: number[];
  readonly cpuMicroseconds: number[];
}

export async function benchUpstream({ rounds, requests, atOnce }: UpstreamOptions): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lotok-bench-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const corePort = await freePort();
  await writeFile(join(folder, 'core.mjs'), coreSource(corePort));
  const core = stack.use(start('load', process.execPath, [join(folder, 'core.mjs')]));
  const contenders: Contender[] = [];
  for (const protocol of ['h1', 'h2']) {
    const port = await freePort();
    const env = {
      PORT: String(port),
      HOST: '127.0.0.1',
      EDGE_WORKERS: '1',
      CORE_URL: `http://127.0.0.1:${corePort}`,
      UPSTREAM_PROTOCOL: protocol,
      RATE_LIMIT_ADDRESS: '0',
      LOG_LEVEL: 'error',
    };
    const running = stack.use(start('server', process.execPath, ['edge/node.ts'], env));
    const url = `http://127.0.0.1:${port}`;
    await until(`the edge with ${protocol} answers`, async () => (await fetch(`${url}/v1/ads`)).ok, {
      timeoutMs: 60_000,
    });
    contenders.push({ protocol, url, running, perSecond: [], milliseconds: [], cpuMicroseconds: [] });
  }

  let address = 0;
  // Once more than is counted: the first finds code that was never run.
  for (let round = 0; round <= rounds; round += 1) {
    for (const { url, running, perSecond, milliseconds, cpuMicroseconds } of contenders) {
      const cpuBefore = secondsOf(running) + secondsOf(core);
      const began = performance.now();
      const taken = await inParallel(atOnce, requests, async () => {
        address += 1;
        const sent = performance.now();
        await (await fetch(`${url}/v1/ads?price_min=${address}`)).arrayBuffer();
        return performance.now() - sent;
      });
      if (round === 0) continue;
      perSecond.push(requests / ((performance.now() - began) / 1000));
      milliseconds.push(median(taken));
      cpuMicroseconds.push(((secondsOf(running) + secondsOf(core) - cpuBefore) * 1_000_000) / requests);
    }
  }
  console.log(`\n${requests} misses by ${atOnce} at once, median of ${rounds} rounds`);
  console.table(
    contenders.map(({ protocol, perSecond, milliseconds, cpuMicroseconds }) => ({
      'towards core': protocol,
      'answers/s': Math.round(median(perSecond)),
      'p50 ms': median(milliseconds).toFixed(2),
      'edge and core, CPU µs per answer': Math.round(median(cpuMicroseconds)),
    })),
  );
}

const secondsOf = ({ child }: Running): number => {
  const { user, kernel } = cpuOf([child.pid ?? 0]);
  return user + kernel;
};

const listener = pathToFileURL(join(import.meta.dirname, '../core/platform/http/listen.ts')).href;
const coreSource = (port: number): string => `
import { listen } from '${listener}';
const body = JSON.stringify({ items: Array.from({ length: 40 }, (_, id) => ({ id, title: 'x'.repeat(80) })) });
const headers = { 'content-type': 'application/json', 'cdn-cache-control': 'max-age=300' };
await listen({ fetch: () => new Response(body, { headers }), hostname: '127.0.0.1', port: ${port} });
`;
