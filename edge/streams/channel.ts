// One channel at an edge: one upstream subscription, however many local listeners.
import type { ChannelMessage, MuxReply, Position } from '../../contracts/stream.ts';
import type { Attachment, CatchUp, ChannelSink } from '../../contracts/stream-watch.ts';
import type { Upstream } from './upstream.ts';

export interface ListenerSink extends ChannelSink {
  /** From here on messages may be late: the connection to the realtime node is gone. */
  behind?(): void;
  /** All that was missed has been handed over. */
  current?(): void;
}

export interface ChannelFeedOptions {
  readonly name: string;
  readonly clock: () => number;
  /** A request number that no other request of this edge has. */
  readonly nextRequest: () => number;
  /** The last messages, kept so that most clients who return cost the realtime node nothing. */
  readonly maxRemembered: number;
  /** Messages kept for a listener that still waits for what it missed. */
  readonly maxKept: number;
  readonly onEmpty: () => void;
}

interface Listener {
  readonly sink: ListenerSink;
  /** Null while live messages are kept back. */
  kept: (ChannelMessage | { readonly lost: Position })[] | null;
  place: Position | undefined;
}

interface Waiting {
  readonly since: Position | undefined;
  readonly resolve: (found: CatchUp) => void;
}

export class ChannelFeed {
  readonly #options: ChannelFeedOptions;
  readonly #listeners = new Set<Listener>();
  readonly #replays = new Map<number, Waiting>();
  readonly #untilCurrent = new Set<() => void>();
  #waiting: Waiting[] = [];
  #upstream: Upstream | undefined;
  #askedSince: Position | undefined;
  /** The number of the subscription that an answer is awaited to. */
  #asked = 0;
  #live = false;
  /** The newest place; undefined before the first subscription was answered. */
  #last: Position | undefined;
  /** All messages after `#floor` up to `#last`. */
  readonly #remembered: ChannelMessage[] = [];
  #floor = 0;

  constructor(options: ChannelFeedOptions) {
    this.#options = options;
  }

  get upstream(): Upstream | undefined {
    return this.#upstream;
  }

  /** Whether every message that was written a moment ago is here. */
  get current(): boolean {
    return this.#live && this.#upstream?.late === false;
  }

