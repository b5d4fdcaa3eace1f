import { buildSchema, parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { costLimits } from './limits.ts';

const schema = buildSchema('type Query { a: A } type A { a: A b: Int list(first: Int = 10): [A] }');
const check = (text: string): string[] => validate(schema, parse(text), [costLimits(50)]).map(({ message }) => message);
const nested = (levels: number, inner = 'b'): string => `${'a { '.repeat(levels)}${inner}${' }'.repeat(levels)}`;

describe('a GraphQL document', () => {
  it('may be as deep as a screen needs', () => {
    expect(check(`{ ${nested(7)} }`)).toEqual([]);
  });

  it('is refused when it is deeper, also through fragments', () => {
    expect(check(`{ ${nested(8)} }`)).toEqual(['At most 8 levels']);
    expect(
      check(`{ ...one } fragment one on Query { ${nested(4, '...two')} } fragment two on A { ${nested(5)} }`),
    ).toEqual(['At most 8 levels']);
  });

  it('is refused when it multiplies work by aliases or fragments', () => {
    expect(check(`{ ${Array.from({ length: 16 }, (_none, index) => `x${index}: a { b }`).join(' ')} }`)).toEqual([
      'At most 15 aliases',
    ]);
    const doubling = Array.from({ length: 12 }, (_none, index) =>
      `fragment f${index} on A { a { ${index === 11 ? 'b' : ''} } ${index === 11 ? '' : `...f${index + 1} ...f${index + 1}`} }`.replaceAll(
        '{  }',
        '{ b }',
      ),
    ).join('\n');
    expect(check(`{ a { ...f0 } } ${doubling}`)).toEqual(['At most 600 fields']);
  });

  it('is refused when its lists would make a long answer, a variable counting as the longest', () => {
    const list = (first: string): string =>
      `{ a { ${Array.from({ length: 4 }, (_none, n) => `l${n}: list(first: ${first}) { list(first: 50) { b } }`).join(' ')} } }`;
    expect(check(list('48'))).toEqual([]);
    expect(check(list('50'))).toEqual(['At most 10000 values; ask for fewer at once']);
    expect(check(`query ($first: Int) ${list('$first')}`)).toEqual(['At most 10000 values; ask for fewer at once']);
  });

  it('whose fragment holds itself ends the check', () => {
    expect(check('{ a { ...f } } fragment f on A { a { ...f } }')).toEqual([]);
  });
});
