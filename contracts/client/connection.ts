// One connection that is kept: it comes back from where it was, with a new token when the old one is over.
import { decodeCursor } from '../cursor.ts';
import { backoffMs, pause } from './backoff.ts';
import type { Heard } from './messages.ts';
import { Places } from './places.ts';
import type { Call, Ear, Ending, Transport } from './transport.ts';

export type LiveState =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  | { readonly state: 'waiting'; readonly forMs: number; readonly why: string }
  /** Over until somebody signs in again, or for good: the request itself was refused. */
  | { readonly state: 'signed_out' }
  | { readonly state: 'refused'; readonly status: number; readonly detail: string };

/**
 * Says who we are, before each connection. `refused` is true when the server would not take the last answer: then
 * renew it first. Undefined leaves it to the browser's cookie; null means that nobody is signed in.
 */
export type TokenSource = (attempt: {
  readonly refused: boolean;
}) => string | undefined | null | Promise<string | undefined | null>;

export interface ConnectionOptions {
  /** Where the edge is. */
  readonly baseUrl: string;
  readonly transport: 'sse' | 'websocket';
  readonly transports: Readonly<Record<'sse' | 'websocket', Transport>>;
  readonly token: TokenSource;
  readonly userId: string | undefined;
  readonly fetch: typeof fetch;
  readonly random: () => number;
  /** Silence after which the connection counts as dead; the server pings every 15 s. */
  readonly silenceMs: number;
  /** A place from an earlier run of the app. */
  readonly since?: string | undefined;
  readonly ear: ConnectionEar;
}

export interface ConnectionEar {
  state(state: LiveState): void;
  /** The channels asked for are heard from `id` on. */
  open(id: string): void;
  heard(heard: Heard): void;
  alive(): void;
}

