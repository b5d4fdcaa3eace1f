import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import { Link } from './link.ts';

/** Says back what it hears, with its name before. */
async function startEcho(name: string): Promise<{ server: Server; port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => socket.write(`${name}:${chunk}`));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port, sockets };
}

/** A client that remembers what it heard and how its connection ended. */
function dial(port: number) {
  const socket = connect(port, '127.0.0.1');
  const heard = { text: '', ended: undefined as string | undefined };
  socket.on('data', (chunk) => {
    heard.text += chunk;
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    heard.ended = error.code;
  });
  socket.on('close', () => {
    heard.ended ??= 'closed';
  });
  return { socket, heard, hears: (text: string) => until(`hears ${text}`, () => heard.text === text) };
}

describe('a link', () => {
  let opened = new AsyncDisposableStack();
  afterEach(async () => {
    await opened.disposeAsync();
    opened = new AsyncDisposableStack();
  });

  async function world(...names: string[]) {
    const echoes = await Promise.all(names.map(startEcho));
    for (const { server, sockets } of echoes) {
      opened.defer(() => {
        server.close();
        for (const socket of sockets) socket.destroy();
      });
    }
    const link = opened.use(await Link.open({ name: 'test', targets: echoes.map(({ port }) => port) }));
    return { link, echoes };
  }

  it('passes what both sides say, and the end of it', async () => {
    const { link, echoes } = await world('a');
    const client = dial(link.port);
    client.socket.write('hello');
    await client.hears('a:hello');
    expect(link.size).toBe(1);
    client.socket.end();
    await until('the far side has ended too', () => echoes[0]?.sockets[0]?.destroyed);
    await until('nothing is open', () => link.size === 0);
    expect(client.heard.ended).toBe('closed');
  });

  it('shares connections among its targets and passes over one that is gone', async () => {
    const { link, echoes } = await world('a', 'b');
    const [first, second] = [dial(link.port), dial(link.port)];
    first.socket.write('1');
    second.socket.write('2');
    await until('both are answered', () => first.heard.text !== '' && second.heard.text !== '');
    expect([first.heard.text[0], second.heard.text[0]].toSorted()).toEqual(['a', 'b']);
    echoes[0]?.server.close();
    for (const again of [dial(link.port), dial(link.port)]) {
      again.socket.write('3');
      await again.hears('b:3');
    }
  });

  it('is cut: connections are reset, new ones get through', async () => {
    const { link } = await world('a');
    const client = dial(link.port);
    client.socket.write('x');
    await client.hears('a:x');
    link.cut();
    await until('it is reset', () => client.heard.ended === 'ECONNRESET');
    const next = dial(link.port);
    next.socket.write('y');
    await next.hears('a:y');
  });

  it('refuses: also new connections are reset, until it is mended', async () => {
    const { link } = await world('a');
    link.refuse();
    const refused = dial(link.port);
    await until('it is reset', () => refused.heard.ended === 'ECONNRESET');
    link.mend();
    const next = dial(link.port);
    next.socket.write('y');
    await next.hears('a:y');
  });

  it('stalls: nothing passes, and all of it comes in order when it is mended', async () => {
    const { link, echoes } = await world('a');
    const client = dial(link.port);
    client.socket.write('1');
    await client.hears('a:1');
    link.stall();
    client.socket.write('2');
    const late = dial(link.port);
    await once(late.socket, 'connect');
    late.socket.write('3');
    await until('the late one is connected through', () => echoes[0]?.sockets.length === 2);
    expect(client.heard.text).toBe('a:1');
    link.mend();
    await client.hears('a:1a:2');
    await late.hears('a:3');
  });

  it('is slow by its latency and its bandwidth, and loses nothing', async () => {
    const { link } = await world('a');
    link.slow(30, 100_000);
    const client = dial(link.port);
    const start = performance.now();
    client.socket.write('x'.repeat(20_000));
    await until('all has come back', () => client.heard.text.replaceAll('a:', '').length === 20_000);
    // 20 kB at 100 kB/s: timers may be late, never early.
    expect(performance.now() - start).toBeGreaterThan(200);
  });

  it('leaves one end dead: it is told nothing, and only who connects anew gets through', async () => {
    const { link, echoes } = await world('a');
    const client = dial(link.port);
    client.socket.write('1');
    await client.hears('a:1');
    link.halfOpen();
    await until('the far end is closed', () => echoes[0]?.sockets[0]?.destroyed);
    client.socket.write('2');
    link.mend();
    const next = dial(link.port);
    next.socket.write('3');
    await next.hears('a:3');
    expect(client.heard).toEqual({ text: 'a:1', ended: undefined });
    client.socket.destroy();
    await until('it is forgotten', () => link.size === 1);
  });

  it('closes with all its connections', async () => {
    const { link } = await world('a');
    const client = dial(link.port);
    client.socket.write('1');
    await client.hears('a:1');
    await opened.disposeAsync();
    await until('it has ended', () => client.heard.ended !== undefined);
    await expect(once(dial(link.port).socket, 'connect')).rejects.toThrow();
  });
});
