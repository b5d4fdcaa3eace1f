// EasyPost, by its API v2: https://docs.easypost.com. It brings parcels to doors by many carriers, and has no pick-up points.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { DeliveryStage } from '../../../contracts/delivery.ts';
import { ProblemError } from '../../../contracts/problem.ts';
import { parseJsonBody } from '../../platform/http/json-body.ts';
import { type Partner, PartnerRefusal, PartnerUnavailable } from '../../platform/http/partner.ts';
import {
  type Courier,
  CourierRefusal,
  type CourierShipment,
  CourierUnavailable,
  type Parcel,
  type Recipient,
} from './courier.ts';

/** An address as EasyPost wants it. */
export const Place = z.strictObject({
  name: z.string().max(200).optional(),
  company: z.string().max(200).optional(),
  street1: z.string().min(1).max(200),
  street2: z.string().max(200).optional(),
  city: z.string().min(1).max(100),
  state: z.string().max(50).optional(),
  zip: z.string().min(1).max(20),
  country: z.string().regex(/^[A-Z]{2}$/),
  phone: z.string().max(30).optional(),
});
export type Place = z.output<typeof Place>;
/** By our city: where its sellers' parcels start, and what it costs to send one "to that city". */
export const Places = z.record(z.string(), Place);

export interface EasyPostOptions {
  readonly partner: Partner;
  /** For files, which lie elsewhere: no key of ours goes there. */
  readonly files: Partner;
  readonly filesMayComeFrom: (url: URL) => boolean;
  readonly webhookSecret: string;
  readonly places: Readonly<Record<string, Place>>;
  readonly parcel: Parcel;
  readonly now: () => Date;
  readonly unknownStatus: (status: string) => void;
}

/** What a tracker says. `unknown` and `pre_transit` are of a label that no carrier has scanned. */
const stages: Readonly<Record<string, DeliveryStage>> = {
  unknown: 'created',
  pre_transit: 'created',
  in_transit: 'in_transit',
  out_for_delivery: 'in_transit',
  available_for_pickup: 'at_pickup_point',
  delivered: 'delivered',
  return_to_sender: 'returned',
  cancelled: 'cancelled',
};
/** Something is wrong, and nobody can tell from the word whether the parcel still comes: that is for people. */
const troubles: ReadonlySet<string> = new Set(['failure', 'error']);

const Rate = z.object({
  id: z.string().min(1).max(100),
  rate: z.string().regex(/^\d{1,9}(\.\d{1,4})?$/),
  currency: z.string().regex(/^[A-Z]{3}$/),
  delivery_days: z.int().min(0).max(365).nullish(),
  est_delivery_days: z.int().min(0).max(365).nullish(),
});
type Rate = z.output<typeof Rate>;
const Shipment = z.object({
  id: z.string().min(1).max(100),
  reference: z.string().max(100).nullish(),
  tracking_code: z.string().max(100).nullish(),
  refund_status: z.string().nullish(),
  rates: z.array(Rate).max(1_000).nullish(),
  messages: z.array(z.object({ message: z.unknown() })).nullish(),
  postage_label: z.object({ label_pdf_url: z.url().nullish() }).nullish(),
  tracker: z
    .object({
      status: z.string().max(100),
      status_detail: z.string().nullish(),
      est_delivery_date: z.string().nullish(),
    })
    .nullish(),
});
type Shipment = z.output<typeof Shipment>;
const Failure = z.object({ error: z.object({ code: z.string().max(200), message: z.unknown() }) });
const Event = z.object({
  id: z.string().min(1).max(100),
  description: z.string(),
  result: z.object({ shipment_id: z.string().max(100).nullish(), status: z.string().max(100).nullish() }),
});

const dayMs = 24 * 3_600_000;
const gramsInOunce = 28.349_523_125;
const cmInInch = 2.54;

