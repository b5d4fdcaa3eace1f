// Amounts as Stripe counts them, which is not always in minor units of ISO 4217: https://docs.stripe.com/currencies
import type { Money } from '../../../contracts/common.ts';
import { minorDigits } from '../minor-units.ts';
import { ProviderRefusal } from './provider.ts';

/** Stripe counts these in whole units, although the ariary has a fifth of which nobody has a coin. */
const wholeUnits = new Set('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' '));
/** Of these it takes whole units only, written in hundredths. */
const wholeHundreds = new Set(['ISK', 'UGX']);

const stripeDigits = (currency: string): number =>
  wholeUnits.has(currency) ? 0 : wholeHundreds.has(currency) ? 2 : minorDigits(currency);

/** The smallest amount that Stripe moves, in minor units. Of three decimals the last one has to be 0. */
export function stripeStep(currency: string): number {
  const finer = minorDigits(currency) - stripeDigits(currency);
  if (finer > 0) return 10 ** finer;
  return minorDigits(currency) === 3 ? 10 : 1;
}

/** Throws where Stripe has no such amount: rounding would charge another sum than was agreed. */
export function toStripe({ amount, currency }: Money): { amount: number; currency: string } {
  if (amount % stripeStep(currency) !== 0) {
    throw new ProviderRefusal(`${amount} ${currency} is no multiple of ${stripeStep(currency)}`);
  }
  return { amount: scaled(amount, stripeDigits(currency) - minorDigits(currency)), currency: currency.toLowerCase() };
}

export function fromStripe(amount: number, currency: string): Money {
  const code = currency.toUpperCase();
  return { amount: scaled(amount, minorDigits(code) - stripeDigits(code)), currency: code };
}

/** Exact: `toStripe` has checked it, and Stripe has no finer amounts than it takes. */
function scaled(amount: number, digits: number): number {
  const result = digits < 0 ? amount / 10 ** -digits : amount * 10 ** digits;
  if (!Number.isSafeInteger(result)) throw new Error(`${amount} has no exact value with ${digits} more digits`);
  return result;
}
