// One fetch of a key: asks upstream, and makes of the answer what is stored, what is sent, or what stands in for an error.
import { ProblemError } from '../../contracts/problem.ts';
import { withoutHopByHop } from '../upstream/headers.ts';
import { type ReadBody, readUpTo } from './body.ts';
import { type CacheOutcome, cacheStatus, type ForwardReason } from './cache-status.ts';
import { conditionalFields, validationHeaders } from './conditional.ts';
import { groupName, type Invalidations, keyName } from './invalidations.ts';
import type { EqualSearches } from './no-vary-search.ts';
import { continues, joined, restOf } from './part.ts';
import { mayServeOnError, policyOf, ttlMs } from './policy.ts';
import type { SecondLevel } from './second-level.ts';
import type { CacheStore, StoredResponse } from './store.ts';
import { type Prepare, refreshed, storedResponse } from './stored-response.ts';

export interface CacheRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  /** Comes back with each answer from the store, for metrics. */
  readonly label?: string;
}

/** Asks upstream, with the request's method and the header fields that the cache decided on. */
export type Forward = (headers: Headers) => Promise<Response>;

export interface FetchRequest {
  readonly request: CacheRequest;
  readonly key: string;
  /** What is stored for the request, to be validated. */
  readonly found: StoredResponse | null;
  /** Where nothing is: the first bytes of it, to be completed. */
  readonly beginning?: StoredResponse | null;
  readonly forward: Forward;
  readonly reason: ForwardReason;
  /** The place in the sequence of invalidations where this fetch began. */
  readonly begun: number;
}

/** Either what was stored or validated, or an answer for one client alone. */
export type Landed =
  | { readonly stored: StoredResponse; readonly outcome: CacheOutcome }
  | { readonly stored: null; readonly response: Response };

export interface FetcherOptions {
  readonly name: string;
  readonly store: CacheStore;
  readonly secondLevel: SecondLevel | null;
  readonly searches: EqualSearches;
  readonly invalidations: Invalidations;
  readonly clock: () => number;
  readonly prepare: Prepare;
  readonly maxObjectBytes: number;
}

export class Fetcher {
  readonly #options: FetcherOptions;

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  /** Throws what `forward` throws, unless something stale is better. */
  async fetch(fetching: FetchRequest): Promise<Landed> {
    const { request, key, found, beginning = null, forward, reason, begun } = fetching;
    const { headers, label = '' } = request;
    const { clock, store, prepare, maxObjectBytes } = this.#options;
    const requestedAt = clock();
    const asked = withoutConditions(headers);
    const rest = beginning && restOf(beginning);
    for (const [name, value] of Object.entries(found ? validationHeaders(found) : (rest ?? {}))) asked.set(name, value);
    let response: Response;
    try {
      response = await forward(asked);
    } catch (error) {
      const instead = this.#insteadOfError(found);
      if (instead) return instead;
      throw error;
    }
    const receivedAt = clock();
    if (response.status >= 500) {
      const instead = this.#insteadOfError(found);
      if (instead) {
        await response.body?.cancel();
        return instead;
      }
    }
    const received = withoutHopByHop(response.headers);
    const { status } = response;
    if (beginning && (status === 206 || status === 416)) {
      const stored = await this.#completed(beginning, response, received, { requestedAt, receivedAt });
      if (stored) return { stored, outcome: { hit: false, reason, status, stored: this.keep(stored, begun) } };
      // The rest of something else: then the whole.
      return this.fetch({ ...fetching, beginning: null });
    }
    if (found && status === 304) {
      await response.body?.cancel();
      const stored = refreshed(found, received, { requestedAt, receivedAt }, prepare);
      this.keep(stored, begun);
      return { stored, outcome: { hit: false, reason, status } };
    }
    const authorized = headers.has('authorization');
    const policy = policyOf({ method: 'GET', authorized, status, headers: received, requestedAt, receivedAt });
    let bytes: ReadBody | null;
    try {
      // A part that nobody asked for is no answer to anybody else.
      bytes = policy.storable && status !== 206 ? await readUpTo(response, maxObjectBytes) : null;
    } catch (cause) {
      // Half an answer is none.
      const instead = this.#insteadOfError(found);
      if (instead) return instead;
      throw new ProblemError('bad-gateway', { cause });
    }
    if (bytes === null || 'rest' in bytes) {
      if (found && status < 500) store.invalidateKey(key);
      return { stored: null, response: this.passedOn(status, received, bytes?.rest ?? response.body, reason) };
    }
    const stored = storedResponse(
      { key, status, received, requestHeaders: headers, body: bytes.whole, policy, label },
      prepare,
    );
    const kept = this.keep(stored, begun);
    return { stored, outcome: { hit: false, reason, stored: kept, ...(found ? { status } : {}) } };
  }

