// Opaque page cursors: what the next page begins after, readable by us alone.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ProblemError } from '../../../contracts/problem.ts';

export interface CursorCodec<Place> {
  encode(place: Place): string;
  decode(cursor: string | undefined): Place | undefined;
}

/** Cursors of the one list that `binding` (its name, order and filters) describes: in another list they mean nothing. */
export function cursorsOf<Place extends z.ZodType>(
  binding: readonly unknown[],
  place: Place,
): CursorCodec<z.output<Place>> {
  const list = createHash('sha256').update(JSON.stringify(binding)).digest('base64url').slice(0, 10);
  const schema = z.strictObject({ list: z.literal(list), place });
  return {
    encode: (value) => encodeCursor({ list, place: value }),
    decode: (cursor) =>
      cursor === undefined ? undefined : (decodeCursor(schema, cursor) as { place: z.output<Place> }).place,
  };
}

const encodeCursor = (place: unknown): string => Buffer.from(JSON.stringify(place)).toString('base64url');

/** Throws `invalid-parameter` for what `encodeCursor` of the same list can't have made. */
function decodeCursor<Schema extends z.ZodType>(schema: Schema, cursor: string): z.output<Schema> {
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
