import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ChannelMessage } from '../contracts/stream.ts';
import { Link } from '../tests/faults/link.ts';
import { describeWith } from '../tests/services.ts';
import { until } from '../tests/until.ts';
import { describeHistory } from './history.contract.ts';
import { RedisHistory } from './history-redis.ts';
import { silentLog } from './log.ts';
import { hasRedisServer, type RedisServer, startRedisServer } from './redis-server.testing.ts';

describeWith('redis', 'with a Redis server', (url) => {
  describeHistory('in Redis', async (options) => {
    const history = new RedisHistory({ url, topicEpoch: randomUUID(), log: silentLog, ...options });
    return { history, [Symbol.asyncDispose]: () => history[Symbol.asyncDispose]() };
  });

  it('is shared: what one node bridges, another hears and replays, and ignores when it comes again', async () => {
    const topicEpoch = randomUUID();
    await using one = new RedisHistory({ url, topicEpoch, log: silentLog, clock: Date.now });
    await using two = new RedisHistory({ url, topicEpoch, log: silentLog, clock: Date.now });
    const { head } = await two.read('user:a');
    const heard: ChannelMessage[] = [];
    await using _ = await two.listen('user:a', { message: (message) => heard.push(message), interrupted: () => {} });
    const message = { channel: 'user:a', partition: 0, offset: 1, time: Date.now(), event: 'e', data: {} };
    await one.append(message);
    expect(await two.append(message)).toEqual({ appended: false, known: 'place' });
    await until('the other node hears it', () => heard.length === 1);
    expect((await two.read('user:a', head)).messages).toEqual(heard);
  });
});

describe.skipIf(!hasRedisServer)('the history in a Redis server that fails', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  let topicEpoch = '';
  beforeEach(() => {
    topicEpoch = randomUUID();
  });
  const open = () => new RedisHistory({ url: server.url, topicEpoch, log: silentLog, clock: Date.now, pingMs: 200 });
  const say = (history: RedisHistory, offset: number) =>
    history.append({ channel: 'user:a', partition: 0, offset, time: Date.now(), event: 'e', data: { offset } });

  it('begins a new epoch after a flush, and interrupts those who listen', async () => {
    await using history = open();
    await say(history, 1);
    const { head } = await history.read('user:a');
    let interruptions = 0;
    await using _ = await history.listen('user:a', { message: () => {}, interrupted: () => (interruptions += 1) });
    const before = interruptions;
    await server.run((redis) => redis.flushall());
    expect(await say(history, 2)).toMatchObject({ appended: true });
    expect(interruptions).toBeGreaterThan(before);
    expect((await history.read('user:a', head)).gap).toBe(true);
    // The new epoch holds: one flush is one reset.
    const { head: renewed } = await history.read('user:a');
    await say(history, 3);
    expect(await history.read('user:a', renewed)).toMatchObject({
      gap: false,
      messages: [{ position: { offset: 3 } }],
    });
  });

  it('begins a new epoch when Redis comes back with an older state', async () => {
    await using history = open();
    await say(history, 1);
    await server.run((redis) => redis.save());
    await say(history, 2);
    const { head } = await history.read('user:a');
    await server.kill();
    await server.start();
    await until('the history is back', () => history.connected, { timeoutMs: 20_000 });
    await until('the loss is noticed', async () => (await history.read('user:a', { ...head, offset: 1 })).gap);
    expect(await say(history, 3)).toEqual({ appended: true, previous: null });
  });

  it('notices the loss also from a node that has only just started', async () => {
    const before = open();
    await say(before, 1);
    await server.run((redis) => redis.save());
    await say(before, 2);
    const { head } = await before.read('user:a');
    await before[Symbol.asyncDispose]();
    await server.kill();
    await server.start();
    await using after = open();
    await say(after, 3);
    expect((await after.read('user:a', { ...head, offset: 1 })).gap).toBe(true);
  });

  it('takes no message that was skipped for a lost one', async () => {
    const before = open();
    await say(before, 1);
    const { head } = await before.read('user:a');
    await before.skip({ partition: 0, offset: 2, time: Date.now() });
    await before[Symbol.asyncDispose]();
    await using after = open();
    await say(after, 3);
    expect(await after.read('user:a', head)).toMatchObject({ gap: false, messages: [{ position: { offset: 3 } }] });
  });

  it('keeps places when Redis restarts with everything', async () => {
    await using history = open();
    const { head } = await history.read('user:a');
    await say(history, 1);
    let interruptions = 0;
    await using _ = await history.listen('user:a', { message: () => {}, interrupted: () => (interruptions += 1) });
    const before = interruptions;
    await server.run((redis) => redis.save());
    await server.kill();
    await server.start();
    await until('the subscription holds again', () => interruptions > before, { timeoutMs: 20_000 });
    expect(await history.read('user:a', head)).toMatchObject({ gap: false, messages: [{ position: { offset: 1 } }] });
    expect(await say(history, 2)).toEqual({ appended: true, previous: 1 });
  });

  it('begins a new epoch when the topic began anew below it', async () => {
    await using history = open();
    await say(history, 7);
    const { head } = await history.read('user:a');
    const later = { channel: 'user:a', partition: 0, offset: 1, time: Date.now() + 3_600_000, event: 'e', data: {} };
    expect(await history.append(later)).toMatchObject({ appended: true });
    expect((await history.read('user:a', head)).gap).toBe(true);
  });

  it('reconnects its wake-ups when their connection is cut, and has them read again', async () => {
    await using history = open();
    const heard: number[] = [];
    let interruptions = 0;
    await using _ = await history.listen('user:a', {
      message: ({ position }) => heard.push(position.offset),
      interrupted: () => (interruptions += 1),
    });
    await say(history, 1);
    await until('the first message is heard', () => heard.length === 1);
    const before = interruptions;
    await server.run((redis) => redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub'));
    await until('the subscription holds again', () => interruptions > before);
    await say(history, 2);
    await until('the second message is heard', () => heard.length === 2);
  });

  it('replaces connections that die without a word', async () => {
    await using link = await Link.open({ name: 'redis', targets: [Number(new URL(server.url).port)] });
    const url = `redis://127.0.0.1:${link.port}`;
    await using history = new RedisHistory({ url, topicEpoch, log: silentLog, clock: Date.now, pingMs: 200 });
    const heard: number[] = [];
    await using _ = await history.listen('user:a', {
      message: ({ position }) => heard.push(position.offset),
      interrupted: () => {},
    });
    await say(history, 1);
    await until('the first message is heard', () => heard.includes(1));
    link.halfOpen();
    await until('the history can be written again', async () => say(history, 2), { timeoutMs: 25_000 });
    let next = 3;
    await until('it is heard again', async () => {
      await say(history, next++);
      return heard.some((offset) => offset > 2);
    });
  });

  it('leaves nothing behind that does not expire, but for one epoch and one hash', async () => {
    await using history = open();
    await history.append({
      channel: 'user:a',
      partition: 0,
      offset: 1,
      id: 'paid',
      time: Date.now(),
      event: 'e',
      data: {},
    });
    const { expiring, lasting } = await server.run(async (redis: Redis) => {
      const keys = (await redis.keys('*')).filter((key) => /:(stream|ids):/.test(key));
      const times = await Promise.all(keys.map((key) => redis.pttl(key)));
      return { expiring: keys.length, lasting: keys.filter((_, index) => (times[index] ?? 0) < 0) };
    });
    expect(expiring).toBeGreaterThanOrEqual(2);
    expect(lasting).toEqual([]);
  });
});
