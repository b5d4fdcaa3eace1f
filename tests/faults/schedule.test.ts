import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { faultKinds } from './faults.ts';
import { layoutOf, topologies } from './layout.ts';
import { purchaseKinds, purchaseOf } from './purchases.ts';
import { type PlannedFault, planFaults } from './schedule.ts';

const atOnce = 3;
const plan = (seed: number, topology: (typeof topologies)[number] = 'whole', minutes = 5): PlannedFault[] =>
  planFaults({
    seed,
    kinds: faultKinds,
    layout: layoutOf(topology),
    durationMs: minutes * 60_000,
    everyMs: 3_000,
    atOnce,
  });
const told = (faults: readonly PlannedFault[]) =>
  faults.map(({ kind, target, atMs, forMs }) => [kind.name, target, atMs, forMs]);
const seeds = fc.integer({ min: 0, max: 2 ** 31 });

describe('the plan of faults', () => {
  it('is the same for the same seed, and another for another', () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom(...topologies), (seed, topology) => {
        expect(told(plan(seed, topology))).toEqual(told(plan(seed, topology)));
        expect(told(plan(seed, topology))).not.toEqual(told(plan(seed + 1, topology)));
      }),
      { numRuns: 30 },
    );
  });

  it('strikes nothing that is still struck, never too much at once, and is over in time', () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom(...topologies), (seed, topology) => {
        const faults = plan(seed, topology);
        for (const [index, fault] of faults.entries()) {
          const underWay = faults
            .slice(0, index)
            .filter(({ atMs, forMs, kind }) => atMs + forMs + kind.recoverySeconds * 1000 > fault.atMs);
          expect(underWay.length).toBeLessThan(atOnce);
          expect(underWay.map(({ target }) => target)).not.toContain(fault.target);
          expect(fault.atMs + fault.forMs).toBeLessThanOrEqual(5 * 60_000);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('meets every kind within half an hour, and strikes only what there is', () => {
    for (const topology of topologies) {
      const faults = plan(7, topology, 30);
      expect(new Set(faults.map(({ kind }) => kind.name))).toEqual(new Set(faultKinds.map(({ name }) => name)));
      for (const { kind, target } of faults) expect(kind.targets(layoutOf(topology)).flat()).toContain(target);
    }
  });
});

describe('the plan of purchases', () => {
  it('is the same for the same seed, whatever was asked for before', () => {
    fc.assert(
      fc.property(seeds, fc.nat(100_000), (seed, number) => {
        const purchase = purchaseOf(seed, number, 16);
        purchaseOf(seed, number + 1, 16);
        expect(purchaseOf(seed, number, 16)).toEqual(purchase);
        expect(purchase.rival).not.toBe(purchase.buyer);
      }),
    );
  });

  it('has every kind', () => {
    const met = new Set(Array.from({ length: 500 }, (_, number) => purchaseOf(3, number, 16).kind));
    expect([...met].toSorted()).toEqual(purchaseKinds.toSorted());
  });
});
