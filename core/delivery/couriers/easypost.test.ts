// EasyPost's adapter against a server that follows EasyPost's documentation.
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createPartner } from '../../platform/http/partner.ts';
import { type CourierWorld, courierContract, parcelTo, partnerOptions } from './contract.testing.ts';
import { CourierRefusal, CourierUnavailable } from './courier.ts';
import { easyPost, placeIn } from './easypost.ts';
import { apiKey, type EasyPost, openEasyPost, webhookSecret } from './easypost-company.testing.ts';

const warehouse = {
  company: 'Shop',
  street1: '388 Townsend St',
  city: 'San Francisco',
  state: 'CA',
  zip: '94107',
  country: 'US',
};

async function open(): Promise<CourierWorld<EasyPost>> {
  const company = await openEasyPost();
  const unknown: string[] = [];
  const written: string[] = [];
  const common = { name: 'easypost', baseUrl: () => company.url, ...partnerOptions(written) };
  const basic = `Basic ${Buffer.from(`${apiKey}:`).toString('base64')}`;
  return {
    company,
    unknown,
    written,
    courier: easyPost({
      partner: createPartner({ ...common, apiKey: { header: async () => basic } }),
      files: createPartner({ ...common, apiKey: { header: async () => null } }),
      filesMayComeFrom: ({ origin }) => origin === company.url,
      webhookSecret,
      places: {
        moscow: warehouse,
        kazan: { ...warehouse, street1: '179 N Harbor Dr', city: 'Redondo Beach', zip: '90277' },
      },
      parcel: { grams: 2_000, lengthCm: 30, widthCm: 20, heightCm: 15 },
      now: () => new Date(),
      unknownStatus: (status) => unknown.push(status),
    }),
    ...{ fromCity: 'moscow', toCity: 'kazan', currency: 'USD' },
    to: { kind: 'address', address: '179 N Harbor Dr, Redondo Beach, CA 90277' },
    toNowhere: { kind: 'address', address: '1 Nowhere Rd, Atlantis, CA 00000' },
    secrets: [apiKey, basic, webhookSecret],
    [Symbol.asyncDispose]: () => company[Symbol.asyncDispose](),
  };
}

courierContract('EasyPost', open);

describe('an EasyPost shipment', () => {
  it('is bought at the lowest rate that has days and the right currency', async () => {
    await using world = await open();
    const { price } = await world.courier.quote({
      ...{ fromCity: 'moscow', method: 'courier', to: world.to },
      declaredValue: { amount: 1, currency: 'USD' },
    });
    expect(price).toEqual({ amount: 593, currency: 'USD' });
    expect(await world.courier.register(parcelTo(world))).toMatchObject({
      estimated: { from: '2026-11-28', to: '2026-11-28' },
      trackingNumber: expect.stringMatching(/^9400\d{12}$/),
    });
  });

  it('that was made and not bought is bought by the next try, and not made again', async () => {
    await using world = await open();
    const parcel = parcelTo(world);
    world.company.faults.between = async (request, forward) =>
      request.url.endsWith('/buy') ? new Response('', { status: 502 }) : forward();
    await expect(world.courier.register(parcel)).rejects.toBeInstanceOf(CourierUnavailable);
    expect(world.company.parcels(parcel.reference)).toBe(0);
    world.company.faults.between = undefined;
    await world.courier.register(parcel);
    expect(world.company.parcels(parcel.reference)).toBe(1);
    expect(world.company.asked.filter((each) => each === 'POST /v2/shipments')).toHaveLength(1);
  });

  it('that somebody bought meanwhile is taken as it is', async () => {
    await using world = await open();
    const parcel = parcelTo(world);
    const stale = { current: undefined as object | undefined };
    world.company.faults.between = async (request, forward) => {
      const answer = await forward();
      if (request.method === 'POST' && request.url.endsWith('/shipments'))
        stale.current = (await answer.clone().json()) as object;
      return answer;
    };
    await world.courier.register(parcel);
    // As if the answer to the look-up were from before the purchase.
    world.company.faults.between = async (request, forward) => {
      const isLookUp = request.method === 'GET' && request.url.endsWith(parcel.reference);
      return isLookUp ? Response.json(stale.current) : forward();
    };
    expect(await world.courier.register(parcel)).toMatchObject({ stage: 'created' });
    expect(world.company.parcels(parcel.reference)).toBe(1);
  });

  it('waits for the operator when there is no money on the account', async () => {
    await using world = await open();
    world.company.hasMoney = false;
    await expect(world.courier.register(parcelTo(world))).rejects.toBeInstanceOf(CourierUnavailable);
  });

  it.each(['rejected', 'not_applicable'])('whose refund is %s is not cancelled', async (status) => {
    await using world = await open();
    world.company.refundStatus = status;
    const { courierId, reference } = await world.courier.register(parcelTo(world));
    const cancel = world.courier.cancel({ courierId, reference, idempotencyKey: 'k' });
    await expect(cancel).rejects.toBeInstanceOf(CourierRefusal);
  });

  it('in trouble is for people: it is neither lost nor anywhere', async () => {
    await using world = await open();
    const { courierId } = await world.courier.register(parcelTo(world));
    for (const status of ['failure', 'error']) {
      await world.company.says(courierId, status);
      expect(await world.courier.get(courierId)).toMatchObject({ stage: null });
    }
    expect(world.unknown).toEqual(['failure', 'error']);
  });
});