/** What the server takes in one stream. */
export const mostChannels = 20;
const paths = { sse: '/v1/stream', websocket: '/v1/ws' } as const;
const peekMs = 5_000;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #places = new Places();
  readonly #closing = new AbortController();
  #channels: readonly string[] = [];
  #covered: readonly string[] = [];
  #running = false;
  #round = new AbortController();
  #wake: (() => void) | undefined;
  /** Whether the present round's stream was opened. */
  #opened = false;
  /** The present round's stream turned out to be another person's. */
  #foreign = false;
  #failures = 0;
  #retryMs = 0;
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ConnectionOptions, channels: readonly string[]) {
    this.#options = options;
    this.#channels = channels;
    if (options.since !== undefined) this.#places.reset(options.since);
    this.hurry();
  }

  /** What was asked for last. */
  get channels(): readonly string[] {
    return this.#channels;
  }

  /** What is heard. */
  get covered(): readonly string[] {
    return this.#covered;
  }

  get live(): boolean {
    return this.#opened;
  }

  /** Where we are now. */
  get id(): string | undefined {
    return this.#places.id;
  }

  /** Public channels beside the user's own: the connection is made anew, and nothing is missed in between. */
  async change(channels: readonly string[]): Promise<void> {
    const added = channels.filter((channel) => !this.#places.has(channel));
    this.#channels = channels;
    // A place that is unknown to a stream that has one would be answered with a reset of everything.
    if (added.length > 0 && this.#places.id !== undefined) await this.#learnPlaces(added);
    if (this.#channels === channels) this.#round.abort();
    this.#wake?.();
  }

  /** There is a reason to try at once: the network is back, says the browser, or somebody signed in again. */
  hurry(): void {
    this.#wake?.();
    if (this.#running || this.#closing.signal.aborted) return;
    this.#running = true;
    void this.#run().finally(() => {
      this.#running = false;
    });
  }

  close(): void {
    this.#closing.abort();
    this.#round.abort();
  }

  async #run(): Promise<void> {
    const { token, ear } = this.#options;
    let refused = false;
    while (!this.#closing.signal.aborted) {
      this.#round = new AbortController();
      this.#opened = false;
      ear.state({ state: 'connecting' });
      let ending: Ending;
      try {
        const said = await token({ refused });
        if (said === null) {
          ear.state({ state: 'signed_out' });
          return;
        }
        ending = await this.#once(said);
      } catch (cause) {
        // The app could not renew the token just now: the network, most likely.
        ending = { why: 'unreachable', cause };
      } finally {
        clearTimeout(this.#silence);
      }
      if (this.#closing.signal.aborted) return;
      if (this.#foreign) {
        this.#foreign = false;
        ear.state({ state: 'signed_out' });
        return;
      }
      // Other channels are wanted, or the server fell silent: neither needs a pause.
      if (this.#round.signal.aborted) continue;

      if (ending.why === 'refused') {
        const { status, detail } = ending;
        if (status === 401 && !refused) {
          refused = true;
          continue;
        }
        if (status < 500 && status !== 408 && status !== 429) {
          ear.state(status === 401 ? { state: 'signed_out' } : { state: 'refused', status, detail });
          return;
        }
      }
      refused = false;
      if (this.#opened) this.#failures = 0;
      else this.#failures += 1;
      const askedMs = ending.why === 'refused' ? ending.retryAfterMs : this.#retryMs;
      const forMs = backoffMs(this.#failures, askedMs, this.#options.random);
      ear.state({ state: 'waiting', forMs, why: reasonOf(ending) });
      const { over, wake } = pause(forMs, this.#closing.signal);
      this.#wake = wake;
      await over;
      this.#wake = undefined;
    }
  }

  #once(token: string | undefined): Promise<Ending> {
    const channels = new Set(this.#channels);
    // The user's own channel is in each stream.
    const since = this.#places.idOf((channel) => channel.startsWith('user:') || channels.has(channel));
    return this.#dial({ token, since, channels: this.#channels, signal: this.#round.signal }, this.#ear());
  }

  #ear(): Ear {
    const { ear, silenceMs } = this.#options;
    const round = this.#round;
    const channels = this.#channels;
    const listen = (): void => {
      clearTimeout(this.#silence);
      this.#silence = setTimeout(() => round.abort(), silenceMs);
    };
    listen();
    return {
      opened: (id) => {
        listen();
        if (this.#isForeign(id)) {
          this.#foreign = true;
          round.abort();
          return;
        }
        this.#opened = true;
        this.#covered = channels;
        this.#places.reset(id);
        ear.state({ state: 'live' });
        ear.open(id);
      },
      message: ({ id, event, data }) => {
        listen();
        if (event === 'reset') {
          this.#places.reset(id);
          ear.heard({ channel: null, event, data, id });
          return;
        }
        const channel = this.#places.move(id);
        if (channel !== null) ear.heard({ channel, event, data, id });
      },
      alive: () => {
        listen();
        ear.alive();
      },
      retry: (ms) => {
        this.#retryMs = ms;
      },
    };
  }

  /** The cookie may be another person's by now. */
  #isForeign(id: string): boolean {
    const { userId } = this.#options;
    const own = [...(decodeCursor(id)?.keys() ?? [])].find((channel) => channel.startsWith('user:'));
    return userId !== undefined && own !== undefined && own !== `user:${userId}`;
  }

  /** A short look at new channels, for nothing but the place that they are at. */
  async #learnPlaces(channels: readonly string[]): Promise<void> {
    const looking = new AbortController();
    const { over, wake } = pause(peekMs, AbortSignal.any([looking.signal, this.#closing.signal]));
    void over.then(() => looking.abort());
    try {
      const token = await this.#options.token({ refused: false });
      if (token === null) return;
      await this.#dial(
        { token, since: undefined, channels, topics: [], signal: looking.signal },
        {
          opened: (id) => {
            if (!this.#isForeign(id)) this.#places.learn(id, channels);
            wake();
          },
          message: () => undefined,
          alive: () => undefined,
          retry: () => undefined,
        },
      );
    } catch {
      // Then the stream itself tells the place, with a reset.
    } finally {
      wake();
    }
  }

  #dial(
    {
      channels,
      topics,
      ...call
    }: Pick<Call, 'token' | 'since' | 'signal'> & {
      readonly channels: readonly string[];
      readonly topics?: readonly string[];
    },
    ear: Ear,
  ): Promise<Ending> {
    const { baseUrl, transport, transports, fetch } = this.#options;
    const url = new URL(paths[transport], baseUrl);
    if (channels.length > 0) url.searchParams.set('channels', channels.join(','));
    if (topics) url.searchParams.set('topics', topics.join(','));
    return transports[transport]({ ...call, url, fetch }, ear);
  }
}

function reasonOf(ending: Ending): string {
  if (ending.why === 'refused') return ending.detail;
  return ending.why === 'unreachable' ? String(ending.cause) : 'the connection ended';
}
