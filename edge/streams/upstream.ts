// One multiplexed WebSocket to one realtime node, opened again whenever it breaks.
import { MuxReply, type MuxRequest } from '../../contracts/stream.ts';
import type { Log } from '../log.ts';
import type { EdgeSocket, Platform } from '../platform.ts';

export type Connect = Platform['connectWebSocket'];

export interface UpstreamTimes {
  readonly connectMs: number;
  readonly pingMs: number;
  /** Once what is known for sure is older than this, messages may be late. */
  readonly lateMs: number;
  /** Without a word for this long the connection counts as dead. */
  readonly silenceMs: number;
  readonly shortestBackoffMs: number;
  readonly longestBackoffMs: number;
}

export const upstreamTimes: UpstreamTimes = {
  connectMs: 5_000,
  pingMs: 200,
  lateMs: 750,
  silenceMs: 25_000,
  shortestBackoffMs: 100,
  longestBackoffMs: 10_000,
};

export interface UpstreamOptions {
  /** The node's address, such as `http://realtime-1:8082`. */
  readonly node: string;
  readonly token: string;
  readonly connect: Connect;
  readonly log: Log;
  readonly clock: () => number;
  readonly random: () => number;
  readonly times: UpstreamTimes;
  readonly onUp: (upstream: Upstream) => void;
  readonly onDown: (upstream: Upstream) => void;
  /** `late` has changed. */
  readonly onLateness: (upstream: Upstream) => void;
  readonly onReply: (upstream: Upstream, reply: MuxReply) => void;
}

export class Upstream implements AsyncDisposable {
  readonly node: string;
  readonly #options: UpstreamOptions;
  readonly #stopping = new AbortController();
  #socket: EdgeSocket | undefined;
  #late = true;
  readonly #ended: Promise<void>;

  constructor(options: UpstreamOptions) {
    this.node = options.node;
    this.#options = options;
    this.#ended = this.#keepConnected();
  }

  get up(): boolean {
    return this.#socket !== undefined;
  }

  /**
   * Whether messages may have been written that have not arrived. A dead connection says nothing of it, so a node
   * proves every fraction of a second that all it heard before a ping was sent on before its answer.
   */
  get late(): boolean {
    return this.#late;
  }

  /** False when there is no connection: what has to be said is said again after `onUp`. */
  send(request: MuxRequest): boolean {
    if (!this.#socket) return false;
    try {
      this.#socket.send(JSON.stringify(request));
      return true;
    } catch (error) {
      // The socket is closing; its close event follows and brings a new one.
      this.#options.log.debug('stream.send_failed', { node: this.node, error });
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  async #keepConnected(): Promise<void> {
    const { connect, log, random, times, clock } = this.#options;
    const { signal } = this.#stopping;
    const url = muxUrl(this.node);
    let failures = 0;
    while (!signal.aborted) {
      const since = clock();
      try {
        const timeout = AbortSignal.any([signal, AbortSignal.timeout(times.connectMs)]);
        const socket = await connect(url, {
          headers: { authorization: `Bearer ${this.#options.token}` },
          signal: timeout,
        });
        const reason = await this.#serve(socket);
        if (!signal.aborted) log.warn('stream.upstream_closed', { node: this.node, reason });
        // A connection that lived for a while was no failure; one that closes at once is.
        failures = clock() - since > times.longestBackoffMs || reason === 'drain' ? 0 : failures + 1;
      } catch (error) {
        failures += 1;
        if (!signal.aborted) log.warn('stream.upstream_unreachable', { node: this.node, failures, error });
      }
      if (signal.aborted) return;
      const backoff = Math.min(times.longestBackoffMs, times.shortestBackoffMs * 2 ** Math.min(failures, 16));
      await pause(backoff * (0.5 + random() / 2), signal);
    }
  }

  /** Resolves with the reason once the connection is over. */
  #serve(socket: EdgeSocket): Promise<string> {
    const { log, clock, times, onUp, onDown, onLateness, onReply } = this.#options;
    const { signal } = this.#stopping;
    return new Promise((resolve) => {
      let heard = clock();
      let knownUntil = Number.NEGATIVE_INFINITY;
      let over = false;
      const judge = (): void => {
        const late = clock() - knownUntil > times.lateMs;
        if (late === this.#late) return;
        this.#late = late;
        onLateness(this);
      };
      const finish = (reason: string): void => {
        if (over) return;
        over = true;
        clearInterval(pinging);
        signal.removeEventListener('abort', leave);
        this.#socket = undefined;
        this.#late = true;
        try {
          socket.close(1000, reason);
        } catch (error) {
          log.debug('stream.close_failed', { node: this.node, error });
        }
        onDown(this);
        resolve(reason);
      };
      const leave = (): void => finish('leaving');
      const pinging = setInterval(() => {
        if (clock() - heard > times.silenceMs) return finish('silent');
        judge();
        this.send({ op: 'ping', at: clock() });
      }, times.pingMs);
      socket.addEventListener('message', ({ data }) => {
        if (over) return;
        heard = clock();
        const reply = parseReply(data);
        if (!reply) log.warn('stream.reply_not_understood', { node: this.node });
        else if (reply.op === 'drain') finish('drain');
        else if (reply.op === 'pong') {
          if (reply.ageMs !== null) knownUntil = Math.max(knownUntil, reply.at - (reply.ageMs ?? 0));
          judge();
        } else onReply(this, reply);
      });
      socket.addEventListener('close', ({ code }) => finish(`closed ${code}`));
      socket.addEventListener('error', () => finish('error'));
      signal.addEventListener('abort', leave, { once: true });
      if (signal.aborted) return leave();
      this.#socket = socket;
      log.info('stream.upstream_connected', { node: this.node });
      onUp(this);
      this.send({ op: 'ping', at: clock() });
    });
  }
}

/** Null for what this version doesn't know: a newer node may say more, and a lost message shows in the next one's `previous`. */
function parseReply(data: unknown): MuxReply | null {
  if (typeof data !== 'string') return null;
  try {
    return MuxReply.safeParse(JSON.parse(data)).data ?? null;
  } catch {
    return null;
  }
}

function muxUrl(node: string): string {
  const url = new URL(node);
  url.protocol = url.protocol === 'https:' || url.protocol === 'wss:' ? 'wss:' : 'ws:';
  if (!url.pathname.endsWith('/v1/mux')) url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/mux`;
  return url.href;
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