  /** Passes an answer on as it came, to a request with conditions or parts of the client's own, and keeps it where it may be kept. */
  async passOnAndKeep(
    response: Response,
    { request, key, reason, begun, requestedAt }: Omit<FetchRequest, 'found' | 'forward'> & { requestedAt: number },
  ): Promise<Response> {
    const { method, headers, label = '' } = request;
    const { clock, prepare, maxObjectBytes } = this.#options;
    const received = withoutHopByHop(response.headers);
    const { status } = response;
    const authorized = headers.has('authorization');
    const policy = policyOf({ method, authorized, status, headers: received, requestedAt, receivedAt: clock() });
    if (!policy.storable || status >= 300) return this.passedOn(status, received, response.body, reason);
    const bytes = await readUpTo(response, maxObjectBytes).catch((cause: unknown) => {
      throw new ProblemError('bad-gateway', { cause });
    });
    if ('rest' in bytes) return this.passedOn(status, received, bytes.rest, reason);
    const { whole: body } = bytes;
    const stored = storedResponse({ key, status, received, requestHeaders: headers, body, policy, label }, prepare);
    return this.passedOn(status, received, body, reason, this.keep(stored, begun));
  }

  /** Puts it into the store, unless something that it shows was changed while it was on its way. */
  keep(stored: StoredResponse, begun: number): boolean {
    const { invalidations, store, secondLevel, searches } = this.#options;
    if (invalidations.since(begun, [keyName(stored.key), ...stored.groups.map(groupName)])) {
      stored.invalid = true;
      return false;
    }
    store.put(stored);
    searches.learn(stored);
    secondLevel?.write(stored, begun);
    return true;
  }

  /** An answer as it came. */
  passedOn(status: number, headers: Headers, body: BodyInit | null, reason: ForwardReason, kept = false): Response {
    const { name, prepare } = this.#options;
    prepare(headers);
    headers.append('cache-status', cacheStatus(name, { hit: false, reason, stored: kept }));
    return new Response(status === 204 || status === 205 || status === 304 ? null : body, { status, headers });
  }

  async #completed(
    beginning: StoredResponse,
    response: Response,
    received: Headers,
    times: { requestedAt: number; receivedAt: number },
  ): Promise<StoredResponse | null> {
    const { prepare, maxObjectBytes } = this.#options;
    if (response.status !== 206 || !continues(beginning, received)) {
      await response.body?.cancel();
      return null;
    }
    const rest = await readUpTo(response, maxObjectBytes);
    if ('rest' in rest) await rest.rest.cancel();
    const body = 'whole' in rest ? joined(beginning, rest.whole) : null;
    return body && { ...refreshed(beginning, received, times, prepare), status: 200, part: null, body };
  }

  #insteadOfError(found: StoredResponse | null): Landed | null {
    const now = this.#options.clock();
    if (!found || found.invalid || !mayServeOnError(found.policy, now)) return null;
    const ttlSeconds = Math.floor(ttlMs(found.policy, now) / 1000);
    return { stored: found, outcome: { hit: true, ttlSeconds, detail: 'stale-if-error' } };
  }
}

function withoutConditions(headers: Headers): Headers {
  const asked = new Headers(headers);
  for (const name of conditionalFields) asked.delete(name);
  return asked;
}
