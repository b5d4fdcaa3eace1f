import { createHmac, randomUUID } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AdId, ShipmentId } from '../../contracts/common.ts';
import type { PickupPoint, Quote } from '../../contracts/delivery.ts';
import { DeliveryServiceService, type Shipment } from '../../proto/generated/lotok/delivery/v1/delivery.ts';
import { until } from '../../tests/until.ts';
import { startWorld, type World } from '../sandbox/world.testing.ts';
import { delivery } from './index.ts';
import { type DeliveryTables, keepCurrency } from './store.ts';

let world: World<DeliveryTables, typeof DeliveryServiceService>;
beforeAll(async () => {
  world = await startWorld(delivery, DeliveryServiceService);
});
afterAll(() => world?.[Symbol.asyncDispose]());
afterEach(() => {
  world.faults.between = undefined;
});

const toAddress = (address: string) => ({ address, pickupPoint: '' });
const toPickup = (pickupPoint: string) => ({ address: '', pickupPoint });
const rub = (amount: number) => ({ amount, currency: 'RUB' });
const newShipment = (destination = toAddress('Казань, ул. Баумана, 1')) => ({
  shipmentId: uuidv7(),
  orderId: uuidv7(),
  buyerId: uuidv7(),
  sellerId: uuidv7(),
  fromCity: 'moscow',
  destination,
  description: 'Велосипед',
  declaredValue: rub(1_000_00),
});
const nobody = { orderId: '', buyerId: '' };
const key = () => ({ idempotencyKey: `step-${randomUUID()}`, deadlineMs: 8_000 });
const problem = (code: string, message?: RegExp) =>
  expect.objectContaining({ name: 'ProblemError', code, ...(message && { message: expect.stringMatching(message) }) });

const creates = async (request = newShipment()) => {
  const { shipment } = await world.rpc.createShipment(request, key());
  if (!shipment) throw new Error('no shipment');
  return shipment;
};
const get = async (shipmentId: string) => (await world.rpc.get({ shipmentId })).shipment;
const advances = (id: string, stage?: string) =>
  world.post(`/sandbox/courier/shipments/${id}/advance`, stage === undefined ? {} : { stage });
const becomes = (id: string, stage: string) =>
  until(`the parcel is ${stage}`, async () => (await get(id))?.stage === `STAGE_${stage.toUpperCase()}`);
const toldStages = async (id: string) => (await world.told(id)).map(({ data }) => [data['stage'], data['version']]);
const courierIdOf = async (id: string) => {
  const { courier_id } = await world.db
    .selectFrom('shipments')
    .select('courier_id')
    .where('id', '=', id as ShipmentId)
    .executeTakeFirstOrThrow();
  return courier_id;
};
const heard = async (id: string) => {
  const rows = await world.db
    .selectFrom('courier_events')
    .select('stage')
    .where('shipment_id', '=', id as ShipmentId)
    .execute();
  return rows.map(({ stage }) => stage);
};
const due = (id: string) =>
  world.db
    .updateTable('shipments')
    .set({ due_at: new Date(0) })
    .where('id', '=', id as ShipmentId)
    .execute();
const webhook = (event: unknown, secret = world.secretOf('courier-webhook-secret')) => {
  const body = JSON.stringify(event);
  const timestamp = Math.floor(Date.now() / 1000);
  const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
  return world.post('/v1/deliveries/webhooks/sandbox', body, { 'x-signature': `t=${timestamp},v1=${signature}` });
};
const word = async ({ shipmentId, trackingNumber }: Shipment, stage: string) => ({
  id: `evt_${stage}_${shipmentId}`,
  type: `shipment.${stage}`,
  shipment: {
    id: await courierIdOf(shipmentId),
    reference: shipmentId,
    tracking_number: trackingNumber,
    pickup_address: null,
    stage,
    reason: null,
    estimated: { from: '2026-12-01', to: '2026-12-03' },
  },
});
const isWebhook = (request: Request) => new URL(request.url).pathname.startsWith('/v1/deliveries/webhooks/');
const isApi = (request: Request) => new URL(request.url).pathname.startsWith('/sandbox/courier/v1/');
const away = () => new Response('{}', { status: 503 });

