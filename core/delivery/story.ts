// What delivery knows of one shipment, for operators: its way, and what the courier told and says now.
import { context } from '@opentelemetry/api';
import type { ShipmentId } from '../../contracts/common.ts';
import { inheritedDeadline, withDeadline } from '../platform/rpc/deadline.ts';
import { type DeliveryOptions, read } from './service.ts';
import * as store from './store.ts';

export interface ShipmentStory {
  readonly shipment: store.ShipmentRow;
  /** The stage that the courier answers now, or why it doesn't; neither where it has never heard of the parcel. */
  readonly courier: { readonly says: string | null; readonly error: string | null };
  readonly changes: readonly store.ChangeRow[];
  readonly courierEvents: readonly store.CourierEventRow[];
}

const askMs = 1_500;

export async function tellStory(options: DeliveryOptions, id: ShipmentId): Promise<ShipmentStory> {
  const { db } = options;
  const shipment = await read(options, id);
  const [changes, courierEvents, courier] = await Promise.all([
    store.readChanges(db, id, 0),
    store.readCourierEvents(db, id),
    askCourier(options, shipment),
  ]);
  return { shipment, changes, courierEvents, courier };
}

/** Whatever goes wrong, the rest of the story is worth telling. */
async function askCourier(
  { couriers, log }: DeliveryOptions,
  { id, courier, courier_id }: store.ShipmentRow,
): Promise<ShipmentStory['courier']> {
  const known = couriers.get(courier);
  if (courier_id === null) return { says: null, error: null };
  if (!known) return { says: null, error: `there is no courier ${courier}` };
  const until = Math.min(inheritedDeadline(), Date.now() + askMs);
  try {
    const { stage } = await context.with(withDeadline(context.active(), until), () => known.get(courier_id));
    return stage === 'refused' ? { says: null, error: 'It refused the registration' } : { says: stage, error: null };
  } catch (error) {
    log.warn('shipment.courier_silent', { shipment_id: id, error });
    return { says: null, error: error instanceof Error ? error.message : String(error) };
  }
}
