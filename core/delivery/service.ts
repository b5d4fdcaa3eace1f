// What delivery does: says what it costs, sends parcels, and follows them.
import type { AdId, Money, OrderId, ShipmentId, UserId } from '../../contracts/common.ts';
import type { Quote } from '../../contracts/delivery.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { cities } from '../platform/catalogue/cities.ts';
import type { Watchers } from '../platform/db/watchers.ts';
import { extractTrace, injectTrace, inSpan } from '../platform/telemetry/tracing.ts';
import { type CarryingOut, carryOut, leaseMs } from './carrying-out.ts';
import { applyWord, attend, untried } from './changes.ts';
import { checkRecipient, courierOfParcel, firstOffer, type Offer, offersOf } from './choosing.ts';
import {
  type CourierNews,
  CourierRefusal,
  CourierUnavailable,
  type CourierWebhook,
  type To,
} from './couriers/courier.ts';
import type { PickupPoints } from './pickup-points.ts';
import { answerToCancel, isFinal } from './rules.ts';
import type { ShipmentRow } from './store.ts';
import * as store from './store.ts';

export interface DeliveryOptions extends CarryingOut {
  readonly watchers: Watchers;
  readonly pickupPoints: PickupPoints;
}

export interface NewShipment {
  readonly shipmentId: ShipmentId;
  readonly orderId: OrderId;
  readonly buyerId: UserId;
  readonly sellerId: UserId;
  readonly fromCity: string;
  readonly to: To;
  readonly description: string;
  readonly declaredValue: Money;
}

const defaultCurrency = 'RUB';

/** Both ways from one city to another, for somebody who has not decided yet. */
export async function quoteBoth(
  options: DeliveryOptions,
  { fromCity, toCity, adId }: { fromCity: string; toCity: string; adId: AdId | undefined },
): Promise<Quote[]> {
  checkCity('from_city', fromCity);
  checkCity('to_city', toCity);
  const currency = (adId && (await store.readCurrency(options.db, adId))) ?? defaultCurrency;
  const declaredValue = { amount: 0, currency };
  return quoted(offersOf(options.couriers, { fromCity, toCity, declaredValue }));
}

export interface QuoteRequest {
  readonly fromCity: string;
  readonly to: To;
  readonly declaredValue: Money;
  readonly orderId: OrderId | null;
  readonly buyerId: UserId | null;
}

/** What the delivery of an order costs, in the currency of what is sold. Whose price it is gets the parcel. */
export async function quote(options: DeliveryOptions, request: QuoteRequest): Promise<Offer> {
  const { db, couriers, clock } = options;
  const { fromCity, to, declaredValue, orderId, buyerId } = request;
  const method = to.kind === 'address' ? 'courier' : 'pickup_point';
  const offer = await quoted(firstOffer(couriers, { fromCity, method, to, declaredValue }));
  if (buyerId) await orUnavailable(checkRecipient(options, couriers.get(offer.courier), buyerId));
  if (orderId) await store.keepQuotedCourier(db, orderId, offer.courier, clock.now());
  return offer;
}

/**
 * The shipment, registered with the courier. The row comes first, then the courier is told, then its answer is kept:
 * repeated calls go on from wherever an earlier one ended, since the courier knows the parcel by a key made of its id.
 */
export async function createShipment(options: DeliveryOptions, request: NewShipment): Promise<ShipmentRow> {
  const { db, clock, couriers } = options;
  const trace: Record<string, string> = {};
  injectTrace(trace);
  const now = clock.now();
  const { declaredValue } = request;
  const leaseUntil = new Date(now.getTime() + leaseMs);
  const other = await ownOfOrder(db, request);
  const chosen = other?.courier ?? (await chooseCourier(options, request));
  const fresh = {
    id: request.shipmentId,
    order_id: request.orderId,
    buyer_id: request.buyerId,
    seller_id: request.sellerId,
    courier: chosen,
    courier_id: null,
    tracking_number: null,
    pickup_address: null,
    from_city: request.fromCity,
    description: request.description,
    declared_value: declaredValue.amount,
    currency: declaredValue.currency,
    stage: null,
    reason: null,
    estimated_from: null,
    estimated_to: null,
    cancel_reason: null,
    cancelling: false,
    due_at: leaseUntil,
    ...untried,
    attention: null,
    attention_version: 0,
    version: 0,
    created_at: now,
    updated_at: now,
  } satisfies Omit<ShipmentRow, 'trace' | 'destination'>;
  const isNew = !other && (await store.insertShipment(db, fresh, request.to, trace));
  if (!other && !isNew) await ownOfOrder(db, request);
  const known = await read(options, request.shipmentId);
  if (
    known.order_id !== request.orderId ||
    JSON.stringify(sorted(known.destination)) !== JSON.stringify(sorted(request.to))
  ) {
    throw new ProblemError('idempotency-key-reused', { detail: 'This shipment was created with other values' });
  }
  const mayRegister = (): boolean | Promise<boolean> =>
    isNew ||
    couriers.get(known.courier)?.registersAtOnce !== false ||
    store.leaseShipment(db, known.id, now, leaseUntil);
  if (known.stage === null && !(await mayRegister())) throw unavailable();
  const shipment = known.stage === null ? await orUnavailable(carryOut(options, known)) : known;
  if (shipment.stage === 'cancelled' && shipment.courier_id === null) {
    throw new ProblemError('conflict', { detail: `COURIER_REFUSED: ${shipment.reason ?? ''}` });
  }
  return shipment;
}

