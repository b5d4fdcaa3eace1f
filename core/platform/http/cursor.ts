// Opaque page cursors: what the next page begins after, readable by us alone.
import type { z } from 'zod';
import { ProblemError } from '../../../contracts/problem.ts';

export const encodeCursor = (place: unknown): string => Buffer.from(JSON.stringify(place)).toString('base64url');

/** Throws `invalid-parameter` for what `encodeCursor` of the same list can't have made. */
export function decodeCursor<Schema extends z.ZodType>(schema: Schema, cursor: string): z.output<Schema> {
  let place: unknown;
  try {
    place = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    place = undefined;
  }
  const result = schema.safeParse(place);
  if (result.success) return result.data;
  throw new ProblemError('invalid-parameter', {
    errors: [{ field: 'cursor', message: 'must be a next_cursor of this list' }],
  });
}
