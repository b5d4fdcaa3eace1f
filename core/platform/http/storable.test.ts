import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unstorableText } from './storable.ts';

describe('text that no column takes', () => {
  it.each([
    ['NUL', 'a\0b'],
    ['half of a surrogate pair', 'a\ud800'],
  ])('is %s, and is told by its field', (_what, text) => {
    expect(unstorableText({ title: 'fine', price: { amount: 1 }, photos: ['fine', text] })).toEqual([
      { field: 'photos.1', message: expect.any(String) },
    ]);
    expect(unstorableText({ [text]: 1 })).toHaveLength(1);
  });

  it('is nothing else that people write', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        fc.pre(!text.includes('\0'));
        expect(unstorableText({ text, none: null, many: [text] })).toEqual([]);
      }),
    );
  });
});
