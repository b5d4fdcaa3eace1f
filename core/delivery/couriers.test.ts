// Delivery with several couriers side by side: who gets a parcel, what is promised, and how a slow company is followed.
import { uuidv7 } from 'uuidv7';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ShipmentId } from '../../contracts/common.ts';
import type { PickupPoint, Quote } from '../../contracts/delivery.ts';
import { DeliveryServiceService } from '../../proto/generated/lotok/delivery/v1/delivery.ts';
import { until } from '../../tests/until.ts';
import { startWorld, type World } from '../sandbox/world.testing.ts';
import { account, type Cdek, openCdek, password, webhookToken } from './couriers/cdek-company.testing.ts';
import type { CourierWebhook } from './couriers/courier.ts';
import { delivery } from './index.ts';
import type { DeliveryTables } from './store.ts';

let company: Cdek;
let world: World<DeliveryTables, typeof DeliveryServiceService>;
let contacts = { name: 'Анна', phone: '+79161234567', email: 'anna@example.test' };
beforeAll(async () => {
  company = await openCdek({ pointsPerCity: 130 });
  world = await startWorld(delivery, DeliveryServiceService, {
    config: {
      couriers: ['cdek', 'sandbox'],
      cdek: { url: company.url, account, password, webhookToken, tariffs: { pickupPoint: 136, courier: 137 } },
    },
    contacts: () => contacts,
  });
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await company?.[Symbol.asyncDispose]();
});
beforeEach(() => {
  contacts = { name: 'Анна', phone: '+79161234567', email: 'anna@example.test' };
});
afterEach(() => {
  company.faults.between = undefined;
  company.isThinking = false;
  company.refusal = undefined;
});

const declaredValue = { amount: 1_000_00, currency: 'RUB' };
const door = (city: string) => ({ address: `${city}, ул. Мира, 5`, pickupPoint: '' });
const point = (pickupPoint: string) => ({ address: '', pickupPoint });
const key = () => ({ idempotencyKey: uuidv7(), deadlineMs: 10_000 });
const newShipment = (destination = point('cdek-kaz1')) => ({
  ...{ shipmentId: uuidv7(), orderId: uuidv7(), buyerId: uuidv7(), sellerId: uuidv7() },
  ...{ fromCity: 'moscow', destination, description: 'Велосипед', declaredValue },
});
const rowOf = (id: string) =>
  world.db
    .selectFrom('shipments')
    .selectAll()
    .where('id', '=', id as ShipmentId)
    .executeTakeFirstOrThrow();
const quotes = (destination: { address: string; pickupPoint: string }, orderId = '', buyerId = '') =>
  world.rpc.quote({ fromCity: 'moscow', destination, declaredValue, orderId, buyerId });
const read = async <Body>(path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(world.url + path, { headers });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
};
const told = async (id: string) =>
  (await world.told(id)).map(({ data }) => [data['stage'], data['tracking_number'], data['reason']]);
const sends = ({ query, body }: CourierWebhook, courier = 'cdek') =>
  world.post(`/v1/deliveries/webhooks/${courier}?${query}`, new TextDecoder().decode(body));
const problem = (code: string) => expect.objectContaining({ name: 'ProblemError', code });

describe('several couriers', () => {
  it('are asked in their order: the first that goes there has the price, the days and the points', async () => {
    const { body } = await read<{ items: Quote[] }>('/v1/deliveries/quotes?from_city=moscow&to_city=kazan');
    expect(body.items.map(({ method, courier }) => [method, courier])).toEqual([
      ['pickup_point', 'cdek'],
      ['courier', 'cdek'],
    ]);
    // CDEK has no tariff to Sochi.
    const { body: far } = await read<{ items: Quote[] }>('/v1/deliveries/quotes?from_city=moscow&to_city=sochi');
    expect(far.items.map(({ courier }) => courier)).toEqual(['sandbox', 'sandbox']);
    expect(await quotes(point('cdek-kaz1'))).toMatchObject({ courier: 'cdek' });
    expect(await quotes(point('kazan-1'))).toMatchObject({ courier: 'sandbox' });
    await expect(quotes(point('elsewhere-1'))).rejects.toEqual(problem('invalid-field'));
  });

  it('stand in for one that is away, and the one whose price an order pays gets its parcel', async () => {
    const { orderId, ...rest } = newShipment(door('Казань'));
    company.faults.between = async () => new Response('', { status: 503 });
    expect(await quotes(rest.destination, orderId)).toMatchObject({ courier: 'sandbox' });
    company.faults.between = undefined;
    await until('the breaker has closed', async () => (await quotes(door('Казань'))).courier === 'cdek', {
      timeoutMs: 30_000,
    });
    await world.rpc.createShipment({ ...rest, orderId }, key());
    expect(await rowOf(rest.shipmentId)).toMatchObject({ courier: 'sandbox' });
    const other = newShipment(door('Казань'));
    await quotes(other.destination, other.orderId);
    await world.rpc.createShipment(other, key());
    expect(await rowOf(other.shipmentId)).toMatchObject({ courier: 'cdek', tracking_number: expect.any(String) });
  });

  it('that call the recipient say so before anything is paid', async () => {
    contacts = { ...contacts, phone: '' };
    await expect(quotes(point('cdek-kaz1'), uuidv7(), uuidv7())).rejects.toEqual(problem('invalid-field'));
    expect(await quotes(point('kazan-1'), uuidv7(), uuidv7())).toMatchObject({ courier: 'sandbox' });
    contacts = { ...contacts, phone: '+79161234567' };
    expect(await quotes(point('cdek-kaz1'), uuidv7(), uuidv7())).toMatchObject({ courier: 'cdek' });
  });
});

