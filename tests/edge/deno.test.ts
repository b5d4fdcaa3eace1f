// The flow on Deno, on two threads, and how they end.
import { describe, expect, it } from 'vitest';
import { readStream } from '../../realtime/world.testing.ts';
import { until } from '../until.ts';
import { edgeFlow } from './flow.ts';
import { getAlone } from './get-alone.ts';
import { startDenoTask } from './processes.ts';
import { startWorld } from './world.ts';

const threads = 2;
const startThreads = (env: Record<string, string>) =>
  startDenoTask('edge:parallel', { ...env, DENO_JOBS: String(threads) });

edgeFlow('Deno', startThreads, { processes: threads });

describe('threads of Deno', () => {
  it('end their streams and finish what they began when they are told to end', async () => {
    await using world = await startWorld();
    const edge = await startThreads(world.env);
    await until('they are ready', async () => (await getAlone(`${edge.url}/readyz`)).status === 200);
    const authorization = `Bearer ${await world.issuer.token()}`;
    const streams = await Promise.all(
      Array.from({ length: 4 }, () => readStream(`${edge.url}/v1/stream`, { authorization, connection: 'close' })),
    );
    world.listingMs = 500;
    const before = world.asked('/v1/ads');
    const underWay = Array.from({ length: 6 }, (_none, index) => getAlone(`${edge.url}/v1/ads?limit=${70 + index}`));
    await until('core was asked', () => world.asked('/v1/ads') === before + underWay.length);
    edge.child.kill('SIGTERM');
    await Promise.all(streams.map((stream) => stream.hasEnded()));
    expect(new Set((await Promise.all(underWay)).map(({ status }) => status))).toEqual(new Set([200]));
    expect(await edge.ended).toEqual([0, null]);
    await expect(getAlone(`${edge.url}/healthz`)).rejects.toThrow();
  });
});
