import { describe, expect, it } from 'vitest';
import { orderSteps } from '../../../contracts/operations.ts';
import { Coverage } from './coverage.testing.ts';
import { explore, howToReplay, startTimer, traceOf } from './explore.testing.ts';
import { product } from './product.testing.ts';
import { runWorld } from './world.testing.ts';

const seeds = 20_000;

describe('the saga among services that crash, freeze and answer late, in many worlds', () => {
  it('loses nothing, pays nobody twice, and ends', { timeout: 120_000 }, () => {
    const coverage = new Coverage();
    const rate = startTimer();
    const failed = explore({ product, coverage, from: 0, seeds });
    if (failed) expect.fail(`${traceOf(product, failed.seed).join('\n')}\n${howToReplay(failed)}`);
    console.log(`${coverage.report()}\n${rate(coverage.worlds)}`);

    // Silence says something only about what was explored.
    expect(coverage.missing()).toEqual([]);
    for (const [line, times] of coverage.transitions) expect(times, line).toBeGreaterThan(10);
    expect([...coverage.faults.keys()].sort()).toEqual(faults);
    const ended = (step: string, state: string): number => coverage.ends.get(`${step} / ${state}`) ?? 0;
    for (const step of orderSteps) expect(ended(step, 'done'), step).toBeGreaterThan(seeds / 200);
    for (const step of ['mark_ad_sold', 'create_shipment', 'cancel_shipment'])
      expect(ended(step, 'refused'), step).toBeGreaterThan(0);
    for (const step of ['create_shipment', 'capture_payment', 'return_money', 'release_ad'])
      expect(ended(step, 'dropped'), step).toBeGreaterThan(0);
    for (const what of happenings) expect(coverage.happenings.get(what), what).toBeGreaterThan(0);
  });

  it('is the same each time for the same seed', () => {
    for (const seed of [1, 2, 3, 1_000_000]) {
      const trace = traceOf(product, seed);
      expect(trace.length).toBeGreaterThan(3);
      expect(traceOf(product, seed)).toEqual(trace);
      // Whether anybody reads the trace makes no difference.
      const told = runWorld({ seed, product, coverage: new Coverage(), tell: () => {} });
      expect(runWorld({ seed, product, coverage: new Coverage() })).toEqual(told);
    }
    expect(traceOf(product, 1)).not.toEqual(traceOf(product, 2));
  });
});

const faults = [
  'ads away',
  'answer lost',
  'broken after',
  'broken before',
  'clock',
  'clock far ahead',
  'courier away',
  'courier refuses',
  'crash',
  'delay',
  'delivery away',
  'freeze',
  'hurry',
  'notices away',
  'payments away',
  'provider away',
  'provider refuses',
  'put aside',
  'read again',
  'request late',
  'request lost',
  'request twice',
  'sent again',
];

/** What must come together for the ways that are rare. */
const happenings = [
  'hold expired',
  'operator: compensate',
  'operator: retry',
  'operator: skip',
  'payout failed late',
  'payout paid late',
  'provider cancelled',
  'provider declined',
  'provider refunded',
  'courier lost',
  'courier returned',
  'courier cancelled',
];
