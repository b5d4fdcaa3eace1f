// Vary (RFC 9111, section 4.1): which requests a stored answer was selected by.
export type ReadHeader = (name: string) => string | null | undefined;

/** Field names in lower case. */
export const varyNames = (field: string | null): string[] =>
  (field ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter(Boolean);

/** Values that differ in blanks only select the same answer, and so do tags of languages and codings in another case. */
export const varyValue = (name: string, value: string | null | undefined): string | null => {
  const plain = withoutBlanks(value);
  return name === 'accept-language' || name === 'accept-encoding' ? (plain?.toLowerCase() ?? null) : plain;
};

const withoutBlanks = (value: string | null | undefined): string | null =>
  value == null
    ? null
    : value
        .trim()
        .replaceAll(/\s*,\s*/g, ',')
        .replaceAll(/\s+/g, ' ');

export function isSelected(names: readonly string[], values: readonly (string | null)[], header: ReadHeader): boolean {
  return names.every((name, index) => varyValue(name, header(name)) === values[index]);
}
