// What the sandbox courier does with a parcel: takes it, carries it, and tells where it is.

import { randomBytes, randomInt } from 'node:crypto';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { Clock } from '../../platform/clock.ts';
import { later } from '../../platform/db/later.ts';
import { type Loop, startLoop } from '../../platform/loop.ts';
import type { Log } from '../../platform/telemetry/log.ts';
import { Refusal } from '../api.ts';
import { addWebhook, type WebhookTables } from '../webhooks.ts';
import type { CourierTables, ShipmentRow, Stage } from './books.ts';
import { cityOf, estimate, type PickupPoint, pickupPointOf } from './network.ts';

export interface Courier {
  readonly db: Kysely<CourierTables>;
  readonly clock: Clock;
  readonly log: Log;
}
type Trx = Transaction<CourierTables>;

export interface NewShipment {
  readonly reference: string;
  readonly from_city: string;
  readonly to: { readonly address?: string | undefined; readonly pickup_point?: string | undefined };
  readonly description: string;
}

/** The way that a parcel goes by itself. */
export const naturalNext = (shipment: Pick<ShipmentRow, 'stage' | 'method'>): Stage | null => {
  switch (shipment.stage) {
    case 'created':
      return 'accepted';
    case 'accepted':
      return 'in_transit';
    case 'in_transit':
      return shipment.method === 'pickup' ? 'at_pickup_point' : 'delivered';
    case 'at_pickup_point':
      return 'delivered';
    case 'delivered':
    case 'returned':
    case 'lost':
    case 'cancelled':
      return null;
    default:
      return shipment.stage satisfies never;
  }
};
const way: readonly Stage[] = ['created', 'accepted', 'in_transit', 'at_pickup_point', 'delivered'];

/** What may happen to a parcel: forward on its way (a scan may be missing), and the ends that nobody wishes for. */
export function canBecome({ stage, method }: Pick<ShipmentRow, 'stage' | 'method'>, to: Stage): boolean {
  if (!way.includes(stage)) return false;
  switch (to) {
    case 'created':
    case 'accepted':
    case 'in_transit':
    case 'delivered':
      return way.indexOf(to) > way.indexOf(stage);
    case 'at_pickup_point':
      return method === 'pickup' && way.indexOf(to) > way.indexOf(stage);
    case 'returned':
      return stage !== 'created';
    case 'lost':
      return stage !== 'created' && stage !== 'delivered';
    case 'cancelled':
      return stage === 'created' || stage === 'accepted';
    default:
      return to satisfies never;
  }
}

/** Addresses with one of these words are refused, so that a shop can try what it does then. */
const refusedWords = /refuse|отказ/i;

export async function register({ clock }: Courier, trx: Trx, request: NewShipment): Promise<ShipmentRow> {
  const { reference, from_city, to, description } = request;
  cityOf(from_city);
  if (to.pickup_point !== undefined) pickupPointOf(to.pickup_point);
  if (refusedWords.test(to.address ?? '')) throw new Refusal(422, 'address_refused', "We don't deliver there");
  const now = clock.now();
  const estimated = estimate(from_city, to, now);
  const row = await trx
    .insertInto('shipments')
    .values({
      id: `shp_${randomBytes(12).toString('hex')}`,
      reference,
      tracking_number: `LT${String(randomInt(1e9)).padStart(9, '0')}${String(randomInt(1e5)).padStart(5, '0')}`,
      method: to.pickup_point === undefined ? 'door' : 'pickup',
      from_city,
      destination: to.pickup_point ?? to.address ?? '',
      description,
      stage: 'created',
      reason: null,
      estimated_from: estimated.from,
      estimated_to: estimated.to,
      created_at: now,
      updated_at: now,
    })
    .onConflict((conflict) => conflict.column('reference').doNothing())
    .returningAll()
    .executeTakeFirst();
  if (!row) throw new Refusal(409, 'reference_used', 'Another shipment has this reference');
  await later(trx, trx.insertInto('movements').values({ shipment_id: row.id, stage: 'created', at: now }));
  return row;
}

