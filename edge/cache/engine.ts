// The shared cache: what is answered from what is stored, what is asked upstream, and by how many at once.
import { LRUCache } from 'lru-cache';
import { ProblemError } from '../../contracts/problem.ts';
import { withoutHopByHop } from '../upstream/headers.ts';
import { answer } from './answer.ts';
import { type CacheAnswer, toResponse } from './cache-answer.ts';
import { type CacheOutcome, cacheStatus, type ForwardReason } from './cache-status.ts';
import type { Change } from './change.ts';
import { type Directives, parseCacheControl } from './directives.ts';
import { type CacheRequest, Fetcher, type Forward, type Landed } from './fetcher.ts';
import { groupName, Invalidations, keyName } from './invalidations.ts';
import { EqualSearches } from './no-vary-search.ts';
import { ageMs, ttlMs, type Verdict, verdict, verdictFor } from './policy.ts';
import { type RecordStore, SecondLevel } from './second-level.ts';
import { CacheStore, fits, type StoredResponse } from './store.ts';
import { type Prepare, refreshed } from './stored-response.ts';
import { parseStrings } from './structured-fields.ts';
import type { ReadHeader } from './vary.ts';

export interface CacheOptions {
  /** Our name in Cache-Status. */
  readonly name: string;
  readonly maxBytes: number;
  readonly clock: () => number;
  readonly waitUntil: (work: Promise<unknown>) => void;
  /** The key of an address; `Location` of an unsafe request's answer is looked up by it too. */
  readonly keyOf: (url: string) => string;
  /** Whether a client's `Cache-Control: no-cache` and its kin count. Not where clients could use it to reach the origin at will. */
  readonly honourRequestDirectives: boolean;
  readonly prepare?: Prepare;
  /** Where answers go beside memory. */
  readonly records?: RecordStore;
  readonly onRecordsError?: (error: unknown) => void;
  readonly onResult?: (result: CacheResult) => void;
  readonly onInvalidated?: (by: 'group' | 'key' | 'all', count: number) => void;
  /** Hears what an unsafe request made out of date; its answer waits until that is over. */
  readonly onChange?: (change: Change) => Promise<void>;
}

export type CacheResult = 'hit' | 'stale' | 'miss' | 'revalidated' | 'collapsed' | 'bypass';

/** One fetch on its way that others with the same key may wait for. */
interface Flight {
  readonly begun: number;
  readonly landed: Promise<Landed>;
}

/** How long a key whose answer could not be shared is fetched without waiting for others. */
const unsharedForMs = 10_000;

export class Cache {
  readonly #options: CacheOptions;
  readonly #store: CacheStore;
  readonly #invalidations: Invalidations;
  readonly #secondLevel: SecondLevel | null;
  readonly #searches = new EqualSearches();
  readonly #flights = new Map<string, Flight>();
  readonly #unshared: LRUCache<string, number>;
  readonly #prepare: Prepare;
  readonly #fetcher: Fetcher;
  #trusted = true;

