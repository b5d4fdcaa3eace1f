// Upgrades to WebSocket: who may, and to what.
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { ProblemError } from '../contracts/problem.ts';
import { muxSubprotocol } from '../contracts/stream.ts';
import { type Access, bearerOf } from './access.ts';
import type { Clients } from './clients.ts';
import type { Log } from './log.ts';
import type { RealtimeMetrics } from './metrics.ts';
import { type MuxOptions, maxMuxRequestBytes, serveMux } from './mux.ts';
import { clientSubprotocol, maxClientMessageBytes, type SocketTimes, serveClientSocket } from './websocket.ts';

export interface UpgradesOptions {
  readonly server: Server;
  readonly access: Access;
  readonly clients: Clients;
  readonly mux: MuxOptions;
  readonly isReady: () => boolean;
  /** Origins whose pages may connect; `*` for any. */
  readonly origins: readonly string[];
  readonly metrics: RealtimeMetrics;
  readonly log: Log;
  readonly times?: SocketTimes;
}

export interface Upgrades extends Disposable {
  /** Tells each edge to move to another node. */
  drain(): void;
}

/** Any other offer, such as `Upgrade: h2c`, is left aside and the request answered as it is (RFC 9110, section 7.8). */
export const asksForWebSocket = ({ headers }: IncomingMessage): boolean =>
  headers.upgrade?.toLowerCase() === 'websocket';

export function acceptUpgrades(options: UpgradesOptions): Upgrades {
  const { server, access, clients, isReady, metrics, log } = options;
  const select = (known: string) => ({
    handleProtocols: (offered: Set<string>): string | false => (offered.has(known) ? known : false),
    noServer: true,
    perMessageDeflate: false,
  });
  const clientSockets = new WebSocketServer({ ...select(clientSubprotocol), maxPayload: maxClientMessageBytes });
  const muxSockets = new WebSocketServer({ ...select(muxSubprotocol), maxPayload: maxMuxRequestBytes });

  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://realtime.internal');
    const offered = subprotocolToken(request);
    const token = bearerOf(request.headers.authorization);
    switch (url.pathname) {
      case '/v1/mux': {
        const presented = token ?? (offered === null ? null : Buffer.from(offered, 'base64url').toString());
        if (!access.edge(presented))
          throw new ProblemError('unauthenticated', { headers: { 'www-authenticate': 'Bearer' } });
        if (!isReady()) throw new ProblemError('unavailable', { headers: { 'retry-after': '1' } });
        muxSockets.handleUpgrade(request, socket, head, (ws) => serveMux(ws.on('error', ignoreBroken), options.mux));
        return;
      }
      case '/v1/ws': {
        checkOrigin(request, options.origins);
        const lastEventId = request.headers['last-event-id'];
        const stream = await clients.open({
          kind: 'websocket',
          token: token ?? offered,
          query: url.searchParams,
          lastEventId: typeof lastEventId === 'string' ? lastEventId : null,
          address: request.socket.remoteAddress ?? '',
        });
        // A handshake that fails after all closes the connection, and nobody else would end the watch.
        socket.once('close', stream.leave);
        clientSockets.handleUpgrade(request, socket, head, (ws) => {
          serveClientSocket(ws.on('error', ignoreBroken), stream, options.mux.clock, options.times).catch(
            (error: unknown) => {
              log.error('websocket.failed', { error });
              ws.terminate();
            },
          );
        });
        return;
      }
      default:
        throw new ProblemError('not-found');
    }
  };

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', ignoreBroken);
    upgrade(request, socket, head).catch((error: unknown) => {
      const problem = error instanceof ProblemError ? error : new ProblemError('internal', { cause: error });
      if (problem.code === 'internal') log.error('upgrade.failed', { error });
      metrics.refused.inc({ problem: problem.code });
      void refuse(socket, problem.toResponse());
    });
  };
  server.on('upgrade', onUpgrade);

  return {
    drain() {
      for (const ws of muxSockets.clients) ws.send(JSON.stringify({ op: 'drain' }));
    },
    [Symbol.dispose]() {
      server.off('upgrade', onUpgrade);
      for (const ws of [...muxSockets.clients, ...clientSockets.clients] as WebSocket[]) ws.terminate();
    },
  };
}

/** The close event follows, and cleans up. */
const ignoreBroken = (): void => {};

/** Browsers can't set headers on a WebSocket, so a token may come as a subprotocol. */
const subprotocolToken = (request: IncomingMessage): string | null =>
  /(?:^|,)\s*bearer\.([\w.-]+)\s*(?:,|$)/.exec(request.headers['sec-websocket-protocol'] ?? '')?.[1] ?? null;

function checkOrigin({ headers }: IncomingMessage, allowed: readonly string[]): void {
  const { origin, host } = headers;
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return;
  if (URL.canParse(origin) && new URL(origin).host === host) return;
  throw new ProblemError('forbidden', { detail: 'Pages of this origin may not connect' });
}

async function refuse(socket: Duplex, response: Response): Promise<void> {
  const body = await response.text();
  const headers = [...response.headers, ['content-length', String(Buffer.byteLength(body))], ['connection', 'close']];
  const lines = [
    `HTTP/1.1 ${response.status} Refused`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    '',
    body,
  ];
  socket.end(lines.join('\r\n'));
}
