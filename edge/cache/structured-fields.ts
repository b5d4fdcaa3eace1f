// Structured field values (RFC 9651): as much as caching needs to read and write.

export type BareItem = string | number | boolean | Token;
export interface Item {
  /** Of an inner list, its items' values. */
  readonly value: BareItem | readonly BareItem[];
  readonly parameters: ReadonlyMap<string, BareItem>;
}
/** A token is told from a string by its type. */
export interface Token {
  readonly token: string;
}

/** Null for what is not a valid dictionary. */
export function parseDictionary(text: string): Map<string, Item> | null {
  const reader = new Reader(text);
  return reader.whole(() => {
    const members = new Map<string, Item>();
    reader.members(() => {
      const key = reader.key();
      const member = reader.take('=') ? reader.itemOrInnerList() : { value: true, parameters: reader.parameters() };
      members.set(key, member);
    });
    return members;
  });
}

/** The strings of a list such as `Cache-Groups`; null for what is not a list of strings. */
export function parseStrings(text: string): string[] | null {
  const reader = new Reader(text);
  return reader.whole(() => {
    const strings: string[] = [];
    reader.members(() => {
      const { value } = reader.itemOrInnerList();
      if (typeof value !== 'string') throw malformed;
      strings.push(value);
    });
    return strings;
  });
}

export const serializeString = (text: string): string =>
  `"${text.replaceAll(/[^\x20-\x7e]/g, '').replaceAll(/["\\]/g, '\\$&')}"`;
export const serializeStrings = (list: readonly string[]): string => list.map(serializeString).join(', ');

const malformed = new Error('malformed structured field');

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole<Result>(read: () => Result): Result | null {
    try {
      this.#spaces();
      const result = read();
      this.#spaces();
      return this.#at === this.#text.length ? result : null;
    } catch (error) {
      if (error === malformed) return null;
      throw error;
    }
  }

  /** Comma-separated members; a trailing comma is an error. */
  members(read: () => void): void {
    if (this.#at === this.#text.length) return;
    for (;;) {
      read();
      this.#match(/[ \t]*/y);
      if (this.#at === this.#text.length) return;
      if (!this.take(',')) throw malformed;
      this.#match(/[ \t]*/y);
      if (this.#at === this.#text.length) throw malformed;
    }
  }

  take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  key(): string {
    return this.#match(/[a-z*][a-z0-9_.*-]*/y);
  }

  itemOrInnerList(): Item {
    if (this.take('(')) {
      const values: BareItem[] = [];
      for (;;) {
        this.#spaces();
        if (this.take(')')) break;
        values.push(this.#bareItem());
        this.parameters();
        if (this.#text[this.#at] !== ' ' && this.#text[this.#at] !== ')') throw malformed;
      }
      return { value: values, parameters: this.parameters() };
    }
    return { value: this.#bareItem(), parameters: this.parameters() };
  }

  parameters(): Map<string, BareItem> {
    const parameters = new Map<string, BareItem>();
    while (this.take(';')) {
      this.#spaces();
      parameters.set(this.key(), this.take('=') ? this.#bareItem() : true);
    }
    return parameters;
  }

  #bareItem(): BareItem {
    const first = this.#text[this.#at] ?? '';
    if (first === '"')
      return this.#match(/"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"/y)
        .slice(1, -1)
        .replaceAll(/\\(.)/g, '$1');
    if (first === '?') return this.#match(/\?[01]/y) === '?1';
    if (first === ':') return { token: this.#match(/:[A-Za-z0-9+/=]*:/y) };
    if (first === '@') return Number(this.#match(/@-?\d{1,15}/y).slice(1));
    if (/[-\d]/.test(first)) return Number(this.#match(/-?(?:\d{1,12}\.\d{1,3}|\d{1,15})(?![\d.])/y));
    return { token: this.#match(/[A-Za-z*][\w!#$%&'*+.^`|~:/-]*/y) };
  }

  #spaces(): void {
    this.#match(/ */y);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw malformed;
    this.#at += found.length;
    return found;
  }
}
