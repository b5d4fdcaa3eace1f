// CDEK's adapter against a server that follows CDEK's documentation.
import { describe, expect, it } from 'vitest';
import { createPartner } from '../../platform/http/partner.ts';
import { cdek } from './cdek.ts';
import { cdekAuthorization } from './cdek-api.ts';
import { account, type Cdek, openCdek, password, webhookToken } from './cdek-company.testing.ts';
import { type CourierWorld, courierContract, nobodySleeps, parcelTo, partnerOptions } from './contract.testing.ts';
import { CourierRefusal, CourierUnavailable } from './courier.ts';

interface CdekWorld extends CourierWorld<Cdek> {
  readonly clock: { now: number };
}

async function open(options?: Parameters<typeof openCdek>[0]): Promise<CdekWorld> {
  const company = await openCdek(options);
  const unknown: string[] = [];
  const written: string[] = [];
  const clock = { now: Date.now() };
  const common = { name: 'cdek', baseUrl: () => company.url, ...partnerOptions(written) };
  const tokens = createPartner({ ...common, apiKey: { header: async () => null } });
  const apiKey = cdekAuthorization({ partner: tokens, account, password, now: () => clock.now });
  return {
    company,
    unknown,
    written,
    clock,
    courier: cdek({
      partner: createPartner({ ...common, apiKey }),
      webhookToken,
      tariffs: { pickupPoint: 136, courier: 137 },
      parcel: { grams: 2_000, lengthCm: 30, widthCm: 20, heightCm: 15 },
      now: () => new Date(clock.now),
      sleep: nobodySleeps,
      unknownStatus: (status) => unknown.push(status),
    }),
    ...{ fromCity: 'moscow', toCity: 'kazan', currency: 'RUB' },
    to: { kind: 'pickup_point', pickupPoint: 'cdek-kaz2' },
    toNowhere: { kind: 'pickup_point', pickupPoint: 'cdek-atl1' },
    secrets: [password, webhookToken],
    [Symbol.asyncDispose]: () => company[Symbol.asyncDispose](),
  };
}

courierContract('CDEK', () => open());

const calls = ({ company }: CdekWorld, what: string): number =>
  company.asked.filter((each) => each.startsWith(what)).length;

describe('CDEK’s token', () => {
  it('is got once, however many calls need it at the same moment, and kept until shortly before its end', async () => {
    await using world = await open();
    await Promise.all([world.courier.pickupPoints('kazan'), world.courier.pickupPoints('samara')]);
    expect(calls(world, 'POST /v2/oauth/token')).toBe(1);
    world.clock.now += 3_500_000;
    await world.courier.pickupPoint('cdek-kaz1');
    expect(calls(world, 'POST /v2/oauth/token')).toBe(1);
    world.clock.now += 50_000;
    await world.courier.pickupPoint('cdek-kaz1');
    expect(calls(world, 'POST /v2/oauth/token')).toBe(2);
  });

  it('is got anew when CDEK takes it no more, and what was asked is asked again, also a registration', async () => {
    await using world = await open();
    await world.courier.pickupPoints('kazan');
    world.company.tokens.clear();
    const parcel = parcelTo(world);
    expect(await world.courier.register(parcel)).toMatchObject({ stage: 'created' });
    world.company.tokens.clear();
    expect(await world.courier.register(parcel)).toMatchObject({ stage: 'created' });
    expect(world.company.parcels(parcel.reference)).toBe(1);
    expect(calls(world, 'POST /v2/oauth/token')).toBe(3);
  });

  it('that can’t be had makes CDEK unavailable, and refuses no parcel', async () => {
    await using world = await open();
    world.company.faults.between = async (request, forward) =>
      request.url.endsWith('/oauth/token') ? Response.json({ error: 'invalid_client' }, { status: 401 }) : forward();
    await expect(world.courier.register(parcelTo(world))).rejects.toBeInstanceOf(CourierUnavailable);
  });
});

describe('a registration with CDEK', () => {
  it('is undecided while CDEK is, and has its number when it has decided', async () => {
    await using world = await open();
    world.company.decidesAfter = 9;
    const parcel = parcelTo(world);
    const undecided = await world.courier.register(parcel);
    expect(undecided).toMatchObject({ stage: null, trackingNumber: null });
    world.company.decidesAfter = 0;
    // A second try finds the first one, and registers nothing.
    await world.courier.register(parcel);
    expect(calls(world, 'POST /v2/orders')).toBe(1);
    for (let question = 0; question < 9; question += 1) await world.courier.get(undecided.courierId);
    expect(await world.courier.get(undecided.courierId)).toMatchObject({
      stage: 'created',
      trackingNumber: expect.stringMatching(/^11\d{8}$/),
      estimated: { from: '2026-11-30', to: '2026-11-30' },
    });
  });

  it('that is refused at once or afterwards is refused in CDEK’s words', async () => {
    await using world = await open();
    world.company.refusal = [{ code: 'v2_recipient_phone', message: 'Некорректный телефон получателя' }];
    await expect(world.courier.register(parcelTo(world))).rejects.toThrow('Некорректный телефон получателя');
    world.company.decidesAfter = 9;
    const { courierId } = await world.courier.register(parcelTo(world));
    for (let question = 0; question < 9; question += 1) await world.courier.get(courierId);
    expect(await world.courier.get(courierId)).toMatchObject({
      stage: 'refused',
      reason: 'Некорректный телефон получателя',
    });
  });

  it('is tried again where CDEK has trouble of its own', async () => {
    await using world = await open();
    world.company.refusal = [{ code: 'v2_internal_error', message: 'Запрос выполнился с системной ошибкой' }];
    const parcel = parcelTo(world);
    await expect(world.courier.register(parcel)).rejects.toBeInstanceOf(CourierUnavailable);
    world.company.refusal = undefined;
    expect(await world.courier.register(parcel)).toMatchObject({ stage: 'created' });
  });

  it('needs a phone number, and the city in the address', async () => {
    await using world = await open();
    const recipient = { name: 'Анна', phone: null, email: 'anna@example.test' };
    await expect(world.courier.register(parcelTo(world, { recipient }))).rejects.toBeInstanceOf(CourierRefusal);
    const nowhere = { kind: 'address', address: 'ул. Мира, 5' } as const;
    await expect(world.courier.register(parcelTo(world, { to: nowhere }))).rejects.toThrow('Name the city');
    const door = { kind: 'address', address: 'Казань, ул. Мира, 5' } as const;
    expect(await world.courier.register(parcelTo(world, { to: door }))).toMatchObject({ stage: 'created' });
  });

  it('is one where two tries run at the same moment: one of them waits for the other', async () => {
    await using world = await open();
    const parcel = parcelTo(world);
    const both = await Promise.allSettled([world.courier.register(parcel), world.courier.register(parcel)]);
    expect(world.company.parcels(parcel.reference)).toBe(1);
    for (const each of both) {
      if (each.status === 'rejected') expect(each.reason).toBeInstanceOf(CourierUnavailable);
    }
  });
});

