// The edge on Node: HTTP/1.1, or with a certificate HTTP/2 too; in one process, or as a cluster on several cores.

import { readFileSync } from 'node:fs';
import {
  createServer,
  Server as HttpServer,
  type IncomingMessage,
  type OutgoingHttpHeader,
  type ServerResponse,
} from 'node:http';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { type AddressInfo, isIPv6, type Server, type Socket } from 'node:net';
import { availableParallelism } from 'node:os';
import { extname, join, normalize } from 'node:path';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import { WebSocket, WebSocketServer } from 'ws';
import { ProblemError } from '../contracts/problem.ts';
import { createEdge } from './app.ts';
import { contentTypes } from './assets.ts';
import { type EdgeConfig, edgeConfig } from './config.ts';
import { maxHeaderBytes } from './limits/header-size.ts';
import { createLog } from './log.ts';
import { type RunningEdge, startEdgeCluster } from './node-cluster.ts';
import { folderOf } from './node-folder.ts';
import { createNodeUpstream } from './node-upstream.ts';
import type { Asset, Platform } from './platform.ts';
import { createRedisRates } from './redis-rates.ts';
import { createSiblings, type SiblingBus } from './siblings.ts';

/** How long those who are being answered are waited for. */
const drainMs = 5_000;
const protocolPingMs = 20_000;

/** Any other offer, such as `Upgrade: h2c`, is left aside and the request answered as it is (RFC 9110, section 7.8). */
const asksForWebSocket = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === 'websocket';

/** `bus`: to those that serve the same port. */
export async function startEdge(config: EdgeConfig, bus?: SiblingBus): Promise<RunningEdge> {
  const upgrades = new WeakMap<Request, { incoming: IncomingMessage; socket: Duplex; head: Buffer }>();
  const peers = new WeakMap<Request, string>();
  const { platform, close } = createNodePlatform(
    config,
    await folderOf(config, bus ? workersOf(config) : 1),
    upgrades,
    peers,
    bus,
  );
  const edge = createEdge(platform);

  const onRequest = getRequestListener(
    (request, { incoming }) => {
      peers.set(request, incoming.socket.remoteAddress ?? '');
      return edge.fetch(request);
    },
    { overrideGlobalObjects: false },
  );
  const limits = {
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: 15_000,
    requestTimeout: 60_000,
    keepAliveTimeout: 65_000,
  };
  const tls =
    config.tlsCertFile && config.tlsKeyFile
      ? { cert: readFileSync(config.tlsCertFile), key: readFileSync(config.tlsKeyFile) }
      : undefined;
  const scheme = tls ? 'https' : 'http';
  /** A hit is written straight from the store: no Request, no Response, no copy. */
  const onIncoming = (
    incoming: IncomingMessage | Http2ServerRequest,
    outgoing: ServerResponse | Http2ServerResponse,
  ): void => {
    const header = (name: string): string | undefined => {
      const value = incoming.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    };
    const hit = edge.hit(incoming.method ?? '', `${scheme}://edge${incoming.url ?? '/'}`, header);
    if (!hit) return void onRequest(incoming, outgoing);
    // HTTP/2's compatible answer takes the same calls.
    const answer = outgoing as ServerResponse;
    answer.writeHead(hit.status, hit.headers as unknown as OutgoingHttpHeader[]);
    answer.end(hit.body);
  };
  const server: Server = tls
    ? createSecureServer({ ...tls, ...limits, allowHTTP1: true, minVersion: 'TLSv1.2' }, onIncoming)
    : createServer({ ...limits, shouldUpgradeCallback: asksForWebSocket }, onIncoming);
  server.on('clientError', refuseClient);

  const sockets = new Set<Socket>();
  server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    void answerUpgrade(edge.fetch, upgrades, peers, tls !== undefined, incoming, socket, head);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.hostname, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = isIPv6(config.hostname) ? `[${config.hostname}]` : config.hostname;

  return {
    port,
    url: `${tls ? 'https' : 'http'}://${host === '0.0.0.0' || host === '[::]' ? 'localhost' : host}:${port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const closeIdle = (): void => {
        if (server instanceof HttpServer) server.closeIdleConnections();
      };
      closeIdle();
      const idling = setInterval(closeIdle, 50);
      // Ends the streams, so that their clients go to another edge at once.
      await edge[Symbol.asyncDispose]();
      const force = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, drainMs);
      await closed;
      clearInterval(idling);
      clearTimeout(force);
      await close();
    },
  };
}

function createNodePlatform(
  config: EdgeConfig,
  folder: Pick<Platform, 'records'>,
  upgrades: WeakMap<Request, { incoming: IncomingMessage; socket: Duplex; head: Buffer }>,
  peers: WeakMap<Request, string>,
  bus: SiblingBus | undefined,
): { platform: Platform; close: () => PromiseLike<void> } {
  const log = createLog(config.logLevel, (line) => process.stdout.write(`${line}\n`), {
    part: 'edge',
    ...(bus ? { worker: bus.id } : {}),
  });
  const upstream = createNodeUpstream({ timeoutMs: config.upstreamTimeoutMs, http2: config.upstreamProtocol === 'h2' });
  const rates = config.rateRedisUrl === undefined ? undefined : createRedisRates(config.rateRedisUrl, log);
  const webSockets = new WebSocketServer({ noServer: true, maxPayload: 16 * 1024 });
  const platform: Platform = {
    runtime: 'node',
    config,
    log,
    clock: Date.now,
    fetchUpstream: upstream.fetch,
    connectWebSocket: (url, { headers, signal }) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(url, { headers, maxPayload: 1024 * 1024, handshakeTimeout: 10_000 });
        // The signal is about the opening only; an open socket is closed by who holds it.
        const giveUp = (): void => socket.terminate();
        signal?.addEventListener('abort', giveUp, { once: true });
        socket.once('open', () => {
          signal?.removeEventListener('abort', giveUp);
          resolve(socket);
        });
        socket.once('error', reject);
      }),
    upgradeWebSocket(request) {
      const upgrade = upgrades.get(request);
      if (!upgrade) throw new Error('this request is no WebSocket handshake');
      let accepted: WebSocket | undefined;
      webSockets.handleUpgrade(upgrade.incoming, upgrade.socket, upgrade.head, (socket) => {
        accepted = socket;
      });
      if (!accepted) throw new Error('the WebSocket handshake was refused');
      upgrades.delete(request);
      keepAlive(accepted);
      return { socket: accepted, response: new Response(null, { status: 204 }) };
    },
    peerAddress: (request) => peers.get(request) ?? '',
    ...folder,
    asset: createAssets(join(import.meta.dirname, 'site/assets')),
    waitUntil: (work) => {
      work.catch((error: unknown) => log.error('background.failed', { error }));
    },
    ...(rates ? { sharedRates: rates } : {}),
    ...(bus ? { siblings: createSiblings(bus, log) } : {}),
  };
  const close = (): PromiseLike<void> => {
    rates?.[Symbol.dispose]();
    return upstream[Symbol.asyncDispose]();
  };
  return { platform, close };
}

/** A client who leaves a ping unanswered until the next one is gone (RFC 6455, section 5.5.2). Browsers answer by themselves. */
function keepAlive(socket: WebSocket): void {
  let answered = true;
  socket.on('pong', () => {
    answered = true;
  });
  const pinging = setInterval(() => {
    if (!answered) return socket.terminate();
    answered = false;
    socket.ping();
  }, protocolPingMs);
  socket.once('close', () => clearInterval(pinging));
}

async function answerUpgrade(
  fetch: (request: Request) => Promise<Response>,
  upgrades: WeakMap<Request, { incoming: IncomingMessage; socket: Duplex; head: Buffer }>,
  peers: WeakMap<Request, string>,
  secure: boolean,
  incoming: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  socket.on('error', () => socket.destroy());
  try {
    const headers = new Headers();
    for (const [name, value] of Object.entries(incoming.headers)) {
      for (const each of Array.isArray(value) ? value : [value]) if (each !== undefined) headers.append(name, each);
    }
    const request = new Request(
      `${secure ? 'https' : 'http'}://${incoming.headers.host ?? 'localhost'}${incoming.url ?? '/'}`,
      { headers },
    );
    upgrades.set(request, { incoming, socket, head });
    peers.set(request, incoming.socket.remoteAddress ?? '');
    const response = await fetch(request);
    if (!upgrades.has(request)) return;
    const lines = [
      `HTTP/1.1 ${response.status} Refused`,
      ...[...response.headers].map(([name, value]) => `${name}: ${value}`),
      'connection: close',
    ];
    socket.end(`${lines.join('\r\n')}\r\n\r\n${await response.text()}`);
  } catch {
    socket.destroy();
  }
}

