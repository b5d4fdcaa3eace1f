// Queries of payments; nobody else reads its schema.
import {
  type Generated,
  type Insertable,
  type Kysely,
  type Selectable,
  sql,
  type Transaction,
  type Updateable,
} from 'kysely';
import type { OrderId, PaymentId, UserId } from '../../contracts/common.ts';
import type { Balance, PaymentStatus, PayoutDestination, StatementEntry } from '../../contracts/payments.ts';
import type { Json, NullableTimestamp, Timestamp } from '../platform/db/columns.ts';
import { later } from '../platform/db/later.ts';
import type { NoticesTables } from '../platform/db/notices.ts';
import { addAndNotifyLater } from '../platform/db/notify.ts';
import type { ServiceTables } from '../platform/service.ts';
import { account } from './accounts.ts';
import type { ProviderStatus } from './providers/provider.ts';
import type { Intent, PayoutState } from './rules.ts';

export interface PaymentsTable {
  id: PaymentId;
  order_id: OrderId;
  buyer_id: UserId;
  seller_id: UserId;
  provider: string;
  /** Null until the provider has answered or told of it. */
  provider_id: string | null;
  status: PaymentStatus;
  amount: number;
  /** The price of the goods, of which the seller gets what the fee leaves. */
  seller_amount: number;
  /** Of all that was captured. */
  refunded_amount: number;
  fee_basis_points: number;
  amount_step: number;
  currency: string;
  description: string;
  return_url: string;
  confirmation_url: string | null;
  reason: string | null;
  intent: Intent | null;
  intent_reason: string | null;
  /** Of a refund: how much is to be given back in all; everything when null. */
  intent_amount: number | null;
  /** When the worker looks at it next: to do what is intended, or to ask the provider. Null when nothing can follow. */
  due_at: NullableTimestamp;
  /** Of the present intent or question, since the last change. */
  attempts: number;
  /** Of these the ones that failed with an answer, and when the first one was. */
  failures: number;
  tried_since: NullableTimestamp;
  /** How often the provider has said no to what was asked of it. Each time what comes next is a new request. */
  refusals: number;
  last_error: string | null;
  /** Why a person has to look, and how often that has changed. */
  attention: string | null;
  attention_version: number;
  /** The trace of the purchase, which webhooks don't carry. */
  trace: Json<Record<string, string>>;
  version: number;
  created_at: Timestamp;
  updated_at: Timestamp;
}
export type PaymentRow = Selectable<PaymentsTable>;

export interface PayoutsTable {
  payment_id: PaymentId;
  seller_id: UserId;
  amount: number;
  currency: string;
  status: PayoutState['status'];
  provider_id: string | null;
  attempts: number;
  failures: number;
  tried_since: NullableTimestamp;
  refusals: number;
  due_at: NullableTimestamp;
  last_error: string | null;
  created_at: Timestamp;
  paid_at: NullableTimestamp;
}
export type PayoutRow = Selectable<PayoutsTable>;

export interface PaymentsTables extends ServiceTables, NoticesTables {
  payments: PaymentsTable;
  payment_changes: {
    payment_id: PaymentId;
    version: number;
    status: PaymentStatus;
    reason: string | null;
    at: Timestamp;
  };
  provider_events: {
    provider: string;
    event_id: string;
    payment_id: PaymentId;
    status: ProviderStatus;
    received_at: Timestamp;
  };
  payouts: PayoutsTable;
  partial_refunds: {
    payment_id: PaymentId;
    /** The Idempotency-Key of who asked for it. */
    key: string;
    amount: number;
    /** All that is given back, with it. */
    reaches: number;
    reason: string;
    asked_by: UserId;
    asked_at: Timestamp;
  };
  payout_destinations: {
    seller_id: UserId;
    provider: string;
    destination: Json<PayoutDestination>;
    updated_at: Timestamp;
  };
  ledger_transactions: { id: Generated<number>; payment_id: PaymentId; kind: string; reaches: number; at: Timestamp };
  ledger_entries: { transaction_id: number; account: string; amount: number; currency: string };
}

