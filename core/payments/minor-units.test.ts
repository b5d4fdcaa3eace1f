import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromDecimal, minorDigits, toDecimal } from './minor-units.ts';
import { fromStripe, stripeStep, toStripe } from './providers/stripe-amounts.ts';

const currency = fc.constantFrom(
  'RUB',
  'USD',
  'EUR',
  'JPY',
  'KRW',
  'KWD',
  'BHD',
  'TND',
  'ISK',
  'UGX',
  'MGA',
  'CLF',
  'XYZ',
);
const amount = fc.integer({ min: 0, max: 100_000_000_000 });

describe('decimals', () => {
  it.each([
    [100_00, 'RUB', '100.00'],
    [5, 'RUB', '0.05'],
    [0, 'USD', '0.00'],
    [1234, 'JPY', '1234'],
    [1234, 'KWD', '1.234'],
    [34, 'KWD', '0.034'],
  ])('%i %s is %s', (minor, code, text) => {
    expect(toDecimal({ amount: minor, currency: code })).toBe(text);
    expect(fromDecimal(text, code)).toEqual({ amount: minor, currency: code });
  });

  it('come back as they were', () => {
    fc.assert(
      fc.property(amount, currency, (minor, code) => {
        const money = { amount: minor, currency: code };
        expect(fromDecimal(toDecimal(money), code)).toEqual(money);
      }),
    );
  });

  it('may have fewer or more of them, as long as nothing gets lost', () => {
    expect(fromDecimal('100', 'RUB')?.amount).toBe(100_00);
    expect(fromDecimal('100.5', 'RUB')?.amount).toBe(100_50);
    expect(fromDecimal('100.500', 'RUB')?.amount).toBe(100_50);
    for (const [text, code] of [
      ['100.505', 'RUB'],
      ['1.5', 'JPY'],
      ['-1', 'RUB'],
      ['1e3', 'RUB'],
      ['', 'RUB'],
      ['.5', 'RUB'],
      ['1,000.00', 'RUB'],
      ['99999999999999999', 'RUB'],
    ] as const) {
      expect(fromDecimal(text, code)).toBeNull();
    }
  });
});

describe('Stripe’s amounts', () => {
  it.each([
    [100_00, 'USD', 100_00],
    [500, 'JPY', 500],
    [5_120, 'KWD', 5_120],
    // In hundredths, whole units only.
    [7, 'UGX', 700],
    [7, 'ISK', 700],
    // Whole units, of a currency that has hundredths.
    [700, 'MGA', 7],
  ])('of %i %s are %i', (ours, code, theirs) => {
    expect(toStripe({ amount: ours, currency: code })).toEqual({ amount: theirs, currency: code.toLowerCase() });
    expect(fromStripe(theirs, code.toLowerCase())).toEqual({ amount: ours, currency: code });
  });

  it.each([
    [5_124, 'KWD', 10],
    [705, 'MGA', 100],
  ])('has none of %i %s: they go by %i', (ours, code, step) => {
    expect(stripeStep(code)).toBe(step);
    expect(() => toStripe({ amount: ours, currency: code })).toThrow(`no multiple of ${step}`);
  });

  it('come back as they were, or are refused', () => {
    fc.assert(
      fc.property(amount, currency, (minor, code) => {
        const money = { amount: minor, currency: code };
        if (minor % stripeStep(code) !== 0) expect(() => toStripe(money)).toThrow('no multiple');
        else {
          const { amount: theirs, currency: lower } = toStripe(money);
          expect(fromStripe(theirs, lower)).toEqual(money);
          // Three decimals: the last one is always 0.
          if (minorDigits(code) === 3) expect(theirs % 10).toBe(0);
        }
      }),
    );
  });
});
