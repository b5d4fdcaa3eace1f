import { describe, expect, it } from 'vitest';
import { createRetryBudget } from './retry-budget.ts';

describe('the retry budget', () => {
  const world = () => {
    let now = 0;
    const budget = createRetryBudget(() => now);
    const spendAll = (): number => {
      let spent = 0;
      while (budget.spend()) spent += 1;
      return spent;
    };
    return { budget, spendAll, pass: (ms: number) => (now += ms) };
  };

  it('lets a fifth of the calls be repeated once what was saved up is gone', () => {
    const { budget, spendAll } = world();
    expect(spendAll()).toBe(100);
    for (let call = 0; call < 50; call += 1) budget.earn();
    expect(spendAll()).toBe(10);
  });

  it('lets ten a second be repeated however few calls there are', () => {
    const { spendAll, pass } = world();
    spendAll();
    pass(2_500);
    expect(spendAll()).toBe(25);
  });

  it('saves up no more than ten seconds’ worth', () => {
    const { budget, spendAll, pass } = world();
    pass(3_600_000);
    for (let call = 0; call < 10_000; call += 1) budget.earn();
    expect(spendAll()).toBe(100);
  });
});
