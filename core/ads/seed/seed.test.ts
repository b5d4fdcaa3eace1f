// The demo ads are whole, plausible and always the same.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ad, type AdPage } from '../../../contracts/ads.ts';
import { demoBuyer, demoBuyer2 } from '../../../contracts/demo.ts';
import { openWorld, type World } from '../../../tests/world.ts';
import { placementErrors } from '../attributes.ts';
import { ads } from '../index.ts';
import type { AdsTables } from '../store.ts';
import { suspicions } from '../suspicion.ts';
import { demoAds } from './seed.ts';

type Page = (typeof AdPage)['_output'];

describe('demo ads', () => {
  const all = demoAds(new Date('2026-11-24T10:00:00Z'));
  const active = all.filter(({ status }) => status === 'active');

  it('are many, over all categories and cities, and fit their categories', () => {
    expect(active.length).toBeGreaterThanOrEqual(360);
    expect(new Set(active.map(({ category }) => category)).size).toBeGreaterThanOrEqual(10);
    expect(new Set(active.map(({ city }) => city)).size).toBeGreaterThanOrEqual(8);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    for (const ad of all) expect(placementErrors(ad, { draft: false }), ad.title).toEqual([]);
    for (const ad of active) expect(suspicions(ad), ad.title).toEqual([]);
  });

  it('are the same each time', () => {
    expect(demoAds(new Date('2026-11-24T10:00:00Z'))).toEqual(all);
  });

  it('show bicycles and nothing of the buyers on the first page', () => {
    const front = active.slice(0, 20);
    expect(front.filter(({ category }) => category === 'bicycles').length).toBeGreaterThanOrEqual(5);
    const buyers: string[] = [demoBuyer.id, demoBuyer2.id];
    expect(front.filter(({ seller_id }) => buyers.includes(seller_id))).toEqual([]);
    expect(active.some(({ seller_id }) => buyers.includes(seller_id))).toBe(true);
  });
});

describe('seeding', () => {
  let world: World<AdsTables>;
  beforeAll(async () => {
    world = await openWorld(ads);
    await world.running.seed?.();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  it('fills an empty schema once, and tells of each ad', async () => {
    const said = (await world.said()).filter(({ type }) => type === 'ad.changed');
    expect(said).toHaveLength(demoAds(world.clock.now()).length);
    for (const { data } of said) Ad.parse((data as { ad: unknown }).ad);
    await world.running.seed?.();
    expect(await world.said()).toEqual([]);
    const { body } = await world.ask<Page>('GET', '/v1/ads?limit=20');
    expect(body.items).toHaveLength(20);
    expect(body.items.every(({ photos, seller }) => photos.length > 0 && seller.name !== '')).toBe(true);
    expect(body.next_cursor).not.toBeNull();
  });

  it('leaves alone what somebody else has written', async () => {
    await using other = await openWorld(ads);
    const { body } = await other.ask<Ad>('POST', '/v1/ads', {
      as: { id: demoBuyer.id, token: `Bearer ${demoBuyer.id}.user` },
      body: {
        title: 'Моё',
        description: 'Первое',
        price: { amount: 100, currency: 'RUB' },
        category: 'books',
        city: 'kazan',
      },
    });
    await other.running.seed?.();
    const page = await other.ask<Page>('GET', '/v1/ads');
    expect(page.body.items.map(({ id }) => id)).toEqual([body.id]);
  });
});
