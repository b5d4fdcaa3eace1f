import { uuidv7 } from 'uuidv7';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DeliveryServiceService } from '../../../proto/generated/lotok/delivery/v1/delivery.ts';
import { until } from '../../../tests/until.ts';
import { delivery } from '../../delivery/index.ts';
import type { DeliveryTables } from '../../delivery/store.ts';
import { startWorld, type World } from '../world.testing.ts';

type Courier = World<DeliveryTables, typeof DeliveryServiceService>;
const toDoor = { address: 'Самара, ул. Мира, 2', pickupPoint: '' };
const toPickup = { address: '', pickupPoint: 'samara-1' };
const creates = async (world: Courier, destination = toDoor) => {
  const request = {
    shipmentId: uuidv7(),
    orderId: uuidv7(),
    buyerId: uuidv7(),
    sellerId: uuidv7(),
    fromCity: 'moscow',
    destination,
    description: 'Велосипед',
    declaredValue: { amount: 100_00, currency: 'RUB' },
  };
  const { shipment } = await world.rpc.createShipment(request, { idempotencyKey: request.shipmentId });
  if (!shipment) throw new Error('no shipment');
  return shipment;
};
const advances = (world: Courier, id: string, body: unknown) =>
  world.post(`/sandbox/courier/shipments/${id}/advance`, body);

describe('a parcel driven by hand', () => {
  let world: Courier;
  beforeAll(async () => {
    world = await startWorld(delivery, DeliveryServiceService);
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('goes forward only, and nowhere after its end', async () => {
    const { shipmentId: id } = await creates(world);
    const tries = [
      [{ stage: 'nonsense' }, 422],
      [{ stage: 'accepted', more: 1 }, 422],
      [{ stage: 'at_pickup_point' }, 422],
      [{ stage: 'returned' }, 422],
      [{ stage: 'in_transit' }, 200],
      [{ stage: 'in_transit' }, 200],
      [{ stage: 'accepted' }, 422],
      [{ stage: 'cancelled' }, 422],
      [{}, 200],
      [{}, 422],
      [{ stage: 'lost' }, 422],
      [{ stage: 'returned' }, 200],
      [{ stage: 'delivered' }, 422],
      ['{', 400],
    ] as const;
    for (const [body, status] of tries) {
      expect([body, (await advances(world, id, body)).status]).toEqual([body, status]);
    }
    expect((await advances(world, uuidv7(), { stage: 'accepted' })).status).toBe(404);
  });

  it('can be followed on a public page by its tracking number only', async () => {
    const { shipmentId, trackingNumber } = await creates(world, toPickup);
    await advances(world, shipmentId, { stage: 'at_pickup_point' });
    const opens = async (tracking: string, language: string) => {
      const url = `${world.url}/sandbox/courier/track/${tracking}`;
      const response = await fetch(url, { headers: { 'accept-language': language } });
      return { status: response.status, html: await response.text(), headers: response.headers };
    };
    const russian = await opens(trackingNumber, 'ru');
    expect(russian.html).toContain('Ждёт в пункте выдачи');
    expect(russian.html).not.toContain('Самара');
    expect(russian.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect((await opens(trackingNumber, 'en')).html).toContain('Waiting at the pick-up point');
    expect((await opens(shipmentId, 'en')).status).toBe(404);
    expect((await opens('LT00000000000000', 'en')).status).toBe(404);
  });

  it('is none of a stranger’s business', async () => {
    const { status } = await world.post('/sandbox/courier/v1/shipments', {}, { authorization: 'Bearer x' });
    expect(status).toBe(401);
  });
});

describe('a parcel that moves by itself', () => {
  let world: Courier;
  beforeAll(async () => {
    world = await startWorld(delivery, DeliveryServiceService, { config: { sandboxStepMs: 150 } });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());
  afterEach(() => {
    world.faults.between = undefined;
  });

  const stagesOf = async (id: string) => (await world.told(id)).map(({ data }) => data['stage']);

  it.each([
    [toDoor, ['created', 'accepted', 'in_transit', 'delivered']],
    [toPickup, ['created', 'accepted', 'in_transit', 'at_pickup_point', 'delivered']],
  ])('arrives, also when everything was restarted on its way', async (destination, stages) => {
    const { shipmentId } = await creates(world, destination);
    await until('it has left', async () => (await stagesOf(shipmentId)).includes('accepted'));
    await world.restart();
    await until('it has arrived', async () => (await stagesOf(shipmentId)).includes('delivered'));
    expect(await stagesOf(shipmentId)).toEqual(stages);
  });
});
