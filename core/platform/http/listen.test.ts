// One port, two protocols, in clear and over TLS; who dawdles is cut off, who is being answered is not.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import { type ClientHttp2Session, connect as http2Connect } from 'node:http2';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../../tests/until.ts';
import { developmentTls } from '../rpc/certificates.ts';
import { TlsSource } from '../rpc/tls-source.ts';
import { type Listener, type ListenOptions, listen } from './listen.ts';

let folder: string;
let tls: TlsSource;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lotok-listen-'));
  tls = new TlsSource(await developmentTls(join(folder, 'ca'), 'core'));
});
afterAll(() => rm(folder, { recursive: true }));

const stack: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of stack.splice(0).reverse()) await end();
});

async function start(options: Partial<ListenOptions> = {}): Promise<Listener> {
  const echo = async (request: Request): Promise<Response> =>
    new Response(`${request.method} ${new URL(request.url).pathname} ${await request.text()}`);
  const listener = await listen({ fetch: echo, hostname: '127.0.0.1', port: 0, ...options });
  stack.push(() => listener[Symbol.asyncDispose]());
  return listener;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** An answer over HTTP/1.1; with `ca` over TLS. */
function overHttp1(port: number, { ca, agent, path = '/a' }: { ca?: string; agent?: Agent; path?: string } = {}) {
  return new Promise<Answer & { connection: string | undefined }>((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method: 'POST', ...(agent ? { agent } : {}) };
    const request = ca ? httpsRequest({ ...options, ca }) : httpRequest(options);
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          text: Buffer.concat(chunks).toString(),
          connection: response.headers.connection,
        }),
      );
    });
    request.end('body');
  });
}

function http2Session(url: string, ca?: string): ClientHttp2Session {
  const session = http2Connect(url, ca ? { ca } : {});
  session.on('error', () => undefined);
  stack.push(() => session.destroy());
  return session;
}

function overHttp2(session: ClientHttp2Session, path = '/a'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': path });
    let status = 0;
    let text = '';
    stream.setEncoding('utf8');
    stream.on('response', (headers) => {
      status = Number(headers[':status']);
    });
    stream.on('data', (chunk: string) => {
      text += chunk;
    });
    stream.on('end', () => resolve({ status, text }));
    stream.on('error', reject);
    stream.end('body');
  });
}

function rawSocket(port: number, bytes: string | Buffer = ''): Socket & { closed: boolean } {
  const socket = connect(port, '127.0.0.1', () => bytes.length > 0 && socket.write(bytes));
  socket.on('error', () => undefined);
  socket.resume();
  stack.push(() => socket.destroy());
  return socket;
}

const ok = { status: 200, text: 'POST /a body' };

describe('in clear', () => {
  it('answers HTTP/1.1 and HTTP/2 by prior knowledge on one port', async () => {
    const { port } = await start();
    expect(await overHttp1(port)).toMatchObject(ok);
    const session = http2Session(`http://127.0.0.1:${port}`);
    const answers = await Promise.all(Array.from({ length: 10 }, () => overHttp2(session)));
    expect(answers).toEqual(Array.from({ length: 10 }, () => ok));
  });

  it('takes a first line that comes byte by byte', async () => {
    const { port } = await start();
    const socket = connect(port, '127.0.0.1');
    stack.push(() => socket.destroy());
    socket.setNoDelay(true);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    for (const byte of 'GET /slow HTTP/1.1\r\nHost: core\r\nConnection: close\r\n\r\n') {
      await new Promise<void>((resolve) => socket.write(byte, () => resolve()));
    }
    await until('it is answered', () => text.includes('GET /slow'));
  });

  it('reuses a connection', async () => {
    const { port } = await start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    stack.push(() => agent.destroy());
    for (let count = 0; count < 5; count += 1) expect(await overHttp1(port, { agent })).toMatchObject(ok);
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1);
  });
});

describe('over TLS', () => {
  it('lets the client choose HTTP/2 or HTTP/1.1', async () => {
    const { port } = await start({ tls });
    expect(await overHttp1(port, { ca: tls.current.ca })).toMatchObject(ok);
    const session = http2Session(`https://127.0.0.1:${port}`, tls.current.ca);
    expect(await overHttp2(session)).toEqual(ok);
    expect(session.alpnProtocol).toBe('h2');
  });

  it('shows a new certificate from the next connection on', async () => {
    const source = new TlsSource(tls.current);
    const { port } = await start({ tls: source });
    const next = await developmentTls(join(folder, 'next'), 'core');
    expect(await overHttp1(port, { ca: tls.current.ca })).toMatchObject(ok);
    source.replace(next);
    expect(await overHttp1(port, { ca: next.ca, agent: new HttpsAgent() })).toMatchObject(ok);
    await expect(overHttp1(port, { ca: tls.current.ca, agent: new HttpsAgent() })).rejects.toThrow();
  });

  it('is not spoken older than 1.2', async () => {
    const { port } = await start({ tls });
    const socket = tlsConnect({
      host: '127.0.0.1',
      port,
      ca: tls.current.ca,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
    });
    stack.push(() => socket.destroy());
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toMatch(/protocol|alert/i);
  });
});

