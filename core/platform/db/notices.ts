// Messages that a service owes to a user: written with what they tell of, handed to notifications until it takes them.

import { type Kysely, sql, type Transaction } from 'kysely';
import type { NotificationKind } from '../../../contracts/notifications.ts';
import { ProblemError } from '../../../contracts/problem.ts';
import { backoffMs } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import { type Loop, startLoop } from '../loop.ts';
import type { RpcClients } from '../service.ts';
import type { Log } from '../telemetry/log.ts';
import { extractTrace, injectTrace, inSpan } from '../telemetry/tracing.ts';
import type { Json, NullableTimestamp, Timestamp } from './columns.ts';
import type { DatabaseProvider } from './database.ts';
import { addAndNotifyLater } from './notify.ts';

/** Part of the tables of services that call notifications. */
export interface NoticesTables {
  notices: {
    /** Also the idempotency key: one message, however often it is handed over. */
    id: string;
    user_id: string;
    kind: NotificationKind;
    order_id: string;
    parameters: Json<Record<string, string>>;
    trace: Json<Record<string, string>>;
    attempts: number;
    due_at: Timestamp;
    taken_at: NullableTimestamp;
    refusal: string | null;
  };
}

export async function createNoticesTable(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('notices')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('user_id', 'uuid', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('order_id', 'uuid', (column) => column.notNull())
    .addColumn('parameters', 'jsonb', (column) => column.notNull())
    .addColumn('trace', 'jsonb', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('due_at', 'timestamptz', (column) => column.notNull())
    .addColumn('taken_at', 'timestamptz')
    .addColumn('refusal', 'text')
    .execute();
  await db.schema
    .createIndex('notices_due')
    .on('notices')
    .column('due_at')
    .where(sql.ref('taken_at'), 'is', null)
    .execute();
}

export interface Notice {
  readonly id: string;
  readonly userId: string;
  readonly kind: NotificationKind;
  readonly orderId: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Owes a message, once per id. */
export async function addNotice(
  trx: Transaction<NoticesTables>,
  service: string,
  notice: Notice,
  now: Date,
): Promise<void> {
  const trace: Record<string, string> = {};
  injectTrace(trace);
  const insert = trx
    .insertInto('notices')
    .values({
      id: notice.id,
      user_id: notice.userId,
      kind: notice.kind,
      order_id: notice.orderId,
      parameters: JSON.stringify(notice.parameters),
      trace: JSON.stringify(trace),
      attempts: 0,
      due_at: now,
      taken_at: null,
      refusal: null,
    })
    .onConflict((conflict) => conflict.column('id').doNothing());
  await addAndNotifyLater(trx, insert, noticesChannel(service));
}

export interface NoticeLoopOptions {
  readonly service: string;
  readonly db: Kysely<NoticesTables>;
  readonly databases: DatabaseProvider;
  readonly notifications: () => Pick<RpcClients['notifications'], 'enqueue'>;
  readonly clock: Clock;
  readonly log: Log;
}

const noticesChannel = (service: string): string => `notices_${service}`;
const atOnce = 8;
const callDeadlineMs = 5_000;
const leaseMs = 20_000;
const pauses = { firstMs: 500, longestMs: 300_000 };
const keptMs = 7 * 24 * 3_600_000;

export async function startNoticeLoop(options: NoticeLoopOptions): Promise<Loop> {
  const { service, db, databases, notifications, clock, log } = options;
  let prunedAt = 0;

  const hand = async (id: string): Promise<void> => {
    const notice = await db.selectFrom('notices').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
    const { user_id: userId, kind, order_id: orderId, parameters } = notice;
    const taken = async (refusal: string | null): Promise<void> => {
      await db.updateTable('notices').set({ taken_at: clock.now(), refusal }).where('id', '=', id).execute();
    };
    try {
      await inSpan(`${service} notice ${kind}`, { parent: extractTrace(notice.trace) }, () =>
        notifications().enqueue(
          { userId, kind, orderId, parameters },
          { idempotencyKey: id, deadlineMs: callDeadlineMs },
        ),
      );
      await taken(null);
    } catch (error) {
      if (isFinal(error)) {
        log.error('notice.refused', { notice: id, error });
        await taken(error.message);
        return;
      }
      const pauseMs = backoffMs(notice.attempts, pauses);
      log.warn('notice.postponed', { notice: id, attempts: notice.attempts, error });
      const due = new Date(clock.now().getTime() + pauseMs);
      await db.updateTable('notices').set({ due_at: due }).where('id', '=', id).execute();
    }
  };

  return startLoop({
    name: `${service}.notices`,
    pollMs: 1_000,
    log,
    wake: (heard) => databases.listen(noticesChannel(service), heard),
    run: async () => {
      const now = clock.now();
      const due = await db
        .updateTable('notices')
        .set((update) => ({ attempts: update('attempts', '+', 1), due_at: new Date(now.getTime() + leaseMs) }))
        .where('id', 'in', (select) =>
          select
            .selectFrom('notices')
            .select('id')
            .where('taken_at', 'is', null)
            .where('due_at', '<=', now)
            .orderBy('due_at')
            .limit(atOnce)
            .forUpdate()
            .skipLocked(),
        )
        .returning('id')
        .execute();
      await Promise.all(due.map(({ id }) => hand(id)));
      if (now.getTime() - prunedAt > 3_600_000) {
        prunedAt = now.getTime();
        await db
          .deleteFrom('notices')
          .where('taken_at', '<', new Date(now.getTime() - keptMs))
          .execute();
      }
      return due.length === atOnce;
    },
  });
}

/** A rule that says no will say no again. */
const isFinal = (error: unknown): error is ProblemError =>
  error instanceof ProblemError &&
  error.status < 500 &&
  error.code !== 'too-many-requests' &&
  error.code !== 'request-in-progress';