/** Moves a parcel on and tells it. Being there already is no change and no error. */
export async function move(
  { clock }: Courier,
  trx: Trx,
  shipment: ShipmentRow,
  stage: Stage,
  reason: string | null,
): Promise<ShipmentRow> {
  if (shipment.stage === stage) return shipment;
  if (!canBecome(shipment, stage)) {
    throw new Refusal(422, 'stage', `A parcel that is ${shipment.stage} can't become ${stage}`);
  }
  const now = clock.now();
  const row = await trx
    .updateTable('shipments')
    .set({ stage, reason, updated_at: now })
    .where('id', '=', shipment.id)
    .returningAll()
    .executeTakeFirstOrThrow();
  await later(trx, trx.insertInto('movements').values({ shipment_id: row.id, stage, at: now }));
  const event = { type: `shipment.${stage}`, shipment: present(row) };
  await addWebhook(trx as unknown as Transaction<WebhookTables>, 'sandbox_courier', row.id, event, now);
  return row;
}

/** By the courier's id, the tracking number, or the shop's reference. */
export async function find(db: Kysely<CourierTables>, id: string): Promise<ShipmentRow> {
  const row = await db
    .selectFrom('shipments')
    .selectAll()
    .where((where) => where.or([where('id', '=', id), where('reference', '=', id), where('tracking_number', '=', id)]))
    .executeTakeFirst();
  if (!row) throw new Refusal(404, 'not_found', 'There is no such shipment');
  return row;
}

export async function lock(trx: Trx, id: string): Promise<ShipmentRow> {
  const { id: known } = await find(trx, id);
  return trx.selectFrom('shipments').selectAll().where('id', '=', known).forUpdate().executeTakeFirstOrThrow();
}

/** The shop's wish; too late once the parcel is with us. */
export async function cancel(courier: Courier, trx: Trx, id: string): Promise<ShipmentRow> {
  const shipment = await lock(trx, id);
  if (shipment.stage !== 'created' && shipment.stage !== 'cancelled') {
    throw new Refusal(409, 'under_way', `The parcel is ${shipment.stage}`);
  }
  return move(courier, trx, shipment, 'cancelled', 'cancelled_by_shop');
}

const reasons: Partial<Readonly<Record<Stage, string>>> = {
  returned: 'recipient_refused',
  lost: 'lost_in_transit',
  cancelled: 'refused_at_acceptance',
};

/** By hand: to a stage, or to the one that comes next. */
export const advance = (courier: Courier, id: string, stage: Stage | undefined): Promise<ShipmentRow> =>
  courier.db.transaction().execute(async (trx) => {
    const shipment = await lock(trx, id);
    const to = stage ?? naturalNext(shipment);
    if (!to) throw new Refusal(422, 'stage', `A parcel that is ${shipment.stage} goes nowhere`);
    return move(courier, trx, shipment, to, reasons[to] ?? null);
  });

/** Parcels move by themselves, one stage each `stepMs` since their last; after a restart where they were. */
export const startMoving = (courier: Courier, stepMs: number): Promise<Loop> =>
  startLoop({
    name: 'sandbox_courier.moving',
    pollMs: Math.min(1_000, Math.max(50, stepMs / 4)),
    log: courier.log,
    run: () =>
      courier.db.transaction().execute(async (trx) => {
        const shipment = await trx
          .selectFrom('shipments')
          .selectAll()
          .where(sql<boolean>`stage in ('created', 'accepted', 'in_transit', 'at_pickup_point')`)
          .where('updated_at', '<=', new Date(courier.clock.now().getTime() - stepMs))
          .orderBy('updated_at')
          .limit(1)
          .forUpdate()
          .skipLocked()
          .executeTakeFirst();
        const to = shipment && naturalNext(shipment);
        if (!shipment || !to) return false;
        await move(courier, trx, shipment, to, null);
        return true;
      }),
  });

const addressOf = ({ name, address }: PickupPoint): string => `${name}, ${address}`;

export const present = (shipment: ShipmentRow) => ({
  id: shipment.id,
  reference: shipment.reference,
  tracking_number: shipment.tracking_number,
  pickup_address: shipment.method === 'pickup' ? addressOf(pickupPointOf(shipment.destination)) : null,
  stage: shipment.stage,
  reason: shipment.reason,
  estimated: { from: shipment.estimated_from, to: shipment.estimated_to },
});
