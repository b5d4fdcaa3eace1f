// Vary (RFC 9111, section 4.1): which requests a stored answer was selected by.
/** In lower case; only `set-cookie` has several values. */
export type Fields = Readonly<Record<string, string | string[]>>;

export type ReadHeader = (name: string) => string | null | undefined;

/** Field names in lower case. */
export const varyNames = (field: string | null): string[] =>
  (field ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter(Boolean);

/** Values that mean the same are one: blanks never matter, and in lists of languages and codings neither case nor order do. */
export function varyValue(name: string, value: string | null | undefined): string | null {
  if (value == null) return null;
  return name === 'accept-language' || name === 'accept-encoding' ? preferenceList(value) : withoutBlanks(value);
}

export interface Selected {
  readonly headers: Fields;
  readonly varyNames: readonly string[];
  readonly varyValues: readonly (string | null)[];
}

export const isSelected = ({ headers, varyNames: names, varyValues: values }: Selected, header: ReadHeader): boolean =>
  names.every((name, index) => {
    const value = varyValue(name, header(name));
    return value === values[index] || (name === 'accept-language' && isPreferred(headers['content-language'], value));
  });

const withoutBlanks = (value: string): string =>
  value
    .trim()
    .replaceAll(/\s*,\s*/g, ',')
    .replaceAll(/\s+/g, ' ');

/** Members of equal weight are equally good (RFC 9110, sections 12.5.3 and 12.5.4), so they are put in one order. */
function preferenceList(value: string): string {
  const members = value.toLowerCase().replaceAll(/\s+/g, '').split(',').filter(Boolean);
  return members
    .map((member) => member.replace(/;q=1(\.0{0,3})?$/, ''))
    .sort()
    .join(',');
}

/** An answer in the one language that the client wants most is what it would get. */
function isPreferred(language: Fields[string] | undefined, normalised: string | null): boolean {
  if (typeof language !== 'string' || normalised === null) return false;
  const best = normalised.split(',').filter((member) => !member.includes(';'));
  return best.length === 1 && best[0] === language.trim().toLowerCase();
}