type Db = Kysely<PaymentsTables>;
export type Trx = Transaction<PaymentsTables>;

/** Notified with each change of a payment's version, and when the worker has something to do. */
export const changesChannel = 'payments_changes';
export const workChannel = 'payments_work';

/** False when a payment with this id is there already. */
export async function insertPayment(trx: Trx, row: Omit<PaymentRow, 'trace'>, trace: unknown): Promise<boolean> {
  const inserted = await trx
    .insertInto('payments')
    .values({ ...row, trace: JSON.stringify(trace) })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning('id')
    .executeTakeFirst();
  return inserted !== undefined;
}

export const readPayment = (db: Db, id: string): Promise<PaymentRow | undefined> =>
  db
    .selectFrom('payments')
    .selectAll()
    .where('id', '=', id as PaymentId)
    .executeTakeFirst();

export const readPaymentOfOrder = (db: Db, orderId: string): Promise<PaymentRow | undefined> =>
  db
    .selectFrom('payments')
    .selectAll()
    .where('order_id', '=', orderId as OrderId)
    .executeTakeFirst();

/** The row until the transaction ends: changes of one payment happen one after another. */
export const lockPayment = (trx: Trx, id: string): Promise<PaymentRow | undefined> =>
  trx
    .selectFrom('payments')
    .selectAll()
    .where('id', '=', id as PaymentId)
    .forUpdate()
    .executeTakeFirst();

/** Of a locked payment; returns it as it is then. */
export async function updatePayment(
  trx: Trx,
  payment: PaymentRow,
  change: Partial<Omit<PaymentRow, 'id' | 'trace'>>,
): Promise<PaymentRow> {
  await later(trx, trx.updateTable('payments').set(change).where('id', '=', payment.id));
  return { ...payment, ...change };
}

export async function appendChange(trx: Trx, payment: PaymentRow, at: Date): Promise<void> {
  const { id, version, status, reason } = payment;
  const insert = trx.insertInto('payment_changes').values({ payment_id: id, version, status, reason, at });
  await addAndNotifyLater(trx, insert, changesChannel);
}

export type ChangeRow = Pick<Selectable<PaymentsTables['payment_changes']>, 'version' | 'status' | 'reason' | 'at'>;

export const readChanges = (db: Db, id: string, after: number): Promise<ChangeRow[]> =>
  db
    .selectFrom('payment_changes')
    .select(['version', 'status', 'reason', 'at'])
    .where('payment_id', '=', id as PaymentId)
    .where('version', '>', after)
    .orderBy('version')
    .limit(100)
    .execute();

export async function readVersions(db: Db, ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('payments')
    .select(['id', 'version'])
    .where('id', 'in', ids as PaymentId[])
    .execute();
  return new Map(rows.map(({ id, version }) => [id, version]));
}

/** False when the event was seen before. */
export async function recordProviderEvent(
  trx: Trx,
  event: { provider: string; event_id: string; payment_id: PaymentId; status: ProviderStatus; received_at: Date },
): Promise<boolean> {
  const inserted = await trx
    .insertInto('provider_events')
    .values(event)
    .onConflict((conflict) => conflict.columns(['provider', 'event_id']).doNothing())
    .returning('event_id')
    .executeTakeFirst();
  return inserted !== undefined;
}

export type ProviderEventRow = Pick<
  Selectable<PaymentsTables['provider_events']>,
  'event_id' | 'status' | 'received_at'
>;

/** What the provider told last, oldest first. */
export async function readProviderEvents(db: Db, id: PaymentId): Promise<ProviderEventRow[]> {
  const newest = await db
    .selectFrom('provider_events')
    .select(['event_id', 'status', 'received_at'])
    .where('payment_id', '=', id)
    .orderBy('received_at', 'desc')
    .limit(100)
    .execute();
  return newest.reverse();
}