  constructor(options: CacheOptions) {
    this.#options = options;
    this.#prepare = options.prepare ?? (() => undefined);
    this.#store = new CacheStore(options.maxBytes);
    const { records, onRecordsError: onError = () => undefined } = options;
    this.#invalidations = new Invalidations({ remembersAlways: records !== undefined });
    this.#secondLevel = records
      ? new SecondLevel({
          records,
          invalidations: this.#invalidations,
          prepare: this.#prepare,
          waitUntil: options.waitUntil,
          onError,
        })
      : null;
    this.#fetcher = new Fetcher({
      name: options.name,
      store: this.#store,
      secondLevel: this.#secondLevel,
      searches: this.#searches,
      invalidations: this.#invalidations,
      clock: options.clock,
      prepare: this.#prepare,
      maxObjectBytes: Math.floor(options.maxBytes / 8),
    });
    this.#unshared = new LRUCache({ max: 10_000 });
  }

  get bytes(): number {
    return this.#store.bytes;
  }

  /**
   * A fresh answer, at once; null when there is none or the request needs more thought. This is the
   * whole way of a hit, so it makes no promise and copies no body. What it gives is shared: it is not to be changed.
   */
  hit(method: string, url: string, header: ReadHeader): CacheAnswer | null {
    if (method !== 'GET' && method !== 'HEAD') return null;
    if (this.#options.honourRequestDirectives && (header('cache-control') != null || header('pragma') != null))
      return null;
    const stored = this.#find(this.#options.keyOf(url), method, header);
    if (!stored || stored.invalid || !this.#trusted) return null;
    const now = this.#options.clock();
    if (verdict(stored.policy, now) !== 'fresh') return null;
    this.#options.onResult?.('hit');
    if (method !== 'GET' || header('range') != null || hasCondition(header))
      return this.#fromStore(stored, method, header, now);
    const second = Math.floor(ageMs(stored.policy, now) / 1000);
    if (stored.latest?.second !== second)
      stored.latest = { second, answer: this.#fromStore(stored, method, header, now) };
    return stored.latest.answer;
  }

  /** Any request: from the store where that is right, else through `forward`. */
  async handle(request: CacheRequest, forward: Forward): Promise<Response> {
    const { method, url, headers } = request;
    if (method !== 'GET' && method !== 'HEAD') return this.#handleUnsafe(request, forward);
    const header: ReadHeader = (name) => headers.get(name);
    const key = this.#options.keyOf(url);
    const requested = this.#requestDirectives(headers);
    let found = this.#find(key, method, header);
    let level: Pick<CacheOutcome, 'detail'> = {};
    if (!found && this.#secondLevel && !requested.has('no-store')) {
      const kept = await this.#secondLevel.read(key);
      // Another request may have brought something newer meanwhile.
      found = this.#find(key, method, header);
      if (!found && kept && fits(kept.stored, method, header)) {
        found = kept.stored;
        found.invalid = !this.#secondLevel.vouchesFor(kept);
        this.#store.put(found);
        level = { detail: 'second-level' };
      }
    }
    const now = this.#options.clock();

    if (found && !requested.has('no-store')) {
      const good = this.#verdict(found, now, requested);
      if (good === 'fresh') {
        const outcome: CacheOutcome = { hit: true, ttlSeconds: Math.floor(ttlMs(found.policy, now) / 1000), ...level };
        return this.#reply('hit', this.#fromStore(found, method, header, now, outcome));
      }
      if (good === 'stale-while-revalidate') {
        // A HEAD brings no body to store.
        if (method === 'GET') this.#refreshBehind(request, key, found, forward);
        return this.#reply('stale', this.#fromStore(found, method, header, now));
      }
    }
    if (requested.has('only-if-cached'))
      return new ProblemError('timeout', { detail: 'Not in the cache' }).toResponse();

    const reason: ForwardReason = requested.has('no-store')
      ? 'request'
      : found
        ? requested.size > 0 && this.#verdict(found, now) === 'fresh'
          ? 'request'
          : 'stale'
        : found === null
          ? 'vary-miss'
          : 'uri-miss';
    if (requested.has('no-store') || method === 'HEAD') return this.#pass(request, found ?? null, forward, reason);
    if (headers.has('range') && !found)
      return this.#fetchPart(request, key, forward, found === null ? 'partial' : reason);
    return this.#fetchShared(request, key, found ?? null, forward, reason);
  }

  /** What shows something of these groups is asked for again before it is sent (RFC 9875). */
  invalidateGroups(groups: readonly string[]): void {
    this.#invalidations.add(groups.map(groupName));
    const count = groups.reduce((sum, group) => sum + this.#store.invalidateGroup(group), 0);
    this.#options.onInvalidated?.('group', count);
  }

  /** The same for a change of one cache that another one of the same kind has to know. */
  invalidate({ keys, groups }: Change): void {
    for (const key of keys) this.#invalidateKey(key);
    if (groups.length > 0) this.invalidateGroups(groups);
  }

  /** News of changes may have been missed. */
  invalidateAll(): void {
    this.#invalidations.addAll();
    const count = this.#store.invalidateAll();
    this.#options.onInvalidated?.('all', count);
  }

  /** While untrusted, news of changes may be late: nothing is sent without asking upstream. */
  set trusted(trusted: boolean) {
    this.#trusted = trusted;
  }

  #requestDirectives(headers: Headers): Directives {
    if (!this.#options.honourRequestDirectives) return new Map();
    const field = headers.get('cache-control');
    // Section 5.4: Pragma counts only where there is no Cache-Control.
    return parseCacheControl(field ?? (/no-cache/i.test(headers.get('pragma') ?? '') ? 'no-cache' : null));
  }

  #verdict(stored: StoredResponse, now: number, requested: Directives = new Map()): Verdict {
    if (stored.invalid || !this.#trusted) return 'validate';
    return requested.size === 0 ? verdict(stored.policy, now) : verdictFor(stored.policy, now, requested);
  }

  #fromStore(
    stored: StoredResponse,
    method: string,
    header: ReadHeader,
    now: number,
    outcome?: CacheOutcome,
  ): CacheAnswer {
    const ttlSeconds = Math.floor(ttlMs(stored.policy, now) / 1000);
    const status = cacheStatus(this.#options.name, outcome ?? { hit: true, ttlSeconds });
    return answer(stored, {
      method,
      header,
      now,
      cacheStatus: status,
      ageSeconds: Math.floor(ageMs(stored.policy, now) / 1000),
    });
  }

  #reply(result: CacheResult, from: CacheAnswer): Response {
    this.#options.onResult?.(result);
    return toResponse(from);
  }

  /** Waits for a fetch of the same key, or starts one that others may wait for. */
  async #fetchShared(
    request: CacheRequest,
    key: string,
    found: StoredResponse | null,
    forward: Forward,
    reason: ForwardReason,
  ): Promise<Response> {
    const { method, headers } = request;
    const header: ReadHeader = (name) => headers.get(name);
    const arrived = this.#invalidations.now;
    const now = this.#options.clock();
    const flight = this.#flights.get(key);
    if (flight) {
      const landed = await flight.landed;
      if (landed.stored && this.#mayShare(landed.stored, flight, arrived, request)) {
        const outcome: CacheOutcome = {
          ...(landed.outcome.hit ? { hit: false, reason } : landed.outcome),
          hit: false,
          stored: false,
          collapsed: true,
        };
        return this.#reply('collapsed', this.#fromStore(landed.stored, method, header, this.#options.clock(), outcome));
      }
      // What it brought may have been out of date when this request came: share the next one instead.
      if (landed.stored?.invalid) return this.#fetchShared(request, key, found, forward, reason);
    }
    const alone = flight !== undefined || (this.#unshared.get(key) ?? 0) > now;
    const started = alone ? undefined : Promise.withResolvers<Landed>();
    const begun = this.#invalidations.begin();
    if (started) {
      // Others may wait for it, so it goes on when the client that began it leaves.
      this.#options.waitUntil(started.promise.catch(() => undefined));
      this.#flights.set(key, { begun, landed: started.promise });
    }
    try {
      const beginning = found ? null : this.#store.beginning(key, header);
      const landed = await this.#fetcher.fetch({ request, key, found, beginning, forward, reason, begun });
      started?.resolve(landed);
      if (!landed.stored) {
        this.#unshared.set(key, now + unsharedForMs);
        return landed.response;
      }
      if (this.#verdict(landed.stored, now) === 'validate' && !landed.stored.invalid && this.#trusted)
        this.#unshared.set(key, now + unsharedForMs);
      const result: CacheResult = landed.outcome.hit ? 'stale' : landed.outcome.status === 304 ? 'revalidated' : 'miss';
      return this.#reply(result, this.#fromStore(landed.stored, method, header, this.#options.clock(), landed.outcome));
    } catch (error) {
      started?.reject(error);
      throw error;
    } finally {
      this.#invalidations.end(begun);
      if (started && this.#flights.get(key)?.landed === started.promise) this.#flights.delete(key);
    }
  }

  /** An answer that must be validated for each request is one client's alone, and so is one from before a change. */
  #mayShare(stored: StoredResponse, flight: Flight, arrived: number, { method, headers }: CacheRequest): boolean {
    if (!fits(stored, method, (name) => headers.get(name))) return false;
    if (verdict(stored.policy, this.#options.clock()) === 'validate') return false;
    return arrived === flight.begun || !stored.invalid;
  }

  /** Asked as the client asked: a part of something large should not cost the whole of it. */
  async #fetchPart(request: CacheRequest, key: string, forward: Forward, reason: ForwardReason): Promise<Response> {
    this.#options.onResult?.('miss');
    const begun = this.#invalidations.begin();
    const requestedAt = this.#options.clock();
    try {
      const response = await forward(request.headers);
      return await this.#fetcher.passOnAndKeep(response, { request, key, reason, begun, requestedAt });
    } finally {
      this.#invalidations.end(begun);
    }
  }

  #refreshBehind(request: CacheRequest, key: string, found: StoredResponse, forward: Forward): void {
    if (this.#flights.has(key)) return;
    this.#options.waitUntil(
      this.#fetchShared(request, key, found, forward, 'stale').then(
        (response) => response.body?.cancel(),
        // The next request tries again; until then the stale answer serves.
        () => undefined,
      ),
    );
  }

  /** Straight through, storing nothing; a HEAD still tells whether what is stored is right (section 4.3.5). */
  async #pass(
    { method, headers }: CacheRequest,
    found: StoredResponse | null,
    forward: Forward,
    reason: ForwardReason,
  ): Promise<Response> {
    this.#options.onResult?.('bypass');
    const begun = this.#invalidations.begin();
    const requestedAt = this.#options.clock();
    try {
      const response = await forward(headers);
      const received = withoutHopByHop(response.headers);
      if (method === 'HEAD' && found && response.status === 200) {
        if (describesSame(found, received))
          this.#fetcher.keep(
            refreshed(found, received, { requestedAt, receivedAt: this.#options.clock() }, this.#prepare),
            begun,
          );
        else this.#invalidateKey(found.key);
      }
      return this.#fetcher.passedOn(response.status, received, response.body, reason);
    } finally {
      this.#invalidations.end(begun);
    }
  }

  async #handleUnsafe(request: CacheRequest, forward: Forward): Promise<Response> {
    const { method, url, headers } = request;
    const before = this.#invalidations.begin();
    const requestedAt = this.#options.clock();
    try {
      const response = await forward(headers);
      const received = withoutHopByHop(response.headers);
      const key = this.#options.keyOf(url);
      const standsForGet =
        method === 'POST' && this.#isOfKey(key, url, received) && !this.#changedSince(before, key, received);
      // Section 4.4; safe methods that we don't store change nothing.
      const changes = method !== 'OPTIONS' && method !== 'TRACE' && response.status >= 200 && response.status < 400;
      const change = changes ? this.#changeBy(url, received) : null;
      if (change) this.invalidate(change);
      const begun = this.#invalidations.begin();
      try {
        if (change) await this.#options.onChange?.(change);
        if (!standsForGet) return this.#fetcher.passedOn(response.status, received, response.body, 'method');
        return await this.#fetcher.passOnAndKeep(response, { request, key, reason: 'method', begun, requestedAt });
      } finally {
        this.#invalidations.end(begun);
      }
    } finally {
      this.#invalidations.end(before);
    }
  }

  /** A POST's answer is one to a later GET when it says so (RFC 9110, section 9.3.3). */
  #isOfKey(key: string, url: string, received: Headers): boolean {
    const location = received.get('content-location');
    const address = location === null ? null : URL.parse(location, url);
    return address?.origin === new URL(url).origin && this.#options.keyOf(address.href) === key;
  }

  #changedSince(begun: number, key: string, received: Headers): boolean {
    const groups = parseStrings(received.get('cache-groups') ?? '') ?? [];
    return this.#invalidations.since(begun, [keyName(key), ...groups.map(groupName)]);
  }

  #changeBy(url: string, received: Headers): Change {
    const { origin } = new URL(url);
    const keys: string[] = [];
    for (const target of [url, received.get('location'), received.get('content-location')]) {
      const address = target === null ? null : URL.parse(target, url);
      if (address && address.origin === origin) keys.push(this.#options.keyOf(address.href));
    }
    return { keys, groups: parseStrings(received.get('cache-group-invalidation') ?? '') ?? [] };
  }

  #find(key: string, method: string, header: ReadHeader): StoredResponse | null | undefined {
    const own = this.#store.find(key, method, header);
    const otherKey = own ? undefined : this.#searches.keyOf(key);
    const other = otherKey === undefined ? undefined : this.#store.find(otherKey, method, header);
    return other && this.#searches.isEqual(key, other) ? other : own;
  }

  #invalidateKey(key: string): void {
    const keys = [key, this.#searches.keyOf(key)].filter((each) => each !== undefined);
    this.#invalidations.add(keys.map(keyName));
    const count = keys.reduce((sum, each) => sum + this.#store.invalidateKey(each), 0);
    this.#options.onInvalidated?.('key', count);
  }
}

const hasCondition = (header: ReadHeader): boolean =>
  header('if-none-match') != null || header('if-modified-since') != null;

function describesSame({ policy, body }: StoredResponse, received: Headers): boolean {
  const length = received.get('content-length');
  return (
    received.get('etag') === policy.etag &&
    received.get('last-modified') === policy.lastModified &&
    (length === null || Number(length) === body.byteLength)
  );
}
