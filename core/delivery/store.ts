// Queries of delivery; nobody else reads its schema.
import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { AdId, OrderId, ShipmentId, UserId } from '../../contracts/common.ts';
import type { DeliveryStage } from '../../contracts/delivery.ts';
import type { Json, NullableTimestamp, Timestamp } from '../platform/db/columns.ts';
import { later } from '../platform/db/later.ts';
import type { NoticesTables } from '../platform/db/notices.ts';
import { addAndNotifyLater } from '../platform/db/notify.ts';
import type { ServiceTables } from '../platform/service.ts';
import type { To } from './couriers/courier.ts';

export interface ShipmentsTable {
  id: ShipmentId;
  order_id: OrderId;
  buyer_id: UserId;
  seller_id: UserId;
  courier: string;
  /** Null until the courier has answered or told of it. */
  courier_id: string | null;
  tracking_number: string | null;
  /** Where the pick-up point is, in the courier's words. */
  pickup_address: string | null;
  from_city: string;
  destination: Json<To>;
  description: string;
  declared_value: number;
  currency: string;
  /** Null until it is registered, or refused. */
  stage: DeliveryStage | null;
  reason: string | null;
  estimated_from: string | null;
  estimated_to: string | null;
  cancel_reason: string | null;
  /** Decided here; the courier has yet to agree. */
  cancelling: boolean;
  /** When the worker looks at it next: to register or cancel it, or to ask the courier. Null when nothing can follow. */
  due_at: NullableTimestamp;
  /** Of the present work or question, since the last change. */
  attempts: number;
  /** Of these the ones that failed with an answer, and when the first one was. */
  failures: number;
  tried_since: NullableTimestamp;
  last_error: string | null;
  /** Why a person has to look, and how often that has changed. */
  attention: string | null;
  attention_version: number;
  /** The trace of the purchase, which webhooks don't carry. */
  trace: Json<Record<string, string>>;
  /** 0 while there is nothing to tell. */
  version: number;
  created_at: Timestamp;
  updated_at: Timestamp;
}
export type ShipmentRow = Selectable<ShipmentsTable>;

export interface DeliveryTables extends ServiceTables, NoticesTables {
  shipments: ShipmentsTable;
  shipment_changes: {
    shipment_id: ShipmentId;
    version: number;
    stage: DeliveryStage;
    reason: string | null;
    at: Timestamp;
  };
  /** All that couriers told, also what came too late to be told on. */
  courier_events: {
    courier: string;
    event_id: string;
    shipment_id: ShipmentId;
    /** Null where the courier said something that we don't know, or nothing of the stage. */
    stage: DeliveryStage | null;
    received_at: Timestamp;
  };
  /** Whose price an order pays: that courier gets its parcel. */
  quoted_couriers: { order_id: OrderId; courier: string; quoted_at: Timestamp };
  ad_currencies: { ad_id: AdId; currency: string; version: number };
}

type Db = Kysely<DeliveryTables>;
export type Trx = Transaction<DeliveryTables>;

/** Notified when a shipment is due at once. */
export const dueChannel = 'delivery_due';
/** Notified with each change of a shipment's version. */
export const changesChannel = 'delivery_changes';

/**
 * False when a shipment with this id, or of this order, is there already. Either may be what a concurrent insertion of
 * the same shipment meets first, so neither is named: the other one would be an error.
 */
export async function insertShipment(
  db: Db,
  row: Omit<ShipmentRow, 'trace' | 'destination'>,
  destination: To,
  trace: unknown,
): Promise<boolean> {
  const inserted = await db
    .insertInto('shipments')
    .values({ ...row, destination: JSON.stringify(destination), trace: JSON.stringify(trace) })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  return inserted !== undefined;
}

export const readShipment = (db: Db, id: string): Promise<ShipmentRow | undefined> =>
  db
    .selectFrom('shipments')
    .selectAll()
    .where('id', '=', id as ShipmentId)
    .executeTakeFirst();

export const readShipmentOfOrder = (db: Db, orderId: OrderId): Promise<ShipmentRow | undefined> =>
  db.selectFrom('shipments').selectAll().where('order_id', '=', orderId).executeTakeFirst();

export const readShipmentOfCourier = (db: Db, courier: string, courierId: string): Promise<ShipmentRow | undefined> =>
  db
    .selectFrom('shipments')
    .selectAll()
    .where('courier', '=', courier)
    .where('courier_id', '=', courierId)
    .executeTakeFirst();

/** Makes it due at once and wakes the worker. */
export async function makeDue(trx: Trx, id: ShipmentId, now: Date): Promise<void> {
  await later(trx, trx.updateTable('shipments').set({ due_at: now }).where('id', '=', id));
  await later(trx, trx.selectNoFrom(sql`pg_notify(${dueChannel}, '')`.as('told')));
}

/** True for whoever may work on it until `leaseUntil`; the others leave it alone. */
export async function leaseShipment(db: Db, id: ShipmentId, now: Date, leaseUntil: Date): Promise<boolean> {
  const leased = await db
    .updateTable('shipments')
    .set({ due_at: leaseUntil })
    .where('id', '=', id)
    .where('due_at', '<=', now)
    .returning('id')
    .executeTakeFirst();
  return leased !== undefined;
}

