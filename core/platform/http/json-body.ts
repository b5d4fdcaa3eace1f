// The JSON body of a request or of a webhook, which are checked alike.
import type { z } from 'zod';
import { fieldErrors, ProblemError } from '../../../contracts/problem.ts';

/** Throws `invalid-json`, also for what is not UTF-8. */
export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new ProblemError('invalid-json');
  }
}

/** Throws `invalid-json` or `invalid-field`. */
export function parseJsonBody<Schema extends z.ZodType>(schema: Schema, body: Uint8Array): z.output<Schema> {
  const parsed = schema.safeParse(parseJson(body));
  if (!parsed.success) throw new ProblemError('invalid-field', { errors: fieldErrors(parsed.error) });
  return parsed.data;
}
