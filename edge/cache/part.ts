// A part of a representation: what a Range field asks for, what a 206 brought, and how two parts become one.
import { type Part, parseContentRange } from './content-range.ts';
import type { Policy } from './policy.ts';
import type { ReadHeader } from './vary.ts';

export interface RangeSource {
  readonly status: number;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly policy: Policy;
  readonly part: Part | null;
}

export interface Slice {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of `Content-Range`. */
  readonly position: string;
}

/**
 * What of the stored bytes answers a Range field; `null` when the whole is to be sent (several ranges, another unit, a
 * failed If-Range), `unsatisfiable` when there is no such part, `missing` when it is not among the stored bytes.
 */
export function requestedSlice(source: RangeSource, header: ReadHeader): Slice | 'unsatisfiable' | 'missing' | null {
  const { status, body, policy, part } = source;
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header('range')?.trim() ?? '') ?? [];
  if ((status !== 200 && !part) || (first === '' && last === '')) return null;
  const condition = header('if-range');
  if (condition != null && !matchesIfRange(policy, condition.trim())) return null;
  const length = part?.completeLength ?? body.byteLength;
  if (first === '') {
    if (last === '0' || length === 0) return 'unsatisfiable';
    const count = Math.min(Number(last), length);
    // Counted from the end of what there is, so it must be the end of the whole.
    if (part && (part.end !== length || count > part.end - part.start)) return 'missing';
    return sliceOf(body.subarray(Math.max(0, body.byteLength - count)), length - count, length, length);
  }
  const start = Number(first);
  const end = last === '' ? length : Math.min(length, Number(last) + 1);
  if (last !== '' && Number(last) < start) return null;
  if (start >= length) return 'unsatisfiable';
  const offset = part?.start ?? 0;
  if (part && (start < part.start || end > part.end)) return 'missing';
  return sliceOf(body.subarray(start - offset, end - offset), start, end, length);
}

const sliceOf = (bytes: Uint8Array<ArrayBuffer>, start: number, end: number, length: number): Slice => ({
  bytes,
  position: `bytes ${start}-${end - 1}/${length}`,
});

/** Whether a stored answer, when it is a part, holds what the request asks for. */
export const holdsRequested = (source: RangeSource, method: string, header: ReadHeader): boolean => {
  if (!source.part) return true;
  // A Range field has a meaning for GET only (RFC 9110, section 14.2).
  const slice = method === 'GET' ? requestedSlice(source, header) : null;
  return slice !== null && slice !== 'missing';
};

/** Section 13.1.5: strong comparison only. */
function matchesIfRange(policy: Policy, condition: string): boolean {
  if (condition.startsWith('"')) return condition === policy.etag;
  return policy.lastModified !== null && condition === policy.lastModified;
}

/** What asks for the rest of a beginning, if it is still of the same representation. */
export function restOf({ part, policy }: RangeSource): Record<string, string> | null {
  if (part?.start !== 0) return null;
  return {
    range: `bytes=${part.end}-`,
    ...(isStrong(policy.etag) ? { 'if-range': policy.etag } : {}),
  };
}

/** Whether what came is the rest of the same representation, by a strong validator (RFC 9111, section 3.4). */
export function continues({ part, policy }: RangeSource, received: Headers): boolean {
  const rest = parseContentRange(received.get('content-range'));
  if (!part || !rest || !isStrong(policy.etag) || received.get('etag') !== policy.etag) return false;
  const { start, end, completeLength } = rest;
  return start === part.end && end === completeLength && completeLength === part.completeLength;
}

/** Null when the parts are not as long as they were said to be. */
export function joined({ part, body }: RangeSource, rest: Uint8Array): Uint8Array<ArrayBuffer> | null {
  if (!part || body.byteLength + rest.byteLength !== part.completeLength) return null;
  const whole = new Uint8Array(part.completeLength);
  whole.set(body);
  whole.set(rest, body.byteLength);
  return whole;
}

const isStrong = (etag: string | null): etag is string => etag?.startsWith('"') ?? false;