describe('a parcel', () => {
  it('is registered and carried to the door, each stage told once', async () => {
    const shipment = await creates();
    expect(shipment).toMatchObject({ stage: 'STAGE_CREATED', version: 1 });
    expect(shipment.trackingNumber).toMatch(/^LT\d{14}$/);
    expect(shipment.estimated?.from).toMatch(/^\d{4}-\d\d-\d\d$/);
    // By our id, by the tracking number, or without a stage to the next one.
    expect((await advances(shipment.shipmentId, 'accepted')).status).toBe(200);
    await becomes(shipment.shipmentId, 'accepted');
    expect((await advances(shipment.trackingNumber, 'in_transit')).status).toBe(200);
    await becomes(shipment.shipmentId, 'in_transit');
    expect((await advances(shipment.shipmentId)).status).toBe(200);
    await becomes(shipment.shipmentId, 'delivered');
    expect(await toldStages(shipment.shipmentId)).toEqual([
      ['created', 1],
      ['accepted', 2],
      ['in_transit', 3],
      ['delivered', 4],
    ]);
  });

  it('is one, however often it is created, also at once, and keeps its values', async () => {
    const request = newShipment();
    const all = await Promise.all(Array.from({ length: 5 }, () => creates(request)));
    expect(new Set(all.map(({ trackingNumber }) => trackingNumber)).size).toBe(1);
    expect(await toldStages(request.shipmentId)).toEqual([['created', 1]]);
    const elsewhere = { ...request, destination: toAddress('Самара, ул. Мира, 2') };
    await expect(creates(elsewhere)).rejects.toEqual(problem('idempotency-key-reused'));
    await expect(creates({ ...newShipment(), orderId: request.orderId })).rejects.toEqual(problem('conflict'));
    const nowhere = { ...newShipment(), destination: { address: '', pickupPoint: '' } };
    await expect(creates(nowhere)).rejects.toEqual(problem('invalid-field'));
  });

  it.each(['Москва, refuse, 1', 'Казань, отказ, 2'])('is refused by the courier at %s, for good', async (address) => {
    const request = newShipment(toAddress(address));
    const refused = problem('conflict', /^COURIER_REFUSED/);
    await expect(creates(request)).rejects.toEqual(refused);
    await expect(creates(request)).rejects.toEqual(refused);
    expect(await toldStages(request.shipmentId)).toEqual([['cancelled', 1]]);
  });

  it('is refused later, at the counter', async () => {
    const { shipmentId } = await creates();
    await advances(shipmentId, 'cancelled');
    await becomes(shipmentId, 'cancelled');
    expect((await get(shipmentId))?.reason).toBe('refused_at_acceptance');
  });

  it('waits at its pick-up point, and the buyer is told', async () => {
    const { shipmentId } = await creates(newShipment(toPickup('kazan-1')));
    await advances(shipmentId, 'at_pickup_point');
    await becomes(shipmentId, 'at_pickup_point');
    const mine = () => world.enqueued.filter((notice) => notice.key === `${shipmentId}:at_pickup_point`);
    await until('the message is handed over', () => mine().length === 1);
    expect(mine()[0]).toMatchObject({
      kind: 'order_at_pickup_point',
      parameters: { pickup_point: 'Центральный, Казань, ул. Ленина, 12' },
    });
    await expect(creates(newShipment(toPickup('kazan-99')))).rejects.toEqual(problem('conflict', /COURIER_REFUSED/));
  });

  it('can be cancelled until the courier has it', async () => {
    const one = await creates();
    const { shipment } = await world.rpc.cancelShipment(
      { shipmentId: one.shipmentId, reason: 'buyer_cancelled' },
      key(),
    );
    expect(shipment).toMatchObject({ stage: 'STAGE_CANCELLED', reason: 'buyer_cancelled' });
    await world.rpc.cancelShipment({ shipmentId: one.shipmentId, reason: 'again' }, key());
    expect(await toldStages(one.shipmentId)).toEqual([
      ['created', 1],
      ['cancelled', 2],
    ]);
    const nothing = { shipmentId: uuidv7(), reason: '' };
    await expect(world.rpc.cancelShipment(nothing, key())).rejects.toEqual(problem('not-found'));
  });

  it('goes its way when the courier was quicker than the cancellation, also where we had not heard', async () => {
    world.faults.between = async (request, forward) => (isWebhook(request) ? away() : forward());
    const { shipmentId } = await creates();
    await advances(shipmentId, 'accepted');
    const cancelling = world.rpc.cancelShipment({ shipmentId, reason: 'buyer_cancelled' }, key());
    await expect(cancelling).rejects.toEqual(problem('conflict', /^SHIPMENT_UNDER_WAY/));
    expect(await toldStages(shipmentId)).toEqual([
      ['created', 1],
      ['accepted', 2],
    ]);
    await advances(shipmentId, 'lost');
    world.faults.between = undefined;
    await becomes(shipmentId, 'lost');
    expect((await get(shipmentId))?.reason).toBe('lost_in_transit');
  });
});