describe('a company that decides later', () => {
  /** Longer than the caller waits. */
  const isLate = async () => {
    company.isThinking = true;
    const request = newShipment();
    const late = world.rpc.createShipment(request, { ...key(), deadlineMs: 2_500 });
    await expect(late).rejects.toMatchObject({ code: expect.stringMatching(/^(delivery-unavailable|timeout)$/) });
    return request;
  };

  it('leaves the caller without an answer, and the parcel is followed until there is one', async () => {
    const request = await isLate();
    expect(await rowOf(request.shipmentId)).toMatchObject({ stage: null, courier_id: expect.any(String) });
    expect(await told(request.shipmentId)).toEqual([]);
    company.isThinking = false;
    await until('it is registered', async () => (await told(request.shipmentId)).length === 1, { timeoutMs: 40_000 });
    expect(await told(request.shipmentId)).toEqual([['created', expect.stringMatching(/^11\d{8}$/), null]]);
    expect(company.parcels(request.shipmentId)).toBe(1);
    const { shipment } = await world.rpc.createShipment(request, key());
    expect(shipment).toMatchObject({ stage: 'STAGE_CREATED', trackingNumber: expect.stringMatching(/^11/) });
  }, 60_000);

  it('may say no: then there is no parcel, and its reason is told', async () => {
    const request = await isLate();
    company.refusal = [{ code: 'v2_bad', message: 'Отправление запрещено' }];
    company.isThinking = false;
    await until('it is refused', async () => (await told(request.shipmentId)).length === 1, { timeoutMs: 40_000 });
    expect(await told(request.shipmentId)).toEqual([['cancelled', null, 'Отправление запрещено']]);
    expect(await rowOf(request.shipmentId)).toMatchObject({ due_at: null, attention: null, cancelling: false });
  }, 60_000);

  it('may be told to stop before it has decided: nothing stays there', async () => {
    const request = await isLate();
    const stop = { shipmentId: request.shipmentId, reason: 'buyer_cancelled' };
    await world.rpc.cancelShipment(stop, { ...key(), deadlineMs: 1_500 }).catch(() => undefined);
    company.isThinking = false;
    const isOver = async () => (await rowOf(request.shipmentId)).stage === 'cancelled';
    await until('it is stopped', isOver, { timeoutMs: 40_000 });
    expect(await rowOf(request.shipmentId)).toMatchObject({ cancelling: false, due_at: null, attention: null });
  }, 60_000);

  it('calls a person when it has not decided for a day', async () => {
    const request = await isLate();
    await world.db
      .updateTable('shipments')
      .set({ due_at: new Date(0), tried_since: new Date(Date.now() - 25 * 3_600_000) })
      .where('id', '=', request.shipmentId as ShipmentId)
      .execute();
    const called = await until('a person is called', async () => (await rowOf(request.shipmentId)).attention);
    expect(called).toBe('register: cdek has not decided about the registration');
  });
});

