// The edge on Deno: deno task edge
import { createEdge } from './app.ts';
import { contentTypes } from './assets.ts';
import { edgeConfig } from './config.ts';
import { createLog } from './log.ts';
import type { Asset, EdgeSocket, Platform } from './platform.ts';
import { createRedisRates } from './redis-rates.ts';

/** The part of Deno's namespace that is used here; the project's types are not Deno's. */
declare const Deno: {
  env: { toObject(): Record<string, string> };
  readFileSync(path: URL): Uint8Array<ArrayBuffer>;
  readTextFileSync(path: string): string;
  serve(
    options: { hostname: string; port: number; cert?: string; key?: string; onListen(address: { port: number }): void },
    handler: (request: Request, info: { remoteAddr: { hostname: string } }) => Promise<Response>,
  ): { shutdown(): Promise<void>; finished: Promise<void> };
  upgradeWebSocket(request: Request): { response: Response; socket: WebSocket };
  addSignalListener(signal: 'SIGINT' | 'SIGTERM', listener: () => void): void;
  exit(code: number): never;
};

const config = edgeConfig(Deno.env.toObject());
const log = createLog(config.logLevel, console.log, { part: 'edge' });
const peers = new WeakMap<Request, string>();
const drainMs = 5_000;

const platform: Platform = {
  runtime: 'deno',
  config,
  log,
  clock: Date.now,
  fetchUpstream({ url, method, headers, body, signal }) {
    const sent = new Headers(headers);
    // Deno decodes bodies but leaves their fields as they were; so they come undecoded.
    sent.set('accept-encoding', 'identity');
    return fetch(url, { method, headers: sent, redirect: 'manual', body: body ?? null, ...(signal ? { signal } : {}) });
  },
  connectWebSocket: (url, { headers, signal }) =>
    new Promise((resolve, reject) => {
      const OpenSocket = WebSocket as unknown as new (
        address: string,
        options: { headers: Readonly<Record<string, string>> },
      ) => WebSocket;
      const socket = new OpenSocket(url, { headers });
      const giveUp = (): void => socket.close();
      signal?.addEventListener('abort', giveUp, { once: true });
      socket.addEventListener('open', () => {
        signal?.removeEventListener('abort', giveUp);
        resolve(socket);
      });
      socket.addEventListener('error', (event) => reject(new Error((event as ErrorEvent).message || 'no WebSocket')));
      socket.addEventListener('close', () => reject(new Error('the WebSocket was closed before it was open')));
    }),
  upgradeWebSocket(request) {
    const { response, socket } = Deno.upgradeWebSocket(request);
    return { response, socket: sendingWhenOpen(socket) };
  },
  peerAddress: (request) => peers.get(request) ?? '',
  asset: createAssets(new URL('./site/assets/', import.meta.url)),
  waitUntil: (work) => {
    work.catch((error: unknown) => log.error('background.failed', { error }));
  },
  ...(config.rateRedisUrl === undefined ? {} : { sharedRates: createRedisRates(config.rateRedisUrl, log) }),
};

const edge = createEdge(platform);
const tls =
  config.tlsCertFile && config.tlsKeyFile
    ? { cert: Deno.readTextFileSync(config.tlsCertFile), key: Deno.readTextFileSync(config.tlsKeyFile) }
    : {};
const server = Deno.serve(
  {
    hostname: config.hostname,
    port: config.port,
    ...tls,
    onListen: ({ port }) =>
      console.log(
        JSON.stringify({ event: 'ready', url: `${'cert' in tls ? 'https' : 'http'}://${config.hostname}:${port}` }),
      ),
  },
  (request, { remoteAddr }) => {
    peers.set(request, remoteAddr.hostname);
    return edge.fetch(request);
  },
);

async function stop(): Promise<void> {
  setTimeout(() => Deno.exit(0), drainMs);
  const drained = server.shutdown();
  // Ends the streams, so that their clients go to another edge at once.
  await edge[Symbol.asyncDispose]();
  await drained;
  Deno.exit(0);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  Deno.addSignalListener(signal, () => {
    stop().catch((error: unknown) => {
      log.error('stop.failed', { error });
      Deno.exit(1);
    });
  });
}

/** Deno's socket opens only after the answer was given, and refuses to send before that. */
function sendingWhenOpen(socket: WebSocket): EdgeSocket {
  const waiting: string[] = [];
  socket.addEventListener('open', () => {
    for (const data of waiting.splice(0)) socket.send(data);
  });
  return {
    send: (data) => (socket.readyState === WebSocket.CONNECTING ? void waiting.push(data) : socket.send(data)),
    close: (code, reason) => socket.close(code, reason),
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
    addEventListener: (type: 'message' | 'close' | 'error', listener: (event: never) => void) =>
      socket.addEventListener(type, listener as EventListener),
  };
}

function createAssets(folder: URL): (path: string) => Asset | null {
  const known = new Map<string, Asset>();
  return (path) => {
    const file = new URL(path, folder);
    if (!file.href.startsWith(folder.href)) return null;
    const kept = known.get(file.href);
    if (kept) return kept;
    const contentType = contentTypes[/\.\w+$/.exec(file.pathname)?.[0] ?? ''];
    if (contentType === undefined) return null;
    try {
      const asset = { bytes: Deno.readFileSync(file), contentType };
      known.set(file.href, asset);
      return asset;
    } catch {
      return null;
    }
  };
}