describe('a courier that says no, and then yes to the same request', () => {
  /** Two requests for one parcel are on their way; the one that comes first is refused. */
  const registers = async () => {
    const request = newShipment();
    const second = Promise.withResolvers<void>();
    const stopped: number[] = [];
    let registrations = 0;
    world.faults.between = async (incoming, forward) => {
      if (!incoming.url.endsWith('/v1/shipments')) {
        const answer = await forward();
        if (incoming.url.endsWith('/cancel')) stopped.push(answer.status);
        return answer;
      }
      registrations += 1;
      if (registrations > 1) return Response.json({ error: 'full', message: 'not now' }, { status: 422 });
      await second.promise;
      return forward();
    };
    const slow = creates(request);
    await until('the first one is under way', () => registrations === 1);
    await expect(creates(request)).rejects.toEqual(problem('conflict', /^COURIER_REFUSED/));
    return { shipmentId: request.shipmentId, slow, stopped, arrives: () => second.resolve() };
  };

  it('does not carry the parcel: it is stopped', async () => {
    const { shipmentId, slow, stopped, arrives } = await registers();
    arrives();
    expect(await slow).toMatchObject({ stage: 'STAGE_CANCELLED' });
    expect(stopped).toEqual([200]);
    expect(await rowOf(shipmentId)).toMatchObject({ stage: 'cancelled', cancelling: false, attention: null });
    expect(await toldStages(shipmentId)).toEqual([['cancelled', 1]]);
  });

  it('carries it all the same when it has it by then: a person is called', async () => {
    const { shipmentId, slow, arrives } = await registers();
    const { between } = world.faults;
    world.faults.between = async (incoming, forward) => {
      // It is collected the moment it is registered.
      if (incoming.url.endsWith('/cancel')) await advances(shipmentId, 'accepted');
      return between ? between(incoming, forward) : forward();
    };
    arrives();
    await slow;
    await until('a person is called', async () => (await rowOf(shipmentId)).attention);
    expect(await rowOf(shipmentId)).toMatchObject({
      stage: 'cancelled',
      attention: 'cancel: The parcel is accepted',
      due_at: null,
    });
  });
});

describe('a parcel that the courier refuses', () => {
  it('needs nobody any more, and is not registered again', async () => {
    const request = newShipment(toAddress('Казань, refuse'));
    const { between } = world.faults;
    world.faults.between = async (incoming, forward) =>
      isApi(incoming) ? Response.json({ nonsense: true }) : forward();
    await expect(creates(request)).rejects.toThrow();
    await world.db
      .updateTable('shipments')
      .set({ failures: 11, due_at: new Date(0) })
      .where('id', '=', request.shipmentId as ShipmentId)
      .execute();
    await until('a person is called', async () => (await rowOf(request.shipmentId)).attention);
    world.faults.between = between;
    await expect(creates(request)).rejects.toEqual(problem('conflict', /^COURIER_REFUSED/));
    expect(await rowOf(request.shipmentId)).toMatchObject({ stage: 'cancelled', attention: null, due_at: null });
    // An operator who was about to have it tried again is too late.
    await world.rpc.retry({ shipmentId: request.shipmentId, attentionVersion: 1 }, key());
    expect(await rowOf(request.shipmentId)).toMatchObject({ due_at: null });
  });
});

