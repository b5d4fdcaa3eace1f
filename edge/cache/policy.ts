// The cache's decisions (RFC 9111) as pure functions: what may be stored, for how long it is fresh, what may be sent.

import { parseContentRange } from './content-range.ts';
import { type Directives, parseCacheControl, parseTargeted, seconds } from './directives.ts';
import { parseHttpDate } from './http-date.ts';

/** What an answer's header says about caching it, worked out once. */
export interface Policy {
  readonly storable: boolean;
  /** Milliseconds from the answer's origin time on. */
  readonly lifetimeMs: number;
  /** Of the answer when it was received (`corrected_initial_age`). */
  readonly initialAgeMs: number;
  readonly receivedAt: number;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  /** Stale is never sent, whatever happens (`must-revalidate` and its kin). */
  readonly mustRevalidate: boolean;
  /** Never sent without asking first (`no-cache`). */
  readonly alwaysValidate: boolean;
  readonly etag: string | null;
  readonly lastModified: string | null;
  readonly lastModifiedAt: number | null;
  readonly date: number;
}

export interface PolicyInput {
  readonly method: string;
  readonly authorized: boolean;
  readonly status: number;
  readonly headers: Headers;
  readonly requestedAt: number;
  readonly receivedAt: number;
}

/** Statuses that may be given a lifetime by guess (RFC 9110, section 15.1). */
const heuristicStatuses = new Set([200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501]);
const understoodStatuses = new Set([...heuristicStatuses, 302, 303, 307, 400, 403, 451, 500, 502, 503, 504]);
const maxHeuristicMs = 24 * 3_600_000;
/** An error is rarely meant to last as long as what stands in its place. */
const maxErrorMs = 60_000;
/** When nothing says otherwise, an answer this long stale is better than an error. */
const defaultStaleIfErrorMs = 60_000;

export function policyOf(input: PolicyInput): Policy {
  const { headers, receivedAt } = input;
  const targeted = parseTargeted(headers.get('cdn-cache-control'));
  const directives = targeted ?? parseCacheControl(headers.get('cache-control'));
  const date = parseHttpDate(headers.get('date'), receivedAt) ?? receivedAt;
  const lastModified = headers.get('last-modified');
  const lastModifiedAt = parseHttpDate(lastModified, receivedAt);
  const explicit = explicitLifetime(directives, targeted ? null : headers.get('expires'), date, receivedAt);
  const said = explicit ?? heuristicLifetime(input, directives, date, lastModifiedAt);
  const lifetimeMs = input.status >= 400 ? Math.min(said, maxErrorMs) : said;
  const mustRevalidate = ['must-revalidate', 'proxy-revalidate', 's-maxage'].some((name) => directives.has(name));
  const staleIfError = seconds(directives, 'stale-if-error');
  return {
    storable: isStorable(input, directives, explicit, lifetimeMs),
    lifetimeMs,
    initialAgeMs: initialAge(input, date),
    receivedAt,
    staleWhileRevalidateMs: mustRevalidate ? 0 : (seconds(directives, 'stale-while-revalidate') ?? 0) * 1000,
    // `s-maxage` forbids stale answers only by implying proxy-revalidate; an explicit stale-if-error lifts that.
    staleIfErrorMs: staleIfError === undefined ? defaultStaleIfErrorMs : staleIfError * 1000,
    mustRevalidate:
      mustRevalidate &&
      !(staleIfError !== undefined && !directives.has('must-revalidate') && !directives.has('proxy-revalidate')),
    alwaysValidate:
      directives.has('no-cache') || (!directives.size && /(^|,)\s*no-cache\s*(,|$)/i.test(headers.get('pragma') ?? '')),
    etag: headers.get('etag'),
    lastModified,
    lastModifiedAt,
    date,
  };
}

