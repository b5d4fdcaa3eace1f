// Conditional requests (RFC 9110, section 13) and ranges (section 14), answered from what is stored.
import { parseHttpDate } from './http-date.ts';
import type { StoredResponse } from './store.ts';
import type { ReadHeader } from './vary.ts';

/** True when the client already has what is stored: a 304 will do. */
export function isNotModified(stored: StoredResponse, header: ReadHeader, now: number): boolean {
  if (stored.status !== 200) return false;
  const { etag, lastModifiedAt, date } = stored.policy;
  const noneMatch = header('if-none-match');
  if (noneMatch != null)
    return noneMatch.trim() === '*' || (etag !== null && entityTags(noneMatch).includes(opaque(etag)));
  const since = parseHttpDate(header('if-modified-since') ?? null, now);
  return since !== null && (lastModifiedAt ?? date) <= since;
}

/** Weak comparison looks at the opaque part alone (section 8.8.3.2). */
const opaque = (etag: string): string => etag.replace(/^W\//, '');
const entityTags = (list: string): string[] =>
  [...list.matchAll(/(?:W\/)?("[^"]*")|([^\s,"]+)/g)].map((match) => match[1] ?? match[2] ?? '');

export interface ByteRange {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/**
 * The part that a Range field asks for; `null` when the whole is to be sent (several ranges, another
 * unit, or a failed If-Range), `unsatisfiable` when there is no such part.
 */
export function requestedRange(
  stored: StoredResponse,
  header: ReadHeader,
  length: number,
): ByteRange | 'unsatisfiable' | null {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header('range')?.trim() ?? '') ?? [];
  if (stored.status !== 200 || (first === '' && last === '')) return null;
  const condition = header('if-range');
  if (condition != null && !matchesIfRange(stored, condition.trim())) return null;
  const start = first === '' ? Math.max(0, length - Number(last)) : Number(first);
  const end = first === '' || last === '' ? length : Math.min(length, Number(last) + 1);
  if (last !== '' && first !== '' && Number(last) < Number(first)) return null;
  return start >= length || (first === '' && last === '0') ? 'unsatisfiable' : { start, end };
}

/** Section 13.1.5: strong comparison only. */
function matchesIfRange({ policy }: StoredResponse, condition: string): boolean {
  if (condition.startsWith('"')) return condition === policy.etag;
  return policy.lastModified !== null && condition === policy.lastModified;
}

/** The fields that make a request for what is stored a question whether it is still right (RFC 9111, section 4.3.1). */
export function validationHeaders(stored: StoredResponse): Record<string, string> {
  return {
    ...(stored.policy.etag === null ? {} : { 'if-none-match': stored.policy.etag }),
    ...(stored.policy.lastModified === null ? {} : { 'if-modified-since': stored.policy.lastModified }),
  };
}

export const conditionalFields = [
  'if-none-match',
  'if-modified-since',
  'if-match',
  'if-unmodified-since',
  'if-range',
  'range',
] as const;
