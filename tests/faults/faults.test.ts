// The short run of the fault suite, in CI. `npm run faults` is the long one.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasPrograms } from '../../scripts/services/packages.ts';
import { folder as servicesFolder } from '../../scripts/services/state.ts';
import { inCI } from '../services.ts';
import { runFaults } from './run.ts';
import { neededPrograms, removeData } from './server.ts';
import { summaryOf } from './summary.ts';

/** One for each day of the week. */
const seeds = [20, 2, 4, 6, 8, 10, 12];

describe.skipIf(!inCI())('the shop, while everything around it breaks (in CI; `npm run faults` elsewhere)', () => {
  it('keeps its promises and its books', { timeout: 400_000 }, async () => {
    if (!hasPrograms(neededPrograms)) throw new Error(`missing: one of ${neededPrograms.join(', ')}`);
    const seed = seeds[new Date().getUTCDay()] ?? 0;
    const folder = join(servicesFolder, 'faults', `${seed}-${Date.now()}`);
    const lines = [`seed ${seed} in ${folder}`];
    const outcome = await runFaults({
      seed,
      minutes: 0.9,
      topology: 'whole',
      ordersPerSecond: 1.5,
      buyers: 12,
      faultEverySeconds: 3,
      timeouts: { paymentSeconds: 25, deliverySeconds: 40, acceptSeconds: 8 },
      calmSeconds: 150,
      provesHalves: false,
      folder,
      say: (line) => lines.push(line),
    });
    expect(outcome.violations, [...lines, summaryOf(outcome)].join('\n')).toEqual([]);
    const completed = [...outcome.orders.values()].reduce((sum, ends) => sum + (ends.get('completed') ?? 0), 0);
    expect(completed, 'orders that were completed all the same').toBeGreaterThan(0);
    await removeData(folder);
  });
});
