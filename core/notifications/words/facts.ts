// What the words of a notification are about: the order as far as it is known, in the reader's language.
import { z } from 'zod';
import type { Language, Money } from '../../../contracts/common.ts';
import { DateRange } from '../../../contracts/delivery.ts';
import type { OrderRow, Parameters } from '../store.ts';

export interface Facts {
  /** What was bought, or the ad it is about. */
  readonly title: string | null;
  readonly total: string | null;
  /** Approximate days of delivery. */
  readonly estimated: string | null;
  readonly trackingNumber: string | null;
  /** A code (`words.reasons`) or words of somebody else. */
  readonly reason: string | null;
  readonly pickupPoint: string | null;
  /** Who wrote, and how many of their messages are unread. */
  readonly sender: string | null;
  readonly unread: number | null;
}

/** What the notification itself was given comes before what is known of its order. */
export function factsOf(parameters: Parameters, order: OrderRow | undefined, language: Language): Facts {
  const given = (name: string): string | null => parameters[name]?.trim() || null;
  const total = moneyOf(parameters) ?? order?.total ?? null;
  const estimated = DateRange.safeParse({ from: given('estimated_from'), to: given('estimated_to') });
  const days = estimated.success ? estimated.data : (order?.estimated ?? null);
  return {
    title: given('ad_title') ?? order?.ad_title ?? null,
    total: total ? formatMoney(total, language) : given('total'),
    estimated: days ? formatDays(days, language) : null,
    trackingNumber: given('tracking_number') ?? order?.tracking_number ?? null,
    reason: given('reason'),
    pickupPoint: given('pickup_point'),
    sender: given('sender'),
    unread: Number(given('unread')) || null,
  };
}

const GivenMoney = z.object({
  total_amount: z.coerce.number().int().min(1),
  total_currency: z.string().regex(/^[A-Z]{3}$/),
});

function moneyOf(parameters: Parameters): Money | null {
  const { success, data } = GivenMoney.safeParse(parameters);
  return success ? { amount: data.total_amount, currency: data.total_currency } : null;
}

const locales: Readonly<Record<Language, string>> = { ru: 'ru-RU', en: 'en-GB' };

/** Formats are dear to make: one for each language and currency. */
const moneyFormats = new Map<string, { readonly whole: Intl.NumberFormat; readonly exact: Intl.NumberFormat }>();

export function formatMoney({ amount, currency }: Money, language: Language): string {
  const { whole, exact } = moneyFormat(currency, language);
  const value = amount / 10 ** (exact.resolvedOptions().maximumFractionDigits ?? 2);
  // Whole amounts, which most are, read better without zeros.
  return (Number.isInteger(value) ? whole : exact).format(value);
}

function moneyFormat(currency: string, language: Language) {
  const key = `${language} ${currency}`;
  const known = moneyFormats.get(key);
  if (known) return known;
  const options = { style: 'currency', currency, currencyDisplay: 'narrowSymbol' } as const;
  const made = {
    exact: new Intl.NumberFormat(locales[language], options),
    whole: new Intl.NumberFormat(locales[language], {
      ...options,
      minimumFractionDigits: 0,
      maximumFractionDigits: 0,
    }),
  };
  moneyFormats.set(key, made);
  return made;
}

const dayFormat = (language: Language): Intl.DateTimeFormat =>
  new Intl.DateTimeFormat(locales[language], { day: 'numeric', month: 'long', timeZone: 'UTC' });
const dayFormats: Readonly<Record<Language, Intl.DateTimeFormat>> = { ru: dayFormat('ru'), en: dayFormat('en') };

export function formatDays({ from, to }: { from: string; to: string }, language: Language): string {
  const format = dayFormats[language];
  const days = [new Date(`${from}T00:00:00Z`), new Date(`${to}T00:00:00Z`)] as const;
  return days[0] <= days[1] ? format.formatRange(...days) : format.format(days[1]);
}