/** What Node's parser refuses gets an answer, too. */
function refuseClient(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable) return void socket.destroy();
  const code = error.code === 'HPE_HEADER_OVERFLOW' ? 'headers-too-large' : 'invalid-parameter';
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
  const body = JSON.stringify(new ProblemError(code, { detail: 'The request cannot be read' }).toProblem());
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

/** Read once each and kept: they are few, small, and change only with a new version. */
function createAssets(folder: string): (path: string) => Asset | null {
  const known = new Map<string, Asset>();
  return (path) => {
    const file = normalize(join(folder, path));
    if (!file.startsWith(`${folder}/`)) return null;
    const kept = known.get(file);
    if (kept) return kept;
    const contentType = contentTypes[extname(file)];
    if (contentType === undefined) return null;
    try {
      const asset = { bytes: new Uint8Array(readFileSync(file)), contentType };
      known.set(file, asset);
      return asset;
    } catch {
      return null;
    }
  };
}

const workersOf = ({ workers }: EdgeConfig): number => (workers === 'auto' ? availableParallelism() : workers);

async function startAsConfigured(config: EdgeConfig): Promise<RunningEdge> {
  const workers = workersOf(config);
  if (workers === 1) return startEdge(config);
  const edge = await startEdgeCluster(config, { workers, drainMs });
  // New certificates, a new version of the code: taken up one worker after another.
  process.on('SIGUSR2', () => void edge.renew().catch((error: unknown) => console.error(error)));
  return edge;
}

if (import.meta.main) {
  const edge = await startAsConfigured(edgeConfig(process.env));
  console.log(JSON.stringify({ event: 'ready', url: edge.url }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      edge[Symbol.asyncDispose]().then(
        () => process.exit(0),
        (error: unknown) => {
          console.error(error);
          process.exit(1);
        },
      );
    });
  }
}
