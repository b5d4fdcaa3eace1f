// The answer made from a stored one: whole, a part, without a body, or 304.
import { isNotModified, requestedRange } from './conditional.ts';
import type { StoredResponse } from './store.ts';
import { toHeaders } from './stored-response.ts';
import type { ReadHeader } from './vary.ts';

/** Plain data, so that an entry file can write it without making a Response. */
export interface CacheAnswer {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
  readonly body: Uint8Array<ArrayBuffer> | null;
  readonly label: string;
}

export interface AnswerInput {
  readonly method: string;
  readonly header: ReadHeader;
  readonly now: number;
  readonly cacheStatus: string;
  readonly ageSeconds: number;
}

export function answer(
  stored: StoredResponse,
  { method, header, now, cacheStatus, ageSeconds }: AnswerInput,
): CacheAnswer {
  const headers: Record<string, string | string[]> = { ...stored.sent };
  const before = headers['cache-status'];
  headers['cache-status'] = before === undefined ? cacheStatus : `${String(before)}, ${cacheStatus}`;
  headers.age = String(Math.max(0, ageSeconds));
  if (isNotModified(stored, header, now)) {
    delete headers['content-type'];
    delete headers['content-encoding'];
    return { status: 304, headers, body: null, label: stored.label };
  }
  const { body } = stored;
  // A Range field has a meaning for GET only (RFC 9110, section 14.2).
  const range = method === 'GET' && header('range') != null ? requestedRange(stored, header, body.byteLength) : null;
  if (range === 'unsatisfiable') {
    headers['content-range'] = `bytes */${body.byteLength}`;
    headers['content-length'] = '0';
    return { status: 416, headers, body: null, label: stored.label };
  }
  const part = range ? body.subarray(range.start, range.end) : body;
  if (range) headers['content-range'] = `bytes ${range.start}-${range.end - 1}/${body.byteLength}`;
  const bodiless = stored.status === 204 || stored.status === 205;
  if (!bodiless) headers['content-length'] = String(part.byteLength);
  return {
    status: range ? 206 : stored.status,
    headers,
    body: method === 'HEAD' || bodiless ? null : part,
    label: stored.label,
  };
}

export const toResponse = ({ status, headers, body }: CacheAnswer): Response =>
  new Response(body, { status, headers: toHeaders(headers) });
