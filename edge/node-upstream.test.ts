import { createServer, type RequestListener } from 'node:http';
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../tests/until.ts';
import { createNodeUpstream } from './node-upstream.ts';

const stack: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of stack.splice(0).reverse()) await each[Symbol.asyncDispose]();
});

const answer: RequestListener = (request, response) => {
  response.setHeader('set-cookie', ['a=1', 'b=2']);
  response.setHeader('x-version', request.httpVersion);
  if (request.url === '/slow') return;
  if (request.url === '/large') return void response.end(Buffer.alloc(3_000_000));
  if (request.url === '/none') return void response.writeHead(204).end();
  request.pipe(response);
};

async function serve(server: Server | Http2Server, port = 0) {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  const stop = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    if ('closeAllConnections' in server) (server as { closeAllConnections(): void }).closeAllConnections();
    for (const session of sessions) session.destroy();
    await closed;
  };
  return { port: (server.address() as AddressInfo).port, sessions, stop, [Symbol.asyncDispose]: stop };
}

const http2 = (port?: number) => serve(createHttp2Server({ maxSessionMemory: 100 }, answer as never), port);

function client(port: number, options = { http2: true }) {
  const upstream = createNodeUpstream({ timeoutMs: 5_000, ...options });
  stack.push(upstream);
  return (
    path: string,
    { method = 'GET', body, signal }: { method?: string; body?: Uint8Array<ArrayBuffer>; signal?: AbortSignal } = {},
  ) =>
    upstream.fetch({
      url: `http://127.0.0.1:${port}${path}`,
      method,
      headers: new Headers({ 'content-type': 'text/plain' }),
      body: body ?? null,
      ...(signal ? { signal } : {}),
    });
}

describe('an upstream on Node', () => {
  it('is spoken to in HTTP/2, with bodies of every size', async () => {
    const server = await http2();
    stack.push(server);
    const ask = client(server.port);
    const echoed = await ask('/', { method: 'POST', body: new TextEncoder().encode('x'.repeat(200_000)) });
    expect(echoed.headers.get('x-version')).toBe('2.0');
    expect(echoed.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(await echoed.text()).toHaveLength(200_000);
    expect((await (await ask('/large')).arrayBuffer()).byteLength).toBe(3_000_000);
    expect((await ask('/none')).status).toBe(204);
    expect(await (await ask('/', { method: 'HEAD' })).text()).toBe('');
  });

  it('answers hundreds at once over a few connections, whoever of them gives up', async () => {
    const server = await http2();
    stack.push(server);
    const ask = client(server.port);
    const results = await Promise.allSettled(
      Array.from({ length: 400 }, async (_none, index) => {
        const response = await ask(
          index % 4 === 0 ? '/slow' : '/',
          index % 4 === 0 ? { signal: AbortSignal.timeout(50) } : {},
        );
        return response.text();
      }),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(300);
    expect(server.sessions.size).toBeLessThanOrEqual(4);
    expect((await ask('/')).status).toBe(200);
  });

  it('that goes away fails those who wait for it, and serves again when it is back', async () => {
    const server = await http2();
    const ask = client(server.port);
    await ask('/');
    const waiting = ask('/slow');
    const failed = expect(waiting).rejects.toThrow();
    await new Promise((resolve) => setImmediate(resolve));
    await server.stop();
    await failed;
    await expect(ask('/')).rejects.toThrow();
    stack.push(await http2(server.port));
    await until('it answers again', async () => (await ask('/')).status === 200);
  });

  it('that speaks HTTP/1.1 only is spoken to in that', async () => {
    const server = await serve(createServer(answer));
    stack.push(server);
    const ask = client(server.port);
    for (let count = 0; count < 3; count += 1) expect((await ask('/')).headers.get('x-version')).toBe('1.1');
    const echoed = await ask('/', { method: 'PUT', body: new TextEncoder().encode('text') });
    expect(await echoed.text()).toBe('text');
  });

  it('that accepts connections and says nothing is given up on', async () => {
    const server = await serve(createTcpServer((socket) => socket.on('error', () => undefined)));
    stack.push({ [Symbol.asyncDispose]: async () => void server.stop() });
    const ask = client(server.port);
    await expect(ask('/', { signal: AbortSignal.timeout(200) })).rejects.toThrow();
  });
});
