// The live client, for browsers, Node and React Native: no dependencies, one connection for a whole app.
//
//   const live = openLive({ baseUrl: 'https://lotok.example', token: () => accessToken });
//   live.subscribe({ on: { 'order.status': ({ order_id, status }) => show(order_id, status) }, present: loadOrders });
import { type ConnectionOptions, type LiveState, mostChannels, type TokenSource } from './connection.ts';
import type { Heard } from './messages.ts';
import { ownConnection, type Source, type SourceEar } from './source.ts';
import { sse } from './sse.ts';
import { type PresentReason, Subscriber, type Subscription } from './subscriber.ts';
import { Tabs, tabsPlatform } from './tabs.ts';
import { webSocket } from './websocket.ts';

export interface LiveOptions {
  /** Where the edge is; a page's own origin when not given. */
  readonly baseUrl?: string;
  /** The access token; the browser's cookie when not given. */
  readonly token?: TokenSource;
  /** Server-sent events, except on React Native. */
  readonly transport?: 'sse' | 'websocket';
  /** Whose news it is. A stream that turns out to be another's is closed: somebody else signed in in another tab. */
  readonly userId?: string;
  /** Tabs of this user share one connection, where the browser can. Needs `userId`, since people must never share. */
  readonly share?: boolean;
  /** `live.position` of an earlier run, to go on from. */
  readonly since?: string;
  readonly onState?: (state: LiveState) => void;
  /** What a handler or `present` threw; the console's otherwise. */
  readonly onError?: (error: unknown) => void;
  readonly fetch?: typeof fetch;
  readonly random?: () => number;
  readonly silenceMs?: number;
}

export interface Live {
  /** Opens the connection if it is the first one. Throws when more public channels are wanted than one stream takes. */
  subscribe(subscription: Subscription): { close(): void };
  /** Opaque; keep it to go on from here after a restart of the app. */
  readonly position: string | undefined;
  close(): void;
}

export function openLive(options: LiveOptions = {}): Live {
  const { random = Math.random, onError = (error) => console.error('live:', error) } = options;
  const page = globalThis as unknown as {
    readonly location?: { readonly href: string };
    readonly navigator?: { readonly product?: string };
    readonly addEventListener?: (type: string, listener: (event: { persisted?: boolean }) => void) => void;
    readonly removeEventListener?: (type: string, listener: (event: { persisted?: boolean }) => void) => void;
  };
  const base = options.baseUrl ?? page.location?.href;
  if (base === undefined) throw new TypeError('baseUrl is needed where there is no page');
  const baseUrl = new URL(base).origin;
  if (options.share && options.userId === undefined) throw new TypeError('share needs userId');
  const connection: Omit<ConnectionOptions, 'ear' | 'since'> = {
    baseUrl,
    transport: options.transport ?? (page.navigator?.product === 'ReactNative' ? 'websocket' : 'sse'),
    transports: { sse, websocket: webSocket },
    token: options.token ?? (({ refused }) => (refused ? null : undefined)),
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    userId: options.userId,
    random,
    silenceMs: options.silenceMs ?? 45_000,
  };

  const subscribers = new Set<Subscriber>();
  let source: Source | undefined;
  let since = options.since;
  let alone = false;

  const wanted = (): readonly string[] => [
    ...new Set([...subscribers].flatMap(({ subscription }) => subscription.channels ?? [])),
  ];
  const again = (why: PresentReason): void => {
    for (const subscriber of subscribers) if (subscriber.begun) subscriber.begin(why);
  };
  const ear: SourceEar = {
    state: (state) => options.onState?.(state),
    open(channels) {
      const covered = new Set(channels);
      for (const subscriber of subscribers) {
        const all = (subscriber.subscription.channels ?? []).every((channel) => covered.has(channel));
        if (all && !subscriber.begun) subscriber.begin('start');
      }
    },
    heard(heard) {
      if (heard.channel === null) again(reasonOf(heard));
      else for (const subscriber of subscribers) subscriber.hear(heard);
    },
    missed: () => again('missed_by_tab'),
    full() {
      alone = true;
      pauseConnection();
      connect();
    },
  };

  function connect(): void {
    if (source || subscribers.size === 0) return;
    const settings = { ...connection, since };
    const platform = options.share && !alone ? tabsPlatform() : null;
    source = platform
      ? new Tabs(settings, {
          name: `lotok-live:${baseUrl}:${options.userId}`,
          platform,
          wanted: wanted(),
          ear,
        })
      : ownConnection(settings, wanted(), ear);
  }
  function pauseConnection(): void {
    since = source?.id ?? since;
    source?.close();
    source = undefined;
  }

  // A page in the back-forward cache must hold neither locks nor connections; when shown again it goes on.
  const onHide = (): void => pauseConnection();
  const onShow = ({ persisted }: { persisted?: boolean }): void => {
    if (persisted) connect();
  };
  const onOnline = (): void => source?.hurry();
  const listeners = { pagehide: onHide, pageshow: onShow, online: onOnline };
  for (const [type, listener] of Object.entries(listeners)) page.addEventListener?.(type, listener);

  return {
    get position() {
      return source?.id ?? since;
    },
    subscribe(subscription) {
      const subscriber = new Subscriber(subscription, { random, onError });
      subscribers.add(subscriber);
      if (wanted().length > mostChannels) {
        subscribers.delete(subscriber);
        throw new RangeError(`at most ${mostChannels} public channels at once`);
      }
      // Several parts of a page subscribe one after another: one connection is opened for all of them.
      if (source) source.want(wanted());
      else queueMicrotask(connect);
      return {
        close() {
          subscriber.close();
          subscribers.delete(subscriber);
          if (subscribers.size === 0) pauseConnection();
          else source?.want(wanted());
        },
      };
    },
    close() {
      for (const [type, listener] of Object.entries(listeners)) page.removeEventListener?.(type, listener);
      for (const subscriber of subscribers) subscriber.close();
      subscribers.clear();
      pauseConnection();
    },
  };
}

/** A reset's reason, also one that a newer server invents. */
const reasonOf = ({ data }: Heard): PresentReason => {
  const reason = (data as { reason?: unknown } | null)?.reason;
  return reason === 'history_gone' || reason === 'too_slow' ? reason : 'unknown_position';
};
