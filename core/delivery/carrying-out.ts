// What delivery wants from the courier, done outside of transactions and as often as it takes.
import type { Kysely } from 'kysely';
import { type Loop, startLoop } from '../platform/loop.ts';
import { extractTrace, inSpan } from '../platform/telemetry/tracing.ts';
import { applyWord, type Changing, moveTo, pauseMs } from './changes.ts';
import { type Courier, CourierRefusal, type CourierShipment } from './couriers/courier.ts';
import {
  type DeliveryTables,
  lockShipment,
  type ShipmentRow,
  type Trx,
  takeDueShipments,
  updateShipment,
} from './store.ts';

export interface CarryingOut extends Changing {
  readonly db: Kysely<DeliveryTables>;
  readonly couriers: ReadonlyMap<string, Courier>;
}

/** Longer than a caller waits for the courier: until then the worker leaves the shipment alone. */
export const leaseMs = 15_000;
const atOnce = 8;
const attemptsBeforeAttention = 10;

/**
 * Registers the parcel where that is not known to have happened, then cancels it if that was decided, or just asks where
 * it is. Every call has an idempotency key made of the shipment and the step, so doing it again, also from two places at
 * once, comes to the same. Throws `CourierUnavailable` when there was no answer; the worker tries again.
 */
export async function carryOut(options: CarryingOut, begun: ShipmentRow): Promise<ShipmentRow> {
  const courier = options.couriers.get(begun.courier);
  if (!courier) throw new Error(`there is no courier ${begun.courier}`);
  const shipment = begun.courier_id === null ? await register(options, courier, begun) : begun;
  const { courier_id: courierId } = shipment;
  if (courierId === null || (shipment !== begun && !shipment.cancelling)) return shipment;
  let word: CourierShipment;
  let refusal: string | null = null;
  try {
    word = shipment.cancelling
      ? await courier.cancel(courierId, `${shipment.id}:cancel`)
      : await courier.get(courierId);
  } catch (error) {
    if (!(error instanceof CourierRefusal) || !shipment.cancelling) throw error;
    // It has the parcel, or thinks so: where is it?
    refusal = error.message;
    word = await courier.get(courierId);
  }
  return options.db.transaction().execute(async (trx) => {
    const heard = await applyWord(trx, await relock(trx, shipment), word, options);
    if (refusal === null || !heard.cancelling) return heard;
    options.log.warn('shipment.cancellation_refused', { shipment_id: heard.id, stage: heard.stage, refusal });
    return updateShipment(trx, heard.id, { cancelling: false, last_error: refusal });
  });
}

async function register(options: CarryingOut, courier: Courier, shipment: ShipmentRow): Promise<ShipmentRow> {
  const { id, from_city: fromCity, destination: to, description, declared_value, currency } = shipment;
  let word: CourierShipment;
  try {
    word = await courier.register({
      idempotencyKey: `${id}:register`,
      reference: id,
      fromCity,
      to,
      description,
      declaredValue: { amount: declared_value, currency },
    });
  } catch (error) {
    if (!(error instanceof CourierRefusal)) throw error;
    const reason = error.message;
    return options.db.transaction().execute(async (trx) => {
      const locked = await relock(trx, shipment);
      if (locked.stage !== null) return locked;
      const refused = await moveTo(trx, locked, 'cancelled', reason, options);
      return updateShipment(trx, refused.id, { cancelling: false, due_at: null });
    });
  }
  return options.db.transaction().execute(async (trx) => applyWord(trx, await relock(trx, shipment), word, options));
}

/** Does what crashed or unanswered calls left, and asks about parcels that the courier is silent about. */
export function startWorkLoop(options: CarryingOut): Promise<Loop> {
  const { db, clock, log } = options;
  return startLoop({
    name: 'delivery.work',
    pollMs: 1_000,
    log,
    run: async () => {
      const now = clock.now();
      const due = await takeDueShipments(db, now, new Date(now.getTime() + leaseMs), atOnce);
      await Promise.all(
        due.map(async (shipment) => {
          try {
            await inSpan('delivery ask', { parent: extractTrace(shipment.trace) }, () => carryOut(options, shipment));
          } catch (error) {
            const { id, attempts } = shipment;
            const fields = { shipment_id: id, attempts, error };
            if (attempts >= attemptsBeforeAttention) log.error('shipment.needs_attention', fields);
            else log.warn('shipment.postponed', fields);
            await db
              .updateTable('shipments')
              .set({
                due_at: new Date(clock.now().getTime() + pauseMs(attempts)),
                last_error: error instanceof Error ? error.message : String(error),
              })
              .where('id', '=', id)
              .where('due_at', 'is not', null)
              .execute();
          }
        }),
      );
      return due.length === atOnce;
    },
  });
}

async function relock(trx: Trx, { id }: ShipmentRow): Promise<ShipmentRow> {
  const locked = await lockShipment(trx, id);
  if (!locked) throw new Error(`shipment ${id} vanished`);
  return locked;
}