describe('CDEK’s pick-up points', () => {
  it('are read page by page, and have a place and hours', async () => {
    await using world = await open({ pointsPerCity: 450 });
    const points = await world.courier.pickupPoints('kazan');
    expect(points).toHaveLength(450);
    expect(calls(world, 'GET /v2/deliverypoints')).toBe(3);
    expect(points[0]).toEqual({
      id: 'cdek-kaz1',
      city: 'kazan',
      name: 'На улице 1',
      address: 'Россия, Казань, ул. Ленина, 1',
      latitude: 55.7961,
      longitude: 49.1064,
      hours: 'Пн-Вс 10:00-20:00',
    });
  });

  it('are of the city that is meant, and not of a village of its name', async () => {
    await using world = await open();
    expect((await world.courier.pickupPoints('samara')).map(({ id }) => id)).toContain('cdek-sam1');
  });

  it('of a parcel are told with it', async () => {
    await using world = await open();
    expect(await world.courier.register(parcelTo(world))).toMatchObject({
      pickupAddress: 'На улице 2, Россия, Казань, ул. Ленина, 2',
    });
  });
});

describe('CDEK’s prices', () => {
  it('are those of the calculator, in minor units, with all that is added', async () => {
    await using world = await open();
    const quote = (method: 'courier' | 'pickup_point', city: string) =>
      world.courier.quote({
        ...{ fromCity: 'moscow', method, to: { kind: 'city', city } },
        declaredValue: { amount: 1, currency: 'RUB' },
      });
    expect((await quote('courier', 'kazan')).price).toEqual({ amount: 511_25, currency: 'RUB' });
    expect((await quote('pickup_point', 'moscow')).price).toEqual({ amount: 250_75, currency: 'RUB' });
    await expect(quote('courier', 'sochi')).rejects.toThrow('Тариф недоступен');
  });
});

describe('CDEK’s statuses', () => {
  it('are ours by the newest one that we know', async () => {
    await using world = await open();
    const { courierId } = await world.courier.register(parcelTo(world));
    const reaches = async (status: string) => {
      await world.company.says(courierId, status);
      return (await world.courier.get(courierId)).stage;
    };
    expect(await reaches('RECEIVED_AT_SHIPMENT_WAREHOUSE')).toBe('accepted');
    expect(await reaches('RETURNED_TO_SENDER_CITY_WAREHOUSE')).toBe('in_transit');
    expect(await reaches('POSTOMAT_POSTED')).toBe('at_pickup_point');
    expect(await reaches('A_STATUS_OF_NEXT_YEAR')).toBe('at_pickup_point');
    expect(world.unknown).toEqual(['A_STATUS_OF_NEXT_YEAR']);
    expect(await reaches('POSTOMAT_RECEIVED')).toBe('delivered');
  });

  it('may come by webhooks of other kinds, which are about no parcel', async () => {
    await using world = await open();
    const { courierId } = await world.courier.register(parcelTo(world));
    const webhook = await world.company.webhook(courierId);
    const event = { type: 'PRINT_FORM', uuid: courierId, attributes: { type: 'BARCODE' } };
    const body = new TextEncoder().encode(JSON.stringify(event));
    expect(world.courier.parseWebhook({ ...webhook, body })).toEqual({ kind: 'nothing' });
    const nonsense = new TextEncoder().encode('{"type":7}');
    expect(() => world.courier.parseWebhook({ ...webhook, body: nonsense })).toThrow(
      expect.objectContaining({ code: 'invalid-field' }),
    );
  });
});

describe('CDEK’s label', () => {
  it('is made once, and waited for no longer than a caller waits', async () => {
    await using world = await open();
    const { courierId } = await world.courier.register(parcelTo(world));
    world.company.faults.between = async (request, forward) =>
      request.url.includes('/print/barcodes/')
        ? Response.json({ entity: { uuid: courierId, statuses: [{ code: 'PROCESSING' }] } })
        : forward();
    await expect(world.courier.label(courierId)).rejects.toBeInstanceOf(CourierUnavailable);
    world.company.faults.between = undefined;
    await world.courier.label(courierId);
    expect(calls(world, 'POST /v2/print/barcodes')).toBe(1);
  });
});
