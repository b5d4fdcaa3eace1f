// The answer made from a stored one: whole, a part, without a body, or 304.
import type { CacheAnswer } from './cache-answer.ts';
import { isNotModified } from './conditional.ts';
import { requestedSlice } from './part.ts';
import type { StoredResponse } from './store.ts';
import type { ReadHeader } from './vary.ts';

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
  const { body, label } = stored;
  const told: (readonly [string, string])[] = [
    ['age', String(Math.max(0, ageSeconds))],
    ['cache-status', cacheStatus],
  ];
  if (isNotModified(stored, header, now)) {
    const headers = stored.sent.filter(([name]) => name !== 'content-type' && name !== 'content-encoding');
    return { status: 304, headers: [...headers, ...told], body: null, label };
  }
  // A Range field has a meaning for GET only (RFC 9110, section 14.2).
  const slice = method === 'GET' && header('range') != null ? requestedSlice(stored, header) : null;
  if (slice === 'unsatisfiable') {
    told.push(['content-range', `bytes */${stored.part?.completeLength ?? body.byteLength}`], ['content-length', '0']);
    return { status: 416, headers: [...stored.sent, ...told], body: null, label };
  }
  if (slice === 'missing') throw new Error('a part was chosen that does not hold what was asked for');
  const sent = slice?.bytes ?? body;
  if (slice) told.push(['content-range', slice.position]);
  const bodiless = stored.status === 204 || stored.status === 205;
  if (!bodiless) told.push(['content-length', String(sent.byteLength)]);
  return {
    status: slice ? 206 : stored.status,
    headers: [...stored.sent, ...told],
    body: method === 'HEAD' || bodiless ? null : sent,
    label,
  };
}