/** Section 3, for a shared cache. */
function isStorable(
  { method, authorized, status, headers }: PolicyInput,
  directives: Directives,
  explicit: number | undefined,
  lifetimeMs: number,
): boolean {
  if (status < 200 || status === 304) return false;
  if (status === 206 && !parseContentRange(headers.get('content-range'))) return false;
  // RFC 9110, section 9.3.3: that it stands for a later GET is told by who calls.
  if (method !== 'GET' && !(method === 'POST' && explicit !== undefined)) return false;
  const understood = understoodStatuses.has(status);
  if (directives.has('must-understand') ? !understood : directives.has('no-store')) return false;
  if (directives.has('private') || headers.get('vary')?.includes('*')) return false;
  if (authorized && !['public', 'must-revalidate', 's-maxage'].some((name) => directives.has(name))) return false;
  const validator = headers.has('etag') || headers.has('last-modified');
  const said = explicit !== undefined || directives.has('public') || directives.has('no-cache');
  if (!said && !heuristicStatuses.has(status)) return false;
  // What is neither fresh for a moment nor can be validated would only take room.
  return (
    lifetimeMs > 0 ||
    validator ||
    (seconds(directives, 'stale-while-revalidate') ?? 0) > 0 ||
    (explicit !== undefined && (seconds(directives, 'stale-if-error') ?? 0) > 0)
  );
}

/** Section 4.2.1; undefined when the answer says nothing. */
function explicitLifetime(
  directives: Directives,
  expires: string | null,
  date: number,
  now: number,
): number | undefined {
  const age = seconds(directives, 's-maxage') ?? seconds(directives, 'max-age');
  if (age !== undefined) return age * 1000;
  if (expires === null) return undefined;
  return Math.max(0, (parseHttpDate(expires, now) ?? 0) - date);
}

/** Section 4.2.2: a tenth of the time since it was last modified. */
function heuristicLifetime(
  { status, headers }: PolicyInput,
  directives: Directives,
  date: number,
  lastModifiedAt: number | null,
): number {
  if (lastModifiedAt === null || headers.has('set-cookie')) return 0;
  if (!heuristicStatuses.has(status) && !directives.has('public')) return 0;
  return Math.min(Math.max(0, (date - lastModifiedAt) / 10), maxHeuristicMs);
}

/** Section 4.2.3. */
function initialAge({ headers, requestedAt, receivedAt }: PolicyInput, date: number): number {
  const age = /^\s*(\d+)\s*(?:,|$)/.exec(headers.get('age') ?? '')?.[1];
  const apparent = Math.max(0, receivedAt - date);
  const corrected = Number(age ?? 0) * 1000 + (receivedAt - requestedAt);
  // A Date has whole seconds, so an answer can look up to one second older than it is.
  return Math.max(apparent < 1000 ? 0 : apparent, age === undefined ? 0 : corrected);
}

export const ageMs = (policy: Policy, now: number): number => policy.initialAgeMs + (now - policy.receivedAt);
export const ttlMs = (policy: Policy, now: number): number => policy.lifetimeMs - ageMs(policy, now);

export type Verdict = 'fresh' | 'stale-while-revalidate' | 'validate';

/** What a stored answer is good for, when the client asks for nothing special. */
export function verdict(policy: Policy, now: number): Verdict {
  if (policy.alwaysValidate) return 'validate';
  const ttl = ttlMs(policy, now);
  if (ttl > 0) return 'fresh';
  return -ttl < policy.staleWhileRevalidateMs ? 'stale-while-revalidate' : 'validate';
}

/** Section 5.2.1: what a client that sends directives accepts. */
export function verdictFor(policy: Policy, now: number, requested: Directives): Verdict {
  const plain = verdict(policy, now);
  if (requested.has('no-cache')) return 'validate';
  const maxAge = seconds(requested, 'max-age');
  if (maxAge !== undefined && ageMs(policy, now) > maxAge * 1000) return 'validate';
  const minFresh = seconds(requested, 'min-fresh');
  if (minFresh !== undefined && ttlMs(policy, now) < minFresh * 1000) return 'validate';
  if (plain === 'validate' && !policy.alwaysValidate && !policy.mustRevalidate && requested.has('max-stale')) {
    const staleness =
      requested.get('max-stale') === true ? Number.POSITIVE_INFINITY : (seconds(requested, 'max-stale') ?? 0);
    if (-ttlMs(policy, now) <= staleness * 1000) return 'fresh';
  }
  return plain;
}

/** RFC 5861, section 4: whether an answer of this age is better than the upstream's failure. */
export function mayServeOnError(policy: Policy, now: number): boolean {
  if (policy.mustRevalidate || policy.alwaysValidate) return false;
  return -ttlMs(policy, now) < policy.staleIfErrorMs;
}
