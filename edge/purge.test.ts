// What an edge may still send of what it holds, while the stream that tells of changes is cut, silent or forgetful.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Realtime } from '../realtime/main.ts';
import { hasRedisServer, startRedisServer } from '../realtime/redis-server.testing.ts';
import { type Issuer, MemorySource, startIssuer, startNode } from '../realtime/world.testing.ts';
import { Link } from '../tests/faults/link.ts';
import { until } from '../tests/until.ts';
import { createSessions } from './auth/sessions.ts';
import { Cache } from './cache/engine.ts';
import { routeKeyOf } from './cache/key.ts';
import { listenForNews } from './purge.ts';
import { openFanIn, silentLog } from './streams/world.testing.ts';

/** Far below the silence after which a connection counts as dead. */
const soon = { timeoutMs: 5_000 };

describe('what an edge holds', () => {
  let issuer: Issuer;
  let source: MemorySource;
  let node: Realtime;
  let link: Link;
  let opened: AsyncDisposableStack;
  let cache: Cache;

  beforeAll(async () => {
    issuer = await startIssuer();
  });
  afterAll(() => issuer[Symbol.asyncDispose]());
  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    source = new MemorySource();
  });
  afterEach(() => opened.disposeAsync());

  const startNodeOn = async (env: Record<string, string> = {}): Promise<void> => {
    node = await startNode(issuer, source, env);
    opened.defer(() => node[Symbol.asyncDispose]());
  };
  const openEdge = async (): Promise<void> => {
    link = opened.use(await Link.open({ name: 'edge to realtime', targets: [node.port] }));
    cache = new Cache({
      name: 'lotok',
      maxBytes: 1_000_000,
      clock: Date.now,
      waitUntil: () => undefined,
      keyOf: routeKeyOf(() => true),
      honourRequestDirectives: false,
    });
    const fanIn = opened.use(openFanIn([`http://127.0.0.1:${link.port}`]));
    opened.use(listenForNews(fanIn, { cache, sessions: createSessions(Date.now, 0), log: silentLog }));
    await holds('ad-1');
    await holds('ad-2');
  };
  const url = (ad: string): string => `http://edge/${ad}`;
  const isSent = (ad: string): boolean => cache.hit('GET', url(ad), () => null) !== null;
  const ask = (ad: string): Promise<Response> =>
    cache.handle({ method: 'GET', url: url(ad), headers: new Headers() }, async () => {
      const headers = { 'cache-control': 'max-age=3600', 'cache-groups': `"${ad}"` };
      return new Response(ad, { headers });
    });
  const holds = (ad: string): Promise<void> =>
    until(`${ad} is sent from the store`, async () => {
      await ask(ad);
      return isSent(ad);
    });
  const change = (ad: string): void =>
    source.publish('system:cache', 'cache.invalidate', { groups: [ad], at: new Date().toISOString() });

  it('is sent until it changes', async () => {
    await startNodeOn();
    await openEdge();
    change('ad-1');
    await until('the change was heard', () => !isSent('ad-1'), soon);
    expect(isSent('ad-2')).toBe(true);
  });

  it('is not sent while the stream is cut; afterwards all of it is but what changed meanwhile', async () => {
    await startNodeOn();
    await openEdge();
    link.refuse();
    await until('nothing is sent', () => !isSent('ad-1') && !isSent('ad-2'), soon);
    change('ad-1');
    link.mend();
    await until('the other is sent again', () => isSent('ad-2'), soon);
    expect(isSent('ad-1')).toBe(false);
  });

  it('is not sent while the stream says nothing, although nobody has closed it', async () => {
    await startNodeOn();
    await openEdge();
    link.stall();
    await until('nothing is sent', () => !isSent('ad-1') && !isSent('ad-2'), soon);
    change('ad-1');
    link.mend();
    await until('the other is sent again', () => isSent('ad-2'), soon);
    expect(isSent('ad-1')).toBe(false);
    expect(link.size).toBe(1);
  });

  it('is all asked for anew when history no longer tells what changed', async () => {
    await startNodeOn({ HISTORY_COUNT: '1' });
    await openEdge();
    link.refuse();
    await until('the stream is cut', () => !isSent('ad-2'), soon);
    for (const ad of ['ad-1', 'ad-3', 'ad-4']) change(ad);
    link.mend();
    await holds('ad-3');
    expect([isSent('ad-1'), isSent('ad-2')]).toEqual([false, false]);
  });

  it('is all asked for anew when the node begins another history', async () => {
    await startNodeOn();
    await openEdge();
    const { port } = node;
    await node[Symbol.asyncDispose]();
    source.epochName = 'second-life';
    await startNodeOn({ PORT: String(port) });
    await holds('ad-3');
    expect([isSent('ad-1'), isSent('ad-2')]).toEqual([false, false]);
  });

  it('was not changed unheard by a fetch that began before the change', async () => {
    await startNodeOn();
    await openEdge();
    const answer = Promise.withResolvers<Response>();
    const asking = cache.handle({ method: 'GET', url: url('ad-5'), headers: new Headers() }, () => answer.promise);
    link.refuse();
    await until('the stream is cut', () => !isSent('ad-2'), soon);
    change('ad-5');
    link.mend();
    await until('the change was heard', () => isSent('ad-2'), soon);
    const headers = { 'cache-control': 'max-age=3600', 'cache-groups': '"ad-5"' };
    answer.resolve(new Response('before the change', { headers }));
    await (await asking).text();
    expect(isSent('ad-5')).toBe(false);
  });

  it.skipIf(!hasRedisServer)('is not sent while the node’s Redis says nothing', async () => {
    const redis = opened.use(await startRedisServer());
    const toRedis = opened.use(
      await Link.open({ name: 'realtime to Redis', targets: [Number(new URL(redis.url).port)] }),
    );
    await startNodeOn({ REDIS_URL: `redis://127.0.0.1:${toRedis.port}` });
    await openEdge();
    toRedis.stall();
    await until('nothing is sent', () => !isSent('ad-1') && !isSent('ad-2'), soon);
    toRedis.mend();
    await until('both are sent again', () => isSent('ad-1') && isSent('ad-2'), soon);
  });

  it.skipIf(!hasRedisServer)('is not sent while the node itself hears nothing', async () => {
    const redis = opened.use(await startRedisServer());
    await startNodeOn({ REDIS_URL: redis.url });
    await openEdge();
    await redis.kill();
    await until('nothing is sent', () => !isSent('ad-1') && !isSent('ad-2'), soon);
    await redis.start();
    // It came back empty, so what changed meanwhile is unknown.
    await holds('ad-3');
    expect([isSent('ad-1'), isSent('ad-2')]).toEqual([false, false]);
  });
});
