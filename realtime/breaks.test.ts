// Each break between the bus and a client, with real nodes that share a real Redis: nothing is lost, or one reset says so.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../tests/until.ts';
import type { Realtime } from './main.ts';
import { type RedisServer, startRedisServer, withRedisServers } from './redis-server.testing.ts';
import { type Issuer, MemorySource, orderId, readStream, startIssuer, startNode, userId } from './world.testing.ts';

const channel = `user:${userId}`;

describe.runIf(withRedisServers())('nodes that share a Redis', () => {
  let issuer: Issuer;
  let redis: RedisServer;
  let source: MemorySource;
  let one: Realtime;
  let two: Realtime;
  let bearer: Record<string, string>;
  let said = 0;

  beforeAll(async () => {
    issuer = await startIssuer();
    redis = await startRedisServer();
    bearer = { authorization: `Bearer ${await issuer.token()}` };
  });
  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
    await issuer[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    said = 0;
    source = new MemorySource();
    source.epochName = crypto.randomUUID();
    one = await start();
    two = await start();
  });
  afterEach(async () => {
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
  });

  const start = () => startNode(issuer, source, { REDIS_URL: redis.url });
  const watch = (node: Realtime, place?: string) =>
    readStream(`${node.url}/v1/stream?channels=ad:1`, { ...bearer, ...(place ? { 'last-event-id': place } : {}) });
  /** In turns in two channels, of two partitions. */
  const say = (count: number) => {
    for (let more = 0; more < count; more += 1, said += 1)
      source.publish(said % 2 === 0 ? channel : 'ad:1', 'order.status', { order_id: orderId, number: said });
  };
  const numbers = (received: readonly { data: Record<string, unknown> }[]) =>
    received.map(({ data }) => data['number']).toSorted((a, b) => Number(a) - Number(b));
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);
  const isReady = async (node: Realtime) => (await fetch(`${node.url}/readyz`)).ok;

  it('pass a client on, with what was missed meanwhile, when one of them dies', async () => {
    const first = await watch(one);
    say(4);
    await first.has(4);
    await one[Symbol.asyncDispose]();
    await first.hasEnded();
    say(4);
    using second = await watch(two, first.lastId);
    say(2);
    await second.has(6);
    expect(numbers([...first.received, ...second.received])).toEqual(upTo(10));
    one = await start();
  });

  it('bridge what one that died left behind', async () => {
    using reader = await watch(two);
    say(2);
    await reader.has(2);
    await one[Symbol.asyncDispose]();
    say(20);
    await reader.has(22);
    expect(numbers(reader.received)).toEqual(upTo(22));
    one = await start();
  });

  it('keep streams open over a restart of Redis that lost nothing', async () => {
    using reader = await watch(one);
    using other = await watch(two);
    say(4);
    await reader.has(4);
    await redis.run((each) => each.save());
    await redis.kill();
    say(6);
    await redis.start();
    await reader.has(10);
    await other.has(10);
    for (const { received } of [reader, other]) {
      expect(received.map(({ event }) => event)).not.toContain('reset');
      expect(numbers(received)).toEqual(upTo(10));
    }
  }, 30_000);

  it('send one reset for each channel when Redis comes back empty, and go on', async () => {
    using reader = await watch(one);
    say(4);
    await reader.has(4);
    await redis.kill();
    await redis.start();
    await until('the node is ready again', () => isReady(one), { timeoutMs: 20_000 });
    await until('the loss is told', () => reader.received.some(({ event }) => event === 'reset'), {
      timeoutMs: 20_000,
    });
    const place = reader.lastId;
    say(4);
    await until('what comes after it is heard', () => reader.received.some(({ data }) => data['number'] === 7));
    using again = await watch(two, place);
    await until('it is given again to who comes back', () => again.received.some(({ data }) => data['number'] === 7));
    expect(reader.received.filter(({ event }) => event === 'reset').length).toBeLessThanOrEqual(2);
  }, 60_000);

  it('admit that they are not ready while Redis answers nobody, whatever the connection looks like', async () => {
    await until('it is ready', () => isReady(one));
    redis.freeze();
    const answer = await fetch(`${one.url}/readyz`);
    expect([answer.status, await answer.json()]).toMatchObject([503, { history: 'deaf', bridge: 'reads' }]);
    expect((await fetch(`${one.url}/healthz`)).ok).toBe(true);
    await redis.kill();
    await redis.start();
    await until('it is ready again', () => isReady(one), { timeoutMs: 20_000 });
  }, 60_000);
});