describe('the way to the courier', () => {
  it('may lose answers: there is one parcel', async () => {
    let tries = 0;
    world.faults.between = async (request, forward) => {
      const answer = await forward();
      if (!request.url.endsWith('/v1/shipments')) return answer;
      tries += 1;
      return tries === 1 ? away() : answer;
    };
    const { shipmentId } = await creates();
    expect(tries).toBe(2);
    expect(await toldStages(shipmentId)).toEqual([['created', 1]]);
  });

  it('may bring the answer to another question: nothing is mixed up', async () => {
    const other = await creates();
    const request = newShipment();
    let mistakes = 0;
    world.faults.between = async (incoming, forward) => {
      const answer = await forward();
      if (!incoming.url.endsWith('/v1/shipments') || mistakes > 0) return answer;
      mistakes += 1;
      const body = (await answer.json()) as object;
      const id = await courierIdOf(other.shipmentId);
      return Response.json({ ...body, id, reference: other.shipmentId, tracking_number: other.trackingNumber });
    };
    const created = await creates(request);
    expect(mistakes).toBe(1);
    expect(created.trackingNumber).not.toBe(other.trackingNumber);
    await advances(request.shipmentId, 'accepted');
    await becomes(request.shipmentId, 'accepted');
    expect((await get(other.shipmentId))?.stage).toBe('STAGE_CREATED');
  });

  it('may be closed: the caller hears so, and the parcel is registered when it opens', async () => {
    const request = newShipment();
    world.faults.between = async (incoming, forward) => (isApi(incoming) ? away() : forward());
    await expect(creates(request)).rejects.toEqual(problem('delivery-unavailable'));
    expect(await toldStages(request.shipmentId)).toEqual([]);
    world.faults.between = undefined;
    await due(request.shipmentId);
    await world.restart();
    await becomes(request.shipmentId, 'created');
  });

  it('may be slower than the webhook', async () => {
    const request = newShipment();
    const held = Promise.withResolvers<void>();
    world.faults.between = async (incoming, forward) => {
      const answer = await forward();
      if (incoming.url.endsWith('/v1/shipments')) await held.promise;
      return answer;
    };
    const creating = creates(request);
    await until('the courier knows it', async () => (await advances(request.shipmentId, 'accepted')).status === 200);
    await becomes(request.shipmentId, 'accepted');
    held.resolve();
    expect(await creating).toMatchObject({ stage: 'STAGE_ACCEPTED', version: 2 });
    expect(await toldStages(request.shipmentId)).toEqual([
      ['created', 1],
      ['accepted', 2],
    ]);
  });

  it('may lose webhooks: the courier is asked', async () => {
    world.faults.between = async (request, forward) => (isWebhook(request) ? away() : forward());
    const { shipmentId } = await creates();
    await advances(shipmentId, 'in_transit');
    await due(shipmentId);
    await becomes(shipmentId, 'in_transit');
    expect(await heard(shipmentId)).toEqual([]);
  });
});

describe('the courier’s webhook', () => {
  it('brings each stage, also of a parcel that moves fast', async () => {
    const { shipmentId } = await creates(newShipment(toPickup('sochi-1')));
    const stages = ['accepted', 'in_transit', 'at_pickup_point', 'delivered'];
    for (const stage of stages) await advances(shipmentId, stage);
    await becomes(shipmentId, 'delivered');
    expect((await toldStages(shipmentId)).map(([stage]) => stage)).toEqual(['created', ...stages]);
  });

  it('is refused with a bad signature, and nothing changes', async () => {
    const shipment = await creates();
    const event = await word(shipment, 'accepted');
    expect((await webhook(event, 'another secret')).status).toBe(401);
    expect((await world.post('/v1/deliveries/webhooks/sandbox', event)).status).toBe(401);
    expect((await world.post('/v1/deliveries/webhooks/nobody', event)).status).toBe(404);
    expect((await get(shipment.shipmentId))?.stage).toBe('STAGE_CREATED');
  });

  it('has one effect, however often and in whatever order it comes; skipped stages are kept and not told', async () => {
    const shipment = await creates();
    const stages = ['in_transit', 'accepted', 'delivered', 'in_transit'];
    for (let round = 0; round < 10; round += 1) {
      for (const stage of stages) expect((await webhook(await word(shipment, stage))).status).toBe(204);
    }
    expect(await toldStages(shipment.shipmentId)).toEqual([
      ['created', 1],
      ['in_transit', 2],
      ['delivered', 3],
    ]);
    expect((await heard(shipment.shipmentId)).toSorted()).toEqual(['accepted', 'delivered', 'in_transit']);
  });

  it('is asked for again when we know no such parcel', async () => {
    const stranger = { ...(await word(await creates(), 'accepted')), id: 'evt_stranger' };
    const event = { ...stranger, shipment: { ...stranger.shipment, reference: uuidv7() } };
    expect((await webhook(event)).status).toBe(404);
    expect((await webhook({ id: 'evt_nonsense', type: 'x' })).status).toBe(422);
  });
});