export function easyPost(options: EasyPostOptions): Courier {
  const { partner, files, places, parcel, now, unknownStatus } = options;

  const ask = async (request: Parameters<Partner>[0]): Promise<Shipment> =>
    Shipment.parse(await heard(partner(request)));
  const get = (id: string): Promise<Shipment> =>
    ask({ operation: 'get', method: 'GET', path: `/v2/shipments/${encodeURIComponent(id)}` });

  const placeOf = (city: string): Place => {
    const place = places[city];
    if (!place) throw new CourierRefusal('city', `EasyPost is not set up for ${city}`);
    return place;
  };
  const create = (to: Place, fromCity: string, reference: string | undefined): Promise<Shipment> =>
    ask({
      operation: reference === undefined ? 'quote' : 'register',
      method: 'POST',
      path: '/v2/shipments',
      // One that is not bought costs nothing and goes nowhere.
      readsOnly: reference === undefined,
      body: {
        shipment: {
          ...(reference === undefined ? {} : { reference }),
          to_address: to,
          from_address: placeOf(fromCity),
          parcel: sizeOf(parcel),
          options: { label_format: 'PDF' },
        },
      },
    });
  /** In stages that we know, where the courier says one. */
  const shipmentOf = (said: Shipment): CourierShipment => {
    const { tracker } = said;
    const status = tracker?.status ?? 'unknown';
    const stage = stages[status];
    if (!stage) unknownStatus(status);
    const moves = stage !== undefined && stage !== 'created';
    const isCancelled = !moves && isRefunded(said);
    const day = /^\d{4}-\d\d-\d\d/.exec(tracker?.est_delivery_date ?? '')?.[0];
    return {
      courierId: said.id,
      reference: said.reference ?? '',
      trackingNumber: said.tracking_code ?? null,
      pickupAddress: null,
      stage: isCancelled ? 'cancelled' : said.tracking_code ? (stage ?? null) : null,
      reason: troubles.has(status) || stage === 'returned' ? (tracker?.status_detail ?? null) : null,
      estimated: day === undefined ? null : { from: day, to: day },
    };
  };

  return {
    name: 'easypost',
    needs: 'contacts',
    registersAtOnce: false,

    async quote({ fromCity, method, to, declaredValue: { currency } }) {
      if (method === 'pickup_point' || to.kind === 'pickup_point') {
        throw new CourierRefusal('pickup_point', 'EasyPost has no pick-up points');
      }
      const place = to.kind === 'city' ? placeOf(to.city) : placeIn(to.address);
      const rate = cheapest(await create(place, fromCity, undefined), currency);
      const day = new Date(now().getTime() + (daysOf(rate) ?? 0) * dayMs).toISOString().slice(0, 10);
      return { price: { amount: minorUnits(rate), currency }, estimated: { from: day, to: day } };
    },

    pickupPoints: async () => [],
    ownsPickupPoint: () => false,
    pickupPoint: async () => null,

    /** Made first, which costs nothing, then bought; both are known again by the reference, which stands for the id. */
    async register({ reference, fromCity, to, recipient, declaredValue }) {
      if (to.kind === 'pickup_point') throw new CourierRefusal('pickup_point', 'EasyPost has no pick-up points');
      const destination = { ...placeIn(to.address), ...personOf(recipient) };
      const made =
        (await get(reference).catch((error: unknown) => {
          if (error instanceof CourierRefusal && error.about === notFound) return undefined;
          throw error;
        })) ?? (await create(destination, fromCity, reference));
      if (made.tracking_code) return shipmentOf(made);
      const rate = cheapest(made, declaredValue.currency);
      const path = `/v2/shipments/${encodeURIComponent(made.id)}/buy`;
      try {
        return shipmentOf(await ask({ operation: 'buy', method: 'POST', path, body: { rate: { id: rate.id } } }));
      } catch (error) {
        if (error instanceof CourierRefusal && error.about === 'SHIPMENT.POSTAGE.EXISTS')
          return shipmentOf(await get(made.id));
        throw error;
      }
    },

    async cancel({ courierId }) {
      const before = await get(courierId);
      const word = shipmentOf(before);
      if (word.stage === 'cancelled') return word;
      // Nothing was bought: nothing can be on its way.
      if (!before.tracking_code) return { ...word, stage: 'cancelled' };
      if (word.stage !== 'created') throw new CourierRefusal('stage', `The parcel is ${before.tracker?.status}`);
      const path = `/v2/shipments/${encodeURIComponent(courierId)}/refund`;
      // Asking for the same refund again is asking where it is.
      const said = await ask({ operation: 'cancel', method: 'POST', path, body: {}, readsOnly: true });
      if (!isRefunded(said)) throw new CourierRefusal('refund', `The refund is ${said.refund_status ?? 'refused'}`);
      return shipmentOf(said);
    },

    get: async (courierId) => shipmentOf(await get(courierId)),

    async label(courierId) {
      const path = `/v2/shipments/${encodeURIComponent(courierId)}/label?file_format=PDF`;
      const { postage_label } = await ask({ operation: 'label', method: 'GET', path });
      const url = URL.parse(postage_label?.label_pdf_url ?? '');
      if (!url) throw new CourierUnavailable('the label is being made');
      if (!options.filesMayComeFrom(url)) throw new CourierUnavailable(`labels don't come from ${url.origin}`);
      const file = files({ operation: 'label_file', method: 'GET', path: url.href, file: true });
      return heard(file) as Promise<Uint8Array<ArrayBuffer>>;
    },

    parseWebhook({ headers, body }) {
      checkSignature(headers.get('x-hmac-signature') ?? '', body, options.webhookSecret);
      const { id, description, result } = parseJsonBody(Event, body);
      if (!description.startsWith('tracker.') || !result.shipment_id) return { kind: 'nothing' };
      const stage = stages[result.status ?? ''] ?? null;
      return { kind: 'hint', eventId: id, courierId: result.shipment_id, stage };
    },
  };
}

