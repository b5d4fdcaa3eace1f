// Several tabs, one connection. A Web Lock makes one of them the leader; it tells the others by a BroadcastChannel all
// that it hears. When its tab is closed or frozen, the next one goes on from the place that it has reached itself.
import { Connection, type ConnectionOptions, type LiveState, mostChannels } from './connection.ts';
import type { Heard } from './messages.ts';
import { Places } from './places.ts';
import type { Source, SourceEar } from './source.ts';

/** The parts of the platform that tabs share. */
export interface TabsPlatform {
  readonly locks: {
    request(
      name: string,
      options: { readonly signal?: AbortSignal; readonly steal?: boolean },
      held: () => Promise<void>,
    ): Promise<void>;
  };
  open(name: string): TabsChannel;
  /** A hidden tab may be held up by the browser, and says nothing about the leader. */
  visible(): boolean;
}
export interface TabsChannel {
  postMessage(message: Said): void;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  close(): void;
}

/** Null where the platform lacks one of them, as in React Native and on pages without TLS. */
export function tabsPlatform(): TabsPlatform | null {
  const { navigator, document } = globalThis as unknown as {
    readonly navigator?: { readonly locks?: TabsPlatform['locks'] };
    readonly document?: { readonly visibilityState: string };
  };
  const locks = navigator?.locks;
  if (!locks || typeof BroadcastChannel !== 'function') return null;
  return {
    locks,
    open: (name) => new BroadcastChannel(name) as unknown as TabsChannel,
    visible: () => document?.visibilityState !== 'hidden',
  };
}

/** What tabs say to each other. All of them are pages of one origin, of one version or of two that follow each other. */
type Said =
  | { readonly op: 'want'; readonly tab: string; readonly channels: readonly string[] }
  | { readonly op: 'sync' }
  | { readonly op: 'full'; readonly tab: string }
  /** Where the leader is, and what it listens to; without an id nothing is heard now. */
  | {
      readonly op: 'at';
      readonly term: string;
      readonly seq: number;
      readonly id: string | null;
      readonly channels: readonly string[];
      readonly state: LiveState;
    }
  | { readonly op: 'heard'; readonly term: string; readonly seq: number; readonly heard: Heard };

const patienceMs = 3_000;

export class Tabs implements Source {
  readonly #options: Omit<ConnectionOptions, 'ear'>;
  readonly #platform: TabsPlatform;
  readonly #name: string;
  readonly #ear: SourceEar;
  readonly #channel: TabsChannel;
  readonly #tab = Math.random().toString(36).slice(2);
  readonly #closing = new AbortController();
  readonly #places = new Places();
  #wanted: readonly string[] = [];
  /** What the leader listens to, as far as it said so. */
  #covered: readonly string[] = [];
  #term = '';
  #seq = 0;
  #state: LiveState = { state: 'connecting' };
  #leading: Leading | undefined;
  #doubt: ReturnType<typeof setTimeout> | undefined;

  constructor(
    options: Omit<ConnectionOptions, 'ear'>,
    {
      name,
      platform,
      wanted,
      ear,
    }: {
      readonly name: string;
      readonly platform: TabsPlatform;
      readonly wanted: readonly string[];
      readonly ear: SourceEar;
    },
  ) {
    this.#options = options;
    this.#platform = platform;
    this.#name = name;
    this.#ear = ear;
    this.#wanted = wanted;
    if (options.since !== undefined) this.#places.reset(options.since);
    this.#channel = platform.open(name);
    this.#channel.onmessage = ({ data }) => this.#hear(data as Said);
    const { signal } = this.#closing;
    // Held as long as this tab lives: whoever gets it knows that the tab is gone.
    this.#hold(`${name}:${this.#tab}`, { signal }, () => ended(signal));
    this.#queue({});
    this.#say({ op: 'want', tab: this.#tab, channels: wanted });
    this.#listen();
  }

  get id(): string | undefined {
    return this.#places.id;
  }

  want(channels: readonly string[]): void {
    this.#wanted = channels;
    if (this.#leading) this.#leading.wants(this.#tab, channels);
    else this.#say({ op: 'want', tab: this.#tab, channels });
  }

  hurry(): void {
    this.#leading?.connection.hurry();
    if (!this.#leading) this.#say({ op: 'sync' });
  }

  close(): void {
    this.#closing.abort();
    clearTimeout(this.#doubt);
    this.#leading?.close();
    this.#channel.close();
  }

  #queue(options: { readonly steal?: boolean }): void {
    const { signal } = this.#closing;
    // A request that steals can't be given up, nor does it wait.
    this.#hold(this.#name, options.steal ? options : { signal }, async () => {
      if (signal.aborted) return;
      this.#lead();
      await ended(signal);
    });
  }