describe('watching a parcel', () => {
  it('shows the present stage, then each change in order, until the last', async () => {
    const { shipmentId } = await creates();
    const seen: Shipment[] = [];
    const watching = (async () => {
      for await (const { shipment } of world.rpc.watchShipment({ shipmentId, afterVersion: 0 })) {
        if (shipment) seen.push(shipment);
      }
    })();
    await until('it began', () => seen.length === 1);
    await advances(shipmentId, 'accepted');
    await until('the change arrives', () => seen.length === 2, { timeoutMs: 3_000 });
    await advances(shipmentId, 'in_transit');
    await becomes(shipmentId, 'in_transit');
    await advances(shipmentId, 'returned');
    await watching;
    expect(seen.map(({ stage, version }) => [stage, version])).toEqual([
      ['STAGE_CREATED', 1],
      ['STAGE_ACCEPTED', 2],
      ['STAGE_IN_TRANSIT', 3],
      ['STAGE_RETURNED', 4],
    ]);
  });
});

describe('before there is a parcel', () => {
  const read = async <Body>(path: string) => {
    const response = await fetch(world.url + path);
    return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
  };

  it('both ways have a price and days, in the currency of the ad', async () => {
    const adId = uuidv7() as AdId;
    await world.db.transaction().execute((trx) => keepCurrency(trx, { ad_id: adId, currency: 'EUR', version: 1 }));
    const path = '/v1/deliveries/quotes?from_city=moscow&to_city=sochi';
    const { body, headers } = await read<{ items: Quote[] }>(path);
    expect(body.items.map(({ method, price }) => [method, price.currency])).toEqual([
      ['pickup_point', 'RUB'],
      ['courier', 'RUB'],
    ]);
    expect(headers.get('cdn-cache-control')).toContain('max-age');
    const inEuro = await read<{ items: Quote[] }>(`${path}&ad_id=${adId}`);
    expect(inEuro.body.items.every(({ price }) => price.currency === 'EUR')).toBe(true);
    const near = await read<{ items: Quote[] }>('/v1/deliveries/quotes?from_city=moscow&to_city=moscow');
    expect(near.body.items[0]?.estimated.to).not.toBe(body.items[0]?.estimated.to);
    expect((await read('/v1/deliveries/quotes?from_city=moscow&to_city=atlantis')).status).toBe(400);
  });

  it('old news of an ad changes no currency', async () => {
    const ad_id = uuidv7() as AdId;
    const hears = (currency: string, version: number) =>
      world.db.transaction().execute((trx) => keepCurrency(trx, { ad_id, currency, version }));
    await hears('EUR', 2);
    await hears('RUB', 1);
    const { body } = await read<{ items: Quote[] }>(
      `/v1/deliveries/quotes?from_city=moscow&to_city=sochi&ad_id=${ad_id}`,
    );
    expect(body.items.map(({ price }) => price.currency)).toEqual(['EUR', 'EUR']);
  });

  it('an order is quoted what the shop window said', async () => {
    const { body } = await read<{ items: Quote[] }>('/v1/deliveries/quotes?from_city=moscow&to_city=kazan');
    const declaredValue = rub(1_000_00);
    const [pickup, door] = await Promise.all([
      world.rpc.quote({ fromCity: 'moscow', destination: toPickup('kazan-2'), declaredValue, ...nobody }),
      world.rpc.quote({ fromCity: 'moscow', destination: toAddress('Казань, ул. Мира, 5'), declaredValue, ...nobody }),
    ]);
    expect([pickup, door].map(({ price, estimated }) => ({ price, estimated }))).toEqual(
      body.items.map(({ price, estimated }) => ({ price, estimated })),
    );
    const unknown = world.rpc.quote({
      fromCity: 'moscow',
      destination: toPickup('kazan-99'),
      declaredValue,
      ...nobody,
    });
    await expect(unknown).rejects.toEqual(problem('invalid-field'));
  });

  it('each city has pick-up points, also while the courier is away', async () => {
    const path = '/v1/deliveries/pickup-points?city=samara';
    const { body } = await read<{ items: PickupPoint[] }>(path);
    expect(body.items.length).toBeGreaterThan(2);
    expect(body.items.every(({ city, latitude }) => city === 'samara' && latitude > 52 && latitude < 54)).toBe(true);
    world.faults.between = async (request, forward) => (isApi(request) ? away() : forward());
    expect((await read<{ items: PickupPoint[] }>(path)).body).toEqual(body);
    expect((await read('/v1/deliveries/pickup-points?city=kazan')).status).toBe(503);
    expect((await read('/v1/deliveries/pickup-points?city=atlantis')).status).toBe(400);
  });
});

