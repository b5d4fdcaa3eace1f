// Amounts as others write them. Ours are whole minor units, of which a currency has as many as ISO 4217 says.
import type { Money } from '../../contracts/common.ts';

/** ISO 4217's table of active codes, where it doesn't say two. */
const digitsOf: Readonly<Record<number, string>> = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
  3: 'BHD IQD JOD KWD LYD OMR TND',
  4: 'CLF UYW',
};
const exceptions = new Map(
  Object.entries(digitsOf).flatMap(([digits, codes]) =>
    codes.split(' ').map((code) => [code, Number(digits)] as const),
  ),
);

/** How many decimal places a currency's minor unit has. */
export const minorDigits = (currency: string): number => exceptions.get(currency) ?? 2;

/** `1234.50` for 123450 kopecks: as many decimals as the currency has. */
export function toDecimal({ amount, currency }: Money): string {
  const digits = minorDigits(currency);
  const text = String(amount).padStart(digits + 1, '0');
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** Null where the text is no amount, or has a fraction of a minor unit. */
export function fromDecimal(value: string, currency: string): Money | null {
  const [, whole, fraction = ''] = /^(\d{1,15})(?:\.(\d{1,10}))?$/.exec(value) ?? [];
  if (whole === undefined) return null;
  const digits = minorDigits(currency);
  if (/[1-9]/.test(fraction.slice(digits))) return null;
  const amount = Number(whole + fraction.slice(0, digits).padEnd(digits, '0'));
  return Number.isSafeInteger(amount) ? { amount, currency } : null;
}