export interface LedgerRow {
  readonly kind: string;
  readonly at: Date;
  readonly account: string;
  readonly amount: number;
  readonly currency: string;
}

/** Each booking of a payment happens once, so there are only a few. */
export const readLedger = (db: Db, id: PaymentId): Promise<LedgerRow[]> =>
  db
    .selectFrom('ledger_transactions as booking')
    .innerJoin('ledger_entries as entry', 'entry.transaction_id', 'booking.id')
    .select(['booking.kind', 'booking.at', 'entry.account', 'entry.amount', 'entry.currency'])
    .where('booking.payment_id', '=', id)
    .orderBy('booking.id')
    .orderBy('entry.account')
    .execute();

/** Takes payments that are due; until `leaseUntil` nobody else takes them. */
export const takeDuePayments = (db: Db, now: Date, leaseUntil: Date, limit: number): Promise<PaymentRow[]> =>
  db
    .updateTable('payments')
    .set((update) => ({
      due_at: leaseUntil,
      attempts: update('attempts', '+', 1),
      tried_since: sql`coalesce(tried_since, ${now}::timestamptz)`,
    }))
    .where('id', 'in', (select) =>
      select
        .selectFrom('payments')
        .select('id')
        .where('due_at', '<=', now)
        .orderBy('due_at')
        .limit(limit)
        .forUpdate()
        .skipLocked(),
    )
    .returningAll()
    .execute();

export const takeDuePayouts = (db: Db, now: Date, leaseUntil: Date, limit: number): Promise<PayoutRow[]> =>
  db
    .updateTable('payouts')
    .set((update) => ({
      due_at: leaseUntil,
      attempts: update('attempts', '+', 1),
      tried_since: sql`coalesce(tried_since, ${now}::timestamptz)`,
    }))
    .where('payment_id', 'in', (select) =>
      select
        .selectFrom('payouts')
        .select('payment_id')
        .where('due_at', '<=', now)
        .orderBy('due_at')
        .limit(limit)
        .forUpdate()
        .skipLocked(),
    )
    .returningAll()
    .execute();

export const readPayout = (db: Db | Trx, id: PaymentId): Promise<PayoutRow | undefined> =>
  db.selectFrom('payouts').selectAll().where('payment_id', '=', id).executeTakeFirst();

export const updatePayout = (
  trx: Db | Trx,
  id: PaymentId,
  change: Omit<Updateable<PayoutsTable>, 'payment_id'>,
): Promise<PayoutRow> =>
  trx.updateTable('payouts').set(change).where('payment_id', '=', id).returningAll().executeTakeFirstOrThrow();

export const wakeWorker = async (trx: Trx): Promise<void> => {
  await sql`select pg_notify(${workChannel}, '')`.execute(trx);
};

export const readPartialRefund = (
  trx: Trx,
  id: PaymentId,
  key: string,
): Promise<Selectable<PaymentsTables['partial_refunds']> | undefined> =>
  trx.selectFrom('partial_refunds').selectAll().where('payment_id', '=', id).where('key', '=', key).executeTakeFirst();

export const insertPartialRefund = async (
  trx: Trx,
  row: Insertable<PaymentsTables['partial_refunds']>,
): Promise<void> => {
  await trx.insertInto('partial_refunds').values(row).execute();
};

export const readDestination = async (
  db: Db | Trx,
  sellerId: string,
  provider: string,
): Promise<PayoutDestination | null> => {
  const row = await db
    .selectFrom('payout_destinations')
    .select('destination')
    .where('seller_id', '=', sellerId as UserId)
    .where('provider', '=', provider)
    .executeTakeFirst();
  return row?.destination ?? null;
};

