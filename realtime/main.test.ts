import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { decodeCursor } from '../contracts/stream.ts';
import { until } from '../tests/until.ts';
import { type Log, silentLog } from './log.ts';
import type { Realtime } from './main.ts';
import {
  type Issuer,
  MemorySource,
  openSocket,
  orderId,
  otherOrderId,
  otherUserId,
  readStream,
  serviceToken,
  startIssuer,
  startNode,
  userId,
} from './world.testing.ts';

const channel = `user:${userId}`;
const status = (order: string, name: string) => ({
  order_id: order,
  status: name,
  cancel_reason: null,
  ad_title: 'Bicycle',
  at: new Date().toISOString(),
});

describe('a realtime node', () => {
  let issuer: Issuer;
  let source: MemorySource;
  let node: Realtime;
  let bearer: Record<string, string>;

  beforeAll(async () => {
    issuer = await startIssuer();
    bearer = { authorization: `Bearer ${await issuer.token()}` };
  });
  afterAll(() => issuer[Symbol.asyncDispose]());
  beforeEach(async () => {
    source = new MemorySource();
    node = await startNode(issuer, source);
  });
  afterEach(() => node[Symbol.asyncDispose]());

  const stream = (query = '', headers: Record<string, string> = {}) =>
    readStream(`${node.url}/v1/stream${query}`, { ...bearer, ...headers });
  const names = (received: readonly { data: Record<string, unknown> }[]) => received.map(({ data }) => data['status']);

  it('sends a user each message of their channel as it is', async () => {
    using reader = await stream();
    expect(Object.fromEntries(reader.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    const data = status(orderId, 'paid');
    source.publish(channel, 'order.status', data);
    source.publish(`user:${otherUserId}`, 'order.status', status(otherOrderId, 'paid'));
    source.publish(channel, 'notification', { title: 'x', order_id: orderId });
    const [first, second] = await reader.has(2);
    expect(first).toMatchObject({ event: 'order.status', data });
    expect(second).toMatchObject({ event: 'notification' });
    expect(decodeCursor(first?.id ?? '')?.get(channel)).toMatchObject({ offset: expect.any(Number) });
    expect(reader.text).toMatch(/^retry: \d+\nid: /);
  });

  it('resumes after the last id with what was missed, under the same ids', async () => {
    using first = await stream();
    for (const name of ['pending_payment', 'paid', 'in_delivery'])
      source.publish(channel, 'order.status', status(orderId, name));
    const live = await first.has(3);
    using again = await stream('', { 'last-event-id': live[0]?.id ?? '' });
    expect(await again.has(2)).toEqual(live.slice(1));
    source.publish(channel, 'order.status', status(orderId, 'delivered'));
    expect(names(await again.has(3))).toEqual(['paid', 'in_delivery', 'delivered']);
    using byQuery = await stream(`?last_event_id=${encodeURIComponent(live[1]?.id ?? '')}`);
    expect(names(await byQuery.has(2))).toEqual(['in_delivery', 'delivered']);
  });

  it('resumes from the opening id when nothing had come yet', async () => {
    const first = await stream();
    await until('the opening came', () => first.lastId);
    first[Symbol.dispose]();
    source.publish(channel, 'order.status', status(orderId, 'paid'));
    using again = await stream('', { 'last-event-id': first.lastId ?? '' });
    expect(names(await again.has(1))).toEqual(['paid']);
  });

  it('resumes across its own restart, from the retained log', async () => {
    using first = await stream();
    source.publish(channel, 'order.status', status(orderId, 'paid'));
    const [before] = await first.has(1);
    await node[Symbol.asyncDispose]();
    source.publish(channel, 'order.status', status(orderId, 'in_delivery'));
    node = await startNode(issuer, source);
    using again = await stream('', { 'last-event-id': before?.id ?? '' });
    expect(names(await again.has(1))).toEqual(['in_delivery']);
  });

  it('tells an event once that was published twice, also to whoever comes back', async () => {
    using first = await stream();
    const event = (name: string) => {
      const headers = { ce_id: `id of ${name}`, ce_source: '/core/notifications' };
      source.publish(channel, 'order.status', status(orderId, name), headers);
    };
    // A relay that was frozen wakes up and publishes what another has published in its place.
    for (const name of ['paid', 'in_delivery', 'paid', 'in_delivery', 'delivered']) event(name);
    const live = await first.has(3);
    expect(names(live)).toEqual(['paid', 'in_delivery', 'delivered']);
    using again = await stream('', { 'last-event-id': live[0]?.id ?? '' });
    expect(await again.has(2)).toEqual(live.slice(1));
    const metrics = await (await fetch(`${node.url}/metrics`)).text();
    expect(metrics).toMatch(/lotok_realtime_bridged_total\{outcome="repeated",part="realtime"\} 2/);
  });

  it('takes every message for news whose producer gives no id, and ids of different producers for different', async () => {
    using reader = await stream();
    const say = (name: string, headers: Record<string, string>) =>
      source.publish(channel, 'order.status', status(orderId, name), headers);
    say('paid', {});
    say('paid', {});
    say('paid', { ce_id: '' });
    say('paid', { ce_id: '' });
    say('in_delivery', { ce_id: '1', ce_source: '/one' });
    say('delivered', { ce_id: '1', ce_source: '/another' });
    say('completed', { ce_id: '1' });
    expect(names(await reader.has(7))).toEqual([
      'paid',
      'paid',
      'paid',
      'paid',
      'in_delivery',
      'delivered',
      'completed',
    ]);
  });

  it('filters by topic and by order, and lets public channels pass', async () => {
    using reader = await stream(`?topics=orders&order=${orderId}&channels=ad:7,category:bicycles`);
    source.publish(channel, 'order.status', status(otherOrderId, 'paid'));
    source.publish(channel, 'delivery.stage', { order_id: orderId, stage: 'accepted' });
    source.publish('ad:7', 'ad.changed', { ad_id: '7', status: 'reserved' });
    await reader.has(1);
    source.publish(channel, 'order.status', status(orderId, 'paid'));
    expect((await reader.has(2)).map(({ event }) => event)).toEqual(['ad.changed', 'order.status']);
  });

  it('sends one reset when it does not know the place, then goes on live', async () => {
    for (const place of ['nonsense', `${channel}@another.1.1`]) {
      using reader = await stream('?channels=ad:7', { 'last-event-id': place });
      const [reset] = await reader.has(1);
      expect(reset).toMatchObject({ event: 'reset', data: { reason: 'unknown_position' } });
      source.publish(channel, 'order.status', status(orderId, 'paid'));
      expect((await reader.has(2)).map(({ event }) => event)).toEqual(['reset', 'order.status']);
      using after = await stream('?channels=ad:7', { 'last-event-id': reset?.id ?? '' });
      expect(names(await after.has(1))).toEqual(['paid']);
    }
  });

  it('sends one reset when more was missed than is kept', async () => {
    await node[Symbol.asyncDispose]();
    node = await startNode(issuer, source, { HISTORY_COUNT: '3' });
    using first = await stream();
    for (let count = 0; count < 6; count += 1) source.publish(channel, 'order.status', status(orderId, `${count}`));
    const all = await first.has(6);
    using again = await stream('', { 'last-event-id': all[1]?.id ?? '' });
    expect(await again.has(1)).toMatchObject([{ event: 'reset', data: { reason: 'history_gone' } }]);
    using near = await stream('', { 'last-event-id': all[2]?.id ?? '' });
    expect(names(await near.has(3))).toEqual(['3', '4', '5']);
  });

  it('refuses whoever is nobody, and what makes no sense', async () => {
    const ask = async (headers: Record<string, string>, query = '') => {
      const response = await fetch(`${node.url}/v1/stream${query}`, { headers });
      const { type } = (await response.json()) as { type: string };
      return [response.status, type.split(':').at(-1)];
    };
    const forged = await new SignJWT({ sid: 's', roles: [] })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(userId)
      .setIssuer('https://lotok.internal')
      .setAudience('lotok')
      .setExpirationTime('1h')
      .sign(new Uint8Array(32));
    const none = `${btoa('{"alg":"none"}')}.${btoa(JSON.stringify({ sub: userId, exp: 9e9 }))}.`.replaceAll('=', '');
    expect(await ask({})).toEqual([401, 'unauthenticated']);
    for (const token of [
      forged,
      none,
      await issuer.token({ expiresInSeconds: -60 }),
      await issuer.token({ audience: 'other' }),
    ]) {
      expect(await ask({ authorization: `Bearer ${token}` })).toEqual([401, 'unauthenticated']);
    }
    expect(await ask(bearer, '?topics=everything')).toEqual([400, 'invalid-parameter']);
    expect(await ask(bearer, `?channels=user:${otherUserId}`)).toEqual([400, 'invalid-parameter']);
    expect(await ask(bearer, '?channels=system:cache')).toEqual([400, 'invalid-parameter']);
  });

  it('ends a stream when its token expires', async () => {
    using reader = await readStream(`${node.url}/v1/stream`, {
      authorization: `Bearer ${await issuer.token({ expiresInSeconds: 2 })}`,
    });
    expect(reader.status).toBe(200);
    await reader.hasEnded();
  });

  it('ends the streams of a session that was ended, and opens none for it', async () => {
    const headers = { authorization: `Bearer ${await issuer.token({ sid: 'stolen' })}` };
    using reader = await readStream(`${node.url}/v1/stream`, headers);
    using other = await stream();
    source.publish('system:sessions', 'session.revoked', { sid: 'stolen', until: Math.floor(Date.now() / 1000) + 600 });
    await reader.hasEnded();
    expect(other.ended).toBe(false);
    expect((await fetch(`${node.url}/v1/stream`, { headers })).status).toBe(401);
  });

  it('says the same over a WebSocket, with the trace', async () => {
    using reader = await stream();
    const token = await issuer.token();
    using socket = await openSocket(`${node.url}/v1/ws`, { protocols: ['lotok.v1', `bearer.${token}`] });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    source.publish(channel, 'order.status', status(orderId, 'paid'), { traceparent });
    const [event] = await reader.has(1);
    const [opening, message] = await socket.has(2);
    expect(opening).toMatchObject({ event: 'open', id: expect.any(String) });
    expect(message).toEqual({ ...event, traceparent });
    socket.socket.send('{"op":"ping"}');
    expect((await socket.has(3))[2]).toEqual({ event: 'pong', data: {} });
    socket.socket.send('anything');
    await until('the talkative client is sent away', () => socket.closed?.code === 1009);
  });

  it('refuses WebSockets of strangers and of other pages', async () => {
    await expect(openSocket(`${node.url}/v1/ws`)).rejects.toThrow('refused 401');
    await expect(openSocket(`${node.url}/v1/mux`)).rejects.toThrow('refused 401');
    await expect(openSocket(`${node.url}/v1/mux`, { headers: bearer })).rejects.toThrow('refused 401');
    await expect(openSocket(`${node.url}/v1/other`)).rejects.toThrow('refused 404');
    await node[Symbol.asyncDispose]();
    node = await startNode(issuer, source, { CORS_ORIGINS: 'https://shop.example' });
    await expect(
      openSocket(`${node.url}/v1/ws`, { headers: { ...bearer, origin: 'https://evil.example' } }),
    ).rejects.toThrow('refused 403');
    using _ = await openSocket(`${node.url}/v1/ws`, { headers: { ...bearer, origin: 'https://shop.example' } });
  });

  it('serves edges: subscription, live messages, replay, ping', async () => {
    const header = { authorization: `Bearer ${serviceToken}` };
    using mux = await openSocket(`${node.url}/v1/mux`, { headers: header });
    mux.socket.send(JSON.stringify({ op: 'subscribe', channel }));
    const [subscribed] = await mux.has(1);
    expect(subscribed).toMatchObject({ op: 'subscribed', channel, messages: [], gap: false, head: { offset: 0 } });
    source.publish(channel, 'order.status', status(orderId, 'paid'));
    expect((await mux.has(2))[1]).toMatchObject({
      op: 'message',
      message: { channel, previous: null, event: 'order.status' },
    });
    mux.socket.send(JSON.stringify({ op: 'replay', request: 5, channel, since: subscribed?.['head'] }));
    expect((await mux.has(3))[2]).toMatchObject({
      op: 'replayed',
      request: 5,
      gap: false,
      messages: [{ event: 'order.status' }],
    });
    mux.socket.send(JSON.stringify({ op: 'ping', at: 1 }));
    expect((await mux.has(4))[3]).toEqual({ op: 'pong', at: 1, ageMs: 0 });

    const encoded = Buffer.from(serviceToken).toString('base64url');
    using bySubprotocol = await openSocket(`${node.url}/v1/mux`, { protocols: ['lotok.mux.v1', `bearer.${encoded}`] });
    expect(bySubprotocol.socket.protocol).toBe('lotok.mux.v1');
    bySubprotocol.socket.send('{"op":"unheard of"}');
    await until('a wrong request ends the connection', () => bySubprotocol.closed?.code === 1002);
  });

  it('goes on behind a message that makes no sense, and logs where it is and what is wrong', async () => {
    await node[Symbol.asyncDispose]();
    const logged: unknown[] = [];
    const error: Log['error'] = (event, fields) => void logged.push({ event, ...fields });
    node = await startNode(issuer, source, {}, { log: { ...silentLog, error } });
    using reader = await stream();
    source.publishRaw(channel, 'no json');
    source.publishRaw(channel, JSON.stringify({ event: 'x', data: { long: 'x'.repeat(40_000) } }));
    source.publishRaw('no channel at all', JSON.stringify({ event: 'x', data: {} }));
    source.publishRaw(channel, JSON.stringify({ event: '', data: {} }));
    source.publish(channel, 'order.status', status(orderId, 'paid'));
    expect(names(await reader.has(1))).toEqual(['paid']);
    await until('all are counted', async () =>
      /bridged_total\{outcome="malformed",part="realtime"\} 4/.test(await (await fetch(`${node.url}/metrics`)).text()),
    );
    const malformed = (reason: RegExp) =>
      expect.objectContaining({
        event: 'bridge.malformed',
        topic: 'realtime.v1',
        partition: expect.any(Number),
        offset: expect.any(Number),
        reason: expect.stringMatching(reason),
      });
    expect(logged).toHaveLength(4);
    expect(logged).toEqual(
      expect.arrayContaining([
        malformed(/not JSON/),
        malformed(/longer than 32768 bytes/),
        malformed(/the key is no channel/),
        malformed(/at event/),
      ]),
    );
  });

  it('sends everybody away when it ends, and says when to come back', async () => {
    using reader = await stream();
    using socket = await openSocket(`${node.url}/v1/ws`, { headers: bearer });
    using mux = await openSocket(`${node.url}/v1/mux`, { headers: { authorization: `Bearer ${serviceToken}` } });
    await node[Symbol.asyncDispose]();
    await reader.hasEnded();
    expect(reader.text.match(/retry: /g)).toHaveLength(2);
    await until('the socket is closed', () => socket.closed?.code === 1001);
    expect(mux.received).toEqual([{ op: 'drain' }]);
    node = await startNode(issuer, source);
  });

  it('cuts off a reader who takes nothing, and keeps nothing for them', async () => {
    await node[Symbol.asyncDispose]();
    node = await startNode(issuer, source, {}, { hubLimits: { maxWaiting: 20 }, sseTimes: { pingMs: 20 } });
    const reader = connect(node.port, '127.0.0.1');
    reader.on('error', () => {});
    await once(reader, 'connect');
    const head = once(reader, 'data');
    reader.write(`GET /v1/stream HTTP/1.1\r\nhost: x\r\nauthorization: ${bearer['authorization']}\r\n\r\n`);
    await head;
    reader.pause();
    using attentive = await stream();
    const padding = 'x'.repeat(30_000);
    await until('the slow one is dropped', async () => {
      // One by one, so that the attentive reader has each before the next.
      for (let count = 0; count < 20; count += 1) {
        source.publish(channel, 'order.status', { ...status(orderId, 'paid'), padding });
        await attentive.has(attentive.received.length + 1);
      }
      return /drops_total\{reason="too_slow",part="realtime"\} 1/.test(
        await (await fetch(`${node.url}/metrics`)).text(),
      );
    });
    await until('its connection is gone', async () =>
      /connections\{kind="sse",part="realtime"\} 1/.test(await (await fetch(`${node.url}/metrics`)).text()),
    );
    expect(attentive.ended).toBe(false);
    reader.destroy();
  });

  it('drops a WebSocket that takes nothing with a reason, and gives the rest to its next connection', async () => {
    await node[Symbol.asyncDispose]();
    node = await startNode(issuer, source, {}, { hubLimits: { maxWaiting: 20 } });
    using slow = await openSocket(`${node.url}/v1/ws`, { headers: bearer });
    await slow.has(1);
    slow.socket.pause();
    using attentive = await stream();
    const padding = 'x'.repeat(30_000);
    await until('the slow one is dropped', async () => {
      for (let count = 0; count < 40; count += 1) {
        source.publish(channel, 'order.status', { ...status(orderId, 'paid'), padding });
        await attentive.has(attentive.received.length + 1);
      }
      return /drops_total\{reason="too_slow",part="realtime"\} 1/.test(
        await (await fetch(`${node.url}/metrics`)).text(),
      );
    });
    slow.socket.resume();
    await until('it is told why', () => slow.closed?.code === 4002);
    const heard = slow.received.slice(1);
    const place = String(heard.at(-1)?.['id']);
    using again = await stream('', { 'last-event-id': place });
    await again.has(attentive.received.length - heard.length);
    const ids = [...heard, ...again.received].map((each) => each['id' as keyof typeof each]);
    expect(ids).toEqual(attentive.received.map(({ id }) => id));
  });

  it('delivers in the trace of what caused the message', async () => {
    const spans: { traceId: string; parentSpanId: string; name: string }[] = [];
    const collector = createServer(async (request, response) => {
      const body = JSON.parse(await text(request)) as { resourceSpans: { scopeSpans: { spans: typeof spans }[] }[] };
      spans.push(...body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
      response.setHeader('content-type', 'application/json').end('{}');
    }).listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const address = collector.address();
    const endpoint = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    await node[Symbol.asyncDispose]();
    node = await startNode(issuer, source, { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
    using reader = await stream();
    source.publish(channel, 'order.status', status(orderId, 'paid'), {
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
    await reader.has(1);
    const delivery = await until('the span is exported', () => spans.find(({ name }) => name === 'sse deliver'));
    expect(delivery).toMatchObject({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      parentSpanId: 'b7ad6b7169203331',
    });
    await node[Symbol.asyncDispose]();
    collector.close();
    node = await startNode(issuer, source);
  });

  it('tells how it is', async () => {
    using reader = await stream();
    source.publish(channel, 'order.status', status(orderId, 'paid'));
    await reader.has(1);
    expect((await fetch(`${node.url}/healthz`)).status).toBe(200);
    expect(await (await fetch(`${node.url}/readyz`)).json()).toMatchObject({
      status: 'ready',
      bridge: 'reads',
      history: 'heard',
    });
    const metrics = await (await fetch(`${node.url}/metrics`)).text();
    expect(metrics).toMatch(/lotok_realtime_connections\{kind="sse",part="realtime"\} 1/);
    expect(metrics).toMatch(/lotok_realtime_messages_out_total\{kind="sse",part="realtime"\} 1/);
    expect(metrics).toMatch(/lotok_realtime_delivery_seconds_count\{part="realtime",kind="sse"\} 1/);
  });

  it('opens nothing for HEAD, and leaves an offer of HTTP/2 aside', async () => {
    const head = await fetch(`${node.url}/v1/stream`, { method: 'HEAD', headers: bearer });
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
    const metrics = await (await fetch(`${node.url}/metrics`)).text();
    expect(metrics).not.toMatch(/lotok_realtime_connections\{kind="sse",part="realtime"\} [1-9]/);

    const { hostname, port } = new URL(node.url);
    const socket = connect(Number(port), hostname);
    socket.end(
      'GET /healthz HTTP/1.1\r\nHost: lotok\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
    );
    expect(await text(socket)).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  });

  it('allows a user only so many streams at once', async () => {
    await node[Symbol.asyncDispose]();
    node = await startNode(issuer, source, {}, { hubLimits: { maxStreamsPerUser: 2 } });
    using _one = await stream();
    const two = await stream();
    const third = await fetch(`${node.url}/v1/stream`, { headers: bearer });
    expect([third.status, third.headers.get('retry-after')]).toEqual([429, '30']);
    two[Symbol.dispose]();
    await until('the place is free again', async () => {
      using reader = await stream();
      return reader.status === 200;
    });
  });

  it('allows an address only so many streams at once, of both kinds', async () => {
    await node[Symbol.asyncDispose]();
    node = await startNode(issuer, source, { STREAMS_PER_ADDRESS: '2' });
    using _one = await stream();
    using socket = await openSocket(`${node.url}/v1/ws`, { headers: bearer });
    const third = await fetch(`${node.url}/v1/stream`, { headers: bearer });
    expect([third.status, third.headers.get('retry-after')]).toEqual([429, '30']);
    await expect(openSocket(`${node.url}/v1/ws`, { headers: bearer })).rejects.toThrow('refused 429');
    socket.socket.close();
    await until('the place is free again', async () => {
      using reader = await stream();
      return reader.status === 200;
    });
  });

  it('notices that clients vanished, and counts none of them', async () => {
    const open = async () =>
      [
        ...(await (await fetch(`${node.url}/metrics`)).text()).matchAll(
          /_connections\{kind="(?:sse|websocket)",.*\} (\d+)/g,
        ),
      ]
        .map((match) => Number(match[1]))
        .reduce((sum, each) => sum + each, 0);
    const sockets = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const socket = connect(node.port, '127.0.0.1').on('error', () => {});
        socket.write(`GET /v1/stream HTTP/1.1\r\nhost: x\r\nauthorization: ${bearer['authorization']}\r\n\r\n`);
        await once(socket, 'data');
        return socket;
      }),
    );
    using socket = await openSocket(`${node.url}/v1/ws`, { headers: bearer });
    expect(await open()).toBe(11);
    for (const each of sockets) each.resetAndDestroy();
    socket.socket.terminate();
    await until('nobody is left', async () => (await open()) === 0);
  });

  it('answers a stream only on a connection that is free for it', async () => {
    const socket = connect(node.port, '127.0.0.1');
    const request = `GET /v1/stream HTTP/1.1\r\nhost: x\r\nauthorization: ${bearer['authorization']}\r\n\r\n`;
    let got = '';
    socket.on('data', (chunk) => {
      got += String(chunk);
    });
    socket.write(request + request);
    await until('the first is answered', () => got.includes('id: '));
    source.publish(channel, 'order.status', status(orderId, 'paid'));
    await until('its message came', () => got.includes('"paid"'));
    expect(got.match(/HTTP\/1.1/g)).toHaveLength(1);
    socket.destroy();
  });
});