const rowOf = (id: string) =>
  world.db
    .selectFrom('shipments')
    .selectAll()
    .where('id', '=', id as ShipmentId)
    .executeTakeFirstOrThrow();

describe('a question that the courier answers with nonsense', () => {
  const called = async (id: string) =>
    (await world.told(id))
      .filter(({ type }) => type === 'delivery.attention')
      .map(({ data }) => [data['why'], data['version']]);
  /** As after eleven such answers. */
  const asked = async (shipmentId: string) => {
    world.faults.between = async (request, forward) =>
      isApi(request) && request.method === 'GET'
        ? Response.json({ error: 'unknown', message: 'no such parcel' }, { status: 404 })
        : forward();
    await world.db
      .updateTable('shipments')
      .set({ failures: 11, due_at: new Date(0) })
      .where('id', '=', shipmentId as ShipmentId)
      .execute();
    await until('a person is called', async () => (await rowOf(shipmentId)).attention);
  };

  it('calls a person, and is asked again when an operator says so', async () => {
    const { shipmentId } = await creates();
    await asked(shipmentId);
    expect(await rowOf(shipmentId)).toMatchObject({ attention: 'ask: no such parcel', due_at: null, failures: 12 });
    world.faults.between = undefined;
    await expect(world.rpc.retry({ shipmentId, attentionVersion: 7 }, key())).rejects.toEqual(problem('conflict'));
    const { attention } = await world.rpc.retry({ shipmentId, attentionVersion: 1 }, key());
    expect(attention).toEqual({ why: '', version: 2 });
    await until('it was asked', async () => (await rowOf(shipmentId)).attempts === 1);
    expect(await called(shipmentId)).toEqual([
      ['ask: no such parcel', 1],
      [null, 2],
    ]);
  });

  it('is no longer asked when an operator takes over, and needs nobody once the parcel has arrived', async () => {
    const given = await creates();
    await asked(given.shipmentId);
    await world.rpc.giveUp({ shipmentId: given.shipmentId, attentionVersion: 1 }, key());
    expect(await rowOf(given.shipmentId)).toMatchObject({ attention: null, due_at: null, stage: 'created' });
    const arrived = await creates();
    await asked(arrived.shipmentId);
    expect((await webhook(await word(arrived, 'delivered'))).status).toBe(204);
    expect((await called(arrived.shipmentId)).at(-1)).toEqual([null, 2]);
  });
});

describe('the story of a parcel', () => {
  it('has its way, and what the courier told and says', async () => {
    const { shipmentId, trackingNumber } = await creates();
    await advances(shipmentId, 'accepted');
    await becomes(shipmentId, 'accepted');
    const story = await world.rpc.getStory({ shipmentId });
    expect(story).toMatchObject({
      shipmentId,
      courier: 'sandbox',
      trackingNumber,
      stage: 'accepted',
      courierSays: 'accepted',
      courierError: '',
      cancelling: false,
      attention: { why: '', version: 0 },
    });
    expect(story.changes.map(({ stage }) => stage)).toEqual(['created', 'accepted']);
    expect(story.courierEvents.map(({ stage }) => stage)).toContain('accepted');
    expect(story.traceId).toMatch(/^[0-9a-f]{32}$/);
    await expect(world.rpc.getStory({ shipmentId: uuidv7() })).rejects.toEqual(problem('not-found'));
  });
});

describe('while the courier is away', () => {
  // Its breaker is open then.
  afterEach(() => world.restart());

  it('nobody is called because a question has no answer', async () => {
    const { shipmentId } = await creates();
    world.faults.between = async (request, forward) => (isApi(request) ? away() : forward());
    await world.db
      .updateTable('shipments')
      .set({ due_at: new Date(0), tried_since: new Date(0) })
      .where('id', '=', shipmentId as ShipmentId)
      .execute();
    await until('it was asked', async () => (await rowOf(shipmentId)).last_error);
    expect(await rowOf(shipmentId)).toMatchObject({ attention: null, failures: 0, due_at: expect.any(Date) });
  });

  it('the story of a parcel comes without its word', async () => {
    const { shipmentId } = await creates();
    world.faults.between = async (request, forward) => (isApi(request) ? away() : forward());
    expect(await world.rpc.getStory({ shipmentId }, { deadlineMs: 3_000 })).toMatchObject({
      stage: 'created',
      courierSays: '',
      courierError: expect.stringMatching(/./),
    });
  });
});
