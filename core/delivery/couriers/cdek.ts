// CDEK, by its API v2: https://api-docs.cdek.ru. It answers a registration at once and decides about it afterwards.
import { createHash, timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { DeliveryStage } from '../../../contracts/delivery.ts';
import { ProblemError } from '../../../contracts/problem.ts';
import { cities, cityInText, distanceKm, findCity } from '../../platform/catalogue/cities.ts';
import { parseJsonBody } from '../../platform/http/json-body.ts';
import type { Partner } from '../../platform/http/partner.ts';
import * as api from './cdek-api.ts';
import { cdekStages, cdekUndecided } from './cdek-statuses.ts';
import {
  type Courier,
  type CourierPoint,
  CourierRefusal,
  type CourierShipment,
  CourierUnavailable,
  type Parcel,
  type To,
} from './courier.ts';

export interface CdekOptions {
  readonly partner: Partner;
  /** In the address that CDEK sends webhooks to, since it signs nothing. */
  readonly webhookToken: string;
  /** By where the parcel goes; both begin at a pick-up point, where the seller brings it. */
  readonly tariffs: { readonly pickupPoint: number; readonly courier: number };
  readonly parcel: Parcel;
  readonly now: () => Date;
  readonly sleep: (ms: number) => Promise<void>;
  /** CDEK said something that is in none of our tables. */
  readonly unknownStatus: (status: string) => void;
}

/** Their numbers (the documentation of the calculator). */
const currencies: Readonly<Record<string, number>> = { RUB: 1, KZT: 2, USD: 3, EUR: 4 };
/** CDEK decides within half a second, most of the time; whoever calls waits that long and no longer. */
const decisionPauses = [300, 500, 900];
const pointsPage = 200;
const mostPointPages = 20;
const dayMs = 24 * 3_600_000;
/** Further apart, two cities of one name are two cities. */
const sameCityKm = 60;
const prefix = 'cdek-';
const numberTaken = 'error_validate_im_dep_number_has_already_had_integration';

export function cdek(options: CdekOptions): Courier {
  const { partner, parcel, tariffs, now, sleep } = options;
  const ask = api.asking(partner);

  const cityCodes = new LRUCache<string, number>({
    max: 1_000,
    ttl: dayMs,
    fetchMethod: async (id) => {
      const city = findCity(id);
      if (!city) throw new CourierRefusal('city', `CDEK doesn't know ${id}`);
      const query = new URLSearchParams({ country_codes: 'RU', city: city.name.ru, size: '100' });
      const found = await ask(api.CdekCities, {
        operation: 'cities',
        method: 'GET',
        path: `/v2/location/cities?${query}`,
      });
      const [nearest] = found
        .map((each) => ({
          each,
          km: distanceKm(city, { latitude: each.latitude ?? 0, longitude: each.longitude ?? 0 }),
        }))
        .sort((one, other) => one.km - other.km);
      if (!nearest || nearest.km > sameCityKm) throw new CourierRefusal('city', `CDEK doesn't serve ${city.name.ru}`);
      return nearest.each.code;
    },
  });
  const codeOf = async (cityId: string): Promise<number> => {
    const code = await cityCodes.fetch(cityId);
    if (code === undefined) throw new CourierUnavailable(`no code of ${cityId}`);
    return code;
  };

  const pointsOf = async (cityId: string): Promise<api.CdekPoint[]> => {
    const code = await codeOf(cityId);
    const points: api.CdekPoint[] = [];
    for (let page = 0; page < mostPointPages; page += 1) {
      const query = new URLSearchParams({ city_code: String(code), size: String(pointsPage), page: String(page) });
      const path = `/v2/deliverypoints?${query}`;
      const some = await ask(api.CdekPoints, { operation: 'pickup_points', method: 'GET', path });
      points.push(...some);
      if (some.length < pointsPage) break;
    }
    return points;
  };
  /** Where the seller brings the parcel: the point nearest to the centre that takes parcels in. Any other takes it, too. */
  const receptions = new LRUCache<string, string>({
    max: 1_000,
    ttl: dayMs,
    fetchMethod: async (cityId) => {
      const centre = findCity(cityId);
      const [nearest] = (await pointsOf(cityId))
        .filter(({ is_reception }) => is_reception === true)
        .map(({ code, location }) => ({ code, km: centre ? distanceKm(centre, location) : 0 }))
        .sort((one, other) => one.km - other.km);
      if (!nearest) throw new CourierRefusal('from_city', `CDEK takes no parcels in ${cityId}`);
      return nearest.code;
    },
  });

  const pointByCode = async (code: string): Promise<api.CdekPoint | undefined> => {
    const path = `/v2/deliverypoints?${new URLSearchParams({ code })}`;
    return (await ask(api.CdekPoints, { operation: 'pickup_point', method: 'GET', path })).find(
      (point) => point.code === code,
    );
  };

  const destinationOf = async (to: To): Promise<{ readonly code: number; readonly body: Record<string, unknown> }> => {
    if (to.kind === 'pickup_point') {
      const point = await pointByCode(codeInId(to.pickupPoint));
      const code = point?.location.city_code;
      if (!point || code == null || point.is_handout === false) {
        throw new CourierRefusal('pickup_point', `There is no pick-up point ${to.pickupPoint}`);
      }
      return { code, body: { delivery_point: point.code } };
    }
    const city = cityInText(to.address);
    if (!city) throw new CourierRefusal('address', 'Name the city in the address');
    const code = await codeOf(city.id);
    return { code, body: { to_location: { code, address: to.address.slice(0, 255) } } };
  };

  const get = async (courierId: string): Promise<api.CdekOrder> =>
    ask(api.CdekOrder, { operation: 'get', method: 'GET', path: `/v2/orders/${encodeURIComponent(courierId)}` });

  const findByReference = async (reference: string): Promise<api.CdekOrder | undefined> => {
    const path = `/v2/orders?${new URLSearchParams({ im_number: reference })}`;
    try {
      return await ask(api.CdekOrder, { operation: 'find', method: 'GET', path });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };

  const shipmentOf = async (order: api.CdekOrder): Promise<CourierShipment> => {
    const { entity } = order;
    const { stage, reason } = stageOf(order, options.unknownStatus);
    const point = entity.delivery_point ? await known.fetch(entity.delivery_point) : null;
    const planned = dayOf(entity.planned_delivery_date);
    return {
      courierId: entity.uuid,
      reference: entity.number ?? '',
      trackingNumber: entity.cdek_number ?? null,
      pickupAddress: point ? `${point.name}, ${point.address}` : null,
      stage,
      reason,
      estimated: planned ? { from: planned, to: planned } : null,
    };
  };

  /** Waits a little for what CDEK decides; what is undecided then has the stage null. */
  const decided = async (courierId: string): Promise<api.CdekOrder> => {
    let order = await get(courierId);
    for (const pauseMs of decisionPauses) {
      if (creationOf(order)?.state === 'INVALID' || isRegistered(order)) break;
      await sleep(pauseMs);
      order = await get(courierId);
    }
    return order;
  };

  /** Points are named in answers about parcels; one that can't be looked up keeps no parcel from being told of. */
  const known = new LRUCache<string, CourierPoint>({
    max: 10_000,
    ttl: dayMs,
    allowStaleOnFetchRejection: true,
    ignoreFetchAbort: true,
    fetchMethod: async (code) => {
      const point = await pointByCode(code).catch((error: unknown) => {
        if (error instanceof CourierRefusal || error instanceof CourierUnavailable) return undefined;
        throw error;
      });
      return point && pointOf(point, undefined);
    },
  });
  const forms = new LRUCache<string, string>({ max: 1_000, ttl: 50 * 60_000 });

  return {
    name: 'cdek',
    needs: 'phone',
    registersAtOnce: true,

    async quote({ fromCity, method, to, declaredValue: { currency } }) {
      const number = currencies[currency];
      if (number === undefined) throw new CourierRefusal('currency', `CDEK charges nothing in ${currency}`);
      const [from, destination] = await Promise.all([
        codeOf(fromCity),
        to.kind === 'city' ? codeOf(to.city) : destinationOf(to).then(({ code }) => code),
      ]);
      const tariff = await ask(api.Tariff, {
        operation: 'quote',
        method: 'POST',
        path: '/v2/calculator/tariff',
        readsOnly: true,
        body: {
          type: 1,
          currency: number,
          tariff_code: method === 'courier' ? tariffs.courier : tariffs.pickupPoint,
          from_location: { code: from },
          to_location: { code: destination },
          packages: [sizeOf(parcel)],
        },
      });
      if (tariff.currency && tariff.currency !== currency) {
        throw new CourierUnavailable(`asked about ${currency}, CDEK answers in ${tariff.currency}`);
      }
      const amount = Math.round((tariff.total_sum ?? tariff.delivery_sum) * 100);
      const day = (days: number): string => new Date(now().getTime() + days * dayMs).toISOString().slice(0, 10);
      return {
        price: { amount, currency },
        estimated: {
          from: day(tariff.calendar_min ?? tariff.period_min),
          to: day(tariff.calendar_max ?? tariff.period_max),
        },
      };
    },

    async pickupPoints(city) {
      return (await pointsOf(city))
        .filter(({ is_handout }) => is_handout !== false)
        .flatMap((point) => pointOf(point, city) ?? []);
    },
    ownsPickupPoint: (id) => id.startsWith(prefix),
    async pickupPoint(id) {
      const point = await pointByCode(codeInId(id));
      return (point && pointOf(point, undefined)) ?? null;
    },

    /** Their only key is our number: it is looked for before it is registered, and a second one is refused. */
    async register({ reference, fromCity, to, recipient, description, declaredValue }) {
      const earlier = await findByReference(reference);
      if (earlier && creationOf(earlier)?.state !== 'INVALID') return shipmentOf(await decided(earlier.entity.uuid));
      if (!recipient?.phone) throw new CourierRefusal('phone', 'CDEK needs the phone number of the recipient');
      const [point, destination] = await Promise.all([receptions.fetch(fromCity), destinationOf(to)]);
      const cost = declaredValue.amount / 100;
      const answer = await ask(api.Operation, {
        operation: 'register',
        method: 'POST',
        path: '/v2/orders',
        body: {
          type: 1,
          number: reference,
          tariff_code: to.kind === 'address' ? tariffs.courier : tariffs.pickupPoint,
          shipment_point: point,
          ...destination.body,
          recipient: {
            name: recipient.name.slice(0, 255),
            email: recipient.email,
            phones: [{ number: recipient.phone }],
          },
          packages: [
            {
              number: '1',
              ...sizeOf(parcel),
              items: [
                {
                  name: description.slice(0, 255) || reference,
                  ware_key: reference,
                  // Paid for already: nothing is collected at the door.
                  payment: { value: 0 },
                  cost,
                  weight: parcel.grams,
                  amount: 1,
                },
              ],
            },
          ],
        },
      });
      const uuid = answer.entity?.uuid;
      if (!uuid) throw api.refusalOf(api.errorsOf(answer), 'CDEK took no order');
      const order = await decided(uuid);
      const creation = creationOf(order);
      if (creation?.state !== 'INVALID') return shipmentOf(order);
      const errors = creation.errors ?? [];
      // The same request at the same moment was quicker: the next try finds what it made.
      if (errors.some(({ code }) => code === numberTaken)) throw new CourierUnavailable('registered twice at once');
      throw api.refusalOf(errors, 'CDEK refused the order');
    },

    async cancel({ courierId, reference }) {
      const gone: CourierShipment = {
        ...{ courierId, reference, trackingNumber: null, pickupAddress: null, estimated: null },
        ...{ stage: 'cancelled', reason: null },
      };
      const path = `/v2/orders/${encodeURIComponent(courierId)}`;
      try {
        const { stage } = stageOf(await get(courierId), options.unknownStatus);
        if (stage === 'cancelled' || stage === 'refused') return gone;
        // It deletes no order that it has not decided about, and has it afterwards.
        if (stage === null) throw new CourierUnavailable('CDEK has not decided about the order');
        const answer = await ask(api.Operation, { operation: 'cancel', method: 'DELETE', path });
        const invalid = answer.requests.find(({ state }) => state === 'INVALID');
        if (invalid) throw api.refusalOf(invalid.errors ?? [], 'CDEK deletes no such order');
        let order = await get(courierId);
        for (const pauseMs of decisionPauses) {
          if (isSettled(deletionOf(order)?.state)) break;
          await sleep(pauseMs);
          order = await get(courierId);
        }
        const deletion = deletionOf(order);
        if (deletion?.state === 'SUCCESSFUL') return gone;
        if (deletion?.state === 'INVALID') throw api.refusalOf(deletion.errors ?? [], 'CDEK has the parcel');
        throw new CourierUnavailable('CDEK has not yet deleted the order');
      } catch (error) {
        // What is deleted is not there any more.
        if (isNotFound(error)) return gone;
        throw error;
      }
    },

    get: async (courierId) => shipmentOf(await get(courierId)),

    async label(courierId) {
      let form = forms.get(courierId);
      if (!form) {
        const body = { orders: [{ order_uuid: courierId }], copy_count: 1, format: 'A6' };
        const answer = await ask(api.Operation, {
          operation: 'label',
          method: 'POST',
          path: '/v2/print/barcodes',
          body,
          // A form more is a form that nobody prints.
          readsOnly: true,
        });
        form = answer.entity?.uuid;
        if (!form) throw api.refusalOf(api.errorsOf(answer), 'CDEK made no label');
        forms.set(courierId, form);
      }
      for (const pauseMs of [0, ...decisionPauses]) {
        await sleep(pauseMs);
        const path = `/v2/print/barcodes/${form}`;
        const { entity } = await ask(api.PrintForm, { operation: 'label', method: 'GET', path });
        const codes = (entity.statuses ?? []).map(({ code }) => code);
        if (codes.includes('READY')) {
          const file = partner({ operation: 'label_file', method: 'GET', path: `${path}.pdf`, file: true });
          return api.heard(file) as Promise<Uint8Array<ArrayBuffer>>;
        }
        if (codes.includes('INVALID') || codes.includes('REMOVED')) {
          forms.delete(courierId);
          throw new CourierRefusal('label', 'CDEK could not make the label');
        }
      }
      throw new CourierUnavailable('the label is being made');
    },

    parseWebhook({ query, body }) {
      if (!isSame(query.get('token') ?? '', options.webhookToken)) throw new ProblemError('invalid-signature');
      const event = parseJsonBody(api.CdekEvent, body);
      if (event.type !== 'ORDER_STATUS') return { kind: 'nothing' };
      const { code = '', status_code = '', status_date_time = '' } = event.attributes;
      const what = [event.uuid, code, status_code, status_date_time].join('|');
      return {
        kind: 'hint',
        eventId: createHash('sha256').update(what).digest('hex'),
        courierId: event.uuid,
        // Which of the two holds the word depends on the age of the subscription.
        stage: cdekStages[code] ?? cdekStages[status_code] ?? null,
      };
    },
  };
}

const creationOf = ({ requests }: api.CdekOrder) => requests?.find(({ type }) => type === 'CREATE');
const deletionOf = ({ requests }: api.CdekOrder) => requests?.findLast(({ type }) => type === 'DELETE');
const isSettled = (state: string | undefined): boolean => state === 'SUCCESSFUL' || state === 'INVALID';

/** Only with a number can anybody follow it. */
const isRegistered = ({ entity }: api.CdekOrder): boolean =>
  entity.cdek_number != null && (entity.statuses ?? []).some(({ code }) => !cdekUndecided.has(code));

/** The newest status that we know, however they are ordered. */
function stageOf(
  order: api.CdekOrder,
  unknownStatus: (status: string) => void,
): { readonly stage: CourierShipment['stage']; readonly reason: string | null } {
  const creation = creationOf(order);
  if (creation?.state === 'INVALID') {
    const { message } = api.refusalOf(creation.errors ?? [], 'CDEK refused the order');
    return { stage: 'refused', reason: message };
  }
  if (!isRegistered(order)) return { stage: null, reason: null };
  // Registered it is, whatever else they say of it.
  let newest: { stage: DeliveryStage; at: number; reason: string | null } = { stage: 'created', at: -1, reason: null };
  for (const { code, date_time, reason_code } of order.entity.statuses ?? []) {
    if (cdekUndecided.has(code)) continue;
    const stage = cdekStages[code];
    if (!stage) {
      unknownStatus(code);
      continue;
    }
    const at = Date.parse(date_time) || 0;
    if (at > newest.at) newest = { stage, at, reason: reason_code || null };
  }
  return newest;
}

/** Null for points in cities that we don't have. */
function pointOf(
  { code, name, work_time, location }: api.CdekPoint,
  city: string | undefined,
): CourierPoint | undefined {
  const id = `${prefix}${code.toLowerCase()}`;
  const inCity = city ?? cities.find((each) => distanceKm(each, location) <= sameCityKm)?.id;
  if (!inCity || !/^cdek-[a-z0-9]+$/.test(id)) return undefined;
  return {
    id,
    city: inCity,
    name: name || code,
    address: location.address_full || location.address || '',
    latitude: location.latitude,
    longitude: location.longitude,
    hours: work_time ?? '',
  };
}

const codeInId = (id: string): string => id.slice(prefix.length).toUpperCase();

const sizeOf = ({ grams, lengthCm, widthCm, heightCm }: Parcel) => ({
  ...{ weight: grams, length: lengthCm, width: widthCm, height: heightCm },
});

const dayOf = (text: string | null | undefined): string | null => /^\d{4}-\d\d-\d\d/.exec(text ?? '')?.[0] ?? null;

/** They answer 400 with one of several codes, by how the order was named. */
const isNotFound = (error: unknown): boolean =>
  error instanceof CourierRefusal && error.about.startsWith('v2_entity_not_found');

/** Takes as long for every wrong token. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
