// `GET /v1/stream`: a client's stream as SSE (HTML, section 9.2), straight from this node.
//
// The answer is written to the socket itself: a message is one string and one write, several that come in one turn of
// the event loop are one, and nothing is kept for a connection but what it is.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { sseEvent, sseHeaders, sseOpening, ssePing } from '../contracts/client-stream.ts';
import { ProblemError } from '../contracts/problem.ts';
import { bearerOf } from './access.ts';
import type { ClientStream, Clients } from './clients.ts';

export interface SseOptions {
  readonly clients: Clients;
  readonly random: () => number;
  readonly clock: () => number;
  /** Whether this node is going: clients then come back over a longer time, to other nodes. */
  readonly isDraining: () => boolean;
  readonly times?: Partial<SseTimes>;
}

export interface SseTimes {
  /** Something is written at least this often, so that proxies keep the connection and a dead one shows. */
  readonly pingMs: number;
  /** Clients come back after this plus up to as much again, so that they don't all come at once. */
  readonly retryMs: number;
  readonly drainRetryMs: number;
  /** A client who takes nothing of what is written for this long is gone. */
  readonly stuckMs: number;
}

const defaultTimes: SseTimes = { pingMs: 15_000, retryMs: 1_000, drainRetryMs: 5_000, stuckMs: 30_000 };
/** How much of what waits goes into one write. */
const maxBatchChars = 64 * 1024;

export interface Sse extends Disposable {
  /** Throws what `Clients.open` throws, and `invalid-parameter`, as long as nothing was answered. */
  serve(request: IncomingMessage, response: ServerResponse, headers: Readonly<Record<string, string>>): Promise<void>;
}

interface Connection {
  readonly socket: Socket;
  readonly stream: ClientStream;
  /** When it was written to. */
  written: number;
  /** The socket has enough to do. */
  full: boolean;
  waiting: boolean;
}

export function createSse({ clients, random, clock, isDraining, times: given }: SseOptions): Sse {
  const times = { ...defaultTimes, ...given };
  const spread = (ms: number): number => ms * (1 + random());
  const connections = new Set<Connection>();

  // All that comes in one turn is written after it.
  let waiting: Connection[] = [];
  const flush = (): void => {
    const these = waiting;
    waiting = [];
    const now = clock();
    for (const connection of these) {
      connection.waiting = false;
      write(connection, now);
    }
  };
  const wake = (connection: Connection): void => {
    if (connection.waiting || connection.full) return;
    connection.waiting = true;
    if (waiting.push(connection) === 1) queueMicrotask(flush);
  };

  const write = (connection: Connection, now: number): void => {
    const { socket, stream } = connection;
    const { watch } = stream;
    while (!connection.full && socket.writable) {
      let text = '';
      for (let event = watch.take(); event; event = text.length < maxBatchChars ? watch.take() : undefined) {
        text += sseEvent(event);
        stream.delivered(event, now);
      }
      if (text === '') break;
      connection.written = now;
      connection.full = !socket.write(text);
    }
    if (watch.ended === undefined || connection.full || socket.writableEnded) return;
    if (isDraining()) socket.write(`retry: ${Math.round(spread(times.drainRetryMs))}\n\n`);
    socket.end();
  };

  // One timer for all: who was not written to for a while gets a ping, and who takes nothing is cut off.
  const visiting = setInterval(
    () => {
      const now = clock();
      for (const connection of connections) {
        const quiet = now - connection.written;
        if (connection.full) {
          if (quiet >= times.stuckMs) connection.socket.destroy();
        } else if (quiet >= times.pingMs && !connection.socket.writableEnded) {
          connection.written = now;
          connection.full = !connection.socket.write(ssePing);
        }
      }
    },
    Math.min(1_000, times.pingMs),
  );

  return {
    async serve(request, response, headers) {
      // The answer to an earlier request on this connection is not over, and then the socket isn't ours.
      if (!response.socket)
        throw new ProblemError('invalid-parameter', { detail: 'A stream must be the first request that is open' });
      const { socket } = response;
      const url = new URL(request.url ?? '', 'http://realtime.internal');
      const lastEventId = request.headers['last-event-id'];
      let connection: Connection | undefined;
      const stream = await clients.open({
        kind: 'sse',
        token: bearerOf(request.headers.authorization),
        query: url.searchParams,
        lastEventId: typeof lastEventId === 'string' ? lastEventId : null,
        address: socket.remoteAddress ?? '',
        onWaiting: () => {
          if (!connection) return;
          // The reader may never take another byte, so the connection has to go for the stream to end.
          if (stream.watch.ended === 'too_slow') socket.destroy();
          else wake(connection);
        },
      });
      if (socket.destroyed) {
        stream.leave();
        return;
      }
      const opened: Connection = { socket, stream, written: clock(), full: false, waiting: false };
      connection = opened;
      connections.add(opened);
      socket.setNoDelay(true);
      socket.setTimeout(0);
      socket.on('drain', () => {
        opened.full = false;
        write(opened, clock());
      });
      socket.once('close', () => {
        connections.delete(opened);
        stream.leave();
      });
      opened.full = !socket.write(headOf(headers) + sseOpening(stream.firstId, spread(times.retryMs)));
      write(opened, clock());
    },
    [Symbol.dispose]: () => clearInterval(visiting),
  };
}

/** The body ends with the connection (RFC 9112, section 6.3). */
function headOf(headers: Readonly<Record<string, string>>): string {
  const all = { ...sseHeaders, ...headers, date: new Date().toUTCString(), connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\n\r\n`;
}
