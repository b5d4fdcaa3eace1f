// The signature of a webhook: HMAC-SHA256 over `timestamp.body`, sent as `t=<unix seconds>,v1=<hex>`.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { ProblemError } from '../../../contracts/problem.ts';

export interface SignedBody {
  readonly header: string | null;
  readonly body: Uint8Array;
  readonly secret: string;
  readonly now: Date;
}

/** Older ones could be recordings. Newer ones happen where clocks differ. */
const toleranceMs = 5 * 60_000;

/** Throws `invalid-signature` unless one of the header's signatures is right and its time is near. */
export function verifySignature({ header, body, secret, now }: SignedBody): void {
  const fields = (header ?? '')
    .slice(0, 1_000)
    .split(',')
    .map((field) => field.trim().split('=', 2));
  const timestamp = fields.find(([name]) => name === 't')?.[1] ?? '';
  if (!/^\d{1,12}$/.test(timestamp)) throw new ProblemError('invalid-signature');
  const expected = createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest();
  // Several while a secret is being changed.
  const matches = fields.filter(([name, value]) => name === 'v1' && isEqualHex(value ?? '', expected)).length > 0;
  if (!matches) throw new ProblemError('invalid-signature');
  if (Math.abs(now.getTime() - Number(timestamp) * 1000) > toleranceMs) {
    throw new ProblemError('invalid-signature', { detail: 'The signature is too old' });
  }
}

function isEqualHex(hex: string, expected: Buffer): boolean {
  const given = Buffer.from(hex, 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
}
