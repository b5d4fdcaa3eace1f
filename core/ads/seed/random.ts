// Chance that repeats itself: the same seed gives the same demo data.

export interface Chance {
  /** From 0 up to, not including, 1. */
  next(): number;
  /** A whole number within bounds, both included. */
  whole(least: number, most: number): number;
  pick<Item>(items: readonly [Item, ...Item[]]): Item;
  shuffle<Item>(items: readonly Item[]): Item[];
}

/** mulberry32: small, and good enough to look random. */
export function chance(seed: number): Chance {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const whole = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1));
  return {
    next,
    whole,
    pick: ([first, ...rest]) => [first, ...rest][whole(0, rest.length)] ?? first,
    shuffle(items) {
      const shuffled = [...items];
      for (let index = shuffled.length - 1; index > 0; index -= 1) {
        const other = whole(0, index);
        [shuffled[index], shuffled[other]] = [
          shuffled[other] as (typeof items)[number],
          shuffled[index] as (typeof items)[number],
        ];
      }
      return shuffled;
    },
  };
}