/** An order has one shipment. */
async function ownOfOrder(
  db: DeliveryOptions['db'],
  { orderId, shipmentId }: NewShipment,
): Promise<ShipmentRow | undefined> {
  const known = await store.readShipmentOfOrder(db, orderId);
  if (!known || known.id === shipmentId) return known;
  throw new ProblemError('conflict', { detail: 'This order has another shipment' });
}

async function chooseCourier({ db, couriers }: DeliveryOptions, { orderId, to }: NewShipment): Promise<string> {
  return quoted((async () => courierOfParcel(couriers, to, await store.readQuotedCourier(db, orderId)).name)());
}

/** Before the courier has the parcel; afterwards it goes its way. */
export async function cancelShipment(
  options: DeliveryOptions,
  id: ShipmentId,
  reason: string | null,
): Promise<ShipmentRow> {
  const { db, clock } = options;
  const decided = await db.transaction().execute(async (trx) => {
    const locked = await store.lockShipment(trx, id);
    if (!locked) throw new ProblemError('not-found', { detail: 'There is no such shipment' });
    if (answerToCancel(locked.stage) !== 'do') return locked;
    const due_at = new Date(clock.now().getTime() + leaseMs);
    if (locked.cancelling) return store.updateShipment(trx, locked, { due_at });
    return store.updateShipment(trx, locked, { cancelling: true, cancel_reason: reason, due_at, ...untried });
  });
  const shipment = answerToCancel(decided.stage) === 'do' ? await orUnavailable(carryOut(options, decided)) : decided;
  if (shipment.stage === 'cancelled') return shipment;
  throw new ProblemError('conflict', { detail: `SHIPMENT_UNDER_WAY: the parcel is ${shipment.stage}` });
}

export interface Attention {
  readonly why: string | null;
  readonly version: number;
}

/** Tries again what is stuck, as if for the first time. */
export const retry = (options: DeliveryOptions, id: ShipmentId, version: number): Promise<Attention> =>
  decideOnStuck(options, id, version, { ...untried, due_at: options.clock.now() });

/** A person takes over: nothing is tried any more. What the courier tells is heard all the same. */
export const giveUp = (options: DeliveryOptions, id: ShipmentId, version: number): Promise<Attention> =>
  decideOnStuck(options, id, version, { cancelling: false, due_at: null });

/** A decision about one call for a person; once that is over, deciding about it is no error and changes nothing. */
async function decideOnStuck(
  options: DeliveryOptions,
  id: ShipmentId,
  version: number,
  change: Parameters<typeof store.updateShipment>[2],
): Promise<Attention> {
  return options.db.transaction().execute(async (trx) => {
    const shipment = await store.lockShipment(trx, id);
    if (!shipment) throw new ProblemError('not-found', { detail: 'There is no such shipment' });
    if (shipment.attention === null) return attentionOf(shipment);
    if (shipment.attention_version !== version) {
      throw new ProblemError('conflict', { detail: `It is stuck for another reason now: ${shipment.attention}` });
    }
    return attentionOf(await attend(trx, await store.updateShipment(trx, shipment, change), null, options));
  });
}

const attentionOf = ({ attention, attention_version }: ShipmentRow): Attention => ({
  why: attention,
  version: attention_version,
});

export async function read({ db }: Pick<DeliveryOptions, 'db'>, id: ShipmentId): Promise<ShipmentRow> {
  const shipment = await store.readShipment(db, id);
  if (!shipment) throw new ProblemError('not-found', { detail: 'There is no such shipment' });
  return shipment;
}

