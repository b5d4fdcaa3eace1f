// What Deno lends the edge. deno.ts and deno-serve.ts serve with it.
import { contentTypes } from './assets.ts';
import type { EdgeConfig } from './config.ts';
import { createLog, type Log } from './log.ts';
import type { Asset, EdgeSocket, Platform } from './platform.ts';
import { createRedisRates } from './redis-rates.ts';
import { createSiblings, type SiblingBus } from './siblings.ts';
import { fetchFromWeb } from './web-upstream.ts';

/** Deno pings by itself, and closes a WebSocket whose client doesn't answer for this long. */
const pingAnswerSeconds = 40;

export interface DenoPlatform {
  readonly platform: Platform;
  /** To be called before the request is handed to the edge. */
  setPeer(request: Request, hostname: string): void;
}

/** `bus`: to the threads that serve the same port. */
export function createDenoPlatform(
  config: EdgeConfig,
  secondLevel: Pick<Platform, 'records'>,
  bus?: SiblingBus,
): DenoPlatform {
  const log = createLog(config.logLevel, writeLine, { part: 'edge', ...(bus ? { worker: bus.id } : {}) });
  const peers = new WeakMap<Request, string>();

  const platform: Platform = {
    runtime: 'deno',
    config,
    log,
    clock: Date.now,
    fetchUpstream: fetchFromWeb,
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
      const { response, socket } = Deno.upgradeWebSocket(request, { idleTimeout: pingAnswerSeconds });
      return { response, socket: sendingWhenOpen(socket) };
    },
    peerAddress: (request) => peers.get(request) ?? '',
    ...secondLevel,
    asset: createAssets(new URL('./site/assets/', import.meta.url)),
    waitUntil: (work) => {
      work.catch((error: unknown) => log.error('background.failed', { error }));
    },
    ...(config.rateRedisUrl === undefined ? {} : { sharedRates: createRedisRates(config.rateRedisUrl, log) }),
    ...(bus ? { siblings: createSiblings(bus, log) } : {}),
  };

  return { platform, setPeer: (request, hostname) => peers.set(request, hostname) };
}

/** How long those who are being answered are waited for. */
const drainMs = 5_000;

/** Ends the process when `leave` has resolved, or when that takes too long. */
export function endOnSignal(log: Log, leave: () => Promise<void>): void {
  const end = (): void => {
    setTimeout(() => Deno.exit(0), drainMs);
    leave().then(
      () => Deno.exit(0),
      (error: unknown) => {
        log.error('stop.failed', { error });
        Deno.exit(1);
      },
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) Deno.addSignalListener(signal, end);
}

/** Not by the console: it would put the thread's name before each line. */
export function writeLine(line: string): void {
  let bytes = new TextEncoder().encode(`${line}\n`);
  while (bytes.byteLength > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
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
