// A world for tests: a bus in memory, an issuer of tokens, and clients who read streams.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { WebSocket } from 'ws';
import { until } from '../tests/until.ts';
import { type RealtimeConfig, realtimeConfig } from './config.ts';
import { silentLog } from './log.ts';
import { type Realtime, type RealtimeParts, startRealtime } from './main.ts';
import type { EventSource, SourceMessage, SourceSubscription, SourceSubscriptionOptions } from './source.ts';

export const serviceToken = 'a-token-between-edge-and-realtime';
export const userId = '0192f0c4-0000-7000-8000-00000000000a';
export const otherUserId = '0192f0c4-0000-7000-8000-00000000000b';
export const orderId = '0192f0c4-1111-7000-8000-00000000000a';
export const otherOrderId = '0192f0c4-1111-7000-8000-00000000000b';

/** A retained log with partitions and groups, as core's bus is. */
export class MemorySource implements EventSource {
  epochName = 'first-life';
  readonly #partitions: SourceMessage[][] = [[], [], []];
  /** Each partition is one member's. */
  readonly #groups = new Map<string, { readonly next: number[]; readonly members: AbortController[] }>();
  readonly #waiting = new Set<() => void>();
  /** No two messages have the same time, so that their order across channels is known. */
  #time = 0;

  publish(key: string, event: string, data: object, headers: Record<string, string> = {}): void {
    this.publishRaw(key, JSON.stringify({ event, data }), headers);
  }

