// A change of a shipment: its row, its history, its event and the notice, in one transaction.

import type { DeliveryStage } from '../../contracts/delivery.ts';
import { backoffMs } from '../platform/backoff.ts';
import type { Clock } from '../platform/clock.ts';
import { addNotice } from '../platform/db/notices.ts';
import type { Outbox } from '../platform/db/outbox.ts';
import type { Patience } from '../platform/patience.ts';
import type { Log } from '../platform/telemetry/log.ts';
import { type CourierShipment, CourierUnavailable } from './couriers/courier.ts';
import { hear, isFinal, isUnwanted } from './rules.ts';
import { appendChange, type ShipmentRow, type Trx, updateShipment } from './store.ts';

export interface Changing {
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Log;
  /** How long the courier may be silent about a parcel that is on its way, before it is asked. */
  readonly askAfterMs: number;
  readonly patience: Patience;
}

const longestAskMs = 15 * 60_000;
const pauses = { firstMs: 200, longestMs: 60_000 };
/** Nothing has been tried yet of what is wanted now. */
export const untried = { attempts: 0, failures: 0, tried_since: null, last_error: null } as const;

/** Applies what the courier says to a locked shipment. Old news, and news heard before, change nothing. */
export async function applyWord(
  trx: Trx,
  shipment: ShipmentRow,
  word: CourierShipment,
  changing: Changing,
): Promise<ShipmentRow> {
  // Were it believed, this parcel would be known by another's number, and that one cancelled in its place.
  if (word.reference !== shipment.id) {
    throw new CourierUnavailable(`asked about shipment ${shipment.id} the courier answers about ${word.reference}`);
  }
  if (shipment.courier_id !== null && shipment.courier_id !== word.courierId) {
    throw new Error(`shipment ${shipment.id} is registered as ${shipment.courier_id}, not ${word.courierId}`);
  }
  const path = hear(shipment.stage, word.stage);
  let row = await updateShipment(trx, shipment, {
    courier_id: word.courierId,
    // What was known once is not unknown again, whatever an answer leaves out.
    tracking_number: word.trackingNumber ?? shipment.tracking_number,
    pickup_address: word.pickupAddress ?? shipment.pickup_address,
    // Old news has old dates.
    ...(path.length > 0 && word.estimated
      ? { estimated_from: word.estimated.from, estimated_to: word.estimated.to }
      : {}),
  });
  for (const stage of path) row = await moveTo(trx, row, stage, reasonOf(row, stage, word), changing);
  const mayBeStopped = row.stage === null || row.stage === 'created';
  const cancelling = (row.cancelling && mayBeStopped) || isUnwanted(row.stage, word.stage);
  const due_at = nextDue({ ...row, cancelling }, changing);
  const heard = await updateShipment(trx, row, { cancelling, due_at });
  return due_at === null ? attend(trx, heard, null, changing) : heard;
}

/** Calls a person, or says that nobody is needed any more. */
export async function attend(
  trx: Trx,
  shipment: ShipmentRow,
  why: string | null,
  { outbox, clock, log }: Changing,
): Promise<ShipmentRow> {
  if (shipment.attention === why) return shipment;
  const version = shipment.attention_version + 1;
  const row = await updateShipment(trx, shipment, { attention: why, attention_version: version });
  const { id: shipment_id, order_id } = row;
  const at = clock.now().toISOString();
  await outbox.add(trx, 'delivery.attention', order_id, { shipment_id, order_id, why, at, version });
  if (why !== null) log.error('shipment.needs_attention', { shipment_id, order_id, why });
  return row;
}

/** One change, told once: the version is part of the event. */
export async function moveTo(
  trx: Trx,
  shipment: ShipmentRow,
  stage: DeliveryStage,
  reason: string | null,
  { outbox, clock, log }: Changing,
): Promise<ShipmentRow> {
  const now = clock.now();
  const row = await updateShipment(trx, shipment, {
    stage,
    reason,
    ...untried,
    updated_at: now,
    version: shipment.version + 1,
  });
  await appendChange(trx, row, stage, now);
  await outbox.add(trx, 'delivery.stage_changed', row.order_id, {
    shipment_id: row.id,
    order_id: row.order_id,
    buyer_id: row.buyer_id,
    seller_id: row.seller_id,
    stage,
    previous_stage: shipment.stage,
    tracking_number: row.tracking_number,
    estimated: estimatedOf(row),
    reason,
    at: now.toISOString(),
    version: row.version,
  });
  if (stage === 'at_pickup_point') {
    const parameters = {
      ad_title: row.description,
      tracking_number: row.tracking_number ?? '',
      pickup_point: row.pickup_address ?? '',
    };
    const id = `${row.id}:at_pickup_point`;
    const kind = 'order_at_pickup_point';
    await addNotice(trx, 'delivery', { id, userId: row.buyer_id, kind, orderId: row.order_id, parameters }, now);
  }
  log.info('shipment.stage_changed', { shipment_id: row.id, from: shipment.stage, to: stage, reason });
  return row;
}

export const estimatedOf = ({ estimated_from, estimated_to }: ShipmentRow): { from: string; to: string } | null =>
  estimated_from && estimated_to ? { from: estimated_from, to: estimated_to } : null;

/** When the worker looks again, or null when nothing can follow without the courier telling. */
export function nextDue(
  { stage, cancelling, attempts }: Pick<ShipmentRow, 'stage' | 'cancelling' | 'attempts'>,
  { clock, askAfterMs }: Pick<Changing, 'clock' | 'askAfterMs'>,
): Date | null {
  const after = (ms: number): Date => new Date(clock.now().getTime() + ms);
  if (stage === null || cancelling) return after(pauseMs(attempts));
  if (isFinal(stage) || stage === 'delivered') return null;
  return after(Math.min(longestAskMs, askAfterMs * 1.5 ** Math.min(attempts, 20)));
}

/** Between tries. */
export const pauseMs = (attempts: number): number => backoffMs(attempts, pauses);

function reasonOf(shipment: ShipmentRow, stage: DeliveryStage, word: CourierShipment): string | null {
  if (stage === 'cancelled' && shipment.cancelling && word.stage !== 'refused') return shipment.cancel_reason;
  return isFinal(stage) ? word.reason : null;
}
