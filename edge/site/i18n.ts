// Languages of the storefront: which one a visitor gets, and how money and dates are written in it.
import type { Language, LocalisedText, Money } from '../../contracts/common.ts';
import { en } from './strings/en.ts';
import { ru, type Strings } from './strings/ru.ts';

export type { Strings };
export const strings: Readonly<Record<Language, Strings>> = { ru, en };

const isLanguage = (value: string): value is Language => Object.hasOwn(strings, value);

/** The visitor's own choice, else the best match of `Accept-Language` (RFC 9110, section 12.5.4), else Russian. */
export function chooseLanguage(cookie: string | undefined, acceptLanguage: string | null): Language {
  if (cookie !== undefined && isLanguage(cookie)) return cookie;
  let best: { language: Language; weight: number } | undefined;
  for (const part of (acceptLanguage ?? '').slice(0, 500).split(',')) {
    const [tag = '', ...parameters] = part.trim().split(';');
    const language = tag.toLowerCase().split('-')[0] ?? '';
    const quality = parameters.map((each) => /^\s*q=([01](?:\.\d{0,3})?)\s*$/.exec(each)?.[1]).find(Boolean);
    const weight = quality === undefined ? 1 : Number(quality);
    if (isLanguage(language) && weight > (best?.weight ?? 0)) best = { language, weight };
  }
  return best?.language ?? 'ru';
}

/** Server-side zone of times; the browser rewrites them into its own. */
const timeZone = 'Europe/Moscow';

export interface Format {
  money(money: Money): string;
  number(value: number): string;
  /** Of a whole: 0.055 is 5.5 %. */
  percent(share: number): string;
  /** Years and sizes are names more than quantities: no thousands separators. */
  plain(value: number): string;
  rating(value: number): string;
  day(instant: string): string;
  time(instant: string): string;
  /** For a story in which much happens within a minute. */
  second(instant: string): string;
  dates(range: { from: string; to: string }): string;
  distance(metres: number): string;
  text(text: LocalisedText): string;
}

const digitsOf = (currency: string): number =>
  new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;

/** What a person typed as a price, in minor units; null when it is no price. */
export function parsePrice(typed: string, currency = 'RUB'): number | null {
  const digits = digitsOf(currency);
  const match = /^(\d{1,10})(?:[.,](\d+))?$/.exec(typed.replace(/[\s\u00a0\u202f'₽]/g, ''));
  if (!match || (match[2]?.length ?? 0) > digits) return null;
  return Number(`${match[1]}${(match[2] ?? '').padEnd(digits, '0')}`);
}

/** The reverse of `parsePrice`, for an input's value. */
export function priceInput(money: Money): string {
  const digits = digitsOf(money.currency);
  return (money.amount / 10 ** digits).toFixed(money.amount % 10 ** digits === 0 ? 0 : digits);
}

const makeFormat = (language: Language): Format => {
  const { locale } = strings[language];
  const day = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'long', year: 'numeric', timeZone });
  const time = new Intl.DateTimeFormat(locale, {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    timeZone,
  });
  const second = new Intl.DateTimeFormat(locale, {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZone,
  });
  const date = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'long', timeZone: 'UTC' });
  const decimal = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const plain = new Intl.NumberFormat(locale);
  const inMetres = new Intl.NumberFormat(locale, { style: 'unit', unit: 'meter' });
  const inKilometres = new Intl.NumberFormat(locale, { style: 'unit', unit: 'kilometer', maximumFractionDigits: 1 });
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 2 });
  const ungrouped = new Intl.NumberFormat(locale, { useGrouping: false });
  const currencies = new Map<string, Intl.NumberFormat>();
  const moneyFormat = (currency: string, whole: boolean): Intl.NumberFormat => {
    const key = `${currency}${whole}`;
    const known = currencies.get(key);
    if (known) return known;
    const made = new Intl.NumberFormat(locale, {
      style: 'currency',
      currency,
      currencyDisplay: 'narrowSymbol',
      ...(whole ? { maximumFractionDigits: 0 } : {}),
    });
    currencies.set(key, made);
    return made;
  };
  return {
    money: ({ amount, currency }) => {
      const unit = 10 ** digitsOf(currency);
      return moneyFormat(currency, amount % unit === 0).format(amount / unit);
    },
    plain: (value) => ungrouped.format(value),
    number: (value) => plain.format(value),
    percent: (share) => percent.format(share),
    rating: (value) => decimal.format(value),
    day: (instant) => day.format(new Date(instant)),
    time: (instant) => time.format(new Date(instant)),
    second: (instant) => second.format(new Date(instant)),
    distance: (metres) =>
      metres < 975 ? inMetres.format(Math.round(metres / 50) * 50) : inKilometres.format(metres / 1_000),
    dates: ({ from, to }) =>
      from === to ? date.format(new Date(from)) : date.formatRange(new Date(from), new Date(to)),
    text: (text) => text[language],
  };
};

export const formats: Readonly<Record<Language, Format>> = { ru: makeFormat('ru'), en: makeFormat('en') };

export const unitName = (t: Strings, unit: string): string => {
  const names: Readonly<Record<string, string>> = t.units;
  return names[unit] ?? unit;
};

/** 27,5″ but 16 ГБ: signs stand close, words apart. */
export const withUnit = (t: Strings, value: string, unit: string): string =>
  /^\p{L}/u.test(unit) ? `${value}\u00a0${unitName(t, unit)}` : `${value}${unit}`;