describe('a client that dawdles', () => {
  const limits = { headersTimeoutMs: 300, keepAliveTimeoutMs: 5_000 };
  const cutOff = (socket: Socket) => until('it is cut off', () => socket.closed, { timeoutMs: 5_000 });
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

  it.each([
    ['nothing', ''],
    ['one letter of either protocol', 'P'],
    ['half a preface', 'PRI * HTTP/2.0'],
    ['a preface without settings', preface],
    ['half a request line', 'GET /'],
    ['headers without an end', 'GET / HTTP/1.1\r\nHost: core\r\n'],
  ])('with %s is cut off', async (_, bytes) => {
    const { port } = await start({ limits });
    await cutOff(rawSocket(port, bytes));
    expect(await overHttp1(port), 'others are answered').toMatchObject(ok);
  });

  it('with headers, a line now and then, is cut off', async () => {
    const { port } = await start({ limits });
    const socket = rawSocket(port, 'GET / HTTP/1.1\r\n');
    const timer = setInterval(() => socket.writable && socket.write('x: y\r\n'), 50);
    stack.push(() => clearInterval(timer));
    await cutOff(socket);
  });

  it.each([
    ['no handshake', false],
    ['nothing after it', true],
  ])('over TLS with %s is cut off', async (_, shakesHands) => {
    const { port } = await start({ tls, limits });
    if (!shakesHands) return cutOff(rawSocket(port)).then(() => undefined);
    for (const ALPNProtocols of [['h2'], ['http/1.1']]) {
      const socket = tlsConnect({ host: '127.0.0.1', port, ca: tls.current.ca, ALPNProtocols });
      socket.on('error', () => undefined);
      socket.resume();
      stack.push(() => socket.destroy());
      await once(socket, 'secureConnect');
      await cutOff(socket);
    }
  });

  it('with its body is cut off, over HTTP/1.1 and HTTP/2', async () => {
    const { port } = await start({ limits: { headersTimeoutMs: 200, requestTimeoutMs: 400 } });
    await cutOff(rawSocket(port, 'POST / HTTP/1.1\r\nHost: core\r\nContent-Length: 10\r\n\r\nhalf'));
    const stream = http2Session(`http://127.0.0.1:${port}`).request({ ':method': 'POST', ':path': '/' });
    stream.on('error', () => undefined);
    stream.resume();
    stream.write('half');
    await until('it is cut off', () => stream.closed);
  });

  it('between requests of HTTP/2 is told that the connection ends', async () => {
    const { port } = await start({ limits: { keepAliveTimeoutMs: 200 } });
    const session = http2Session(`http://127.0.0.1:${port}`);
    expect(await overHttp2(session)).toEqual(ok);
    let told = false;
    session.on('goaway', (code) => {
      told = code === 0;
    });
    await until('it is closed', () => session.destroyed);
    expect(told).toBe(true);
  });
});

describe('ending', () => {
  /** A listener whose answers wait until they are let go. */
  async function waiting(options: Partial<ListenOptions> = {}) {
    let asked = 0;
    const go = Promise.withResolvers<void>();
    const listener = await start({
      ...options,
      fetch: async (request) => {
        if (new URL(request.url).pathname === '/quick') return new Response('quick');
        asked += 1;
        await go.promise;
        return new Response('done');
      },
    });
    return { listener, go: go.resolve, asked: () => asked };
  }

  it('lets running answers end, and takes no new connections meanwhile', async () => {
    const { listener, go, asked } = await waiting({ limits: { graceMs: 20_000 } });
    const agent = new Agent({ keepAlive: true });
    stack.push(() => agent.destroy());
    const session = http2Session(`http://127.0.0.1:${listener.port}`);
    const answers = [overHttp1(listener.port, { agent }), overHttp2(session)];
    await until('both run', () => asked() === 2);
    const began = performance.now();
    const ended = listener[Symbol.asyncDispose]();
    await expect(overHttp1(listener.port)).rejects.toThrow('ECONNREFUSED');
    go();
    for (const answer of answers) expect(await answer).toMatchObject({ status: 200, text: 'done' });
    await ended;
    expect(performance.now() - began, 'it waited for the answers and no longer').toBeLessThan(10_000);
  });

  it('does not wait for connections that are only kept', async () => {
    const { listener } = await waiting({ limits: { graceMs: 20_000 } });
    const agent = new Agent({ keepAlive: true });
    stack.push(() => agent.destroy());
    await overHttp1(listener.port, { agent, path: '/quick' });
    await overHttp2(http2Session(`http://127.0.0.1:${listener.port}`), '/quick');
    const silent = rawSocket(listener.port);
    await once(silent, 'connect');
    const began = performance.now();
    await listener[Symbol.asyncDispose]();
    await listener[Symbol.asyncDispose]();
    expect(performance.now() - began).toBeLessThan(10_000);
    await until('the silent one is gone', () => silent.closed);
  });

  it('over TLS is the same', async () => {
    const { listener, go, asked } = await waiting({ tls, limits: { graceMs: 20_000 } });
    const session = http2Session(`https://127.0.0.1:${listener.port}`, tls.current.ca);
    const answers = [overHttp1(listener.port, { ca: tls.current.ca }), overHttp2(session)];
    await until('both run', () => asked() === 2);
    const began = performance.now();
    const ended = listener[Symbol.asyncDispose]();
    go();
    for (const answer of answers) expect(await answer).toMatchObject({ status: 200, text: 'done' });
    await ended;
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('is not held up for longer than its grace', async () => {
    const { listener, asked } = await waiting({ limits: { graceMs: 200 } });
    const answer = overHttp1(listener.port).then(
      () => 'answered',
      () => 'cut off',
    );
    await until('it runs', () => asked() === 1);
    await listener[Symbol.asyncDispose]();
    expect(await answer).toBe('cut off');
  });

  it('is told when the port is taken', async () => {
    const { port } = await start();
    await expect(start({ port })).rejects.toThrow('EADDRINUSE');
  });
});
