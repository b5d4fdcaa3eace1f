// Core's listener: HTTP/1.1 and HTTP/2 on one port, in clear (by prior knowledge) or over TLS (by ALPN).
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import {
  createServer as createClearHttp2,
  createSecureServer,
  type Http2Server,
  type ServerHttp2Session,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';

export interface Listener extends AsyncDisposable {
  readonly port: number;
}

/** What is shown, and what is shown instead from then on. */
export interface ListenTls {
  readonly current: KeyPair;
  onChange(listener: (pair: KeyPair) => void): void;
}
interface KeyPair {
  readonly key: string;
  readonly cert: string;
}

export interface ListenOptions {
  readonly fetch: (request: Request) => Response | Promise<Response>;
  readonly hostname: string;
  readonly port: number;
  readonly tls?: ListenTls;
  readonly limits?: Partial<typeof defaultLimits>;
}

const http2Preface = Buffer.from('PRI * HTTP/2.0');
const defaultLimits = {
  /** How long a client may take to say what it wants: the handshake, the preface, the headers. */
  headersTimeoutMs: 10_000,
  /** How long it may take to send all of a request. */
  requestTimeoutMs: 60_000,
  /** How long a connection may be silent. */
  keepAliveTimeoutMs: 65_000,
  /** How long running answers may go on after the end was asked for. */
  graceMs: 5_000,
};

export async function listen({ fetch, hostname, port, tls, ...options }: ListenOptions): Promise<Listener> {
  const limits = { ...defaultLimits, ...options.limits };
  const httpLimits = {
    maxHeaderSize: 16 * 1024,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.ceil(limits.headersTimeoutMs / 4),
  };
  const answer = getRequestListener(fetch, { overrideGlobalObjects: false });
  let closing = false;
  const onRequest: typeof answer = (incoming, outgoing) => {
    // Else a client would go on with the connection that is to end (RFC 9112, section 9.6).
    if (closing && incoming.httpVersionMajor === 1) outgoing.setHeader('connection', 'close');
    outgoing.once('finish', () => closing && setImmediate(() => server.closeIdleConnections()));
    return answer(incoming, outgoing);
  };

  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };
  const sessions = new Set<ServerHttp2Session>();
  const watch = (session: ServerHttp2Session): void => {
    sessions.add(session);
    const late = setTimeout(() => session.destroy(), limits.headersTimeoutMs);
    // Its settings end a client's preface (RFC 9113, section 3.4).
    session.once('remoteSettings', () => clearTimeout(late));
    session.once('close', () => {
      clearTimeout(late);
      sessions.delete(session);
    });
    session.setTimeout(limits.keepAliveTimeoutMs, () => {
      session.close();
      setTimeout(() => session.destroy(), limits.graceMs).unref();
    });
    session.on('stream', (stream) => {
      stream.setTimeout(limits.requestTimeoutMs, () => stream.close());
    });
  };

  let server: Pick<HttpServer, 'listen' | 'close' | 'address' | 'once' | 'off' | 'closeIdleConnections'>;
  if (tls) {
    const secure = createSecureServer(
      {
        ...pairOf(tls.current),
        allowHTTP1: true,
        minVersion: 'TLSv1.2',
        handshakeTimeout: limits.headersTimeoutMs,
        ...httpLimits,
      },
      onRequest as never,
    );
    tls.onChange((next) => secure.setSecureContext(pairOf(next)));
    secure.on('connection', keep);
    secure.on('session', watch);
    server = secure as unknown as typeof server;
  } else {
    const http1 = createHttpServer(httpLimits, onRequest);
    const http2 = createClearHttp2({}, onRequest as never);
    http2.on('session', watch);
    // HTTP/1.1's own server listens, since only one that listens looks for clients that are late.
    const serveHttp1 = http1.listeners('connection') as ((socket: Socket) => void)[];
    http1.removeAllListeners('connection');
    http1.on('connection', (socket) => {
      keep(socket);
      sortByProtocol(socket, limits.headersTimeoutMs, http2, () => {
        for (const serve of serveHttp1) serve.call(http1, socket);
      });
    });
    server = http1;
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, hostname, () => {
      server.off('error', reject);
      resolve();
    });
  });

  const close = async (): Promise<void> => {
    closing = true;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    const force = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, limits.graceMs);
    for (const session of sessions) session.close();
    for (const socket of sockets) if (hasSaidNothing(socket)) socket.destroy();
    await closed;
    clearTimeout(force);
  };
  let closed: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => (closed ??= close()),
  };
}

/** A client that speaks HTTP/2 at once says so in its first bytes (RFC 9113, section 3.3). */
function sortByProtocol(socket: Socket, timeoutMs: number, http2: Http2Server, serveHttp1: () => void): void {
  // Nobody here answers a client that has hung up.
  socket.allowHalfOpen = false;
  const late = (): unknown => socket.destroy();
  const broken = (): unknown => socket.destroy();
  socket.setTimeout(timeoutMs, late);
  socket.once('error', broken);
  socket.once('data', (first: Buffer) => {
    socket.setTimeout(0, late);
    socket.off('error', broken);
    socket.pause();
    socket.unshift(first);
    const length = Math.min(first.length, http2Preface.length);
    const speaksHttp2 = http2Preface.subarray(0, length).equals(first.subarray(0, length));
    if (speaksHttp2) http2.emit('connection', socket);
    else serveHttp1();
    process.nextTick(() => socket.resume());
  });
}

const hasSaidNothing = (socket: Socket): boolean => socket.bytesRead === 0;

/** No authority: who may speak to core by HTTP is said by tokens, not by certificates. */
const pairOf = ({ key, cert }: KeyPair): KeyPair => ({ key, cert });
