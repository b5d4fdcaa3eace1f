// HTTP/2 to an upstream on Node: by prior knowledge to http:// addresses, by ALPN to https:// ones.
//
// undici's own HTTP/2 client was tried and ended the process when a server refused a stream
// (ENHANCE_YOUR_CALM as an error that nobody could catch), so this is node:http2 itself.
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { UpstreamRequest } from './platform.ts';

/** The origin answered, but not in HTTP/2: it has to be asked in HTTP/1.1. */
export class SpeaksNoHttp2 extends Error {}

export interface Http2Origin extends AsyncDisposable {
  fetch(request: UpstreamRequest): Promise<Response>;
}

interface Connection {
  readonly session: ClientHttp2Session;
  /** Known once it is connected. */
  socket: Socket | undefined;
  /** Rejects with what kept it from opening. */
  readonly open: Promise<void>;
  streams: number;
}

/** Several connections, since one lost packet halts all streams of a connection. */
const maxConnections = 4;
const streamsBeforeNext = 40;
const connectMs = 3_000;
const pongMs = 5_000;
const drainMs = 1_000;
/** A body of known size up to this is quicker in one piece than as a stream. */
const wholeBytes = 1024 * 1024;

export function createHttp2Origin(origin: string): Http2Origin {
  const connections = new Set<Connection>();

  /** The least busy connection, or a new one while all are busy and more are allowed. */
  function connection(): Connection {
    let best: Connection | undefined;
    for (const each of connections) if (!best || each.streams < best.streams) best = each;
    if (best && (best.streams < streamsBeforeNext || connections.size >= maxConnections)) return best;
    return openConnection();
  }

  function openConnection(): Connection {
    const session = connect(origin, { peerMaxConcurrentStreams: 100 });
    const opened = Promise.withResolvers<void>();
    const made: Connection = { session, socket: undefined, open: opened.promise, streams: 0 };
    connections.add(made);
    let failure: Error | undefined;
    const timer = setTimeout(() => session.destroy(new Error(`no connection within ${connectMs} ms`)), connectMs);
    session.once('connect', (_session, socket) => {
      made.socket = socket;
    });
    // Only settings prove that the other side speaks HTTP/2 (RFC 9113, section 3.4).
    session.once('remoteSettings', () => {
      clearTimeout(timer);
      opened.resolve();
    });
    session.on('error', (error: Error) => {
      failure = error;
    });
    // No more streams on it; those that it has may end.
    session.on('goaway', () => {
      connections.delete(made);
      session.close();
    });
    session.on('close', () => {
      clearTimeout(timer);
      connections.delete(made);
      const cause = failure ?? new Error('the connection was closed');
      opened.reject(made.socket ? new SpeaksNoHttp2(`${origin} does not answer in HTTP/2`, { cause }) : cause);
    });
    opened.promise.catch(() => undefined);
    return made;
  }

  return {
    async fetch({ url, method, headers, body, signal }) {
      signal?.throwIfAborted();
      const chosen = connection();
      chosen.streams += 1;
      let stream: ClientHttp2Stream | undefined;
      try {
        await (signal ? orAborted(chosen.open, signal) : chosen.open);
        const { pathname, search } = new URL(url);
        const opened = chosen.session.request(
          { ...Object.fromEntries(headers), ':method': method, ':path': pathname + search },
          { endStream: body == null },
        );
        stream = opened;
        // Errors of a stream are told to whoever waits for it; a late one must not end the process.
        stream.on('error', () => undefined);
        stream.once('close', () => {
          chosen.streams -= 1;
        });
        const giveUp = (): void => {
          opened.close(constants.NGHTTP2_CANCEL);
          opened.destroy(new Error('given up'));
          if (signal?.reason instanceof DOMException && signal.reason.name === 'TimeoutError')
            checkAlive(chosen).catch(() => undefined);
        };
        signal?.addEventListener('abort', giveUp, { once: true });
        stream.once('close', () => signal?.removeEventListener('abort', giveUp));
        if (body != null) send(stream, body);
        return await answerOf(stream, method);
      } catch (error) {
        if (!stream) chosen.streams -= 1;
        if (chosen.session.destroyed) connections.delete(chosen);
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...connections].map(close));
    },
  };
}

/** Waits a moment for the streams that it has and for the other side to close, too; then it is cut. */
async function close({ session, socket }: Connection): Promise<void> {
  const closed = new Promise<void>((resolve) => session.once('close', resolve));
  session.close();
  await Promise.race([closed, pause(drainMs)]);
  session.destroy();
  socket?.destroy();
}

async function orAborted(opening: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([opening, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function send(stream: ClientHttp2Stream, body: NonNullable<UpstreamRequest['body']>): void {
  if (body instanceof Uint8Array) stream.end(body);
  else
    Readable.fromWeb(body as never)
      .on('error', (error) => stream.destroy(error))
      .pipe(stream);
}

async function answerOf(stream: ClientHttp2Stream, method: string): Promise<Response> {
  const fields = await new Promise<IncomingHttpHeaders>((resolve, reject) => {
    stream.once('response', resolve);
    stream.once('error', reject);
    stream.once('close', () => reject(new Error('the stream was closed without an answer')));
  });
  const status = Number(fields[':status']);
  const headers = new Headers();
  for (const [name, value] of Object.entries(fields)) {
    if (name.startsWith(':')) continue;
    for (const each of Array.isArray(value) ? value : [value]) if (each !== undefined) headers.append(name, each);
  }
  if (method === 'HEAD' || status === 204 || status === 205 || status === 304) {
    stream.resume();
    return new Response(null, { status, headers });
  }
  const length = Number(headers.get('content-length') ?? Number.NaN);
  if (!(length <= wholeBytes)) return new Response(Readable.toWeb(stream) as ReadableStream, { status, headers });
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await finished(stream, { writable: false });
  const whole = Buffer.concat(chunks);
  if (whole.byteLength !== length) throw new Error(`the body ended after ${whole.byteLength} of ${length} bytes`);
  return new Response(new Uint8Array(whole), { status, headers });
}

/** A request that got no answer in time may mean a dead connection: then later ones should not wait for it. */
async function checkAlive({ session }: Connection): Promise<void> {
  if (session.destroyed || session.closed) return;
  const pong = new Promise<boolean>((resolve) => {
    if (!session.ping((error) => resolve(!error))) resolve(false);
  });
  if (!(await Promise.race([pong, pause(pongMs, false)]))) session.destroy(new Error('no answer to a ping'));
}