const notFound = 'NOT_FOUND';

async function heard<Answer>(call: Promise<Answer>): Promise<Answer> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof PartnerUnavailable) throw new CourierUnavailable(error.message, { cause: error });
    if (!(error instanceof PartnerRefusal)) throw error;
    // No money on our account: for the operator to mend, and parcels wait for that.
    if (error.status === 402) throw new CourierUnavailable(error.message, { cause: error });
    const { data } = Failure.safeParse(error.body);
    const about = error.status === 404 ? notFound : (data?.error.code ?? '');
    throw new CourierRefusal(about, textOf(data?.error.message, error.message), { cause: error });
  }
}

/** Their messages are texts, lists or objects. */
const textOf = (message: unknown, otherwise: string): string =>
  (typeof message === 'string' && message ? message : message == null ? otherwise : JSON.stringify(message)).slice(
    0,
    300,
  );

const isRefunded = ({ refund_status }: Shipment): boolean =>
  refund_status === 'submitted' || refund_status === 'refunded';

const daysOf = ({ delivery_days, est_delivery_days }: Rate): number | null =>
  delivery_days ?? est_delivery_days ?? null;

/** In the buyer's currency, and with days: both are promised to the buyer. */
function cheapest({ rates, messages }: Shipment, currency: string): Rate {
  const [rate] = (rates ?? [])
    .filter((each) => each.currency === currency && daysOf(each) !== null)
    .sort((one, other) => Number(one.rate) - Number(other.rate));
  if (rate) return rate;
  throw new CourierRefusal('destination', textOf(messages?.[0]?.message, `No carrier goes there for ${currency}`));
}

function minorUnits({ rate, currency }: Rate): number {
  const { maximumFractionDigits: digits = 2 } = new Intl.NumberFormat('en', {
    style: 'currency',
    currency,
  }).resolvedOptions();
  return Math.round(Number(rate) * 10 ** digits);
}

/** `street, city, state zip` and, where it is not the United States, the country's code. */
export function placeIn(address: string): Place {
  const parts = address.split(',').map((part) => part.trim());
  const country = /^[A-Z]{2}$/.test(parts.at(-1) ?? '') && parts.length > 3 ? parts.pop() : 'US';
  const region = /^(?:(?<state>\p{L}[\p{L} .]*?)\s+)?(?<zip>[\p{L}\d][\p{L}\d -]*\d[\p{L}\d]*)$/u.exec(
    parts.pop() ?? '',
  );
  const city = parts.pop();
  const street = parts.join(', ');
  const { state, zip } = region?.groups ?? {};
  const place = Place.safeParse({ street1: street, city, ...(state ? { state } : {}), zip, country });
  if (place.success) return place.data;
  throw new CourierRefusal('address', 'Write the address as street, city, state and ZIP code');
}

const personOf = (recipient: Recipient | null): Pick<Place, 'name' | 'phone'> => ({
  ...(recipient?.name ? { name: recipient.name } : {}),
  ...(recipient?.phone ? { phone: recipient.phone } : {}),
});

const sizeOf = ({ grams, lengthCm, widthCm, heightCm }: Parcel) => ({
  weight: tenths(grams / gramsInOunce),
  length: tenths(lengthCm / cmInInch),
  width: tenths(widthCm / cmInInch),
  height: tenths(heightCm / cmInInch),
});
const tenths = (value: number): number => Math.max(0.1, Math.round(value * 10) / 10);

/** HMAC-SHA256 of the body, with the secret in Unicode form NFKD as their client libraries take it. */
function checkSignature(header: string, body: Uint8Array, secret: string): void {
  const given = Buffer.from(/^hmac-sha256-hex=([0-9a-f]{64})$/i.exec(header)?.[1] ?? '', 'hex');
  const expected = createHmac('sha256', secret.normalize('NFKD')).update(body).digest();
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new ProblemError('invalid-signature');
}
