import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { feeFor, sharesOf } from './shares.ts';

const step = fc.constantFrom(1, 10, 100);
const basisPoints = fc.integer({ min: 0, max: 10_000 });
/** A payment whose amounts the provider can move. */
const payment = step.chain((amount_step) => {
  const movable = (max: number) => fc.integer({ min: 0, max }).map((count) => count * amount_step);
  return fc
    .record({ price: movable(1_000_000_000), delivery: movable(10_000_000), fee_basis_points: basisPoints })
    .chain(({ price, delivery, fee_basis_points }) =>
      movable((price + delivery) / amount_step).map((refunded_amount) => ({
        amount: price + delivery,
        seller_amount: price,
        refunded_amount,
        fee_basis_points,
        amount_step,
      })),
    );
});

describe('the fee', () => {
  it.each([
    [100_00, 500, 1, 5_00],
    [99, 500, 1, 4],
    [19, 500, 1, 0],
    [12_340, 500, 10, 610],
    [12_340, 0, 10, 0],
    [100_00, 10_000, 1, 100_00],
    [100_000_000_000, 9_999, 1, 99_990_000_000],
  ])('of %i at %i hundredths of a per cent, in steps of %i, is %i', (price, basis, by, fee) => {
    expect(feeFor(price, { basisPoints: basis, step: by })).toBe(fee);
  });

  it('is never more than what was quoted, and less by less than one step', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100_000_000_000 }), basisPoints, step, (price, basis, by) => {
        const fee = feeFor(price, { basisPoints: basis, step: by });
        const exact = BigInt(price) * BigInt(basis);
        expect(BigInt(fee) * 10_000n <= exact).toBe(true);
        expect((BigInt(fee) + BigInt(by)) * 10_000n > exact).toBe(true);
        expect(fee % by).toBe(0);
      }),
    );
  });

  it('grows with the price, and never faster', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000_000 }), fc.nat(1_000_000), basisPoints, (price, more, basis) => {
        const [less, bigger] = [price, price + more].map((each) => feeFor(each, { basisPoints: basis, step: 1 }));
        expect((bigger ?? 0) - (less ?? 0)).toBeGreaterThanOrEqual(0);
        expect((bigger ?? 0) - (less ?? 0)).toBeLessThanOrEqual(more);
      }),
    );
  });
});

describe('the shares of a payment', () => {
  it('are all of what is not given back, and none is less than nothing or can’t be moved', () => {
    fc.assert(
      fc.property(payment, (its) => {
        const { seller, fee, delivery } = sharesOf(its);
        expect(seller + fee + delivery).toBe(its.amount - its.refunded_amount);
        for (const share of [seller, fee, delivery]) {
          expect(share).toBeGreaterThanOrEqual(0);
          expect(share % its.amount_step).toBe(0);
        }
      }),
    );
  });

  it('do not depend on in how many parts something was given back', () => {
    fc.assert(
      fc.property(payment, fc.array(fc.nat(100), { minLength: 1, maxLength: 5 }), (its, weights) => {
        const total = weights.reduce((sum, weight) => sum + weight, 0) || 1;
        let left = its.refunded_amount;
        let given = 0;
        for (const weight of weights) {
          const part = Math.min(left, Math.floor((its.refunded_amount * weight) / total));
          left -= part;
          given += part;
          // Whatever is given back on the way, nobody gets more by it than before.
          const { seller, fee } = sharesOf({ ...its, refunded_amount: given });
          expect(seller + fee).toBeLessThanOrEqual(its.seller_amount);
        }
        expect(sharesOf({ ...its, refunded_amount: given + left })).toEqual(sharesOf(its));
      }),
    );
  });

  it('leave the delivery alone until the price is all given back', () => {
    const its = { amount: 1_399_00, seller_amount: 1_000_00, fee_basis_points: 500, amount_step: 1 };
    expect(sharesOf({ ...its, refunded_amount: 0 })).toEqual({ seller: 950_00, fee: 50_00, delivery: 399_00 });
    expect(sharesOf({ ...its, refunded_amount: 1_000_00 })).toEqual({ seller: 0, fee: 0, delivery: 399_00 });
    expect(sharesOf({ ...its, refunded_amount: 1_100_00 })).toEqual({ seller: 0, fee: 0, delivery: 299_00 });
  });
});