export async function keepQuotedCourier(db: Db, orderId: OrderId, courier: string, now: Date): Promise<void> {
  await db
    .insertInto('quoted_couriers')
    .values({ order_id: orderId, courier, quoted_at: now })
    .onConflict((conflict) => conflict.column('order_id').doUpdateSet({ courier, quoted_at: now }))
    .execute();
}

export async function readQuotedCourier(db: Db, orderId: OrderId): Promise<string | undefined> {
  const row = await db
    .selectFrom('quoted_couriers')
    .select('courier')
    .where('order_id', '=', orderId)
    .executeTakeFirst();
  return row?.courier;
}

export async function forgetQuotedCouriers(db: Db, before: Date): Promise<void> {
  await db.deleteFrom('quoted_couriers').where('quoted_at', '<', before).execute();
}

/** The row until the transaction ends: changes of one shipment happen one after another. */
export const lockShipment = (trx: Trx, id: ShipmentId): Promise<ShipmentRow | undefined> =>
  trx.selectFrom('shipments').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();

/** Of a locked shipment; returns it as it is then. */
export async function updateShipment(
  trx: Trx,
  shipment: ShipmentRow,
  change: Partial<Omit<ShipmentRow, 'id' | 'trace' | 'destination'>>,
): Promise<ShipmentRow> {
  await later(trx, trx.updateTable('shipments').set(change).where('id', '=', shipment.id));
  return { ...shipment, ...change };
}

export async function appendChange(trx: Trx, shipment: ShipmentRow, stage: DeliveryStage, at: Date): Promise<void> {
  const { id, version, reason } = shipment;
  const insert = trx.insertInto('shipment_changes').values({ shipment_id: id, version, stage, reason, at });
  await addAndNotifyLater(trx, insert, changesChannel);
}

export type ChangeRow = Pick<Selectable<DeliveryTables['shipment_changes']>, 'version' | 'stage' | 'reason' | 'at'>;

export const readChanges = (db: Db, id: ShipmentId, after: number): Promise<ChangeRow[]> =>
  db
    .selectFrom('shipment_changes')
    .select(['version', 'stage', 'reason', 'at'])
    .where('shipment_id', '=', id)
    .where('version', '>', after)
    .orderBy('version')
    .limit(100)
    .execute();

export async function readVersions(db: Db, ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('shipments')
    .select(['id', 'version'])
    .where('id', 'in', ids as ShipmentId[])
    .execute();
  return new Map(rows.map(({ id, version }) => [id, version]));
}

/** False when the event was seen before. */
export async function recordCourierEvent(
  trx: Trx,
  event: { courier: string; event_id: string; shipment_id: ShipmentId; stage: DeliveryStage | null; received_at: Date },
): Promise<boolean> {
  const inserted = await trx
    .insertInto('courier_events')
    .values(event)
    .onConflict((conflict) => conflict.columns(['courier', 'event_id']).doNothing())
    .returning('event_id')
    .executeTakeFirst();
  return inserted !== undefined;
}

export type CourierEventRow = Pick<Selectable<DeliveryTables['courier_events']>, 'event_id' | 'stage' | 'received_at'>;

/** What the courier told last, oldest first. */
export async function readCourierEvents(db: Db, id: ShipmentId): Promise<CourierEventRow[]> {
  const newest = await db
    .selectFrom('courier_events')
    .select(['event_id', 'stage', 'received_at'])
    .where('shipment_id', '=', id)
    .orderBy('received_at', 'desc')
    .limit(100)
    .execute();
  return newest.reverse();
}

/** Takes shipments that are due; until `leaseUntil` nobody else takes them. */
export const takeDueShipments = (db: Db, now: Date, leaseUntil: Date, limit: number): Promise<ShipmentRow[]> =>
  db
    .updateTable('shipments')
    .set((update) => ({
      due_at: leaseUntil,
      attempts: update('attempts', '+', 1),
      tried_since: sql`coalesce(tried_since, ${now}::timestamptz)`,
    }))
    .where('id', 'in', (select) =>
      select
        .selectFrom('shipments')
        .select('id')
        .where('due_at', '<=', now)
        .orderBy('due_at')
        .limit(limit)
        .forUpdate()
        .skipLocked(),
    )
    .returningAll()
    .execute();

export async function readCurrency(db: Db, adId: AdId): Promise<string | undefined> {
  const row = await db.selectFrom('ad_currencies').select('currency').where('ad_id', '=', adId).executeTakeFirst();
  return row?.currency;
}

export async function keepCurrency(trx: Trx, ad: { ad_id: AdId; currency: string; version: number }): Promise<void> {
  await trx
    .insertInto('ad_currencies')
    .values(ad)
    .onConflict((conflict) =>
      conflict
        .column('ad_id')
        .doUpdateSet({ currency: ad.currency, version: ad.version })
        .where('ad_currencies.version', '<', ad.version),
    )
    .execute();
}