export const readDestinations = (
  db: Db,
  sellerId: UserId,
): Promise<Pick<Selectable<PaymentsTables['payout_destinations']>, 'provider' | 'destination' | 'updated_at'>[]> =>
  db
    .selectFrom('payout_destinations')
    .select(['provider', 'destination', 'updated_at'])
    .where('seller_id', '=', sellerId)
    .orderBy('provider')
    .execute();

export async function writeDestination(
  trx: Trx,
  { sellerId, provider, ...rest }: { sellerId: UserId; provider: string; destination: PayoutDestination; at: Date },
): Promise<void> {
  const row = { destination: JSON.stringify(rest.destination), updated_at: rest.at };
  await trx
    .insertInto('payout_destinations')
    .values({ seller_id: sellerId, provider, ...row })
    .onConflict((conflict) => conflict.columns(['seller_id', 'provider']).doUpdateSet(row))
    .execute();
}

/** Begins a seller's payouts by this provider that waited for a destination; true when there was one. */
export async function wakePayouts(trx: Trx, sellerId: UserId, provider: string, now: Date): Promise<boolean> {
  const woken = await trx
    .updateTable('payouts')
    .from('payments')
    .set({ status: 'pending', due_at: now })
    .whereRef('payments.id', '=', 'payouts.payment_id')
    .where('payments.provider', '=', provider)
    .where('payouts.seller_id', '=', sellerId)
    .where('payouts.status', '=', 'waiting')
    .returning('payouts.payment_id')
    .execute();
  return woken.length > 0;
}

/** What sharesOf (shares.ts) says is the seller's, in SQL. */
const sellerShare = sql<number>`
  greatest(p.seller_amount - p.refunded_amount, 0)
  - (greatest(p.seller_amount - p.refunded_amount, 0) * p.fee_basis_points
    - (greatest(p.seller_amount - p.refunded_amount, 0) * p.fee_basis_points) % (10000 * p.amount_step)) / 10000`;

export async function readBalance(db: Db, sellerId: UserId): Promise<Balance[]> {
  const { rows } = await sql<Balance>`
    select currency, coalesce(sum(pending), 0)::bigint as pending, coalesce(sum(available), 0)::bigint as available,
      coalesce(sum(paid_out), 0)::bigint as paid_out
    from (
      select e.currency, 0 as pending, -e.amount as available, greatest(e.amount, 0) as paid_out
      from payments.ledger_entries e where e.account = ${account.seller({ seller_id: sellerId })}
      union all
      select p.currency, ${sellerShare}, 0, 0 from payments.payments p
      where p.seller_id = ${sellerId} and p.status = 'captured'
        and not exists (select from payments.payouts o where o.payment_id = p.id)
    ) as sums group by currency order by currency`.execute(db);
  return rows;
}

export interface StatementQuery {
  readonly sellerId: UserId;
  readonly currency: string | undefined;
  readonly before: number | undefined;
  readonly limit: number;
}

export async function readStatement(
  db: Db,
  { sellerId, currency, before, limit }: StatementQuery,
): Promise<StatementEntry[]> {
  const { rows } = await sql<Omit<StatementEntry, 'at'> & { at: Date }>`
    select id, kind, order_id, title, currency, amount, fee, balance, at
    from (
      select t.id, t.kind, p.order_id, p.description as title, e.currency, -e.amount as amount,
        coalesce(-f.amount, 0) as fee, t.at,
        -(sum(e.amount) over (partition by e.currency order by e.transaction_id))::bigint as balance
      from payments.ledger_entries e join payments.ledger_transactions t on t.id = e.transaction_id
      join payments.payments p on p.id = t.payment_id
      left join payments.ledger_entries f on f.transaction_id = t.id and f.account = 'platform:fees'
      where e.account = ${account.seller({ seller_id: sellerId })}
        and (${currency ?? null}::text is null or e.currency = ${currency ?? null})
    ) as statement
    where ${before ?? null}::bigint is null or id < ${before ?? null}
    order by id desc limit ${limit}`.execute(db);
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
}
