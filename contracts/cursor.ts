// The SSE id / `Last-Event-ID`: the places in all channels of one stream, opaque to clients but ours.

/** The shape of `Position` in `stream.ts`, which says what each field means. */
export interface Place {
  readonly epoch: string;
  readonly offset: number;
  readonly time: number;
}

/**
 * Channels are named by what the stream was opened for, so the same message has the same id
 * whether it came live or was replayed.
 */
export const encodeCursor = (places: ReadonlyMap<string, Place>): string =>
  [...places]
    .map(([channel, at]) => `${channel}@${at.epoch}.${at.offset.toString(36)}.${at.time.toString(36)}`)
    .join('~');

const longest = 4096;

/** Null for what `encodeCursor` cannot have made. */
export const decodeCursor = (text: string): Map<string, Place> | null => {
  if (text.length > longest) return null;
  const places = new Map<string, Place>();
  for (const part of text.split('~')) {
    const match = /^([a-z]+:[\w-]{1,64})@([a-z0-9]{1,16})\.([0-9a-z]{1,11})\.([0-9a-z]{1,9})$/.exec(part);
    if (!match) return null;
    const [, channel = '', epoch = '', offset = '', time = ''] = match;
    const place = { epoch, offset: Number.parseInt(offset, 36), time: Number.parseInt(time, 36) };
    if (!Number.isSafeInteger(place.offset)) return null;
    places.set(channel, place);
  }
  return places;
};
