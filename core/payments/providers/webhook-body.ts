// The body of a provider's webhook, by its schema.
import type { z } from 'zod';
import { fieldErrors, ProblemError } from '../../../contracts/problem.ts';

export function parseWebhook<Schema extends z.ZodType>(schema: Schema, body: Uint8Array): z.output<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new ProblemError('invalid-json');
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new ProblemError('invalid-field', { errors: fieldErrors(parsed.error) });
  return parsed.data;
}
