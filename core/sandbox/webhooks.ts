// Webhooks of a sandbox company: kept in its books until the other side has taken them, at least once each.

import { createHmac, randomUUID } from 'node:crypto';
import { type Generated, type Kysely, sql, type Transaction } from 'kysely';
import { backoffMs } from '../platform/backoff.ts';
import type { Clock } from '../platform/clock.ts';
import type { NullableTimestamp, Timestamp } from '../platform/db/columns.ts';
import type { DatabaseProvider } from '../platform/db/database.ts';
import { addAndNotifyLater } from '../platform/db/notify.ts';
import { type Loop, startLoop } from '../platform/loop.ts';
import type { Log } from '../platform/telemetry/log.ts';

export interface WebhookTables {
  webhooks: {
    seq: Generated<number>;
    id: string;
    /** What the event is about; events about the same are sent one after another. */
    subject: string;
    body: string;
    attempts: number;
    due_at: Timestamp;
    created_at: Timestamp;
    delivered_at: NullableTimestamp;
    last_error: string | null;
  };
}

export async function createWebhooksTable(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('webhooks')
    .addColumn('seq', 'bigint', (column) => column.generatedAlwaysAsIdentity().primaryKey())
    .addColumn('id', 'text', (column) => column.notNull().unique())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('due_at', 'timestamptz', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('delivered_at', 'timestamptz')
    .addColumn('last_error', 'text')
    .execute();
  await db.schema
    .createIndex('webhooks_due')
    .on('webhooks')
    .column('due_at')
    .where(sql.ref('delivered_at'), 'is', null)
    .execute();
  await db.schema
    .createIndex('webhooks_subject')
    .on('webhooks')
    .columns(['subject', 'seq'])
    .where(sql.ref('delivered_at'), 'is', null)
    .execute();
}

/** Writes an event in the transaction of what it tells of. */
export async function addWebhook(
  trx: Transaction<WebhookTables>,
  company: string,
  subject: string,
  event: Readonly<Record<string, unknown>>,
  now: Date,
): Promise<void> {
  const id = `evt_${randomUUID()}`;
  const insert = trx.insertInto('webhooks').values({
    id,
    subject,
    body: JSON.stringify({ id, ...event, created_at: now.toISOString() }),
    attempts: 0,
    due_at: now,
    created_at: now,
    delivered_at: null,
    last_error: null,
  });
  await addAndNotifyLater(trx, insert, `${company}_webhooks`);
}

export interface WebhookLoopOptions {
  /** The schema of the books. */
  readonly company: string;
  readonly db: Kysely<WebhookTables>;
  readonly databases: DatabaseProvider;
  /** Where they go; asked each time, since ports change from start to start. */
  readonly url: () => string;
  readonly secret: string;
  readonly clock: Clock;
  readonly log: Log;
}

const atOnce = 8;
const timeoutMs = 5_000;
const leaseMs = 10_000;
const pauses = { firstMs: 200, longestMs: 60_000 };
/** Nobody answered for days: given up, as other companies do. */
const mostAgeMs = 3 * 24 * 3_600_000;
const keptMs = 7 * 24 * 3_600_000;

export async function startWebhookLoop(options: WebhookLoopOptions): Promise<Loop> {
  const { company, db, databases, url, secret, clock, log } = options;
  let prunedAt = 0;

  const send = async ({ id, body, attempts }: { id: string; body: string; attempts: number }, signal: AbortSignal) => {
    try {
      const response = await fetch(url(), {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-signature': signature(body, secret, clock.now()) },
        body,
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`answered ${response.status}`);
      await db.updateTable('webhooks').set({ delivered_at: clock.now() }).where('id', '=', id).execute();
    } catch (error) {
      const pauseMs = backoffMs(attempts, pauses);
      const last_error = error instanceof Error ? error.message : String(error);
      log.warn('sandbox.webhook_failed', { company, webhook: id, attempts, error: last_error });
      const due_at = new Date(clock.now().getTime() + pauseMs);
      await db.updateTable('webhooks').set({ due_at, last_error }).where('id', '=', id).execute();
    }
  };

  return startLoop({
    name: `${company}.webhooks`,
    pollMs: 500,
    log,
    wake: (heard) => databases.listen(`${company}_webhooks`, heard),
    run: async (signal) => {
      const now = clock.now();
      const due = await db
        .updateTable('webhooks')
        .set((update) => ({ attempts: update('attempts', '+', 1), due_at: new Date(now.getTime() + leaseMs) }))
        .where('seq', 'in', (select) =>
          select
            .selectFrom('webhooks as next')
            .select('next.seq')
            .where('next.delivered_at', 'is', null)
            .where('next.due_at', '<=', now)
            .where('next.created_at', '>', new Date(now.getTime() - mostAgeMs))
            .where(({ not, exists, selectFrom }) =>
              not(
                exists(
                  selectFrom('webhooks as earlier')
                    .select('earlier.seq')
                    .whereRef('earlier.subject', '=', 'next.subject')
                    .whereRef('earlier.seq', '<', 'next.seq')
                    .where('earlier.delivered_at', 'is', null)
                    .where('earlier.created_at', '>', new Date(now.getTime() - mostAgeMs)),
                ),
              ),
            )
            .orderBy('next.due_at')
            .limit(atOnce)
            .forUpdate()
            .skipLocked(),
        )
        .returning(['id', 'body', 'attempts'])
        .execute();
      await Promise.all(due.map((webhook) => send(webhook, signal)));
      if (now.getTime() - prunedAt > 3_600_000) {
        prunedAt = now.getTime();
        await db
          .deleteFrom('webhooks')
          .where('created_at', '<', new Date(now.getTime() - keptMs))
          .execute();
      }
      // What waited behind these may go now.
      return due.length > 0;
    },
  });
}

/** `t=<unix seconds>,v1=<hex>`: HMAC-SHA256 over `timestamp.body`. */
function signature(body: string, secret: string, now: Date): string {
  const timestamp = Math.floor(now.getTime() / 1000);
  return `t=${timestamp},v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}
