// Idempotency keys: the first call with a key does the work, every later one gets its answer.
import { createHash, randomUUID } from 'node:crypto';
import type { ColumnType, Kysely, Transaction } from 'kysely';
import { ProblemError } from '../../../contracts/problem.ts';
import type { Clock } from '../clock.ts';
import type { Timestamp } from '../db/columns.ts';

/** Part of the tables of a service that stores answers. */
export interface IdempotencyTables {
  idempotency_keys: {
    scope: string;
    key: string;
    request_hash: string;
    /** Whose run it is: one that was taken over must not store its answer any more. */
    claim: string;
    state: 'running' | 'done';
    response: ColumnType<unknown, string | null, string | null>;
    created_at: Timestamp;
    /** While running the end of the lease; then the time when the answer may be forgotten. */
    expires_at: Timestamp;
  };
}

/** For a service's migration. */
export async function createIdempotencyTable(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('idempotency_keys')
    .addColumn('scope', 'text', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('request_hash', 'text', (column) => column.notNull())
    .addColumn('claim', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('response', 'jsonb')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .addPrimaryKeyConstraint('idempotency_keys_pkey', ['scope', 'key'])
    .execute();
  await db.schema.createIndex('idempotency_keys_expires').on('idempotency_keys').column('expires_at').execute();
}

export interface IdempotentRequest {
  /** What the key is unique within: the method, and the caller where callers choose keys. */
  readonly scope: string;
  readonly key: string;
  /** Tells a repetition from another request: `hashOf(request)`. */
  readonly requestHash: string;
  readonly clock: Clock;
  /** Longer than a run can take; after it a run counts as dead and its claim may be taken over. */
  readonly leaseMs?: number;
  readonly keptMs?: number;
}

/** Stores the answer in the caller's own transaction, so that effect and answer are one. */
export type StoreAnswer<Response> = (trx: unknown, response: Response) => Promise<void>;

/**
 * Runs `work` once per key. No transaction is open meanwhile, so `work` may call out. A failed run leaves
 * no answer and may be repeated at once; a run whose process died may be after its lease. So `work` must bear
 * beginning again: it passes its key on, and it stores its answer with its last effect where it can.
 */
export async function idempotent<Tables extends IdempotencyTables, Response>(
  database: Kysely<Tables>,
  request: IdempotentRequest,
  work: (store: StoreAnswer<Response>) => Promise<Response>,
): Promise<Response> {
  const db = database as unknown as Kysely<IdempotencyTables>;
  const claimed = await claim(db, request);
  if ('response' in claimed) return claimed.response as Response;
  await prune(db, database, request.clock.now());
  let stored = false;
  try {
    const response = await work(async (trx, answer) => {
      await storeAnswer(trx as Transaction<IdempotencyTables>, request, claimed.claim, answer);
      stored = true;
    });
    if (!stored) await storeAnswer(db, request, claimed.claim, response);
    return response;
  } catch (error) {
    // Where even this fails the lease frees the key, and the first error is the one to tell.
    await withdraw(db, request, claimed.claim).catch(() => undefined);
    throw error;
  }
}

/** The same for the same content, whatever the order of its fields. */
export const hashOf = (request: unknown): string => createHash('sha256').update(canonical(request)).digest('base64url');

const defaultLeaseMs = 60_000;
const defaultKeptMs = 7 * 24 * 3_600_000;

async function claim(
  db: Kysely<IdempotencyTables>,
  { scope, key, requestHash, clock, leaseMs = defaultLeaseMs }: IdempotentRequest,
): Promise<{ readonly claim: string } | { readonly response: unknown }> {
  const now = clock.now();
  const fresh = {
    request_hash: requestHash,
    claim: randomUUID(),
    state: 'running',
    response: null,
    created_at: now,
    expires_at: new Date(now.getTime() + leaseMs),
  } as const;
  // One statement, so that of two calls at once one gets the claim: also of an expired one.
  const mine = await db
    .insertInto('idempotency_keys')
    .values({ scope, key, ...fresh })
    .onConflict((conflict) =>
      conflict
        .columns(['scope', 'key'])
        .doUpdateSet(fresh)
        .where('idempotency_keys.expires_at', '<=', now)
        // A dead run's request is repeated, never replaced by another; a forgotten one may be.
        .where((where) =>
          where.or([
            where('idempotency_keys.state', '=', 'done'),
            where('idempotency_keys.request_hash', '=', requestHash),
          ]),
        ),
    )
    .returning('claim')
    .executeTakeFirst();
  if (mine) return { claim: mine.claim };

  const other = await db
    .selectFrom('idempotency_keys')
    .select(['request_hash', 'state', 'response'])
    .where('scope', '=', scope)
    .where('key', '=', key)
    .executeTakeFirst();
  // Withdrawn between the two statements: the caller's retry will find it free.
  if (!other) throw new ProblemError('request-in-progress');
  if (other.request_hash !== requestHash) throw new ProblemError('idempotency-key-reused');
  if (other.state === 'running') throw new ProblemError('request-in-progress');
  return { response: other.response };
}

async function storeAnswer(
  db: Kysely<IdempotencyTables>,
  { scope, key, clock, keptMs = defaultKeptMs }: IdempotentRequest,
  claim: string,
  response: unknown,
): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('idempotency_keys')
    .set({
      state: 'done',
      response: JSON.stringify(response ?? null),
      expires_at: new Date(clock.now().getTime() + keptMs),
    })
    .where('scope', '=', scope)
    .where('key', '=', key)
    .where('claim', '=', claim)
    .executeTakeFirst();
  // Somebody took over a run that was slower than its lease. Inside a transaction this undoes its effect.
  if (numUpdatedRows !== 1n) throw new ProblemError('request-in-progress');
}

async function withdraw(
  db: Kysely<IdempotencyTables>,
  { scope, key }: IdempotentRequest,
  claim: string,
): Promise<void> {
  await db
    .deleteFrom('idempotency_keys')
    .where('scope', '=', scope)
    .where('key', '=', key)
    .where('claim', '=', claim)
    .where('state', '=', 'running')
    .execute();
}

const pruneEveryMs = 10 * 60_000;
const prunedAt = new WeakMap<object, number>();

/** Now and then a claim takes out answers whose time is over, and dead runs that nobody came back for. */
async function prune(db: Kysely<IdempotencyTables>, database: object, now: Date): Promise<void> {
  const last = prunedAt.get(database);
  if (last !== undefined && now.getTime() - last < pruneEveryMs) return;
  prunedAt.set(database, now.getTime());
  await db
    .deleteFrom('idempotency_keys')
    .where((where) =>
      where.or([
        where.and([where('state', '=', 'done'), where('expires_at', '<', now)]),
        where('expires_at', '<', new Date(now.getTime() - defaultKeptMs)),
      ]),
    )
    .execute();
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null || value instanceof Date) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, item]) => `${JSON.stringify(name)}:${canonical(item)}`);
  return `{${members.join(',')}}`;
}
