import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verifySignature } from './webhook-signature.ts';

const secret = 'a secret';
const now = new Date('2026-11-24T10:00:00Z');
const seconds = now.getTime() / 1000;
const hexOf = (text: string, key = secret) => createHmac('sha256', key).update(text).digest('hex');
const verifies = (header: string | null, body = '{"a":1}'): boolean => {
  try {
    verifySignature({ header, body: new TextEncoder().encode(body), secret, now });
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'invalid-signature' });
    return false;
  }
};

describe('a webhook’s signature', () => {
  it('holds for this body at this time', () => {
    const hex = hexOf(`${seconds}.{"a":1}`);
    expect(verifies(`t=${seconds},v1=${hex}`)).toBe(true);
    expect(verifies(`t=${seconds}, v1=${hexOf('x', 'the old secret')}, v1=${hex}`)).toBe(true);
    expect(verifies(`t=${seconds},v1=${hex}`, '{"a":2}')).toBe(false);
    expect(verifies(`t=${seconds + 1},v1=${hex}`)).toBe(false);
  });

  it('does not hold for long', () => {
    const at = (time: number) => `t=${time},v1=${hexOf(`${time}.{"a":1}`)}`;
    expect(verifies(at(seconds - 299))).toBe(true);
    expect(verifies(at(seconds - 301))).toBe(false);
    expect(verifies(at(seconds + 301))).toBe(false);
  });

  it('is no signature when it is nonsense', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.constantFrom(null, '', 't=1', `t=${seconds}`, `t=${seconds},v1=`)),
        (header) => {
          expect(verifies(header)).toBe(false);
        },
      ),
    );
  });
});
