// Stored answers: bounded by bytes, found by key and variant, invalidated by key and group.
import { LRUCache } from 'lru-cache';
import type { Policy } from './policy.ts';
import { isSelected, type ReadHeader } from './vary.ts';

/** Only `set-cookie` has several values. */
export type Fields = Readonly<Record<string, string | string[]>>;

export interface StoredResponse {
  readonly key: string;
  readonly status: number;
  /** End-to-end fields as they were received, in lower case. */
  readonly headers: Fields;
  /** The fields as clients get them. */
  readonly sent: Fields;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly policy: Policy;
  readonly groups: readonly string[];
  readonly label: string;
  readonly varyNames: readonly string[];
  readonly varyValues: readonly (string | null)[];
  /** Must be validated before it is sent again: something that it shows has changed, or may have. */
  invalid: boolean;
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
  find(key: string, header: ReadHeader): StoredResponse | null | undefined {
    const variants = this.#variants.get(key);
    if (!variants) return undefined;
    // Newest first, see put.
    for (const each of variants)
      if (each.varyNames.length === 0 || isSelected(each.varyNames, each.varyValues, header)) return each;
    return null;
  }

  put(response: StoredResponse): void {
    const others = (this.#variants.peek(response.key) ?? []).filter((each) => !sameSelection(each, response));
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

const sameSelection = (a: StoredResponse, b: StoredResponse): boolean =>
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
