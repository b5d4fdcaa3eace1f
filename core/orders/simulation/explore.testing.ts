// Many worlds, one seed after another, until one of them has a defect.
import { Coverage } from './coverage.testing.ts';
import type { Product } from './product.testing.ts';
import { runWorld, type Verdict } from './world.testing.ts';

export interface Exploration {
  readonly product: Product;
  readonly coverage: Coverage;
  readonly from: number;
  readonly seeds: number;
}

/** The first seed whose world has a defect, or null. */
export function explore({ product, coverage, from, seeds }: Exploration): Verdict | null {
  for (let seed = from; seed < from + seeds; seed += 1) {
    const verdict = runWorld({ seed, product, coverage });
    if (verdict.defect !== null) return verdict;
  }
  return null;
}

/** All that happens in the world of a seed, a line each. */
export function traceOf(product: Product, seed: number): string[] {
  const lines: string[] = [];
  runWorld({ seed, product, coverage: new Coverage(), tell: (line) => lines.push(line) });
  return lines;
}

/** For people who see a defect. */
export const howToReplay = ({ seed, defect }: Verdict): string =>
  `seed ${seed}: ${defect}\nreplay it: npm run simulate -- --seed ${seed} --trace`;

/** Worlds in a second, and in a second of processor time, which other work on the machine does not change. */
export function startTimer(): (worlds: number) => string {
  const began = performance.now();
  const before = process.cpuUsage();
  return (worlds) => {
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(before);
    const perSecond = (of: number): string => Math.round(worlds / of).toLocaleString('en');
    return `${perSecond(seconds)} worlds a second, ${perSecond((user + system) / 1e6)} a second of processor time`;
  };
}
