// A watch: several channels as one bounded queue of client events, replay first, then live.
import {
  type ClientEvent,
  ClientPlaces,
  passes,
  type ResetReason,
  type StreamFilter,
  type StreamRequest,
} from './client-stream.ts';
import type { ChannelMessage, Position } from './stream.ts';

/** What was missed since a place; `head` is where live messages go on. With a gap there are no messages. */
export interface CatchUp {
  readonly head: Position;
  readonly messages: readonly ChannelMessage[];
  readonly gap: boolean;
}

/** Hears a channel in order, without hole or repeat; `lost` says that messages before `head` are gone. */
export interface ChannelSink {
  message(message: ChannelMessage): void;
  lost(head: Position): void;
}

export interface Attachment {
  readonly caughtUp: Promise<CatchUp>;
  /** Lets live messages flow, those after `head` first. Until then they are kept. */
  start(): void;
  detach(): void;
}

/** The hub of a realtime node, or the fan-in of an edge. */
export interface ChannelSource {
  attach(channel: string, since: Position | undefined, sink: ChannelSink): Attachment;
}

export type WatchEnd = 'left' | 'too_slow' | 'failed';

export interface WatchOptions {
  /** Live events that may wait for a slow reader. */
  readonly maxWaiting: number;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly onEnd?: (reason: WatchEnd) => void;
  /** Something waits for `take`, or the watch has ended: for those who don't wait in `next`. */
  readonly onWaiting?: () => void;
}

export class Watch {
  readonly #filter: StreamFilter;
  readonly #options: WatchOptions;
  /** Nothing else is kept of attachments: what they caught up with may be much. */
  readonly #detach: readonly (() => void)[];
  readonly #queue: ClientEvent[] = [];
  /** Replayed events don't count as the reader's slowness. */
  #allowed: number;
  #places = new ClientPlaces(new Map());
  #opened = false;
  #late = false;
  #wake: (() => void) | undefined;
  #end: WatchEnd | undefined;
  /** Resolves with the first id once all channels are caught up; null when the watch ended before that. */
  readonly opened: Promise<string | null>;

  constructor(source: ChannelSource, request: StreamRequest, options: WatchOptions) {
    this.#filter = request.filter;
    this.#options = options;
    this.#allowed = options.maxWaiting;
    const attachments = request.channels.map((channel) =>
      source.attach(channel, request.cursor?.get(channel), {
        message: (message) => this.#hear(message),
        lost: (head) => this.#push(this.#places.reset('history_gone', new Map([[channel, head]]), options.clock())),
      }),
    );
    this.#detach = attachments.map(({ detach }) => detach);
    this.opened = this.#open(request, attachments);
  }

  get ended(): WatchEnd | undefined {
    return this.#end;
  }

  /** The answer was begun before the channels were caught up: what happened between is unknown, so a new stream starts with a reset. */
  answeredEarly(): void {
    this.#late = true;
  }

  /** What waits, without waiting for more. */
  take(): ClientEvent | undefined {
    return this.#queue.shift();
  }

  /** The next event; null when the watch ended. */
  async next(): Promise<ClientEvent | null> {
    for (;;) {
      const event = this.#queue.shift();
      if (event) return event;
      if (this.#end) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  end(reason: WatchEnd): void {
    if (this.#end) return;
    this.#end = reason;
    // What a slow reader left unread comes again after its last id.
    if (reason !== 'left') this.#queue.length = 0;
    for (const detach of this.#detach) detach();
    this.#options.onEnd?.(reason);
    this.#rouse();
  }

  // Backfill: every channel hands over what was missed, and keeps live messages back meanwhile.
  // Cutover: the missed ones are merged by time into the queue, then each channel is started, and first
  // gives what it kept. Stream: from there messages go through as they come.
  async #open({ cursor, channels }: StreamRequest, attachments: readonly Attachment[]): Promise<string | null> {
    let found: readonly CatchUp[];
    try {
      found = await Promise.all(attachments.map(({ caughtUp }) => caughtUp));
    } catch (error) {
      if (this.#end) return null;
      this.end('failed');
      throw error;
    }
    if (this.#end) return null;

    const missed = merged(found.map(({ messages }) => messages.filter((message) => passes(this.#filter, message))));
    const waiting = new Set(missed.map(({ channel }) => channel));
    const start = new Map<string, Position>();
    const gaps = new Map<string, Position>();
    let reason: ResetReason = 'history_gone';
    for (const [index, channel] of channels.entries()) {
      const at = found[index];
      if (!at) continue;
      const since = cursor?.get(channel);
      const unknown = since === undefined && (cursor !== null || this.#late);
      if (at.gap || unknown) gaps.set(channel, at.head);
      if (unknown || (at.gap && since?.epoch !== at.head.epoch)) reason = 'unknown_position';
      // Where nothing waits the place is the newest: a quiet channel then never looks forgotten.
      start.set(channel, since !== undefined && waiting.has(channel) ? since : at.head);
    }
    this.#places = new ClientPlaces(start);
    const first = this.#places.id;
    this.#allowed += missed.length + 1;
    this.#opened = true;
    if (gaps.size > 0) this.#push(this.#places.reset(reason, gaps, this.#options.clock()));
    for (const message of missed) this.#push(this.#places.message(message));
    for (const attachment of attachments) attachment.start();
    return first;
  }

  #hear(message: ChannelMessage): void {
    if (this.#opened && passes(this.#filter, message)) this.#push(this.#places.message(message));
  }

  #push(event: ClientEvent): void {
    if (this.#end) return;
    this.#queue.push(event);
    if (this.#queue.length > this.#allowed) this.end('too_slow');
    else this.#rouse();
  }

  #rouse(): void {
    this.#wake?.();
    this.#wake = undefined;
    this.#options.onWaiting?.();
  }
}

/** By time across channels; within a channel the order stays, whatever the clocks of those who wrote it. */
function merged(lists: readonly (readonly ChannelMessage[])[]): ChannelMessage[] {
  const rest = lists.filter((list) => list.length > 0).map((list) => ({ list, next: 0 }));
  const result: ChannelMessage[] = [];
  for (;;) {
    let earliest: { message: ChannelMessage; from: { next: number } } | undefined;
    for (const from of rest) {
      const message = from.list[from.next];
      if (message && (!earliest || message.position.time < earliest.message.position.time))
        earliest = { message, from };
    }
    if (!earliest) return result;
    result.push(earliest.message);
    earliest.from.next += 1;
  }
}
