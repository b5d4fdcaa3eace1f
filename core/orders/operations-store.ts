// Queries for operators: orders of everybody, one order's story, and the audit trail.
import { type Insertable, type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import { z } from 'zod';
import type { OrderId } from '../../contracts/common.ts';
import type { OrderStatus } from '../../contracts/orders.ts';
import type { CommandRow, DecisionsTable, OrderRow, OrdersTables, TimelineTable, TriesTable } from './store.ts';

type Db = Kysely<OrdersTables>;
type Trx = Transaction<OrdersTables>;

export interface OrdersFilter {
  readonly status: OrderStatus | undefined;
  readonly needsAttention: boolean;
  readonly q: string | undefined;
  readonly after: OrderId | undefined;
  readonly limit: number;
}

/** Newest first; those that need a person the other way round, since they wait. Ids grow with time. */
export function findOrders(db: Db, { status, needsAttention, q, after, limit }: OrdersFilter): Promise<OrderRow[]> {
  let query = db
    .selectFrom('orders')
    .selectAll()
    .orderBy('id', needsAttention ? 'asc' : 'desc')
    .limit(limit);
  if (status) query = query.where('status', '=', status);
  if (needsAttention) query = query.where('needs_attention', 'is not', null);
  if (after) query = query.where('id', needsAttention ? '>' : '<', after);
  if (q) {
    const isId = z.uuid().safeParse(q).success;
    query = query.where((where) =>
      where.or(
        isId
          ? [where('id', '=', q as OrderId), where('payment_id', '=', q), where('shipment_id', '=', q)]
          : [
              where(sql`upper(tracking_number)`, '=', q.toUpperCase()),
              where(sql`right(id::text, 8)`, '=', q.toLowerCase()),
            ],
      ),
    );
  }
  return query.execute();
}

export async function countOrders(
  db: Db,
): Promise<{ byStatus: readonly { status: OrderStatus; orders: number }[]; needsAttention: number }> {
  const byStatus = await db
    .selectFrom('orders')
    .select(['status', sql<number>`count(*)::integer`.as('orders')])
    .groupBy('status')
    .execute();
  return { byStatus, needsAttention: await countAttention(db) };
}

export async function countAttention(db: Db): Promise<number> {
  const { waiting } = await db
    .selectFrom('orders')
    .select(sql<number>`count(*)::integer`.as('waiting'))
    .where('needs_attention', 'is not', null)
    .executeTakeFirstOrThrow();
  return waiting;
}

/** The state of a command of this order, also of one that was dropped. */
export async function readCommandState(db: Db, orderId: OrderId, id: number): Promise<CommandRow['state'] | undefined> {
  const row = await db
    .selectFrom('commands')
    .select('state')
    .where('order_id', '=', orderId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row?.state;
}

export type DecisionRow = Selectable<DecisionsTable>;
export type TryRow = Selectable<TriesTable>;
export type TimelineRow = Selectable<TimelineTable>;

export interface StoredStory {
  readonly commands: readonly CommandRow[];
  readonly tries: readonly TryRow[];
  readonly timeline: readonly TimelineRow[];
  readonly decisions: readonly DecisionRow[];
}

const mostLines = 500;
const mostDecisions = 100;

export async function readStory(db: Db, orderId: OrderId): Promise<StoredStory> {
  const [commands, tries, timeline, decisions] = await Promise.all([
    db.selectFrom('commands').selectAll().where('order_id', '=', orderId).orderBy('id').limit(mostLines).execute(),
    db
      .selectFrom('command_tries')
      .selectAll()
      .where('command_id', 'in', (select) => select.selectFrom('commands').select('id').where('order_id', '=', orderId))
      .orderBy('command_id')
      .orderBy('number')
      .limit(mostLines)
      .execute(),
    db.selectFrom('timeline').selectAll().where('order_id', '=', orderId).orderBy('id').limit(mostLines).execute(),
    db
      .selectFrom('operator_decisions')
      .selectAll()
      .where('order_id', '=', orderId)
      .orderBy('id', 'desc')
      .limit(mostDecisions)
      .execute(),
  ]);
  return { commands, tries, timeline, decisions: decisions.reverse() };
}

export type NewDecisionRow = Omit<Insertable<DecisionsTable>, 'before' | 'after'> &
  Pick<DecisionRow, 'before' | 'after'>;

export async function addDecision(trx: Trx, { before, after, ...row }: NewDecisionRow): Promise<number> {
  const { id } = await trx
    .insertInto('operator_decisions')
    .values({ ...row, before: JSON.stringify(before), after: JSON.stringify(after) })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

export async function endDecision(
  db: Db,
  id: number,
  { after, ...end }: Pick<DecisionRow, 'outcome' | 'failure' | 'after'>,
): Promise<void> {
  await db
    .updateTable('operator_decisions')
    .set({ ...end, after: JSON.stringify(after) })
    .where('id', '=', id)
    .execute();
}

/** What was decided already about one call for a person, or is just being asked of the other service. */
export const readEarlierDecision = (
  trx: Trx,
  about: { orderId: OrderId; target: 'payment' | 'delivery'; attentionVersion: number; askedAfter: Date },
): Promise<DecisionRow | undefined> =>
  trx
    .selectFrom('operator_decisions')
    .selectAll()
    .where('order_id', '=', about.orderId)
    .where('target', '=', about.target)
    .where('attention_version', '=', about.attentionVersion)
    .where((where) =>
      where.or([
        where('outcome', '=', 'done'),
        where.and([where('outcome', 'is', null), where('at', '>', about.askedAfter)]),
      ]),
    )
    .limit(1)
    .executeTakeFirst();