  #hold(
    name: string,
    options: { readonly signal?: AbortSignal; readonly steal?: boolean },
    held: () => Promise<void>,
  ): void {
    this.#platform.locks.request(name, options, held).catch(() => {
      // Given up at the end; or another tab took it, because ours did not answer for too long.
      if (this.#closing.signal.aborted || name !== this.#name) return;
      this.#leading?.close();
      this.#leading = undefined;
      this.#queue({});
      this.#listen();
    });
  }

  #lead(): void {
    clearTimeout(this.#doubt);
    this.#leading = new Leading({
      ...this.#options,
      since: this.#places.id,
      // What others wanted of the last leader they will want of this one.
      wants: new Map([
        ['before', this.#covered],
        [this.#tab, this.#wanted],
      ]),
      say: (said) => {
        this.#say(said);
        // A tab does not hear its own words.
        this.#follow(said);
      },
      gone: (tab, signal, forget) => this.#hold(`${this.#name}:${tab}`, { signal }, async () => forget()),
    });
  }

  #hear(said: Said): void {
    if (this.#closing.signal.aborted) return;
    if (this.#leading) {
      if (said.op === 'want') this.#leading.wants(said.tab, said.channels);
      else if (said.op === 'sync') this.#leading.tellPlace();
      // Its own word is newer than that of a leader whose lock was taken from it.
      return;
    }
    this.#follow(said);
  }

  #follow(said: Said): void {
    if (!this.#leading) this.#listen();
    switch (said.op) {
      case 'want':
      case 'sync':
        return;
      case 'full':
        if (said.tab === this.#tab) this.#ear.full();
        return;
      case 'at':
        this.#at(said);
        return;
      case 'heard':
        this.#heard(said);
        return;
      default:
        said satisfies never;
    }
  }

  #at({ term, seq, id, channels, state }: Said & { op: 'at' }): void {
    if (term !== this.#term && !this.#leading) this.#say({ op: 'want', tab: this.#tab, channels: this.#wanted });
    const inStep = term === this.#term && seq === this.#seq;
    this.#term = term;
    this.#seq = seq;
    this.#covered = channels;
    this.#tellState(state);
    if (id === null) return;
    // A leader has heard something that this tab did not.
    if (!inStep && !this.#leading && this.#places.isBehind(id)) this.#ear.missed();
    this.#places.move(id);
    this.#ear.open(channels);
  }

  #heard({ term, seq, heard }: Said & { op: 'heard' }): void {
    const inStep = term === this.#term && seq === this.#seq + 1;
    this.#term = term;
    this.#seq = seq;
    if (heard.channel === null) this.#places.reset(heard.id);
    // A new leader tells again what the last one had told already.
    else if (this.#places.move(heard.id) === null) return;
    if (!inStep && !this.#leading) this.#ear.missed();
    this.#ear.heard(heard);
  }

  #tellState(state: LiveState): void {
    if (this.#state.state === state.state) return;
    this.#state = state;
    this.#ear.state(state);
  }

  /** The leader repeats the server's pings. One that is silent is asked, and if it doesn't answer, replaced. */
  #listen(): void {
    clearTimeout(this.#doubt);
    if (this.#closing.signal.aborted) return;
    this.#doubt = setTimeout(() => {
      if (!this.#platform.visible()) return this.#listen();
      this.#say({ op: 'sync' });
      this.#doubt = setTimeout(() => {
        if (!this.#closing.signal.aborted && !this.#leading) this.#queue({ steal: true });
      }, patienceMs);
    }, this.#options.silenceMs);
  }

  #say(said: Said): void {
    if (!this.#closing.signal.aborted) this.#channel.postMessage(said);
  }
}

interface LeadingOptions extends Omit<ConnectionOptions, 'ear'> {
  readonly wants: Map<string, readonly string[]>;
  readonly say: (said: Said) => void;
  readonly gone: (tab: string, signal: AbortSignal, forget: () => void) => void;
}

/** What the tab in front does for all of them. */
class Leading {
  readonly connection: Connection;
  readonly #options: LeadingOptions;
  readonly #term = Math.random().toString(36).slice(2);
  readonly #closing = new AbortController();
  #seq = 0;
  #state: LiveState = { state: 'connecting' };

  constructor(options: LeadingOptions) {
    this.#options = options;
    this.connection = new Connection(
      {
        ...options,
        ear: {
          state: (state) => {
            this.#state = state;
            // The first state is told while the connection is being made.
            queueMicrotask(() => this.tellPlace());
          },
          open: () => this.tellPlace(),
          heard: (heard) => {
            this.#seq += 1;
            options.say({ op: 'heard', term: this.#term, seq: this.#seq, heard });
          },
          alive: () => this.tellPlace(),
        },
      },
      this.#union(),
    );
  }

  wants(tab: string, channels: readonly string[]): void {
    const { wants, say, gone } = this.#options;
    const known = wants.has(tab);
    wants.set(tab, channels);
    if (!known) gone(tab, this.#closing.signal, () => wants.delete(tab));
    const { channels: asked } = this.connection;
    if (this.#state.state === 'signed_out') this.connection.hurry();
    // What nobody wants any more is left out when something else comes in: that alone costs no new connection.
    if (channels.every((channel) => asked.includes(channel))) {
      this.tellPlace();
      return;
    }
    wants.delete('before');
    if (this.#union().length > mostChannels) {
      wants.delete(tab);
      say({ op: 'full', tab });
      return;
    }
    void this.connection.change(this.#union());
  }

  tellPlace(): void {
    if (this.#closing.signal.aborted) return;
    this.#options.say({
      op: 'at',
      term: this.#term,
      seq: this.#seq,
      id: this.#state.state === 'live' ? (this.connection.id ?? null) : null,
      channels: this.connection.covered,
      state: this.#state,
    });
  }

  close(): void {
    this.#closing.abort();
    this.connection.close();
  }

  #union(): readonly string[] {
    return [...new Set([...this.#options.wants.values()].flat())].slice(0, mostChannels + 1);
  }
}

const ended = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
