// Conditional requests (RFC 9110, section 13), answered from what is stored.
import { parseHttpDate } from './http-date.ts';
import type { StoredResponse } from './store.ts';
import type { ReadHeader } from './vary.ts';

/** True when the client already has what is stored: a 304 will do. */
export function isNotModified(stored: StoredResponse, header: ReadHeader, now: number): boolean {
  if (stored.status !== 200 && !stored.part) return false;
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
