import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ChannelMessage, Position } from '../contracts/stream.ts';
import { Link } from '../tests/faults/link.ts';
import { describeWith } from '../tests/services.ts';
import { until } from '../tests/until.ts';
import { describeHistory } from './history.contract.ts';
import type { BridgedMessage } from './history.ts';
import { historyName, RedisHistory, type RedisHistoryOptions } from './history-redis.ts';
import { silentLog } from './log.ts';
import { partitionOf } from './partition.ts';
import { RedisAddress } from './redis.ts';
import {
  type RedisCluster,
  type RedisSentinels,
  type RedisServer,
  startRedisCluster,
  startRedisSentinels,
  startRedisServer,
  withRedisServers,
} from './redis-server.testing.ts';

const open = (url: string, more: Partial<RedisHistoryOptions> = {}) =>
  new RedisHistory({
    address: RedisAddress.parse(url),
    topicEpoch: randomUUID(),
    partitions: 1,
    log: silentLog,
    clock: Date.now,
    ...more,
  });
const say = async (history: RedisHistory, offset: number, more: Partial<BridgedMessage> = {}) => {
  const time = Date.now();
  return (
    await history.append([{ channel: 'user:a', partition: 0, offset, time, event: 'e', data: { offset }, ...more }])
  )[0];
};

const isHeard = async (history: RedisHistory): Promise<boolean> => {
  await history.probe(AbortSignal.timeout(1_000));
  return true;
};

describeWith('redis', 'with a Redis server', (url) => {
  describeHistory('in Redis', async (options) => {
    const history = open(url, options);
    return { history, [Symbol.asyncDispose]: () => history[Symbol.asyncDispose]() };
  });

  it('is shared: what one node bridges, another hears and replays, and ignores when it comes again', async () => {
    const topicEpoch = randomUUID();
    await using one = open(url, { topicEpoch });
    await using two = open(url, { topicEpoch });
    const { head } = await two.read('user:a');
    const heard: ChannelMessage[] = [];
    await using _ = await two.listen('user:a', { message: (message) => heard.push(message), interrupted: () => {} });
    const message = { channel: 'user:a', partition: 0, offset: 1, time: Date.now(), event: 'e', data: {} };
    await one.append([message]);
    expect(await two.append([message])).toEqual([{ appended: false, known: 'place' }]);
    await until('the other node hears it', () => heard.length === 1);
    expect((await two.read('user:a', head)).messages).toEqual(heard);
  });
});

describe.runIf(withRedisServers())('the history in a Redis server that fails', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  let topicEpoch = '';
  beforeEach(() => {
    topicEpoch = randomUUID();
  });
  const openHere = () => open(server.url, { topicEpoch, pingMs: 200 });

  it('begins a new epoch after a flush, and interrupts those who listen', async () => {
    await using history = openHere();
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
    await using history = openHere();
    await say(history, 1);
    await server.run((redis) => redis.save());
    await say(history, 2);
    const { head } = await history.read('user:a');
    await server.kill();
    await server.start();
    await until('the history is back', () => isHeard(history), { timeoutMs: 20_000 });
    await until('the loss is noticed', async () => (await history.read('user:a', { ...head, offset: 1 })).gap);
    expect(await say(history, 3)).toEqual({ appended: true, previous: null });
  });

  it('notices the loss also from a node that has only just started', async () => {
    const before = openHere();
    await say(before, 1);
    await server.run((redis) => redis.save());
    await say(before, 2);
    const { head } = await before.read('user:a');
    await before[Symbol.asyncDispose]();
    await server.kill();
    await server.start();
    await using after = openHere();
    await say(after, 3);
    expect((await after.read('user:a', { ...head, offset: 1 })).gap).toBe(true);
  });

  it('takes no message that was skipped for a lost one', async () => {
    const before = openHere();
    await say(before, 1);
    const { head } = await before.read('user:a');
    await before.skip({ partition: 0, offset: 2, time: Date.now() });
    await before[Symbol.asyncDispose]();
    await using after = openHere();
    await say(after, 3);
    expect(await after.read('user:a', head)).toMatchObject({ gap: false, messages: [{ position: { offset: 3 } }] });
  });

  it('keeps places when Redis restarts with everything', async () => {
    await using history = openHere();
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
    await using history = openHere();
    await say(history, 7);
    const { head } = await history.read('user:a');
    const later = { channel: 'user:a', partition: 0, offset: 1, time: Date.now() + 3_600_000, event: 'e', data: {} };
    expect(await history.append([later])).toMatchObject([{ appended: true }]);
    expect((await history.read('user:a', head)).gap).toBe(true);
  });

  it('reconnects its wake-ups when their connection is cut, and has them read again', async () => {
    await using history = openHere();
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
    await using history = open(url, { topicEpoch, pingMs: 200 });
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
    await using history = openHere();
    const paid = { channel: 'user:a', partition: 0, offset: 1, id: 'paid', time: Date.now(), event: 'e', data: {} };
    await history.append([paid]);
    const { expiring, lasting } = await server.run(async (redis: Redis) => {
      const keys = (await redis.keys('*')).filter((key) => /:(stream|ids):/.test(key));
      const times = await Promise.all(keys.map((key) => redis.pttl(key)));
      return { expiring: keys.length, lasting: keys.filter((_, index) => (times[index] ?? 0) < 0) };
    });
    expect(expiring).toBeGreaterThanOrEqual(2);
    expect(lasting).toEqual([]);
  });
});

