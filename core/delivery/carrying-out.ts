// What delivery wants from the courier, done outside of transactions and as often as it takes.
import type { Kysely } from 'kysely';
import type { UserId } from '../../contracts/common.ts';
import { ProblemError } from '../../contracts/problem.ts';
import type { DatabaseProvider } from '../platform/db/database.ts';
import { type Loop, startLoop } from '../platform/loop.ts';
import { isOver } from '../platform/patience.ts';
import type { RpcClients } from '../platform/service.ts';
import { redactText } from '../platform/telemetry/redact.ts';
import { extractTrace, inSpan } from '../platform/telemetry/tracing.ts';
import { applyWord, attend, type Changing, moveTo, pauseMs } from './changes.ts';
import {
  type Courier,
  CourierRefusal,
  type CourierShipment,
  CourierUnavailable,
  type Recipient,
} from './couriers/courier.ts';
import {
  type DeliveryTables,
  dueChannel,
  lockShipment,
  type ShipmentRow,
  type Trx,
  takeDueShipments,
  updateShipment,
} from './store.ts';

export interface CarryingOut extends Changing {
  readonly db: Kysely<DeliveryTables>;
  readonly couriers: ReadonlyMap<string, Courier>;
  readonly databases: Pick<DatabaseProvider, 'listen'>;
  readonly users: () => Pick<RpcClients['users'], 'getContacts'>;
}

/** Longer than a caller waits for the courier: until then the worker leaves the shipment alone. */
export const leaseMs = 15_000;
const atOnce = 8;
const contactsDeadlineMs = 3_000;

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
  if (courierId === null || (shipment !== begun && !shipment.cancelling)) return decided(shipment);
  let word: CourierShipment;
  let refusal: string | null = null;
  try {
    word = shipment.cancelling
      ? await courier.cancel({ courierId, reference: shipment.id, idempotencyKey: `${shipment.id}:cancel` })
      : await courier.get(courierId);
  } catch (error) {
    if (!(error instanceof CourierRefusal) || !shipment.cancelling) throw error;
    // It has the parcel, or thinks so: where is it?
    refusal = error.message;
    word = await courier.get(courierId);
  }
  const carried = await options.db.transaction().execute(async (trx) => {
    const heard = await answered(trx, await applyWord(trx, await relock(trx, shipment), word, options), options);
    if (refusal === null || !heard.cancelling) return heard;
    options.log.warn('shipment.cancellation_refused', { shipment_id: heard.id, stage: heard.stage, refusal });
    const refused = await updateShipment(trx, heard, { cancelling: false, last_error: refusal });
    if (heard.stage !== 'cancelled') return refused;
    // Nobody waits for a parcel that is cancelled here and goes its way all the same.
    const left = await updateShipment(trx, refused, { due_at: null });
    return attend(trx, left, `cancel: ${refusal}`, options);
  });
  return decided(carried);
}

/** Until the courier has decided about the registration, nobody can say that there is a parcel, or that there is none. */
function decided(shipment: ShipmentRow): ShipmentRow {
  if (shipment.stage !== null || shipment.courier_id === null) return shipment;
  throw new CourierUnavailable(`${shipment.courier} has not decided about the registration`);
}

/** The courier is there and knows the parcel: whoever was called because of that may go. */
async function answered(trx: Trx, shipment: ShipmentRow, options: CarryingOut): Promise<ShipmentRow> {
  if (shipment.failures === 0 && shipment.attention === null) return shipment;
  const row = await updateShipment(trx, shipment, { failures: 0, tried_since: null });
  return attend(trx, row, null, options);
}

