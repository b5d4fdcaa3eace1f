// Reservations as orders use them over gRPC.
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ad } from '../../contracts/ads.ts';
import { type ProblemCode, ProblemError } from '../../contracts/problem.ts';
import { AdsServiceService } from '../../proto/generated/lotok/ads/v1/ads.ts';
import { openWorld, type Person, person, rpcCall, type World } from '../../tests/world.ts';
import { createOutbox } from '../platform/db/outbox.ts';
import { ads } from './index.ts';
import { createReservations } from './reservations.ts';
import type { AdsTables } from './store.ts';

let world: World<AdsTables>;
beforeAll(async () => {
  world = await openWorld(ads);
});
afterAll(() => world[Symbol.asyncDispose]());

const publish = async (seller: Person = person()): Promise<Ad> => {
  const body = {
    title: 'Телефон',
    description: 'Новый',
    price: { amount: 900_000, currency: 'RUB' },
    category: 'phones',
    city: 'samara',
  };
  return (await world.ask<Ad>('POST', '/v1/ads', { as: seller, body })).body;
};
const statusOf = async (ad: Ad) => (await world.ask<Ad>('GET', `/v1/ads/${ad.id}`)).body.status;
const reserve = (ad: Ad, orderId = uuidv7(), buyer = person()) =>
  world.rpc(AdsServiceService).reserve({ adId: ad.id, orderId, buyerId: buyer.id, ttlSeconds: 600 }, rpcCall());
const release = (ad: Ad, orderId: string) => world.rpc(AdsServiceService).release({ adId: ad.id, orderId }, rpcCall());
const markSold = (ad: Ad, orderId: string) =>
  world.rpc(AdsServiceService).markSold({ adId: ad.id, orderId }, rpcCall());
const expireHolds = () =>
  createReservations(world.db, { outbox: createOutbox('ads', world.clock), clock: world.clock }).expireHolds();
const codeOf = async (asking: Promise<unknown>): Promise<ProblemCode | 'ok'> =>
  asking.then(
    () => 'ok' as const,
    (error: unknown) => {
      if (error instanceof ProblemError) return error.code;
      throw error;
    },
  );