  publishRaw(key: string, value: string, headers: Record<string, string> = {}): void {
    const partition = [...key].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % this.#partitions.length;
    const log = this.#partitions[partition] ?? [];
    this.#time = Math.max(Date.now(), this.#time + 1);
    log.push({ key, value, headers, partition, offset: log.length, timestamp: new Date(this.#time) });
    for (const wake of this.#waiting) wake();
  }

  subscribe({ group, handle, atOnce = 1 }: SourceSubscriptionOptions): SourceSubscription {
    const stopping = new AbortController();
    const { next, members } = this.#groups.get(group) ?? { next: this.#partitions.map(() => 0), members: [] };
    this.#groups.set(group, { next, members });
    members.push(stopping);
    const waiting = this.#waiting;
    const consume = async (partition: number): Promise<void> => {
      while (!stopping.signal.aborted) {
        const place = next[partition] ?? 0;
        const [message, ...more] = this.#partitions[partition]?.slice(place, place + atOnce) ?? [];
        const isMine = members[partition % members.length] === stopping;
        if (!message || !isMine) {
          await new Promise<void>((resolve) => {
            waiting.add(resolve);
            stopping.signal.addEventListener('abort', () => resolve(), { once: true });
          });
          continue;
        }
        const handled = await handle([message, ...more], stopping.signal).then(
          () => true,
          () => false,
        );
        if (handled) next[partition] = Math.max(next[partition] ?? 0, place + 1 + more.length);
        else await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const consuming = Promise.all(this.#partitions.map((_log, partition) => consume(partition)));
    return {
      ready: Promise.resolve(),
      async [Symbol.asyncDispose]() {
        stopping.abort();
        members.splice(members.indexOf(stopping), 1);
        for (const wake of waiting) wake();
        await consuming;
      },
    };
  }

  async lag(group: string): Promise<{ lag: number }[]> {
    return this.#partitions.map((log, partition) => ({
      lag: log.length - (this.#groups.get(group)?.next[partition] ?? 0),
    }));
  }

  async epoch(): Promise<string> {
    return this.epochName;
  }
}

export interface Issuer extends AsyncDisposable {
  readonly jwksUrl: string;
  token(claims?: {
    sub?: string;
    sid?: string;
    roles?: readonly string[];
    expiresInSeconds?: number;
    issuedSecondsAgo?: number;
    audience?: string;
  }): Promise<string>;
}

export async function startIssuer(port = 0): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' };
  const server = createServer((_request, response) => response.end(JSON.stringify({ keys: [jwk] }))).listen(
    port,
    '127.0.0.1',
  );
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    jwksUrl: `http://127.0.0.1:${address.port}/.well-known/jwks.json`,
    token: ({
      sub = userId,
      sid = 'session-1',
      roles = ['user'],
      expiresInSeconds = 600,
      issuedSecondsAgo = 0,
      audience = 'lotok',
    } = {}) =>
      new SignJWT({ sid, roles })
        .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
        .setSubject(sub)
        .setIssuer('https://lotok.internal')
        .setAudience(audience)
        .setIssuedAt(Math.floor(Date.now() / 1000) - issuedSecondsAgo)
        .setExpirationTime(Math.floor(Date.now() / 1000) + expiresInSeconds)
        .sign(privateKey),
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

export function testConfig(issuer: Issuer, env: Record<string, string> = {}): RealtimeConfig {
  return realtimeConfig({
    PORT: '0',
    JWKS_URL: issuer.jwksUrl,
    REALTIME_TOKEN: serviceToken,
    LOG_LEVEL: 'silent',
    DRAIN_MS: '500',
    ...env,
  });
}

export const startNode = (
  issuer: Issuer,
  source: EventSource,
  env: Record<string, string> = {},
  parts: RealtimeParts = {},
): Promise<Realtime> => startRealtime(testConfig(issuer, env), { source, log: silentLog, ...parts });

export interface Received {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

export interface StreamReader extends Disposable {
  readonly status: number;
  readonly headers: Headers;
  readonly received: readonly Received[];
  /** Of the opening block and of every event since. */
  readonly lastId: string | undefined;
  readonly text: string;
  readonly ended: boolean;
  /** Waits until that many events have come. */
  has(count: number): Promise<readonly Received[]>;
  hasEnded(): Promise<void>;
}

/** Reads an SSE answer as a browser would (HTML, section 9.2.6). */
export async function readStream(url: string, headers: Record<string, string>): Promise<StreamReader> {
  const leaving = new AbortController();
  const response = await fetch(url, { headers: { accept: 'text/event-stream', ...headers }, signal: leaving.signal });
  const received: Received[] = [];
  const state = { lastId: undefined as string | undefined, text: '', ended: false };
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of response.body ?? []) {
      const text = decoder.decode(chunk, { stream: true });
      state.text += text;
      rest += text;
      for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
        const fields = new Map(
          rest
            .slice(0, end)
            .split('\n')
            .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
        );
        rest = rest.slice(end + 2);
        const id = fields.get('id');
        if (id !== undefined) state.lastId = id;
        const data = fields.get('data');
        if (data !== undefined)
          received.push({
            id,
            event: fields.get('event') ?? 'message',
            data: JSON.parse(data) as Record<string, unknown>,
          });
      }
    }
  };
  read()
    .catch(() => undefined)
    .finally(() => {
      state.ended = true;
    });
  return {
    status: response.status,
    headers: response.headers,
    received,
    get lastId() {
      return state.lastId;
    },
    get text() {
      return state.text;
    },
    get ended() {
      return state.ended;
    },
    async has(count) {
      await until(`${count} events came`, () => received.length >= count);
      return received;
    },
    async hasEnded() {
      await until('the stream ended', () => state.ended);
    },
    [Symbol.dispose]: () => leaving.abort(),
  };
}

export interface SocketReader extends Disposable {
  readonly socket: WebSocket;
  readonly received: readonly Record<string, unknown>[];
  readonly closed: { readonly code: number; readonly reason: string } | undefined;
  has(count: number): Promise<readonly Record<string, unknown>[]>;
}

/** Rejects with the status when the upgrade is refused. */
export async function openSocket(
  url: string,
  options: { headers?: Record<string, string>; protocols?: string[] } = {},
): Promise<SocketReader> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), options.protocols ?? [], { headers: options.headers ?? {} });
  const received: Record<string, unknown>[] = [];
  let closed: SocketReader['closed'];
  socket.on('message', (data) => received.push(JSON.parse(String(data)) as Record<string, unknown>));
  socket.on('close', (code, reason) => {
    closed = { code, reason: reason.toString() };
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('unexpected-response', (_request, response) => reject(new Error(`refused ${response.statusCode}`)));
    socket.once('error', reject);
  });
  return {
    socket,
    received,
    get closed() {
      return closed;
    },
    async has(count) {
      await until(`${count} messages came`, () => received.length >= count);
      return received;
    },
    [Symbol.dispose]: () => socket.terminate(),
  };
}
