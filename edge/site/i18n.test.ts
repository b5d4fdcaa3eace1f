// Both languages say the same things, and money and dates are written as their readers write them.
import { describe, expect, it } from 'vitest';
import { chooseLanguage, formats, parsePrice, priceInput, strings, withUnit } from './i18n.ts';

/** Every path to a string or function in a tree of strings. */
function leaves(tree: object, path = ''): Map<string, unknown> {
  return new Map(
    Object.entries(tree).flatMap(([key, value]: [string, unknown]) =>
      typeof value === 'object' && value !== null
        ? [...leaves(value, `${path}${key}.`)]
        : [[`${path}${key}`, value] as const],
    ),
  );
}

describe('the two languages', () => {
  const [ru, en] = [leaves(strings.ru), leaves(strings.en)];

  it('have the same strings, none of them empty', () => {
    expect([...en.keys()].sort()).toEqual([...ru.keys()].sort());
    for (const [path, value] of [...ru, ...en]) expect(value, path).not.toBe('');
  });

  it('do not mix: English has no Cyrillic but for the other language’s name', () => {
    const foreign = [...en]
      .filter(([, value]) => typeof value === 'string' && /[а-яё]/i.test(value))
      .map(([path]) => path);
    expect(foreign).toEqual(['menu.switchLanguage', 'profile.languages.ru']);
  });

  it('count nouns as Russian does', () => {
    expect([1, 2, 5, 11, 21, 104].map((n) => strings.ru.reviews(n))).toEqual([
      '1 отзыв',
      '2 отзыва',
      '5 отзывов',
      '11 отзывов',
      '21 отзыв',
      '104 отзыва',
    ]);
  });
});

describe('the language of a visitor', () => {
  it.each([
    [undefined, 'en-US,en;q=0.9,ru;q=0.8', 'en'],
    [undefined, 'de, ru;q=0.5, en;q=0.4', 'ru'],
    [undefined, 'en;q=0, fr', 'ru'],
    [undefined, null, 'ru'],
    ['en', 'ru', 'en'],
    ['klingon', 'en', 'en'],
  ])('with cookie %j and Accept-Language %j is %s', (cookie, header, language) => {
    expect(chooseLanguage(cookie, header)).toBe(language);
  });
});

describe('money', () => {
  const written = (text: string): string => text.replace(/[\u00a0\u202f]/g, ' ');

  it('shows kopecks only where there are some', () => {
    expect(written(formats.ru.money({ amount: 1_500_000, currency: 'RUB' }))).toBe('15 000 ₽');
    expect(written(formats.ru.money({ amount: 1_500_050, currency: 'RUB' }))).toBe('15 000,50 ₽');
    expect(formats.en.money({ amount: 1_500_000, currency: 'RUB' })).toBe('₽15,000');
    expect(formats.en.money({ amount: 500, currency: 'JPY' })).toBe('¥500');
  });

  it.each([
    ['15 000', 1_500_000],
    ['15\u00a0000,5 ₽', 1_500_050],
    ['0.99', 99],
    ['', null],
    ['-5', null],
    ['1e5', null],
    ['1,234', null],
    ['12345678901', null],
  ])('reads %j as %j', (typed, amount) => {
    expect(parsePrice(typed)).toBe(amount);
  });

  it('comes back into the input as it was', () => {
    for (const amount of [1, 100, 1_500_050]) expect(parsePrice(priceInput({ amount, currency: 'RUB' }))).toBe(amount);
  });
});

describe('dates and sizes', () => {
  it('are written in the visitor’s language', () => {
    expect(formats.ru.dates({ from: '2026-11-27', to: '2026-11-29' })).toMatch(/^27.29 ноября$/);
    expect(formats.en.dates({ from: '2026-11-27', to: '2026-11-27' })).toBe('27 November');
    expect(withUnit(strings.ru, formats.ru.plain(27.5), '″')).toBe('27,5″');
    expect(withUnit(strings.ru, formats.ru.plain(2048), 'GB')).toBe('2048\u00a0ГБ');
  });
});
