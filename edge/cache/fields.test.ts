import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCacheControl, parseTargeted, seconds } from './directives.ts';
import { parseHttpDate } from './http-date.ts';
import { routeKeyOf } from './key.ts';
import { parseDictionary, parseStrings, serializeStrings } from './structured-fields.ts';

describe('Cache-Control', () => {
  it.each([
    ['max-age=60', 60],
    ['MAX-AGE="60"', 60],
    ['public , max-age=060, max-age=5', 60],
    ['extension="max-age=3600", max-age=1', 1],
    ['max-age=1, extension="a, max-age=3600"', 1],
    ['max-age=99999999999', 2 ** 31],
  ])('%s is fresh for %i seconds', (field, expected) => {
    expect(seconds(parseCacheControl(field), 'max-age')).toBe(expected);
  });

  it.each(["max-age='60'", 'max-age=60.5', 'max-age=a60', 'max-age=-1', 'max-age', 'max-age =60', 'max-age= 60'])(
    '%s can’t be read and so is stale',
    (field) => {
      expect(seconds(parseCacheControl(field), 'max-age')).toBe(0);
    },
  );

  it('never throws, whatever an origin sends', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '=', '"', ',', '\\', ' ', '1', 'max-age') }),
        (field) => parseCacheControl(field) instanceof Map,
      ),
    );
  });
});

describe('CDN-Cache-Control', () => {
  it('is a dictionary, whose malformed members are ignored one by one', () => {
    expect(parseTargeted('max-age=60, no-store;a=1')).toEqual(
      new Map<string, string | true>([
        ['max-age', '60'],
        ['no-store', true],
      ]),
    );
    expect(parseTargeted('max-age="60", private')).toEqual(new Map([['private', true]]));
  });

  it.each([null, '', 'max-age=60, &&&', 'max-age= 60', 'a=(1 2'])('%s counts as absent', (field) => {
    expect(parseTargeted(field)).toBeNull();
  });
});

describe('structured fields', () => {
  it('reads every kind of item', () => {
    const read = parseDictionary('a=1, b=-2.5;q="x", c="q\\"uoted", d=token/x, e=?0, f, g=:aGk=:, h=(1 "two");p');
    expect([...(read ?? [])].map(([key, { value }]) => [key, value])).toEqual([
      ['a', 1],
      ['b', -2.5],
      ['c', 'q"uoted'],
      ['d', { token: 'token/x' }],
      ['e', false],
      ['f', true],
      ['g', { token: ':aGk=:' }],
      ['h', [1, 'two']],
    ]);
    expect(read?.get('b')?.parameters.get('q')).toBe('x');
  });

  it('refuses what is no list of strings', () => {
    for (const text of ['"a", b', '"a"," ', '"a",', '"a" "b"', '"é"']) expect(parseStrings(text)).toBeNull();
    expect(parseStrings('')).toEqual([]);
  });

  it('reads back what it writes', () => {
    const printable = fc.string({
      unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
    });
    fc.assert(
      fc.property(fc.array(printable), (list) => {
        expect(parseStrings(serializeStrings(list))).toEqual(list);
      }),
    );
  });
});

describe('HTTP dates', () => {
  const now = Date.parse('2026-11-24T10:00:00Z');

  it.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
    '%s is one',
    (text) => {
      expect(parseHttpDate(text, now)).toBe(Date.UTC(1994, 10, 6, 8, 49, 37));
    },
  );

  it.each([
    '0',
    '',
    '1994-11-06T08:49:37Z',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Now 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 25:49:37 GMT',
  ])('“%s” is none', (text) => {
    expect(parseHttpDate(text, now)).toBeNull();
  });

  it('reads back every second of the calendar', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (unix) => {
        expect(parseHttpDate(new Date(unix * 1000).toUTCString(), now)).toBe(unix * 1000);
      }),
    );
  });
});

describe('a key', () => {
  const routeKey = routeKeyOf((name) => !['utm_source', 'gclid', 'yclid'].includes(name));

  it.each([
    ['http://a.example/v1/ads', '/v1/ads'],
    ['https://b.example:8443/v1/ads?', '/v1/ads'],
    ['http://a/v1/ads?b=2&a=1', '/v1/ads?a=1&b=2'],
    ['http://a/v1/ads?b=2&utm_source=x&a=1&gclid=y', '/v1/ads?a=1&b=2'],
    ['http://a/v1/ads?yclid=1', '/v1/ads'],
    ['http://a/v1/ads?a=2&a=1', '/v1/ads?a=2&a=1'],
    ['http://a/v1/ads?%67clid=1&%61=1', '/v1/ads?%61=1'],
    ['http://a', '/'],
  ])('of %s is %s', (url, key) => {
    expect(routeKey(url)).toBe(key);
  });

  it('does not depend on the order of parameters, but on each of them', () => {
    const parameters = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z]{1,4}$/), fc.stringMatching(/^\w{0,4}$/)), {
      selector: ([name]) => name,
      minLength: 1,
    });
    fc.assert(
      fc.property(parameters, fc.integer({ min: 0 }), (pairs, turn) => {
        const of = (all: readonly (readonly [string, string])[]): string =>
          routeKey(`http://a/p?${all.map((pair) => pair.join('=')).join('&')}`);
        const at = turn % pairs.length;
        expect(of([...pairs.slice(at), ...pairs.slice(0, at)])).toBe(of(pairs));
        expect(of([...pairs, ['other', '1']])).not.toBe(of(pairs));
      }),
    );
  });
});
