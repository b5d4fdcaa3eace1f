// Cache directives: of `Cache-Control` (RFC 9111, section 5.2) and of the targeted `CDN-Cache-Control` (RFC 9213).
import { parseDictionary } from './structured-fields.ts';

/** Directive names in lower case; `true` where there is no argument. */
export type Directives = ReadonlyMap<string, string | true>;

const none: Directives = new Map();

/** Lenient, as the field is older than structured fields: the first of several equal names counts. */
export function parseCacheControl(field: string | null): Directives {
  if (field === null || field === '') return none;
  const directives = new Map<string, string | true>();
  const member = /[ \t]*([^\s,="]+)(?:([ \t]*=[ \t]*)("(?:[^"\\]|\\.)*"?|[^,]*))?[^,]*(?:,|$)|[^,]*,/gy;
  for (let match = member.exec(field); match && match[0] !== ''; match = member.exec(field)) {
    const [, name, equals, argument] = match;
    if (name === undefined) continue;
    // Blanks around `=` are no part of the syntax: the argument is unusable, and so never fresh.
    const value = argument === undefined ? true : equals === '=' ? unquote(argument.trimEnd()) : '';
    if (!directives.has(name.toLowerCase())) directives.set(name.toLowerCase(), value);
  }
  return directives;
}

const unquote = (text: string): string =>
  text.startsWith('"')
    ? text.slice(1, text.endsWith('"') && text.length > 1 ? -1 : undefined).replaceAll(/\\(.)/g, '$1')
    : text;

/**
 * Null when the field is absent, malformed or empty: then `Cache-Control` and `Expires` rule (RFC 9213,
 * section 2.2). Directives whose value has the wrong type are ignored one by one.
 */
export function parseTargeted(field: string | null): Directives | null {
  // Directive names are case-insensitive, keys of structured fields are lower case only.
  const members =
    field === null ? null : parseDictionary(field.replaceAll(/(^|,)([^="]*)/g, (part) => part.toLowerCase()));
  if (!members || members.size === 0) return null;
  const directives = new Map<string, string | true>();
  for (const [name, { value }] of members) {
    if (value === true) {
      if (!takesSeconds.has(name)) directives.set(name, true);
    } else if (typeof value === 'number') {
      if (Number.isInteger(value) && value >= 0) directives.set(name, String(value));
    } else if (typeof value === 'string' && !takesSeconds.has(name)) {
      directives.set(name, value);
    }
  }
  return directives;
}

const takesSeconds = new Set(['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error']);
/** RFC 9111, section 1.2.2: larger values than this mean the same. */
const maxSeconds = 2 ** 31;

/** Undefined when the directive is absent; 0 when its argument can't be read, which makes the answer stale. */
export function seconds(directives: Directives, name: string): number | undefined {
  const value = directives.get(name);
  if (value === undefined) return undefined;
  if (value === true || !/^\d+$/.test(value)) return 0;
  return Math.min(Number(value), maxSeconds);
}
