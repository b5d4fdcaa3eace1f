// Where a client is in each channel. A message that moves no channel on was heard before.
import { decodeCursor, encodeCursor, type Place } from '../cursor.ts';

export class Places {
  readonly #places = new Map<string, Place>();

  /** Undefined before anything is known. */
  get id(): string | undefined {
    return this.#places.size === 0 ? undefined : encodeCursor(this.#places);
  }

  has(channel: string): boolean {
    return this.#places.has(channel);
  }

  /** What to come back with for these channels alone: the server takes an id's other channels for noise. */
  idOf(wanted: (channel: string) => boolean): string | undefined {
    const places = new Map([...this.#places].filter(([channel]) => wanted(channel)));
    return places.size === 0 ? undefined : encodeCursor(places);
  }

  /** Whether an id is further on in a channel that we know. */
  isBehind(id: string): boolean {
    for (const [channel, place] of decodeCursor(id) ?? []) {
      const known = this.#places.get(channel);
      if (known && (known.epoch !== place.epoch || known.offset < place.offset)) return true;
    }
    return false;
  }

  /** Takes over an id; tells which channel it moved on, or null when all of it was known. */
  move(id: string): string | null {
    let moved: string | null = null;
    for (const [channel, place] of decodeCursor(id) ?? []) {
      const known = this.#places.get(channel);
      // Within an epoch offsets only grow; another epoch is another life of the history.
      if (known && known.epoch === place.epoch && known.offset >= place.offset) continue;
      this.#places.set(channel, place);
      moved = channel;
    }
    return moved;
  }

  /** Takes over the places of channels that none was known of. */
  learn(id: string, channels: readonly string[]): void {
    for (const [channel, place] of decodeCursor(id) ?? [])
      if (channels.includes(channel) && !this.#places.has(channel)) this.#places.set(channel, place);
  }

  /** Takes over an id as it is, also backwards: after a reset that is where we are. */
  reset(id: string): void {
    for (const [channel, place] of decodeCursor(id) ?? []) this.#places.set(channel, place);
  }
}
