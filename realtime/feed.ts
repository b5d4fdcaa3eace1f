// One channel at a realtime node: one history subscription, however many subscribers.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChannelMessage, Position } from '../contracts/stream.ts';
import type { Attachment, CatchUp, ChannelSink } from '../contracts/stream-watch.ts';
import type { History } from './history.ts';
import type { Log } from './log.ts';
import type { RealtimeMetrics } from './metrics.ts';

export interface FeedOptions {
  readonly channel: string;
  readonly history: History;
  readonly log: Log;
  readonly metrics: RealtimeMetrics;
  readonly maxKept: number;
  readonly onEmpty: () => void;
  readonly onFailed: () => void;
}

interface Subscriber {
  readonly sink: ChannelSink;
  /** Null once live messages go through. */
  kept: (ChannelMessage | { readonly lost: Position })[] | null;
  place: Position | undefined;
}

const longestPauseMs = 2_000;

export class Feed implements AsyncDisposable {
  readonly #options: FeedOptions;
  readonly #subscribers = new Set<Subscriber>();
  readonly #listening: Promise<AsyncDisposable>;
  readonly #closing = new AbortController();
  /** The newest place that every started subscriber has; undefined before the first backfill. */
  #last: Position | undefined;
  /** Live messages while the history is read again; null otherwise. */
  #held: ChannelMessage[] | null = null;
  #interruptedAgain = false;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#listening = options.history.listen(options.channel, {
      message: (message) => this.#hear(message),
      interrupted: () => this.#readAgain(),
    });
    // Whoever attached meets the rejection; whoever comes next gets a new feed.
    this.#listening.catch(options.onFailed);
  }

  /** False while it reads again what it may have missed. */
  get whole(): boolean {
    return this.#held === null;
  }

  get size(): number {
    return this.#subscribers.size;
  }

  // Backfill: once the history's wake-ups are in force, what came after `since` is read from the
  // history; live messages are kept meanwhile. Cutover: `start` hands over those kept that are newer
  // than the backfill's head. Stream: from there each message goes through at once. There is no hole,
  // because what is published after the wake-ups began is either in what we read or in what we kept,
  // and no repeat, because offsets grow.
  attach(since: Position | undefined, sink: ChannelSink): Attachment {
    const subscriber: Subscriber = { sink, kept: [], place: undefined };
    this.#subscribers.add(subscriber);
    return {
      caughtUp: this.#backfill(since, subscriber),
      start: () => {
        const kept = subscriber.kept ?? [];
        subscriber.kept = null;
        for (const each of kept) {
          if ('lost' in each) this.#handOver(subscriber, each.lost, (head) => sink.lost(head));
          else this.#handOver(subscriber, each.position, () => sink.message(each));
        }
      },
      detach: () => {
        if (this.#subscribers.delete(subscriber) && this.#subscribers.size === 0) this.#options.onEmpty();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    const listening = await this.#listening.catch(() => undefined);
    await listening?.[Symbol.asyncDispose]();
  }

  async #backfill(since: Position | undefined, subscriber: Subscriber): Promise<CatchUp> {
    await this.#listening;
    for (;;) {
      const found = await this.#options.history.read(this.#options.channel, since);
      this.#last ??= found.head;
      const ofOneEpoch = found.head.epoch === this.#last.epoch;
      // What came before there was a place may have been interrupted; and one of two epochs is over.
      if ((this.#interruptedAgain || !ofOneEpoch) && !this.#held) this.#readAgain();
      const left = !this.#subscribers.has(subscriber) || this.#closing.signal.aborted;
      if (!left && !(ofOneEpoch && follows(found.head, subscriber.kept ?? []))) continue;
      subscriber.place = found.head;
      return found;
    }
  }

  #hear(message: ChannelMessage): void {
    if (this.#held) this.#held.push(message);
    else if (!this.#accept(message)) this.#readAgain(message);
  }

  /** False when a message before this one is missing. */
  #accept(message: ChannelMessage): boolean {
    const last = this.#last;
    const { position, previous } = message;
    if (last) {
      if (last.epoch !== position.epoch) return false;
      if (position.offset <= last.offset) return true;
      if (previous !== null && previous > last.offset) return false;
    }
    this.#last = position;
    this.#options.metrics.messagesIn.inc();
    for (const subscriber of this.#subscribers) {
      if (!subscriber.kept) this.#handOver(subscriber, position, () => subscriber.sink.message(message));
      else if (subscriber.kept.length < this.#options.maxKept) subscriber.kept.push(message);
      else subscriber.kept = [{ lost: position }];
    }
    return true;
  }

  /** Reads from the last place on, until that succeeds; live messages wait. */
  #readAgain(first?: ChannelMessage): void {
    if (this.#held || this.#last === undefined) {
      this.#interruptedAgain = true;
      return;
    }
    this.#held = first ? [first] : [];
    void this.#readUntilWhole();
  }

  async #readUntilWhole(): Promise<void> {
    const { history, channel, log } = this.#options;
    const { signal } = this.#closing;
    for (let failures = 0; !signal.aborted; ) {
      this.#interruptedAgain = false;
      try {
        const { head, messages, gap } = await history.read(channel, this.#last);
        if (gap) this.#lose(head);
        else for (const message of messages) this.#accept(message);
        // What was just read is of the present epoch; a change of epoch interrupts again.
        const held = (this.#held ?? []).filter(({ position }) => position.epoch === this.#last?.epoch);
        // A held message that still doesn't follow was published after this reading: read once more.
        const whole = held.every((message) => this.#accept(message));
        if (whole && !this.#interruptedAgain) {
          this.#held = null;
          return;
        }
        this.#held = whole ? [] : held;
        failures = 0;
      } catch (error) {
        failures += 1;
        log.warn('hub.read_failed', { failures, error });
        await sleep(Math.min(longestPauseMs, 50 * 2 ** failures), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #lose(head: Position): void {
    this.#last = head;
    this.#options.metrics.lost.inc();
    for (const subscriber of this.#subscribers) {
      if (subscriber.kept) subscriber.kept = [{ lost: head }];
      else this.#handOver(subscriber, head, () => subscriber.sink.lost(head));
    }
  }

  /** What a subscriber already has, from its backfill, isn't handed over again. */
  #handOver(subscriber: Subscriber, position: Position, hand: (position: Position) => void): void {
    const { place } = subscriber;
    if (place && place.epoch === position.epoch && position.offset <= place.offset) return;
    subscriber.place = position;
    hand(position);
  }
}

/** Whether what was kept goes on where a backfill ends: one read during an interruption may end too early. */
function follows(head: Position, kept: readonly (ChannelMessage | { readonly lost: Position })[]): boolean {
  const next = kept.find((each) => 'lost' in each || each.position.offset > head.offset);
  return !next || 'lost' in next || next.previous === null || next.previous <= head.offset;
}