  /** Resolves when it is; rejects with `signal`'s reason when that fires first. */
  async whenCurrent(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.current) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = (): void => reject(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    this.#untilCurrent.add(resolve);
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', giveUp);
      this.#untilCurrent.delete(resolve);
    }
  }

  get size(): number {
    return this.#listeners.size;
  }

  // Backfill: what came after `since` is taken from the remembered messages, or else replayed upstream;
  // live messages are kept meanwhile. Cutover: `start` hands over those kept that are newer than the
  // backfill's head. Stream: from there every message goes through at once. No hole, since the listener
  // is registered before the backfill is read; no repeat, since offsets grow.
  attach(since: Position | undefined, sink: ListenerSink): Attachment {
    const listener: Listener = { sink, kept: [], place: undefined };
    this.#listeners.add(listener);
    const found = Promise.withResolvers<CatchUp>();
    this.#catchUp({
      since,
      resolve: (catchUp) => {
        listener.place = catchUp.head;
        found.resolve(catchUp);
      },
    });
    return {
      caughtUp: found.promise,
      start: () => {
        const kept = listener.kept ?? [];
        listener.kept = null;
        for (const each of kept) {
          if ('lost' in each) this.#handOver(listener, each.lost, (head) => sink.lost(head));
          else this.#handOver(listener, each.position, () => sink.message(each));
        }
      },
      detach: () => {
        if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#options.onEmpty();
      },
    };
  }

  /** Subscribes at a node, from the last known place on. */
  subscribeAt(upstream: Upstream): void {
    this.#upstream = upstream;
    this.#live = false;
    this.#askedSince = this.#last ?? this.#waiting.find(({ since }) => since !== undefined)?.since;
    const since = this.#askedSince;
    this.#asked = this.#options.nextRequest();
    upstream.send({
      op: 'subscribe',
      request: this.#asked,
      channel: this.#options.name,
      ...(since === undefined ? {} : { since }),
    });
  }

  unsubscribe(): void {
    this.#upstream?.send({ op: 'unsubscribe', channel: this.#options.name });
    this.#upstream = undefined;
  }

  /** The node is gone; `subscribeAt` another or the same goes on without a hole. */
  upstreamLost(): void {
    this.#upstream = undefined;
    this.#live = false;
    this.#waiting.push(...this.#replays.values());
    this.#replays.clear();
    this.#tellBehind();
  }

  /** The node has fallen silent, or is heard again; messages that were on their way arrived before that. */
  onLateness(): void {
    if (!this.#live) return;
    if (this.current) this.#tellCurrent();
    else this.#tellBehind();
  }

  onSubscribed({ request, head, messages, gap }: Extract<MuxReply, { op: 'subscribed' }>): void {
    // Nodes of the previous version don't say which request they answer.
    if (request !== undefined && request !== this.#asked) return;
    if (gap) {
      if (this.#last) this.#lose(head);
      this.#forgetBefore(head);
    } else {
      if (!this.#last) {
        this.#floor = (this.#askedSince ?? head).offset;
        this.#last = this.#askedSince ?? head;
      }
      for (const message of messages) this.#accept(message);
      if (!isBehind(head, this.#last)) this.#last = head;
    }
    this.#live = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) {
      if (gap && each.since && samePlace(each.since, this.#askedSince)) each.resolve({ head, messages: [], gap: true });
      else this.#catchUp(each);
    }
    this.#trim();
    if (this.current) this.#tellCurrent();
  }

  onReplayed({ request, head, messages, gap }: Extract<MuxReply, { op: 'replayed' }>): void {
    const waiting = this.#replays.get(request);
    this.#replays.delete(request);
    if (!waiting) return;
    if (head.epoch === this.#last?.epoch) {
      waiting.resolve({ head, messages, gap });
      return;
    }
    // One of two epochs is over: the next answer tells which.
    this.#waiting.push(waiting);
    if (this.#upstream && this.#live) this.subscribeAt(this.#upstream);
  }

  onMessage(message: ChannelMessage): void {
    // Between asking and the answer, what still comes from an earlier subscription comes again with the answer.
    if (!this.#live) return;
    if (this.#accept(message)) this.#trim();
    else if (this.#upstream) this.subscribeAt(this.#upstream);
  }

  onLost(head: Position): void {
    // Meant for an earlier subscription; the answer to the present one will tell.
    if (!this.#live) return;
    this.#lose(head);
    this.#forgetBefore(head);
  }

  #tellBehind(): void {
    for (const { sink } of this.#listeners) sink.behind?.();
  }

  #tellCurrent(): void {
    for (const { sink, kept } of this.#listeners) if (kept === null) sink.current?.();
    for (const resolve of this.#untilCurrent) resolve();
  }

  #catchUp(waiting: Waiting): void {
    const { since } = waiting;
    const last = this.#last;
    if (!this.#live || !last) {
      this.#waiting.push(waiting);
      return;
    }
    if (
      since === undefined ||
      (since.epoch === last.epoch && since.offset >= this.#floor && since.offset <= last.offset)
    ) {
      const head = { ...last, time: Math.max(last.time, this.#options.clock()) };
      const messages =
        since === undefined ? [] : this.#remembered.filter(({ position }) => position.offset > since.offset);
      waiting.resolve({ head, messages, gap: false });
      return;
    }
    const request = this.#options.nextRequest();
    this.#replays.set(request, waiting);
    this.#upstream?.send({ op: 'replay', request, channel: this.#options.name, since });
  }

  /** False when a message before this one is missing. */
  #accept(message: ChannelMessage): boolean {
    const last = this.#last;
    if (last) {
      if (!isBehind(last, message.position) && last.epoch === message.position.epoch) return true;
      if (last.epoch !== message.position.epoch) return false;
      if (message.previous !== null && message.previous > last.offset) return false;
    }
    this.#last = message.position;
    this.#remembered.push(message);
    for (const listener of this.#listeners) {
      if (listener.kept) this.#keep(listener, message, message.position);
      else this.#handOver(listener, message.position, () => listener.sink.message(message));
    }
    return true;
  }

  #lose(head: Position): void {
    for (const listener of this.#listeners) {
      if (listener.kept) listener.kept = [{ lost: head }];
      else this.#handOver(listener, head, () => listener.sink.lost(head));
    }
  }

  #keep(listener: Listener, message: ChannelMessage, position: Position): void {
    if (!listener.kept) return;
    if (listener.kept.length < this.#options.maxKept) listener.kept.push(message);
    else listener.kept = [{ lost: position }];
  }

  /** What a listener already has, from its backfill, isn't handed over again. */
  #handOver(listener: Listener, position: Position, hand: (position: Position) => void): void {
    const { place } = listener;
    if (place && place.epoch === position.epoch && position.offset <= place.offset) return;
    listener.place = position;
    hand(position);
  }

  #forgetBefore(head: Position): void {
    this.#remembered.length = 0;
    this.#floor = head.offset;
    this.#last = head;
  }

  #trim(): void {
    const surplus = this.#remembered.length - this.#options.maxRemembered;
    if (surplus <= 0) return;
    const newestForgotten = this.#remembered.splice(0, surplus).at(-1);
    if (newestForgotten) this.#floor = newestForgotten.position.offset;
  }
}

const isBehind = (one: Position, other: Position): boolean => one.epoch === other.epoch && one.offset < other.offset;
const samePlace = (one: Position, other: Position | undefined): boolean =>
  one.epoch === other?.epoch && one.offset === other.offset;
