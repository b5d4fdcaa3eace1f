// What is said of one kind of thing in demo ads.
import type { AttributeValue } from '../../../../contracts/ads.ts';
import type { Chance } from '../random.ts';

export type Words = readonly [string, ...string[]];

export interface KindWords {
  /** `*` stands for a brand and model. */
  readonly titles: Words;
  readonly models: Words;
  /** In roubles. */
  readonly price: readonly [least: number, most: number];
  readonly about: Words;
  readonly attributes?: (chance: Chance, model: string) => Record<string, AttributeValue>;
}
