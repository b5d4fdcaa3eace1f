// What the sandbox companies' APIs share: keys, bodies, idempotency, refusals.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context } from 'hono';
import type { Kysely, Transaction } from 'kysely';
import { z } from 'zod';
import type { Clock } from '../platform/clock.ts';
import type { Json, Timestamp } from '../platform/db/columns.ts';
import { later } from '../platform/db/later.ts';

export interface IdempotencyTables {
  idempotency_keys: {
    key: string;
    request_hash: string;
    response: Json<unknown>;
    created_at: Timestamp;
  };
}

export async function createIdempotencyTable(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('idempotency_keys')
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('request_hash', 'text', (column) => column.notNull())
    .addColumn('response', 'jsonb', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .execute();
}

/** A request that the company says no to. */
export class Refusal extends Error {
  readonly status: 400 | 401 | 404 | 409 | 413 | 422;
  readonly error: string;

  constructor(status: Refusal['status'], error: string, message: string) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.error = error;
  }
}

/** Answers refusals as the company's API words them. */
export async function answering(c: Context, work: () => Promise<unknown>): Promise<Response> {
  c.header('cache-control', 'no-store');
  try {
    return c.json((await work()) as object);
  } catch (error) {
    if (error instanceof Refusal) return c.json({ error: error.error, message: error.message }, error.status);
    throw error;
  }
}

export function checkApiKey(c: Context, apiKey: string): void {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const given = c.req.header('authorization') ?? '';
  if (!timingSafeEqual(digest(given), digest(`Bearer ${apiKey}`))) {
    throw new Refusal(401, 'unauthorized', 'The API key is missing or wrong');
  }
}

const largestBody = 16 * 1024;

export async function readText(c: Context): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of c.req.raw.body ?? []) {
    size += chunk.byteLength;
    if (size > largestBody) throw new Refusal(413, 'too_large', `At most ${largestBody} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

export async function readJson<Schema extends z.ZodType>(c: Context, schema: Schema): Promise<z.output<Schema>> {
  const text = await readText(c);
  let json: unknown;
  try {
    json = text === '' ? {} : JSON.parse(text);
  } catch {
    throw new Refusal(400, 'invalid_json', 'The body is not JSON');
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new Refusal(422, 'invalid_request', z.prettifyError(parsed.error));
  return parsed.data;
}

/**
 * Does `work` once per key: a repetition gets the first answer. Two at the same moment: the second waits at the key's
 * row until the first has committed. Refusals are not kept, since the next try may find another state.
 */
export async function once<Tables extends IdempotencyTables>(
  c: Context,
  db: Kysely<Tables>,
  clock: Clock,
  body: unknown,
  work: (trx: Transaction<Tables>) => Promise<unknown>,
): Promise<unknown> {
  const key = c.req.header('idempotency-key') ?? '';
  if (key.length < 8 || key.length > 200) throw new Refusal(400, 'idempotency_key', 'Idempotency-Key is missing');
  const request_hash = createHash('sha256')
    .update(JSON.stringify([c.req.path, body]))
    .digest('hex');
  return db.transaction().execute(async (trx) => {
    const keys = trx as unknown as Transaction<IdempotencyTables>;
    const claimed = await keys
      .insertInto('idempotency_keys')
      .values({ key, request_hash, response: 'null', created_at: clock.now() })
      .onConflict((conflict) => conflict.column('key').doNothing())
      .returning('key')
      .executeTakeFirst();
    if (!claimed) {
      const known = await keys
        .selectFrom('idempotency_keys')
        .selectAll()
        .where('key', '=', key)
        .executeTakeFirstOrThrow();
      if (known.request_hash !== request_hash) {
        throw new Refusal(422, 'idempotency_key_reused', 'This key was used with another request');
      }
      return known.response;
    }
    const response = await work(trx);
    const answered = keys.updateTable('idempotency_keys').set({ response: JSON.stringify(response) });
    await later(keys, answered.where('key', '=', key));
    return response;
  });
}
