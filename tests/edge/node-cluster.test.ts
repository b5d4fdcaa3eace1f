// The flow on a cluster of Node, and what only a cluster can get wrong.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readStream } from '../../realtime/world.testing.ts';
import { until } from '../until.ts';
import { edgeFlow } from './flow.ts';
import { getAlone } from './get-alone.ts';
import { type EdgeProcess, startNodeProcess } from './processes.ts';
import { adId, type EdgeWorld, startWorld } from './world.ts';

const workers = 2;
const startCluster = (env: Record<string, string>) => startNodeProcess({ ...env, EDGE_WORKERS: String(workers) });

edgeFlow('Node, as a cluster', startCluster, { processes: workers });

describe('a cluster of edges', () => {
  let world: EdgeWorld;
  let edge: EdgeProcess;
  let authorization: string;
  beforeAll(async () => {
    world = await startWorld();
    authorization = `Bearer ${await world.issuer.token()}`;
    edge = await startCluster(world.env);
    await until('it is ready', async () => (await get('/readyz')).status === 200);
  });
  afterAll(async () => {
    await edge?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  });

  /** The supervisor hands connections to its workers in turn. */
  const get = (path: string, url = edge.url) => getAlone(`${url}${path}`);
  const ofEach = (path: string) => Promise.all(Array.from({ length: workers * 3 }, () => get(path)));
  const metric = async (name: string): Promise<number> =>
    Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (\\d+)$`, 'm').exec((await get('/metrics')).body)?.[1]);
  const kept = async (path: string): Promise<void> => {
    await until('every worker has it', async () =>
      (await ofEach(path)).every(({ cacheStatus }) => cacheStatus.includes('; hit')),
    );
  };

  it('forgets on every worker what core says has changed, and refuses on every one whose session was ended', async () => {
    await kept('/v1/ads?limit=31');
    world.title = 'Changed in core';
    world.source.publish('system:cache', 'cache.invalidate', { groups: [`ad-${adId}`], at: new Date().toISOString() });
    await until(
      'every worker shows it',
      async () => (await ofEach('/v1/ads?limit=31')).every(({ body }) => body.includes('Changed in core')),
      { timeoutMs: 2_000 },
    );
    const token = `Bearer ${await world.issuer.token({ sid: 'ending' })}`;
    const me = async () =>
      (await fetch(`${edge.url}/v1/me`, { headers: { authorization: token, connection: 'close' } })).status;
    expect(await me()).toBe(200);
    world.source.publish('system:sessions', 'session.revoked', {
      sid: 'ending',
      until: Math.floor(Date.now() / 1000) + 600,
    });
    await until('every worker refuses', async () =>
      (await Promise.all([me(), me(), me(), me()])).every((s) => s === 401),
    );
  });

  const pids = (): number[] => {
    const { pid } = edge.child;
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  };

  it('starts a worker again that ended', async () => {
    const [first = 0, second = 0] = pids();
    process.kill(first, 'SIGKILL');
    await until('another one has its place', async () => {
      const now = pids();
      return now.length === workers && now.includes(second) && !now.includes(first);
    });
    await until('both are ready', async () => (await get('/readyz')).status === 200);
    await kept('/v1/ads?limit=32');
    expect(await metric('lotok_edge_worker_restarts_total')).toBe(1);
    expect(edge.lines.filter((line) => line.includes('"edge.worker_ended"'))).toHaveLength(1);
  });

  it('renews its workers one after another, and answers all the while', async () => {
    const before = pids();
    edge.child.kill('SIGUSR2');
    await until(
      'all are new',
      async () => {
        expect((await get('/v1/ads?limit=33')).status).toBe(200);
        const now = pids();
        return now.length === workers && !now.some((pid) => before.includes(pid));
      },
      { timeoutMs: 30_000 },
    );
    await until('they are ready', async () => (await get('/readyz')).status === 200);
    // Nobody was missed, so nobody was started again.
    expect(await metric('lotok_edge_worker_restarts_total')).toBe(1);
  });

  it('says when the port is taken, and starts nothing', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    await expect(startCluster({ ...world.env, PORT: String(port) })).rejects.toThrow(
      'ended with 1 before it was ready',
    );
    await new Promise((resolve) => other.close(resolve));
  });

  it('ends its streams and finishes what it began when it is told to end', async () => {
    const leaving = await startCluster(world.env);
    await until('it is ready', async () => (await get('/readyz', leaving.url)).status === 200);
    const streams = await Promise.all(
      Array.from({ length: 4 }, () => readStream(`${leaving.url}/v1/stream`, { authorization, connection: 'close' })),
    );
    world.listingMs = 300;
    const before = world.asked('/v1/ads');
    const underWay = Array.from({ length: workers }, () => get('/v1/ads?limit=78', leaving.url));
    await until('core was asked by each', () => world.asked('/v1/ads') === before + workers);
    leaving.child.kill('SIGTERM');
    await Promise.all(streams.map((stream) => stream.hasEnded()));
    expect((await Promise.all(underWay)).map(({ status }) => status)).toEqual([200, 200]);
    world.listingMs = 0;
    expect(await leaving.ended).toEqual([0, null]);
    await expect(get('/healthz', leaving.url)).rejects.toThrow();
  });
});