describe('a reservation', () => {
  it('is got by exactly one of many buyers at the same moment', async () => {
    const ad = await publish();
    const codes = await Promise.all(Array.from({ length: 8 }, () => codeOf(reserve(ad))));
    expect(codes.toSorted()).toEqual([...Array(7).fill('ad-reserved'), 'ok']);
    expect(await statusOf(ad)).toBe('reserved');
  });

  it('tells the order what it holds', async () => {
    const seller = person();
    const ad = await publish(seller);
    expect(await reserve(ad)).toEqual({
      adId: ad.id,
      sellerId: seller.id,
      title: 'Телефон',
      thumbUrl: '',
      price: { amount: 900_000, currency: 'RUB' },
      city: 'samara',
      category: 'phones',
    });
  });

  it('is the same again for the same order, and longer', async () => {
    const ad = await publish();
    const order = uuidv7();
    await reserve(ad, order);
    await world.said();
    world.clock.advance(500);
    await reserve(ad, order);
    expect(await world.said()).toEqual([]);
    world.clock.advance(500);
    expect(await codeOf(reserve(ad))).toBe('ad-reserved');
  });

  it('is refused to the seller, for what is not on sale and for what is not there', async () => {
    const seller = person();
    const ad = await publish(seller);
    expect(await codeOf(reserve(ad, uuidv7(), seller))).toBe('own-ad');
    await world.ask('DELETE', `/v1/ads/${ad.id}`, { as: seller });
    expect(await codeOf(reserve(ad))).toBe('ad-not-for-sale');
    expect(await codeOf(reserve({ ...ad, id: uuidv7() as Ad['id'] }))).toBe('not-found');
    expect(await codeOf(reserve({ ...ad, id: 'no id' as Ad['id'] }))).toBe('invalid-field');
  });

  it('keeps the seller from changing or taking off the ad', async () => {
    const seller = person();
    const ad = await publish(seller);
    await reserve(ad);
    expect((await world.ask('PATCH', `/v1/ads/${ad.id}`, { as: seller, body: { title: 'Дороже' } })).status).toBe(409);
    expect((await world.ask('DELETE', `/v1/ads/${ad.id}`, { as: seller })).status).toBe(409);
  });

  it('ends only by the order that holds it', async () => {
    const ad = await publish();
    const order = uuidv7();
    await reserve(ad, order);
    await release(ad, uuidv7());
    expect(await statusOf(ad)).toBe('reserved');
    await release(ad, order);
    await release(ad, order);
    expect(await statusOf(ad)).toBe('active');
    expect(await codeOf(markSold(ad, order))).toBe('ad-not-for-sale');
    expect(await codeOf(reserve(ad))).toBe('ok');
  });

  it('is given up for good: what comes late of an order that gave it back takes nothing', async () => {
    const ad = await publish();
    const orders = [uuidv7(), uuidv7()];
    for (const order of orders) {
      await reserve(ad, order);
      await release(ad, order);
    }
    for (const order of orders) {
      expect(await codeOf(reserve(ad, order))).toBe('ad-not-for-sale');
      expect(await codeOf(markSold(ad, order))).toBe('ad-not-for-sale');
    }
    expect(await statusOf(ad)).toBe('active');
    const third = uuidv7();
    await reserve(ad, third);
    expect(await codeOf(reserve(ad, orders[0]))).toBe('ad-not-for-sale');
    await markSold(ad, third);
    expect(await statusOf(ad)).toBe('sold');
  });

  it('frees the ad by itself when its time is over, and tells', async () => {
    const ad = await publish();
    await reserve(ad);
    world.clock.advance(599);
    await expireHolds();
    expect(await statusOf(ad)).toBe('reserved');
    await world.said();
    world.clock.advance(2);
    await expireHolds();
    expect(await statusOf(ad)).toBe('active');
    const told = (await world.said()).filter(({ key }) => key === ad.id);
    expect(told).toMatchObject([
      { type: 'ad.changed', data: { previous_status: 'reserved', ad: { status: 'active', version: 3 } } },
    ]);
  });

  it('goes to the next buyer once its time is over, before anything has freed it', async () => {
    const ad = await publish();
    const late = uuidv7();
    await reserve(ad, late);
    world.clock.advance(601);
    const next = uuidv7();
    await reserve(ad, next);
    expect(await codeOf(markSold(ad, late))).toBe('ad-reserved');
    await markSold(ad, next);
    expect(await statusOf(ad)).toBe('sold');
  });

  it('becomes a sale also when its time was over but nobody else came', async () => {
    const ad = await publish();
    const order = uuidv7();
    await reserve(ad, order);
    world.clock.advance(601);
    await expireHolds();
    await markSold(ad, order);
    await markSold(ad, order);
    expect(await statusOf(ad)).toBe('sold');
    expect(await codeOf(reserve(ad))).toBe('ad-not-for-sale');
    expect(await codeOf(markSold(ad, uuidv7()))).toBe('ad-not-for-sale');
    await release(ad, order);
    expect(await statusOf(ad)).toBe('active');
  });

  it('ends in the archive when a complaint was accepted meanwhile', async () => {
    const ad = await publish();
    const order = uuidv7();
    await reserve(ad, order);
    const subject = { type: 'ad' as const, id: ad.id as string };
    await world.hears('report.resolved', {
      report_id: uuidv7(),
      subject,
      reason: 'fraud',
      reporter_id: person().id,
      decision: 'accept',
      resolution: 'Обман',
    });
    expect(await statusOf(ad)).toBe('reserved');
    await release(ad, order);
    expect(await statusOf(ad)).toBe('archived');
  });
});