async function register(options: CarryingOut, courier: Courier, shipment: ShipmentRow): Promise<ShipmentRow> {
  const { id, from_city: fromCity, destination: to, description, declared_value, currency } = shipment;
  const recipient = courier.needs === 'nothing' ? null : await recipientOf(options, shipment.buyer_id);
  let word: CourierShipment;
  try {
    word = await courier.register({
      idempotencyKey: `${id}:register`,
      reference: id,
      fromCity,
      to,
      recipient,
      description,
      declaredValue: { amount: declared_value, currency },
    });
  } catch (error) {
    if (!(error instanceof CourierRefusal)) throw error;
    const reason = error.message;
    return options.db.transaction().execute(async (trx) => {
      const locked = await relock(trx, shipment);
      if (locked.courier_id !== null) return locked;
      const over = locked.stage === null ? await moveTo(trx, locked, 'cancelled', reason, options) : locked;
      // A final answer: whoever was called because there was none may go.
      return attend(trx, await updateShipment(trx, over, { cancelling: false, due_at: null }), null, options);
    });
  }
  return options.db.transaction().execute(async (trx) => applyWord(trx, await relock(trx, shipment), word, options));
}

/** Asked for when it is needed, so that no address or number is kept here. */
export async function recipientOf({ users }: Pick<CarryingOut, 'users'>, buyerId: UserId): Promise<Recipient> {
  try {
    const { name, phone, email } = await users().getContacts({ userId: buyerId }, { deadlineMs: contactsDeadlineMs });
    return { name, phone: phone || null, email };
  } catch (error) {
    if (error instanceof ProblemError && error.code === 'not-found') return { name: '', phone: null, email: '' };
    throw new CourierUnavailable('the recipient could not be looked up', { cause: error });
  }
}

/** Does what crashed or unanswered calls left, and asks about parcels that the courier is silent about. */
export function startWorkLoop(options: CarryingOut): Promise<Loop> {
  const { db, clock, log } = options;
  return startLoop({
    name: 'delivery.work',
    pollMs: 1_000,
    log,
    wake: (heard) => options.databases.listen(dueChannel, heard),
    run: async () => {
      const now = clock.now();
      const due = await takeDueShipments(db, now, new Date(now.getTime() + leaseMs), atOnce);
      await Promise.all(
        due.map(async (shipment) => {
          try {
            await inSpan('delivery ask', { parent: extractTrace(shipment.trace) }, () => carryOut(options, shipment));
          } catch (error) {
            const { id, attempts } = shipment;
            log.warn('shipment.postponed', { shipment_id: id, attempts, error });
            await postpone(options, shipment, error);
          }
        }),
      );
      return due.length === atOnce;
    },
  });
}

/** After a try by the worker that failed: when the next one is, or that there is none and a person has to look. */
async function postpone(options: CarryingOut, { id }: ShipmentRow, error: unknown): Promise<void> {
  const { db, clock, patience } = options;
  const now = clock.now();
  const message = redactText(error instanceof Error ? error.message : String(error)).slice(0, 300);
  await db.transaction().execute(async (trx) => {
    const shipment = await lockShipment(trx, id);
    if (!shipment?.due_at) return;
    const failures = shipment.failures + (isSilence(error) ? 0 : 1);
    // A question that nobody answers waits for better times; what was decided does not.
    const isOwed = shipment.stage === null || shipment.cancelling;
    const trying = { failures, since: shipment.tried_since ?? now };
    const over = isOwed ? isOver(trying, now, patience) : failures >= patience.failures;
    const due_at = over ? null : new Date(now.getTime() + pauseMs(shipment.attempts));
    const postponed = await updateShipment(trx, shipment, { failures, due_at, last_error: message });
    const about = shipment.stage === null ? 'register' : shipment.cancelling ? 'cancel' : 'ask';
    if (over) await attend(trx, postponed, `${about}: ${message}`, options);
  });
}

/** The courier was not there, or had no time. Anything else is an answer, also a bad one. */
const isSilence = (error: unknown): boolean =>
  error instanceof CourierUnavailable || (error instanceof ProblemError && error.code === 'timeout');

async function relock(trx: Trx, { id }: ShipmentRow): Promise<ShipmentRow> {
  const locked = await lockShipment(trx, id);
  if (!locked) throw new Error(`shipment ${id} vanished`);
  return locked;
}
