// Queries of orders; nobody else reads its schema.

import { type Generated, type Insertable, type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { OrderId, UserId } from '../../contracts/common.ts';
import type { DeliveryStage } from '../../contracts/delivery.ts';
import type { OperatorDecision } from '../../contracts/operations.ts';
import type { CancelReason, Order, OrderStatus } from '../../contracts/orders.ts';
import type { PaymentStatus } from '../../contracts/payments.ts';
import type { Json, NullableTimestamp, Timestamp } from '../platform/db/columns.ts';
import { later } from '../platform/db/later.ts';
import { addAndNotifyLater } from '../platform/db/notify.ts';
import type { ServiceTables } from '../platform/service.ts';
import type { SagaCommand } from './decide.ts';
import type { Step } from './saga.ts';

export interface OrdersTable {
  id: OrderId;
  status: OrderStatus;
  cancel_reason: CancelReason | null;
  buyer_id: UserId;
  seller_id: UserId;
  ad_id: string;
  ad_title: string;
  ad_thumb_url: string | null;
  ad_city: string;
  currency: string;
  price: number;
  delivery_price: number;
  payment_id: string;
  payment_status: PaymentStatus;
  payment_version: number;
  confirmation_url: string | null;
  shipment_id: string;
  delivery_method: 'courier' | 'pickup_point';
  address: string | null;
  pickup_point: string | null;
  delivery_stage: DeliveryStage | null;
  delivery_version: number;
  tracking_number: string | null;
  estimated_from: string | null;
  estimated_to: string | null;
  /** When the state's timeout happens. */
  deadline_at: NullableTimestamp;
  payment_attention: string | null;
  payment_attention_version: number;
  delivery_attention: string | null;
  delivery_attention_version: number;
  needs_attention: string | null;
  attention_since: NullableTimestamp;
  created_at: Timestamp;
  updated_at: Timestamp;
  version: number;
}
export type OrderRow = Selectable<OrdersTable>;

export interface CommandsTable {
  id: Generated<number>;
  order_id: OrderId;
  step: Step;
  state: SagaCommand['state'];
  attempts: number;
  attempts_before: number;
  failures: number;
  tried_since: NullableTimestamp;
  not_before: Timestamp;
  last_error: string | null;
  /** The trace that it belongs to. */
  headers: Json<Record<string, string>>;
  created_at: Timestamp;
  finished_at: NullableTimestamp;
}
export type CommandRow = Selectable<CommandsTable>;

/** Tries that failed. */
export interface TriesTable {
  command_id: number;
  number: number;
  at: Timestamp;
  answered: boolean;
  error: string;
  trace_id: string | null;
}

/** What operators decided: the audit trail. Rows are added, and get their outcome; nothing else. */
export interface DecisionsTable {
  id: Generated<number>;
  order_id: OrderId;
  operator_id: UserId;
  action: OperatorDecision['action'];
  target: OperatorDecision['target'];
  command_id: number | null;
  /** Which call for a person it answers, where the trouble is payments' or delivery's. */
  attention_version: number | null;
  note: string;
  before: Json<OperatorDecision['before']>;
  after: Json<OperatorDecision['after']>;
  /** Null while another service is being asked, and for good when the asking process ended. */
  outcome: 'done' | 'failed' | null;
  failure: string | null;
  at: Timestamp;
  trace_id: string | null;
}

export interface TimelineTable {
  id: Generated<number>;
  order_id: OrderId;
  kind: 'order' | 'payment' | 'delivery';
  value: string;
  reason: CancelReason | null;
  at: Timestamp;
  /** The trace that it happened in, and the event that told of it. */
  trace_id: string | null;
  event_id: string | null;
}

export type NewTimelineEntry = Insertable<TimelineTable>;

export interface OrdersTables extends ServiceTables {
  orders: OrdersTable;
  commands: CommandsTable;
  command_tries: TriesTable;
  operator_decisions: DecisionsTable;
  timeline: TimelineTable;
  order_keys: {
    buyer_id: UserId;
    key: string;
    request_hash: string;
    order_id: OrderId;
    response: Json<Order | null>;
    created_at: Timestamp;
  };
}

type Db = Kysely<OrdersTables>;
type Trx = Transaction<OrdersTables>;

/** Notified when a command is owed or may be tried again. */
export const commandsChannel = 'orders_commands';

export const readOrder = (db: Db, id: OrderId): Promise<OrderRow | undefined> =>
  db.selectFrom('orders').selectAll().where('id', '=', id).executeTakeFirst();

/** Locks the order, so that whatever else happens to it waits its turn. */
export const lockOrder = (trx: Trx, id: OrderId): Promise<OrderRow | undefined> =>
  trx.selectFrom('orders').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();

export const updateOrder = (trx: Trx, id: OrderId, change: Partial<Omit<OrderRow, 'id'>>): Promise<void> =>
  later(trx, trx.updateTable('orders').set(change).where('id', '=', id));

export const readTimeline = (db: Db, id: OrderId) =>
  db
    .selectFrom('timeline')
    .select(['kind', 'value', 'reason', 'at'])
    .where('order_id', '=', id)
    .orderBy('id')
    .execute();

export const appendTimeline = (trx: Trx, entry: NewTimelineEntry): Promise<void> =>
  later(trx, trx.insertInto('timeline').values(entry));

/** Newest first; `before` is the id of the last order of the page before. */
export function listOrders(
  db: Db,
  filter: {
    role: 'buyer' | 'seller';
    userId: UserId;
    status: OrderStatus | undefined;
    before: string | undefined;
    limit: number;
  },
): Promise<OrderRow[]> {
  let query = db
    .selectFrom('orders')
    .selectAll()
    .where(filter.role === 'buyer' ? 'buyer_id' : 'seller_id', '=', filter.userId)
    .orderBy('id', 'desc')
    .limit(filter.limit);
  if (filter.status) query = query.where('status', '=', filter.status);
  if (filter.before) query = query.where('id', '<', filter.before as OrderId);
  return query.execute();
}

/** The first request with a key chooses the order's id; every later one learns it. Undefined when it was just freed. */
export async function claimKey(
  db: Db,
  claim: { buyer_id: UserId; key: string; request_hash: string; order_id: OrderId; created_at: Date },
): Promise<{ request_hash: string; order_id: OrderId; response: Order | null } | undefined> {
  await db
    .insertInto('order_keys')
    .values({ ...claim, response: 'null' })
    .onConflict((conflict) => conflict.columns(['buyer_id', 'key']).doNothing())
    .execute();
  return db
    .selectFrom('order_keys')
    .select(['request_hash', 'order_id', 'response'])
    .where('buyer_id', '=', claim.buyer_id)
    .where('key', '=', claim.key)
    .executeTakeFirst();
}

/** Keeps the first answer and returns it, whoever was first. */
export async function keepAnswer(db: Db, buyerId: UserId, key: string, answer: Order): Promise<Order> {
  const row = await db
    .updateTable('order_keys')
    .set({ response: sql`case when response = 'null'::jsonb then ${JSON.stringify(answer)}::jsonb else response end` })
    .where('buyer_id', '=', buyerId)
    .where('key', '=', key)
    .returning('response')
    .executeTakeFirst();
  return row?.response ?? answer;
}

/**
 * Whether the key still names this order, which may be placed then until the transaction ends: the lock keeps
 * `abandonKey` away.
 */
export async function lockKey(
  trx: Trx,
  { buyerId, key, orderId }: { buyerId: UserId; key: string; orderId: OrderId },
): Promise<boolean> {
  const row = await trx
    .selectFrom('order_keys')
    .select('order_id')
    .where('buyer_id', '=', buyerId)
    .where('key', '=', key)
    .where('order_id', '=', orderId)
    .forUpdate()
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * A request that ended without an order leaves its key free: from then on nobody places an order of this id. False when
 * the same request at the same moment has placed it.
 */
export const abandonKey = (db: Db, name: { buyerId: UserId; key: string; orderId: OrderId }): Promise<boolean> =>
  db.transaction().execute(async (trx) => {
    const isMine = await lockKey(trx, name);
    // After the lock, so that it sees what was placed under it.
    if (await readOrder(trx, name.orderId)) return false;
    if (isMine)
      await trx.deleteFrom('order_keys').where('buyer_id', '=', name.buyerId).where('key', '=', name.key).execute();
    return true;
  });

export async function pruneKeys(db: Db, before: Date): Promise<void> {
  await db.deleteFrom('order_keys').where('created_at', '<', before).execute();
}

export async function oweCommands(
  trx: Trx,
  orderId: OrderId,
  owed: readonly SagaCommand[],
  at: Date,
  headers: Record<string, string>,
): Promise<void> {
  if (owed.length === 0) return;
  const added = { order_id: orderId, headers: JSON.stringify(headers), created_at: at };
  const insert = trx
    .insertInto('commands')
    .values(owed.map(({ id: _id, ...command }) => ({ ...command, ...added })))
    // Each step happens once in an order's life; one that was dropped never happened.
    .onConflict((conflict) =>
      conflict.columns(['order_id', 'step']).where('state', '<>', sql.lit('dropped')).doNothing(),
    );
  await (owed.some(({ not_before }) => not_before <= at)
    ? addAndNotifyLater(trx, insert, commandsChannel)
    : later(trx, insert));
}

/** The order's present command of this step. */
export const readCommand = (db: Db, orderId: OrderId, step: Step): Promise<CommandRow | undefined> =>
  db
    .selectFrom('commands')
    .selectAll()
    .where('order_id', '=', orderId)
    .where('step', '=', step)
    .where('state', '=', sql.lit('owed'))
    .executeTakeFirst();

/** Wakes whoever runs commands, when the transaction commits. */
export const tellOfCommands = (trx: Trx): Promise<void> => later(trx, sql`select pg_notify(${commandsChannel}, '')`);

/**
 * Takes the next command that is due, by a lease: it comes again when its taker dies.
 * A command waits for the earlier ones of its order; decide.ts has the same rule as `taken`.
 */
export async function takeCommand(
  db: Db,
  now: Date,
  leaseUntil: Date,
  only?: { orderId: OrderId; step?: Step },
): Promise<CommandRow | undefined> {
  return db
    .updateTable('commands')
    .set((update) => ({
      attempts: update('attempts', '+', 1),
      tried_since: sql`coalesce(tried_since, ${now}::timestamptz)`,
      not_before: leaseUntil,
    }))
    .where('id', '=', (select) => {
      let due = select
        .selectFrom('commands as due')
        .select('due.id')
        .where('due.state', '=', sql.lit('owed'))
        .where('due.not_before', '<=', now)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('commands as earlier')
                .select('earlier.id')
                .whereRef('earlier.order_id', '=', 'due.order_id')
                .whereRef('earlier.id', '<', 'due.id')
                .where('earlier.state', 'in', sql<never>`('owed', 'parked')`),
            ),
          ),
        )
        .orderBy('due.not_before')
        .limit(1)
        // Two takers never take the same; neither waits for the other.
        .forUpdate()
        .skipLocked();
      if (only) due = due.where('due.order_id', '=', only.orderId);
      if (only?.step) due = due.where('due.step', '=', only.step);
      return due;
    })
    .returningAll()
    .executeTakeFirst();
}