describe.runIf(withRedisServers())('with a Redis cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  }, 60_000);
  afterAll(() => cluster[Symbol.asyncDispose]());

  const partitions = 8;
  /** One channel for each partition, so that every master has some. */
  const channels = Array.from({ length: partitions }, (_, partition) => {
    for (let number = 0; ; number += 1) {
      const channel = `ad:${number}`;
      if (partitionOf(channel, partitions) === partition) return channel;
    }
  });

  describeHistory('in a Redis cluster', async (options) => {
    const history = open(cluster.url, { ...options, partitions });
    return { history, [Symbol.asyncDispose]: () => history[Symbol.asyncDispose]() };
  });

  it('spreads over all masters, and each node hears what another bridges', async () => {
    const topicEpoch = randomUUID();
    await using one = open(cluster.url, { topicEpoch, partitions });
    await using two = open(cluster.url, { topicEpoch, partitions });
    const heard: ChannelMessage[] = [];
    await using listening = new AsyncDisposableStack();
    const heads = new Map<string, Position>();
    for (const channel of channels) {
      heads.set(channel, (await two.read(channel)).head);
      const listener = { message: (message: ChannelMessage) => heard.push(message), interrupted: () => {} };
      listening.use(await two.listen(channel, listener));
    }
    for (const [partition, channel] of channels.entries()) await say(one, 1, { channel, partition });
    await until('all are heard', () => heard.length === partitions);
    for (const channel of channels)
      expect((await one.read(channel, heads.get(channel))).messages).toEqual(
        heard.filter((each) => each.channel === channel),
      );
    const sizes = await Promise.all(cluster.servers.map(({ run }) => run((redis) => redis.dbsize())));
    expect(sizes.every((size) => size > 0)).toBe(true);
  });

  it('goes on when a master dies: nothing is lost in silence', async () => {
    const topicEpoch = randomUUID();
    await using history = open(cluster.url, { topicEpoch, partitions, probeMs: 500 });
    const reader = open(cluster.url, { topicEpoch, partitions, probeMs: 500 });
    await using _ = reader;
    const [channel = ''] = channels;
    await say(history, 1, { channel });
    const { head } = await reader.read(channel);
    let interruptions = 0;
    const heard: number[] = [];
    await using _listening = await reader.listen(channel, {
      message: ({ position }) => heard.push(position.offset),
      interrupted: () => (interruptions += 1),
    });
    const key = `{${historyName(topicEpoch, partitions)}.0}`;
    const master = await cluster.masterOf(key);
    const replicated = await master.run(async (redis) => Number(await redis.wait(1, 5_000)));
    expect(replicated).toBe(1);
    const before = interruptions;
    await master.kill();
    let next = 2;
    await until('it can be written again', () => say(history, next, { channel }), { timeoutMs: 30_000 });
    await until('subscriptions hold again', () => interruptions > before && isHeard(reader), { timeoutMs: 30_000 });
    next += 1;
    await say(history, next, { channel });
    await until('it is heard again', () => heard.includes(next), { timeoutMs: 20_000 });
    const { gap, messages } = await reader.read(channel, head);
    // What the replica did not have yet when it took over ends the epoch: then everybody is told.
    if (!gap) expect(messages.map(({ position }) => position.offset)).toEqual([2, 3]);
    else expect((await reader.read(channel)).head.epoch).not.toBe(head.epoch);
    await master.start();
    await until('the cluster is whole', async () =>
      (await master.run((redis) => redis.info('replication'))).includes('master_link_status:up'),
    );
  }, 90_000);

  it('follows a slot that moves to another server', async () => {
    const topicEpoch = randomUUID();
    await using history = open(cluster.url, { topicEpoch, partitions, probeMs: 500 });
    const [channel = ''] = channels;
    const { head } = await history.read(channel);
    const heard: number[] = [];
    await using _ = await history.listen(channel, {
      message: ({ position }) => heard.push(position.offset),
      interrupted: () => {},
    });
    await say(history, 1, { channel });
    await until('the first is heard', () => heard.length === 1);
    const key = `{${historyName(topicEpoch, partitions)}.0}`;
    await cluster.move(key);
    let next = 2;
    await until(
      'what is said there is heard',
      async () => {
        await say(history, next++, { channel });
        return heard.some((offset) => offset > 1);
      },
      { timeoutMs: 30_000 },
    );
    const { gap, messages } = await history.read(channel, head);
    expect([gap, messages.length]).toEqual([false, next - 1]);
  }, 60_000);
});

