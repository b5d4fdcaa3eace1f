// The history: the last messages of each channel, in order, and the wake-up of those who listen.
// Adapters: history-memory.ts, history-redis.ts. Both pass history.contract.ts.
import type { ChannelMessage, Position } from '../contracts/stream.ts';
import type { CatchUp } from '../contracts/stream-watch.ts';

export interface BridgedMessage {
  readonly channel: string;
  readonly partition: number;
  /** The bus offset plus one: zero is the place before all messages. */
  readonly offset: number;
  /** What tells the event from every other; without it a repeat can't be known. */
  readonly id?: string;
  readonly time: number;
  readonly event: string;
  readonly data: unknown;
  readonly traceparent?: string;
}

export type Appended =
  /** `previous`: the offset of the channel's message before this one; null when none is remembered. */
  | { readonly appended: true; readonly previous: number | null }
  /**
   * Known by its `place`: an offset not above the last, so the bus has handed it over before. Or by its `id`:
   * the channel has the same event at an earlier place, since whoever published it did so twice.
   */
  | { readonly appended: false; readonly known: 'place' | 'id' };

export interface Listener {
  message(message: ChannelMessage): void;
  /** Messages may have been missed: read again from the last place. */
  interrupted(): void;
}

export interface History extends AsyncDisposable {
  /**
   * Takes messages of one partition, in order, and answers for each. What a channel has already is dropped; its place
   * counts as bridged all the same. After a rejection any number of them may have been taken.
   */
  append(messages: readonly BridgedMessage[]): Promise<readonly Appended[]>;
  /** Takes note of a message that is in no channel, so that it isn't missed later. */
  skip(place: Pick<BridgedMessage, 'partition' | 'offset' | 'time'>): Promise<void>;
  /** With a gap `since` is out of reach; without `since` only the head is asked for. */
  read(channel: string, since?: Position): Promise<CatchUp>;
  /** Resolves once every later message of the channel reaches the listener. */
  listen(channel: string, listener: Listener): Promise<AsyncDisposable>;
  /** Every message written this long ago has reached its listeners; null while that isn't known. */
  readonly ageMs: number | null;
  /** Goes the way of a message, written to heard, everywhere where messages go. Rejects when it does not arrive. */
  probe(signal: AbortSignal): Promise<void>;
}

export interface HistoryLimits {
  /** Messages kept in one channel. */
  readonly maxCount: number;
  /** How long a message is kept. The bus has to keep `realtime.v1` at least as long. */
  readonly maxAgeMs: number;
  /**
   * Ids remembered in one channel, each for `maxAgeMs`: more than messages, since in a busy channel a relay that
   * was frozen repeats its batch when many newer messages have come.
   */
  readonly maxIds: number;
}

export const historyLimits: HistoryLimits = { maxCount: 200, maxAgeMs: 24 * 3_600_000, maxIds: 1_000 };

/** By how much the clocks of bus, history and nodes may differ. */
export const clockSlackMs = 60_000;

/**
 * Whether all messages after `since` are among `kept`, which are in order and end at the channel's last.
 * - A place that `kept` begins at or before is reached without doubt.
 * - Before the first of a channel of which nothing older is remembered (`previous` null), or in a channel
 *   that is forgotten as a whole, only time tells: what was written after a place younger than the
 *   retention can't have been dropped by age, and dropping by count leaves a `previous`.
 * - A place beyond the last was never given by this history.
 */
export function reaches(
  since: Position,
  kept: { readonly first: Pick<ChannelMessage, 'previous' | 'position'>; readonly last: number } | null,
  oldestComplete: number,
): boolean {
  if (kept) {
    if (since.offset > kept.last) return false;
    if (since.offset >= kept.first.position.offset) return true;
    if (kept.first.previous !== null) return since.offset >= kept.first.previous;
  }
  return since.time >= oldestComplete;
}