/** The present stage (with `after` 0), then each change in order, until nothing can follow. */
export async function* watch(
  options: DeliveryOptions,
  id: ShipmentId,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<ShipmentRow> {
  let present = await read(options, id);
  let version = after;
  // While it is being registered there is no stage to tell.
  if (after === 0 && present.stage !== null) {
    version = present.version;
    yield present;
  }
  while (!(isFinal(present.stage) && present.version <= version)) {
    await options.watchers.changed(id, version, signal);
    present = await read(options, id);
    for (const change of await store.readChanges(options.db, id, version)) {
      version = change.version;
      yield { ...present, ...change };
    }
  }
}

/** What a courier tells: its word is taken, and where it only hints at something it is asked. */
export async function hearWebhook(
  options: DeliveryOptions,
  name: string,
  webhook: Omit<CourierWebhook, 'now'>,
): Promise<void> {
  const courier = options.couriers.get(name);
  if (!courier) throw new ProblemError('not-found', { detail: 'There is no such courier' });
  const news = courier.parseWebhook({ ...webhook, now: options.clock.now() });
  switch (news.kind) {
    case 'nothing':
      return;
    case 'word': {
      const { reference } = news.shipment;
      const known = isUuid(reference) ? await store.readShipment(options.db, reference) : undefined;
      // With 404 the courier tells it again.
      if (known?.courier !== name) throw new ProblemError('not-found', { detail: 'There is no such shipment' });
      return record(options, known, news, (trx, locked) => applyWord(trx, locked, news.shipment, options));
    }
    case 'hint': {
      const known = await store.readShipmentOfCourier(options.db, name, news.courierId);
      // Of a parcel whose registration is still being answered, which is asked about anyway, or of one that isn't ours;
      // couriers turn off webhooks that are refused.
      if (!known) return;
      return record(options, known, news, (trx, locked) => store.makeDue(trx, locked.id, options.clock.now()));
    }
    default:
      return news satisfies never;
  }
}

/** Keeps what came, and lets it have its effect once. */
async function record(
  options: DeliveryOptions,
  known: ShipmentRow,
  news: Exclude<CourierNews, { kind: 'nothing' }>,
  effect: (trx: store.Trx, locked: ShipmentRow) => Promise<unknown>,
): Promise<void> {
  const said = news.kind === 'word' ? news.shipment.stage : news.stage;
  // Webhooks carry no trace, the purchase does.
  await inSpan('delivery webhook', { parent: extractTrace(known.trace) }, () =>
    options.db.transaction().execute(async (trx) => {
      const shipment = await store.lockShipment(trx, known.id);
      if (!shipment) throw new Error(`shipment ${known.id} vanished`);
      const isNews = await store.recordCourierEvent(trx, {
        courier: known.courier,
        event_id: news.eventId,
        shipment_id: shipment.id,
        stage: said === 'refused' ? null : said,
        received_at: options.clock.now(),
      });
      if (isNews) await effect(trx, shipment);
    }),
  );
}

/** For its seller, while the parcel is still to be handed over. */
export async function label(
  options: DeliveryOptions,
  id: ShipmentId,
  userId: UserId,
): Promise<Uint8Array<ArrayBuffer>> {
  const shipment = await store.readShipment(options.db, id);
  if (shipment?.seller_id !== userId) throw new ProblemError('not-found', { detail: 'There is no such shipment' });
  const { courier_id: courierId, stage } = shipment;
  if (stage !== 'created' || courierId === null) {
    throw new ProblemError('conflict', {
      detail: `There is no label for a parcel that is ${stage ?? 'not registered yet'}`,
    });
  }
  const courier = options.couriers.get(shipment.courier);
  if (!courier) throw unavailable();
  try {
    return await orUnavailable(courier.label(courierId));
  } catch (error) {
    if (error instanceof CourierRefusal) throw new ProblemError('conflict', { detail: error.message, cause: error });
    throw error;
  }
}

const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

const sorted = (to: To): readonly string[] => [to.kind, to.kind === 'address' ? to.address : to.pickupPoint];

function checkCity(field: string, city: string): void {
  if (cities.some(({ id }) => id === city)) return;
  throw new ProblemError('invalid-parameter', { errors: [{ field, message: 'There is no such city' }] });
}

const unavailable = (cause?: unknown): ProblemError =>
  new ProblemError('delivery-unavailable', { cause, headers: { 'retry-after': '2' } });

async function orUnavailable<Result>(call: Promise<Result>): Promise<Result> {
  try {
    return await call;
  } catch (error) {
    throw error instanceof CourierUnavailable ? unavailable(error) : error;
  }
}

/** A refused quote is about what the user asked for. */
async function quoted<Result>(call: Promise<Result>): Promise<Result> {
  try {
    return await orUnavailable(call);
  } catch (error) {
    if (!(error instanceof CourierRefusal)) throw error;
    const errors = [{ field: error.about || 'destination', message: error.message }];
    throw new ProblemError('invalid-field', { errors, detail: error.message });
  }
}
