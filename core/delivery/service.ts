// What delivery does: says what it costs, sends parcels, and follows them.
import { LRUCache } from 'lru-cache';
import type { AdId, Money, OrderId, ShipmentId, UserId } from '../../contracts/common.ts';
import type { PickupPoint, Quote } from '../../contracts/delivery.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { cities } from '../platform/catalogue/cities.ts';
import type { Watchers } from '../platform/db/watchers.ts';
import { extractTrace, injectTrace, inSpan } from '../platform/telemetry/tracing.ts';
import { type CarryingOut, carryOut, leaseMs } from './carrying-out.ts';
import { applyWord, attend, untried } from './changes.ts';
import { type Courier, type CourierQuote, CourierRefusal, CourierUnavailable, type To } from './couriers/courier.ts';
import { answerToCancel, isFinal } from './rules.ts';
import type { ShipmentRow } from './store.ts';
import * as store from './store.ts';

export interface DeliveryOptions extends CarryingOut {
  readonly watchers: Watchers;
  /** Who gets new parcels. */
  readonly defaultCourier: Courier | null;
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
  const courier = courierOf(options);
  const currency = (adId && (await store.readCurrency(options.db, adId))) ?? defaultCurrency;
  const methods = ['pickup_point', 'courier'] as const;
  return Promise.all(
    methods.map(async (method) => {
      const to = { kind: 'city', city: toCity } as const;
      return { method, courier: courier.name, ...(await quoted(courier.quote({ fromCity, method, to, currency }))) };
    }),
  );
}

/** What the delivery of an order costs, in the currency of what is sold. */
export async function quote(
  options: DeliveryOptions,
  request: { readonly fromCity: string; readonly to: To; readonly declaredValue: Money },
): Promise<CourierQuote & { readonly courier: string }> {
  const courier = courierOf(options);
  const { fromCity, to, declaredValue } = request;
  const method = to.kind === 'address' ? 'courier' : 'pickup_point';
  const said = await quoted(courier.quote({ fromCity, method, to, currency: declaredValue.currency }));
  return { ...said, courier: courier.name };
}

/** The lists of pick-up points, kept for some minutes; an old one is better than none. */
export type PickupPoints = LRUCache<string, readonly PickupPoint[], Courier>;

export const createPickupPoints = (): PickupPoints =>
  new LRUCache({
    max: 1_000,
    ttl: 10 * 60_000,
    allowStaleOnFetchRejection: true,
    fetchMethod: (city, _old, { context }) => context.pickupPoints(city),
  });

export async function listPickupPoints(options: DeliveryOptions, city: string): Promise<readonly PickupPoint[]> {
  checkCity('city', city);
  const list = await options.pickupPoints.fetch(city, { context: courierOf(options) });
  // No answer, and none from earlier either.
  if (!list) throw unavailable();
  return list;
}

/**
 * The shipment, registered with the courier. The row comes first, then the courier is told, then its answer is kept:
 * repeated calls go on from wherever an earlier one ended, since the courier knows the parcel by a key made of its id.
 */
export async function createShipment(options: DeliveryOptions, request: NewShipment): Promise<ShipmentRow> {
  const { db, clock } = options;
  const trace: Record<string, string> = {};
  injectTrace(trace);
  const now = clock.now();
  const { declaredValue } = request;
  const fresh = {
    id: request.shipmentId,
    order_id: request.orderId,
    buyer_id: request.buyerId,
    seller_id: request.sellerId,
    courier: courierOf(options).name,
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
    due_at: new Date(now.getTime() + leaseMs),
    ...untried,
    attention: null,
    attention_version: 0,
    version: 0,
    created_at: now,
    updated_at: now,
  } satisfies Omit<ShipmentRow, 'trace' | 'destination'>;
  const other = await store.readShipmentOfOrder(db, request.orderId);
  if (other && other.id !== request.shipmentId) {
    throw new ProblemError('conflict', { detail: 'This order has another shipment' });
  }
  if (!other) await store.insertShipment(db, fresh, request.to, trace);
  const known = await read(options, request.shipmentId);
  if (
    known.order_id !== request.orderId ||
    JSON.stringify(sorted(known.destination)) !== JSON.stringify(sorted(request.to))
  ) {
    throw new ProblemError('idempotency-key-reused', { detail: 'This shipment was created with other values' });
  }
  const shipment = known.stage === null ? await orUnavailable(carryOut(options, known)) : known;
  if (shipment.stage === 'cancelled' && shipment.courier_id === null) {
    throw new ProblemError('conflict', { detail: `COURIER_REFUSED: ${shipment.reason ?? ''}` });
  }
  return shipment;
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

/** What a courier tells. An unknown parcel is refused with 404, so that the courier tells it again. */
export async function hearWebhook(
  options: DeliveryOptions,
  name: string,
  headers: Headers,
  body: Uint8Array,
): Promise<void> {
  const courier = options.couriers.get(name);
  if (!courier) throw new ProblemError('not-found', { detail: 'There is no such courier' });
  const { eventId, shipment: word } = courier.parseWebhook(headers, body, options.clock.now());
  const known = isUuid(word.reference) ? await store.readShipment(options.db, word.reference) : undefined;
  if (!known || known.courier !== name) throw new ProblemError('not-found', { detail: 'There is no such shipment' });
  // Webhooks carry no trace, the purchase does.
  await inSpan('delivery webhook', { parent: extractTrace(known.trace) }, () =>
    options.db.transaction().execute(async (trx) => {
      const shipment = await store.lockShipment(trx, known.id);
      if (!shipment) throw new Error(`shipment ${known.id} vanished`);
      const isNews = await store.recordCourierEvent(trx, {
        courier: name,
        event_id: eventId,
        shipment_id: shipment.id,
        stage: word.stage,
        received_at: options.clock.now(),
      });
      if (isNews) await applyWord(trx, shipment, word, options);
    }),
  );
}

const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

const sorted = (to: To): readonly string[] => [to.kind, to.kind === 'address' ? to.address : to.pickupPoint];

function courierOf({ defaultCourier }: DeliveryOptions): Courier {
  if (defaultCourier) return defaultCourier;
  throw new ProblemError('delivery-unavailable', { detail: 'No courier is configured' });
}

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
