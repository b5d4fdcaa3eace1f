// Luck that repeats itself: each choice of a run hangs on the seed and on what it is for, and on nothing before it.
import { createHash } from 'node:crypto';
import { type Chance, chance } from '../../core/ads/seed/random.ts';

export type { Chance };

/** The same seed and the same words give the same chances, in whatever order others are asked for. */
export const luckOf = (seed: number, ...words: readonly (string | number)[]): Chance =>
  chance(
    createHash('sha256')
      .update([seed, ...words].join('/'))
      .digest()
      .readInt32BE(0),
  );

export const between = (luck: Chance, least: number, most: number): number => least + luck.next() * (most - least);

/** One of them, each as often as its weight says. */
export function weighted<Name extends string>(luck: Chance, weights: Readonly<Record<Name, number>>): Name {
  const entries = Object.entries(weights) as [Name, number][];
  let rest = luck.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [name, weight] of entries) {
    rest -= weight;
    if (rest < 0) return name;
  }
  throw new Error('nothing to choose from');
}