describe('EasyPost’s labels', () => {
  it('come from nowhere else', async () => {
    await using world = await open();
    const { courierId } = await world.courier.register(parcelTo(world));
    world.company.labelUrl = 'http://169.254.169.254/latest/meta-data';
    await expect(world.courier.label(courierId)).rejects.toThrow(/labels don't come from/);
  });
});

describe('EasyPost’s events', () => {
  it('are signed as its client libraries check it', async () => {
    await using world = await open();
    // The same text in two Unicode forms: EasyPost signs with the decomposed one.
    const body = new TextEncoder().encode('{"id":"evt_1","description":"batch.updated","result":{}}');
    const sign = (secret: string) => createHmac('sha256', secret).update(body).digest('hex');
    const parse = (signature: string) =>
      world.courier.parseWebhook({
        headers: new Headers({ 'x-hmac-signature': `hmac-sha256-hex=${signature}` }),
        ...{ query: new URLSearchParams(), body, now: new Date() },
      });
    expect(parse(sign('the se\u0301cret of this test'))).toEqual({ kind: 'nothing' });
    expect(() => parse(sign('the s\u00e9cret of this test'))).toThrow(
      expect.objectContaining({ code: 'invalid-signature' }),
    );
  });
});

describe('an address in one line', () => {
  it.each([
    [
      '179 N Harbor Dr, Redondo Beach, CA 90277',
      { street1: '179 N Harbor Dr', city: 'Redondo Beach', state: 'CA', zip: '90277', country: 'US' },
    ],
    [
      '388 Townsend St, Apt 20, San Francisco, CA 94107-1670',
      { street1: '388 Townsend St, Apt 20', city: 'San Francisco', state: 'CA', zip: '94107-1670', country: 'US' },
    ],
    [
      'Invalidenstr. 116, Berlin, 10115, DE',
      { street1: 'Invalidenstr. 116', city: 'Berlin', zip: '10115', country: 'DE' },
    ],
  ])('%s is understood', (line, place) => {
    expect(placeIn(line)).toEqual(place);
  });

  it.each(['Redondo Beach', 'Redondo Beach, CA', '179 N Harbor Dr, Redondo Beach', ', , CA 90277'])(
    '%s is not',
    (line) => {
      expect(() => placeIn(line)).toThrow('street, city, state and ZIP code');
    },
  );
});