describe('a webhook that only hints', () => {
  it('has the courier asked at once, whatever the hint says', async () => {
    const request = newShipment();
    await world.rpc.createShipment(request, key());
    const courierId = (await rowOf(request.shipmentId)).courier_id ?? '';
    await company.says(courierId, 'RECEIVED_AT_SHIPMENT_WAREHOUSE');
    const webhook = await company.webhook(courierId);
    for (let round = 0; round < 3; round += 1) expect((await sends(webhook)).status).toBe(204);
    await until('it is heard', async () => (await rowOf(request.shipmentId)).stage === 'accepted');
    // A forged one, with the token but of what never happened.
    const forged = new TextDecoder().decode(webhook.body).replaceAll('RECEIVED_AT_SHIPMENT_WAREHOUSE', 'DELIVERED');
    const asked = company.asked.length;
    expect((await sends({ ...webhook, body: new TextEncoder().encode(forged) })).status).toBe(204);
    await until('it was asked', () => company.asked.length > asked);
    expect(await told(request.shipmentId)).toEqual([
      ['created', expect.any(String), null],
      ['accepted', expect.any(String), null],
    ]);
    const events = await world.db
      .selectFrom('courier_events')
      .select('stage')
      .where('shipment_id', '=', request.shipmentId as ShipmentId)
      .orderBy('received_at')
      .execute();
    expect(events.map(({ stage }) => stage)).toEqual(['accepted', 'delivered']);
  });

  it('is refused without the token, and taken where it is about nothing of ours, so that CDEK goes on sending', async () => {
    const request = newShipment();
    await world.rpc.createShipment(request, key());
    const webhook = await company.webhook((await rowOf(request.shipmentId)).courier_id ?? '');
    expect((await sends({ ...webhook, query: new URLSearchParams({ token: 'guessed' }) })).status).toBe(401);
    const foreign = new TextDecoder().decode(webhook.body).replace(/"uuid":"[^"]+"/, `"uuid":"${uuidv7()}"`);
    expect((await sends({ ...webhook, body: new TextEncoder().encode(foreign) })).status).toBe(204);
    expect((await sends(webhook, 'easypost')).status).toBe(404);
  });
});

describe('pick-up points', () => {
  it('come the nearest first, page by page, each once', async () => {
    const seen: PickupPoint[] = [];
    let path = '/v1/deliveries/pickup-points?city=kazan&limit=50';
    for (let page = 0; page < 5; page += 1) {
      const { body } = await read<{ items: PickupPoint[]; next_cursor: string | null }>(path);
      seen.push(...body.items);
      if (!body.next_cursor) break;
      path = `/v1/deliveries/pickup-points?city=kazan&limit=50&cursor=${body.next_cursor}`;
    }
    expect(new Set(seen.map(({ id }) => id)).size).toBe(130);
    const distances = seen.map(({ distance_m }) => distance_m);
    expect(distances).toEqual(distances.toSorted((one, other) => one - other));
    expect(seen.every(({ courier }) => courier === 'cdek')).toBe(true);
  });

  it('are found by a position, too, with the way from there', async () => {
    const { body } = await read<{ items: PickupPoint[] }>(
      '/v1/deliveries/pickup-points?latitude=55.8461&longitude=49.1064&limit=1',
    );
    expect(body.items).toMatchObject([{ id: 'cdek-kaz51', distance_m: 0 }]);
    expect((await read('/v1/deliveries/pickup-points?latitude=0&longitude=0')).status).toBe(400);
    expect((await read('/v1/deliveries/pickup-points?latitude=55.8')).status).toBe(400);
    expect((await read('/v1/deliveries/pickup-points')).status).toBe(400);
    expect((await read('/v1/deliveries/pickup-points?city=kazan&cursor=x')).status).toBe(400);
  });

  it('are told one by one', async () => {
    const { body } = await read<PickupPoint>('/v1/deliveries/pickup-points/cdek-kaz3');
    expect(body).toMatchObject({ id: 'cdek-kaz3', city: 'kazan', courier: 'cdek' });
    expect((await read<PickupPoint>('/v1/deliveries/pickup-points/kazan-1')).body).toMatchObject({
      courier: 'sandbox',
    });
    expect((await read('/v1/deliveries/pickup-points/cdek-kaz999')).status).toBe(404);
    expect((await read('/v1/deliveries/pickup-points/elsewhere')).status).toBe(404);
  });
});

describe('a label', () => {
  const label = async (id: string, userId: string) =>
    fetch(`${world.url}/v1/deliveries/shipments/${id}/label`, { headers: { authorization: `Bearer ${userId}` } });

  it.each(['cdek-kaz1', 'kazan-1'])(
    'of a parcel to %s is for its seller alone, until the courier has it',
    async (to) => {
      const request = newShipment(point(to));
      await world.rpc.createShipment(request, key());
      const mine = await label(request.shipmentId, request.sellerId);
      expect(mine.status).toBe(200);
      expect(mine.headers.get('content-type')).toBe('application/pdf');
      expect(mine.headers.get('cache-control')).toContain('no-store');
      expect((await mine.text()).startsWith('%PDF-1.4')).toBe(true);
      expect((await label(request.shipmentId, request.buyerId)).status).toBe(404);
      expect((await label(uuidv7(), request.sellerId)).status).toBe(404);
      expect((await fetch(`${world.url}/v1/deliveries/shipments/${request.shipmentId}/label`)).status).toBe(401);
      await world.db
        .updateTable('shipments')
        .set({ stage: 'accepted' })
        .where('id', '=', request.shipmentId as ShipmentId)
        .execute();
      expect((await label(request.shipmentId, request.sellerId)).status).toBe(409);
    },
  );
});
