// No-Vary-Search (draft-ietf-httpbis-no-vary-search): which parts of the query an answer does not depend on.
import { LRUCache } from 'lru-cache';
import { parseDictionary } from './structured-fields.ts';
import type { Fields } from './vary.ts';

export interface SearchVariance {
  /** The order of different parameters means something. */
  readonly ordered: boolean;
  readonly matters: (parameter: string) => boolean;
}

/** Null where every difference counts, as without the field. */
export function parseNoVarySearch(field: string | null): SearchVariance | null {
  const members = field === null ? null : parseDictionary(field);
  if (!members) return null;
  const ordered = members.get('key-order')?.value !== true;
  const params = members.get('params')?.value;
  const except = members.get('except')?.value;
  // What has the wrong type makes the whole field count for nothing.
  if (params !== undefined && typeof params !== 'boolean' && !isStrings(params)) return null;
  if (except !== undefined && !(params === true && isStrings(except))) return null;
  if (params === true) {
    const kept = new Set(isStrings(except) ? except : []);
    return { ordered, matters: (parameter) => kept.has(parameter) };
  }
  const ignored = new Set(isStrings(params) ? params : []);
  return ordered && ignored.size === 0 ? null : { ordered, matters: (parameter) => !ignored.has(parameter) };
}

const isStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');

/** The same for all addresses that one answer is for. */
export function searchKey(url: string, { ordered, matters }: SearchVariance): string {
  const { path, query } = splitSearch(url);
  const pairs = [...new URLSearchParams(query)].filter(([name]) => matters(name));
  // Stable: several values of one parameter keep their order.
  if (!ordered) pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `${path}?${new URLSearchParams(pairs)}`;
}

function splitSearch(url: string): { path: string; query: string } {
  const at = url.indexOf('?');
  return at === -1 ? { path: url, query: '' } : { path: url.slice(0, at), query: url.slice(at + 1) };
}

const maxPaths = 1_000;
const maxAnswers = 10_000;

/** Which stored answers stand for other addresses, too. They stay under the address that they came for. */
export class EqualSearches {
  readonly #variances = new LRUCache<string, SearchVariance>({ max: maxPaths });
  readonly #keys = new LRUCache<string, string>({ max: maxAnswers });

  learn({ key, headers }: SearchAnswer): void {
    const variance = parseNoVarySearch(fieldOf(headers));
    if (!variance) return;
    // An origin says the same for all of one path; if not, its last word counts.
    this.#variances.set(splitSearch(key).path, variance);
    this.#keys.set(searchKey(key, variance), key);
  }

  /** Under which other key to look. */
  keyOf(key: string): string | undefined {
    if (this.#variances.size === 0) return undefined;
    const variance = this.#variances.get(splitSearch(key).path);
    return variance && this.#keys.get(searchKey(key, variance));
  }

  /** What is stored there by now may have come with another field, or none. */
  isEqual(key: string, { key: storedKey, headers }: SearchAnswer): boolean {
    const variance = parseNoVarySearch(fieldOf(headers));
    return variance !== null && searchKey(key, variance) === searchKey(storedKey, variance);
  }
}

interface SearchAnswer {
  readonly key: string;
  readonly headers: Fields;
}

const fieldOf = (headers: Fields): string | null => {
  const field = headers['no-vary-search'];
  return typeof field === 'string' ? field : null;
};