/** What was decided of a command; how often it is begun is for its takers to say. */
export function updateCommand(
  trx: Trx,
  id: number,
  { state, attempts_before, failures, tried_since, not_before, last_error, finished_at }: SagaCommand,
): Promise<void> {
  const change = { state, attempts_before, failures, tried_since, not_before, last_error, finished_at };
  return later(trx, trx.updateTable('commands').set(change).where('id', '=', id));
}

/**
 * What happened or is to happen, oldest first. What is owed is locked, so that nobody begins it until the transaction
 * ends; all else changes only under the lock of its order, which the caller has.
 */
export const readCommands = (trx: Trx, orderId: OrderId): Promise<CommandRow[]> =>
  trx
    .with('owed', (query) =>
      query
        .selectFrom('commands')
        .selectAll()
        .where('order_id', '=', orderId)
        .where('state', '=', sql.lit('owed'))
        .forUpdate(),
    )
    .selectFrom('owed')
    .selectAll()
    .unionAll((query) =>
      query
        .selectFrom('commands')
        .selectAll()
        .where('order_id', '=', orderId)
        .where('state', 'not in', ['owed', 'dropped']),
    )
    .orderBy('id')
    .execute();

const firstTriesKept = 5;
const lastTriesKept = 20;

/** Notes a try that failed; of many the first and the last ones are kept. */
export async function noteTry(trx: Trx, failed: Insertable<TriesTable>): Promise<void> {
  await trx
    .insertInto('command_tries')
    .values(failed)
    .onConflict((conflict) => conflict.columns(['command_id', 'number']).doNothing())
    .execute();
  if (failed.number <= firstTriesKept + lastTriesKept) return;
  await trx
    .deleteFrom('command_tries')
    .where('command_id', '=', failed.command_id)
    .where('number', '>', firstTriesKept)
    .where('number', '<=', failed.number - lastTriesKept)
    .execute();
}

/** An order whose time is up, locked for the rest of the transaction. */
export const lockOverdue = (trx: Trx, now: Date): Promise<OrderRow | undefined> =>
  trx
    .selectFrom('orders')
    .selectAll()
    .where('deadline_at', '<=', now)
    .orderBy('deadline_at')
    .limit(1)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst();
