import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { decodeCursor } from '../../contracts/stream.ts';
import type { Realtime } from '../../realtime/main.ts';
import {
  type Issuer,
  MemorySource,
  openSocket,
  orderId,
  otherOrderId,
  readStream,
  startIssuer,
  startNode,
  userId,
} from '../../realtime/world.testing.ts';
import { until } from '../../tests/until.ts';
import type { EdgeSocket } from '../platform.ts';
import type { FanIn } from './fanin.ts';
import { serveSse } from './sse.ts';
import { serveSocket } from './websocket.ts';
import { asked, openClient, openFanIn } from './world.testing.ts';

const channel = `user:${userId}`;

describe('streams through an edge', () => {
  let issuer: Issuer;
  let source: MemorySource;
  let node: Realtime;
  let fanIn: FanIn;

  beforeAll(async () => {
    issuer = await startIssuer();
  });
  afterAll(() => issuer[Symbol.asyncDispose]());
  beforeEach(async () => {
    source = new MemorySource();
    node = await startNode(issuer, source);
    fanIn = openFanIn([node.url]);
  });
  afterEach(async () => {
    await fanIn[Symbol.asyncDispose]();
    await node[Symbol.asyncDispose]();
  });

  const say = (name: string, order = orderId) =>
    source.publish(channel, 'order.status', { order_id: order, status: name });
  const names = (received: readonly { data: Record<string, unknown> }[]) =>
    received.map(({ data }) => data['status'] ?? data['reason']);
  const placeOf = (id: string | undefined) => decodeCursor(id ?? '') ?? new Map();
  const restartNode = async (meanwhile: () => void = () => {}, env: Record<string, string> = {}) => {
    const { port } = node;
    await node[Symbol.asyncDispose]();
    meanwhile();
    node = await startNode(issuer, source, { PORT: String(port), ...env });
  };
  const metric = async (pattern: RegExp) => pattern.exec(await (await fetch(`${node.url}/metrics`)).text())?.[1];

  it('serves any number of clients with one subscription', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => openClient(fanIn)));
    say('paid');
    for (const client of clients) expect(names(await client.has(1))).toEqual(['paid']);
    expect(await metric(/mux_subscriptions\{part="realtime"\} (\d+)/)).toBe('1');
    expect(await metric(/messages_out_total\{kind="mux",part="realtime"\} (\d+)/)).toBe('1');
    for (const client of clients) await client[Symbol.asyncDispose]();
  });

  it('drops the subscription a while after the last client left', async () => {
    await using eager = openFanIn([node.url], { limits: { lingerMs: 0 } });
    await using _other = await openClient(eager, asked({ channels: ['ad:7'] }));
    const client = await openClient(eager);
    expect(await metric(/mux_subscriptions\{part="realtime"\} (\d+)/)).toBe('2');
    await client[Symbol.asyncDispose]();
    await until(
      'only the other is subscribed',
      async () => (await metric(/mux_subscriptions\{part="realtime"\} (\d+)/)) === '1',
    );
  });

  it('gives each message the id that the realtime node itself gives it', async () => {
    await using client = await openClient(fanIn);
    using direct = await readStream(`${node.url}/v1/stream`, { authorization: `Bearer ${await issuer.token()}` });
    say('paid');
    say('in_delivery');
    expect(await client.has(2)).toEqual(await direct.has(2));
    await using again = await openClient(fanIn, asked({ cursor: placeOf(client.received[0]?.id) }));
    expect(await again.has(1)).toEqual(client.received.slice(1));
  });

  it('resumes after an edge restart, from the messages that the node keeps', async () => {
    await using client = await openClient(fanIn);
    say('pending_payment');
    const [first] = await client.has(1);
    await fanIn[Symbol.asyncDispose]();
    await client.hasEnded();
    say('paid');
    say('in_delivery');
    fanIn = openFanIn([node.url]);
    await using again = await openClient(fanIn, asked({ cursor: placeOf(first?.id) }));
    say('delivered');
    expect(names(await again.has(3))).toEqual(['paid', 'in_delivery', 'delivered']);
  });

  it('keeps streams open over a restart of the realtime node, without a hole', async () => {
    await using client = await openClient(fanIn);
    say('pending_payment');
    await client.has(1);
    await restartNode(() => {
      say('paid');
      say('in_delivery');
    });
    await until('the edge is connected again', () => fanIn.connected);
    say('delivered');
    expect(names(await client.has(4))).toEqual(['pending_payment', 'paid', 'in_delivery', 'delivered']);
    expect(client.ended).toBe(false);
  });

  it('sends one reset when more was missed than the node keeps', async () => {
    await using client = await openClient(fanIn);
    say('pending_payment');
    const [first] = await client.has(1);
    await restartNode(
      () => {
        for (const name of ['1', '2', '3', '4', '5']) say(name);
      },
      { HISTORY_COUNT: '2' },
    );
    expect((await client.has(2)).map(({ event }) => event)).toEqual(['order.status', 'reset']);
    say('6');
    expect(names(await client.has(3)).at(-1)).toBe('6');
    await using late = await openClient(fanIn, asked({ cursor: placeOf(first?.id) }));
    expect(await late.has(1)).toMatchObject([{ event: 'reset', data: { reason: 'history_gone' } }]);
    await using after = await openClient(fanIn, asked({ cursor: placeOf(client.received[1]?.id) }));
    expect(names(await after.has(1))).toEqual(['6']);
  });

  it('sends one reset when the topic began anew', async () => {
    await using client = await openClient(fanIn);
    say('pending_payment');
    await client.has(1);
    const { port } = node;
    await node[Symbol.asyncDispose]();
    source = new MemorySource();
    source.epochName = 'second-life';
    node = await startNode(issuer, source, { PORT: String(port) });
    await client.has(2);
    say('paid');
    expect((await client.has(3)).map(({ event }) => event)).toEqual(['order.status', 'reset', 'order.status']);
  });

  it('filters by order before anything is buffered', async () => {
    await using client = await openClient(fanIn, asked({ filter: { topics: ['orders'], order: orderId } }));
    say('paid', otherOrderId);
    source.publish(channel, 'delivery.stage', { order_id: orderId, stage: 'accepted' });
    say('paid');
    expect(names(await client.has(1))).toEqual(['paid']);
    await using again = await openClient(
      fanIn,
      asked({ cursor: placeOf(client.text.match(/id: (\S+)/)?.[1]), filter: { topics: null, order: otherOrderId } }),
    );
    expect(await again.has(1)).toMatchObject([{ data: { order_id: otherOrderId } }]);
  });

  it('merges what was missed in several channels by time', async () => {
    const channels = [channel, 'ad:7', 'category:bicycles'];
    await using client = await openClient(fanIn, asked({ channels }));
    const start = await until('the opening came', () => client.lastId);
    for (const [index, each] of [...channels, ...channels].entries()) {
      source.publish(each, 'ad.changed', { status: String(index) });
      await client.has(index + 1);
    }
    expect(names(await client.has(6))).toEqual(['0', '1', '2', '3', '4', '5']);
    await using again = await openClient(fanIn, asked({ channels, cursor: placeOf(start) }));
    expect(await again.has(6)).toEqual(client.received);
    await using half = await openClient(fanIn, asked({ channels, cursor: placeOf(client.received[2]?.id) }));
    expect(await half.has(3)).toEqual(client.received.slice(3));
  });

  it('cuts off a reader who is too slow, and loses nothing for them', async () => {
    await fanIn[Symbol.asyncDispose]();
    fanIn = openFanIn([node.url], { limits: { maxWaiting: 10 } });
    const leaving = new AbortController();
    const response = await serveSse(
      asked(),
      { expiresAt: Date.now() + 600_000 },
      { fanIn, clock: Date.now, signal: leaving.signal },
    );
    await using quick = await openClient(fanIn);
    for (let count = 0; count < 50; count += 1) {
      say(String(count));
      // One by one, so that what waits is known.
      await quick.has(count + 1);
    }
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk);
    const ids = [...text.matchAll(/^id: (\S+)$/gm)].map((match) => match[1]);
    const got = [...text.matchAll(/"status":"(\d+)"/g)].map((match) => match[1]);
    expect(got.length).toBeLessThan(50);
    await using again = await openClient(fanIn, asked({ cursor: placeOf(ids.at(-1)) }));
    const rest = names(await again.has(50 - got.length));
    expect([...got, ...rest]).toEqual(Array.from({ length: 50 }, (_, index) => String(index)));
    leaving.abort();
  });

  it('moves to another node when one dies, without a hole', async () => {
    await using second = await startNode(issuer, source);
    await using both = openFanIn([node.url, second.url]);
    const channels = Array.from({ length: 8 }, (_, index) => `ad:${index}`);
    await until('both nodes are connected', async () =>
      /connections\{kind="mux",part="realtime"\} 1/.test(await (await fetch(`${second.url}/metrics`)).text()),
    );
    await using client = await openClient(both, asked({ channels }));
    const sayAll = () => {
      for (const each of channels) source.publish(each, 'ad.changed', { status: each });
    };
    sayAll();
    await client.has(8);
    await node[Symbol.asyncDispose]();
    sayAll();
    const received = await client.has(16);
    expect(received.map(({ event }) => event)).not.toContain('reset');
    expect(names(received).toSorted()).toEqual([...channels, ...channels].toSorted());
    node = await startNode(issuer, source);
  });

  it('answers before its nodes do, and makes up for it with a reset', async () => {
    const { port } = node;
    await node[Symbol.asyncDispose]();
    await fanIn[Symbol.asyncDispose]();
    fanIn = openFanIn([`http://127.0.0.1:${port}`]);
    await using client = await openClient(fanIn, asked(), { times: { openingMs: 20 } });
    say('missed by who knows whom');
    node = await startNode(issuer, source, { PORT: String(port) });
    expect(await client.has(1)).toMatchObject([{ event: 'reset', data: { reason: 'unknown_position' } }]);
    say('paid');
    expect(names(await client.has(2))).toEqual(['unknown_position', 'paid']);
  });

  it('ends with the token, the session, or the client', async () => {
    const revoking = new AbortController();
    await using expiring = await openClient(fanIn, asked(), { expiresAt: Date.now() + 200 });
    await using revoked = await openClient(fanIn, asked(), { revoked: revoking.signal });
    await using staying = await openClient(fanIn);
    await expiring.hasEnded();
    expect(revoked.ended).toBe(false);
    revoking.abort();
    await revoked.hasEnded();
    expect(staying.ended).toBe(false);
  });

  it('pings a quiet stream', async () => {
    await using client = await openClient(fanIn, asked(), { times: { pingMs: 20 } });
    await until('two pings came', () => client.text.split(': ping').length > 2);
  });

  it('allows a user only so many streams at once', async () => {
    await fanIn[Symbol.asyncDispose]();
    fanIn = openFanIn([node.url], { limits: { maxStreamsPerUser: 2 } });
    await using _one = await openClient(fanIn);
    const two = await openClient(fanIn);
    await expect(openClient(fanIn)).rejects.toMatchObject({ code: 'too-many-requests' });
    await two[Symbol.asyncDispose]();
    await using _three = await openClient(fanIn);
  });

  it('allows an address only so many streams at once, whoever is behind it', async () => {
    await fanIn[Symbol.asyncDispose]();
    fanIn = openFanIn([node.url], { limits: { maxStreamsPerAddress: 2 } });
    const from = (address: string, user: string) =>
      openClient(fanIn, asked({ channels: [`user:${user}`] }), { address });
    await using _one = await from('10.0.0.1', 'a');
    const two = await from('10.0.0.1', 'b');
    await expect(from('10.0.0.1', 'c')).rejects.toMatchObject({ code: 'too-many-requests' });
    await using _other = await from('10.0.0.2', 'c');
    await two[Symbol.asyncDispose]();
    await using _three = await from('10.0.0.1', 'c');
  });

  it('lets go of a reader who takes nothing, also when nothing happens', async () => {
    const gauges = new Map<string, number>();
    await fanIn[Symbol.asyncDispose]();
    const metrics = {
      gauge: (name: string, value: number) => void gauges.set(name, value),
      count: () => {},
      latency: () => {},
    };
    fanIn = openFanIn([node.url], { metrics });
    const times = { pingMs: 20, stuckMs: 60 };
    const signal = new AbortController().signal;
    const response = await serveSse(
      asked(),
      { expiresAt: Date.now() + 600_000 },
      { fanIn, clock: Date.now, signal, times },
    );
    await using _reading = await openClient(fanIn, asked(), { times });
    await until('only the one who reads is left', () => gauges.get('streams') === 1);
    await expect(response.text()).rejects.toThrow('takes nothing');
  });

  it('says when to come back when the edge goes', async () => {
    const client = await openClient(fanIn, asked(), { random: () => 0.5 });
    await fanIn[Symbol.asyncDispose]();
    await client.hasEnded();
    expect([...client.text.matchAll(/^retry: (\d+)$/gm)].map((match) => match[1])).toEqual(['1500', '7500']);
    fanIn = openFanIn([node.url]);
  });

  it('tells those who listen to a channel when they are behind, and when they have caught up', async () => {
    const told: string[] = [];
    using listening = fanIn.listen('system:cache', {
      onMessage: ({ data }) => told.push(JSON.stringify(data)),
      onGap: () => told.push('gap'),
      onBehind: () => told.push('behind'),
      onCaughtUp: () => told.push('caught up'),
    });
    await until('it has caught up', () => listening.caughtUp);
    source.publish('system:cache', 'cache.invalidate', { n: 1 });
    await until('the message is heard', () => told.length === 3);
    await restartNode(() => {
      expect(listening.caughtUp).toBe(false);
      source.publish('system:cache', 'cache.invalidate', { n: 2 });
    });
    await until('it has caught up again', () => listening.caughtUp);
    expect(told).toEqual(['gap', 'caught up', '{"n":1}', 'behind', '{"n":2}', 'caught up']);
    told.length = 0;
    await restartNode(
      () => {
        for (const n of [3, 4, 5]) source.publish('system:cache', 'cache.invalidate', { n });
      },
      { HISTORY_COUNT: '1' },
    );
    await until('it has caught up again', () => listening.caughtUp);
    expect(told).toEqual(['behind', 'gap', 'caught up']);
  });

  it('reads what a channel said after a place', async () => {
    const never = new AbortController().signal;
    const { head } = await fanIn.read('system:cache', undefined, never);
    source.publish('system:cache', 'cache.invalidate', { n: 1 });
    await until(
      'the message can be read',
      async () => (await fanIn.read('system:cache', head, never)).messages.length === 1,
    );
    expect(await fanIn.read('system:cache', { ...head, epoch: 'another' }, never)).toMatchObject({
      gap: true,
      messages: [],
    });
  });

  it('says the same over a WebSocket', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const never = new AbortController().signal;
    const revoking = new AbortController();
    server.on('connection', (socket) => {
      const who = { expiresAt: Date.now() + 600_000, revoked: revoking.signal };
      void serveSocket(socket as unknown as EdgeSocket, asked(), who, {
        fanIn,
        clock: Date.now,
        signal: never,
        times: { pingMs: 50, silenceMs: 150 },
      });
    });
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    await using client = await openClient(fanIn);
    using listener = await openSocket(url);
    using silent = await openSocket(url);
    silent.socket.send('{"op":"pong"}');
    await listener.has(1);
    say('paid');
    await client.has(1);
    await until('the message came', () => listener.received.some(({ event }) => event === 'order.status'));
    expect(listener.received.find(({ event }) => event === 'order.status')).toEqual(client.received[0]);
    expect(listener.received[0]).toMatchObject({ event: 'open', id: expect.any(String) });
    await until('who stopped answering is gone', () => silent.closed?.code === 4003);
    expect(listener.closed).toBeUndefined();
    revoking.abort();
    await until('the revoked session is gone', () => listener.closed?.code === 4001);
    server.close();
  });
});