describe.runIf(withRedisServers())('with Redis behind Sentinels', () => {
  let sentinels: RedisSentinels;
  beforeAll(async () => {
    sentinels = await startRedisSentinels();
  }, 60_000);
  afterAll(() => sentinels[Symbol.asyncDispose]());

  describeHistory('behind Redis Sentinels', async (options) => {
    const history = open(sentinels.url, options);
    return { history, [Symbol.asyncDispose]: () => history[Symbol.asyncDispose]() };
  });

  it('goes on with the replica when the master dies, and admits what the replica did not have', async () => {
    await using history = open(sentinels.url, { probeMs: 500 });
    await say(history, 1);
    await sentinels.master.run((redis) => redis.wait(1, 5_000));
    const { head: kept } = await history.read('user:a');
    // The replica hears nothing of what comes now.
    await sentinels.replica.run((redis) => redis.call('CLIENT', 'PAUSE', '100', 'ALL'));
    await sentinels.replica.run((redis) => redis.replicaof('127.0.0.1', '1'));
    await say(history, 2);
    await sentinels.master.kill();
    const heard: number[] = [];
    await until('the replica has taken over', () => say(history, 3), { timeoutMs: 40_000 });
    await using _ = await history.listen('user:a', {
      message: ({ position }) => heard.push(position.offset),
      interrupted: () => {},
    });
    await say(history, 4);
    await until('it is heard', () => heard.includes(4));
    expect((await history.read('user:a', kept)).gap).toBe(true);
  }, 90_000);
});

describe('the address of Redis', () => {
  it('tells one server, Sentinels and a cluster apart', () => {
    expect(RedisAddress.parse('redis://127.0.0.1:6380/2')).toMatchObject({ kind: 'server', db: 2, tls: false });
    expect(RedisAddress.parse('rediss-cluster://me:s%40crt@a:1,b')).toEqual({
      kind: 'cluster',
      servers: [
        { host: 'a', port: 1 },
        { host: 'b', port: 6379 },
      ],
      name: '',
      username: 'me',
      password: 's@crt',
      tls: true,
      db: 0,
    });
    expect(RedisAddress.parse('redis-sentinel://:x@[::1]:26380/main?sentinel_password=y')).toMatchObject({
      kind: 'sentinel',
      servers: [{ host: '::1', port: 26_380 }],
      name: 'main',
      password: 'x',
      sentinelPassword: 'y',
    });
  });

  it('refuses what is none, and says why', () => {
    const wrong = (text: string) => RedisAddress.safeParse(text).error?.issues[0]?.message;
    expect(wrong('http://a:1')).toMatch(/must be redis:/);
    expect(wrong('redis://a:1,b:2')).toMatch(/several servers/);
    expect(wrong('redis-sentinel://a:1')).toMatch(/name of the master/);
    expect(wrong('redis-cluster://a:1/3')).toMatch(/no databases/);
    expect(wrong('redis://a:99999999')).toMatch(/no HOST:PORT/);
  });
});
