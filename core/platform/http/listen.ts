// Core's listener: HTTP/1.1 and HTTP/2 on one port, in clear (by prior knowledge) or over TLS (by ALPN).
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createClearHttp2, createSecureServer, type Http2Server } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';

export interface Listener extends AsyncDisposable {
  readonly port: number;
}

export interface ListenOptions {
  readonly fetch: (request: Request) => Response | Promise<Response>;
  readonly hostname: string;
  readonly port: number;
  readonly tls?: { readonly key: string; readonly cert: string };
}

const http2Preface = Buffer.from('PRI * HTTP/2.0');
const limits = { maxHeaderSize: 16 * 1024, headersTimeout: 10_000, requestTimeout: 60_000, keepAliveTimeout: 65_000 };

export async function listen({ fetch, hostname, port, tls }: ListenOptions): Promise<Listener> {
  const onRequest = getRequestListener(fetch, { overrideGlobalObjects: false });
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };

  let server: {
    listen(port: number, hostname: string, done: () => void): unknown;
    close(done: () => void): unknown;
    address(): AddressInfo | string | null;
    once(event: 'error', listener: (error: Error) => void): unknown;
  };
  if (tls) {
    const secure = createSecureServer(
      { ...tls, allowHTTP1: true, minVersion: 'TLSv1.2', ...limits },
      onRequest as never,
    );
    secure.on('connection', keep);
    server = secure;
  } else {
    const http1 = createHttpServer(limits, onRequest);
    const http2 = createClearHttp2({}, onRequest as never);
    const tcp = createTcpServer((socket) => {
      keep(socket);
      sortByProtocol(socket, http1, http2);
    });
    server = tcp;
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, hostname, resolve);
  });

  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(resolve));
      const force = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, 2_000);
      for (const socket of sockets) if (idle(socket)) socket.destroy();
      await closed;
      clearTimeout(force);
    },
  };
}

/** A client that speaks HTTP/2 at once says so in its first bytes (RFC 9113, section 3.3). */
function sortByProtocol(socket: Socket, http1: HttpServer, http2: Http2Server): void {
  socket.setTimeout(limits.headersTimeout, () => socket.destroy());
  socket.once('error', () => socket.destroy());
  socket.once('data', (first: Buffer) => {
    socket.setTimeout(0);
    socket.removeAllListeners('timeout');
    socket.pause();
    socket.unshift(first);
    const length = Math.min(first.length, http2Preface.length);
    const speaksHttp2 = http2Preface.subarray(0, length).equals(first.subarray(0, length));
    (speaksHttp2 ? http2 : http1).emit('connection', socket);
    process.nextTick(() => socket.resume());
  });
}

const idle = (socket: Socket): boolean => socket.bytesRead === 0;
