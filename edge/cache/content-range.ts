// Content-Range (RFC 9110, section 14.4): where a part lies in its whole.

/** Where the stored bytes lie when they are not the whole. */
export interface Part {
  readonly start: number;
  /** Exclusive, as the origin said. */
  readonly end: number;
  /** Of the whole representation. */
  readonly completeLength: number;
}

/** Null for what is no single range of a known whole (RFC 9110, section 14.4). */
export function parseContentRange(field: string | null): Part | null {
  const [, first, last, complete] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/i.exec(field?.trim() ?? '') ?? [];
  if (first === undefined) return null;
  const part = { start: Number(first), end: Number(last) + 1, completeLength: Number(complete) };
  return part.start < part.end && part.end <= part.completeLength ? part : null;
}
