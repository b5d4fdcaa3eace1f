// Stored answers: bounded by bytes, found by key and variant, invalidated by key and group.
import { LRUCache } from 'lru-cache';
import type { CacheAnswer, HeaderPairs } from './cache-answer.ts';
import type { Part } from './content-range.ts';
import { holdsRequested } from './part.ts';
import type { Policy } from './policy.ts';
import { type Fields, isSelected, type ReadHeader, type Selected } from './vary.ts';

export interface StoredResponse {
  readonly key: string;
  readonly status: number;
  /** End-to-end fields as they were received, in lower case. */
  readonly headers: Fields;
  /** The fields as clients get them, but for those that are told anew with each answer. */
  readonly sent: HeaderPairs;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Null when the body is the whole. */
  readonly part: Part | null;
  readonly policy: Policy;
  readonly groups: readonly string[];
  readonly label: string;
  readonly varyNames: readonly string[];
  readonly varyValues: readonly (string | null)[];
  /** Must be validated before it is sent again: something that it shows has changed, or may have. */
  invalid: boolean;
  /** The last answer to a plain GET, and the second in which it holds: most hits are made of it. */
  latest?: { readonly second: number; readonly answer: CacheAnswer };
}

const maxVariants = 16;
/** What an entry costs besides its body and header text. */
const overheadBytes = 1_000;

export class CacheStore {
  readonly #variants: LRUCache<string, readonly StoredResponse[]>;
  readonly #keysOfGroup = new Map<string, Set<string>>();

  constructor(maxBytes: number) {
    this.#variants = new LRUCache({
      maxSize: Math.max(1, maxBytes),
      sizeCalculation: (variants) => variants.reduce((sum, each) => sum + sizeOf(each), 0),
      dispose: (variants, key) => this.#unlink(variants, key),
    });
  }

  get bytes(): number {
    return this.#variants.calculatedSize;
  }

  /** The newest answer that the request selects; `undefined` when the key is unknown, `null` when no variant fits. */
  find(key: string, method: string, header: ReadHeader): StoredResponse | null | undefined {
    const variants = this.#variants.get(key);
    if (!variants) return undefined;
    // Newest first, see put.
    for (const each of variants) if (fits(each, method, header)) return each;
    return null;
  }

  /** The beginning of what the request asks for, when that is all there is. */
  beginning(key: string, header: ReadHeader): StoredResponse | null {
    const variants = this.#variants.peek(key) ?? [];
    return variants.find((each) => each.part?.start === 0 && !each.invalid && isSelected(each, header)) ?? null;
  }

  put(response: StoredResponse): void {
    const others = (this.#variants.peek(response.key) ?? []).filter((each) => !isReplaced(each, response));
    const variants = [response, ...others.slice(0, maxVariants - 1)];
    this.#variants.set(response.key, variants);
    // What is larger than the whole cache is not in it.
    if (!this.#variants.has(response.key)) return;
    for (const group of variants.flatMap(({ groups }) => groups)) {
      const keys = this.#keysOfGroup.get(group);
      if (keys) keys.add(response.key);
      else this.#keysOfGroup.set(group, new Set([response.key]));
    }
  }

  /** Number of answers that were valid until now. */
  invalidateKey(key: string): number {
    return markInvalid(this.#variants.peek(key) ?? []);
  }

  invalidateGroup(group: string): number {
    let count = 0;
    for (const key of this.#keysOfGroup.get(group) ?? []) {
      count += markInvalid((this.#variants.peek(key) ?? []).filter(({ groups }) => groups.includes(group)));
    }
    return count;
  }

  invalidateAll(): number {
    let count = 0;
    for (const variants of this.#variants.values()) count += markInvalid(variants);
    return count;
  }

  #unlink(variants: readonly StoredResponse[], key: string): void {
    for (const group of new Set(variants.flatMap(({ groups }) => groups))) {
      const keys = this.#keysOfGroup.get(group);
      keys?.delete(key);
      if (keys?.size === 0) this.#keysOfGroup.delete(group);
    }
  }
}

export const fits = (stored: StoredResponse, method: string, header: ReadHeader): boolean =>
  (stored.varyNames.length === 0 || isSelected(stored, header)) && holdsRequested(stored, method, header);

/** Parts of one representation are kept side by side; the whole takes the place of all. */
const isReplaced = (before: StoredResponse, { part, policy, ...now }: StoredResponse): boolean =>
  sameSelection(before, now) &&
  (part === null || (before.part !== null && (before.part.start === part.start || before.policy.etag !== policy.etag)));

const sameSelection = (a: Selected, b: Selected): boolean =>
  a.varyNames.join() === b.varyNames.join() && a.varyValues.every((value, index) => value === b.varyValues[index]);

function markInvalid(responses: readonly StoredResponse[]): number {
  let count = 0;
  for (const response of responses) {
    if (response.invalid) continue;
    response.invalid = true;
    count += 1;
  }
  return count;
}

const sizeOf = ({ body, headers, key }: StoredResponse): number =>
  overheadBytes +
  body.byteLength +
  2 * key.length +
  Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + String(value).length, 0);
