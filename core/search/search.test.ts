// Search as buyers meet it: what is found, how it is counted, and that it follows the ads.
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ad } from '../../contracts/ads.ts';
import type { AdId, UserId } from '../../contracts/common.ts';
import type { Problem } from '../../contracts/problem.ts';
import { SearchPage } from '../../contracts/search.ts';
import { openWorld, person, type World } from '../../tests/world.ts';
import { search } from './index.ts';
import type { SearchTables } from './store.ts';

let world: World<SearchTables>;
const seller = person();
let minute = 0;

const ad = (fields: Partial<Ad> & { title: string }): Ad => {
  minute += 1;
  const at = new Date(Date.UTC(2026, 10, 1, 0, minute)).toISOString();
  return {
    id: uuidv7() as AdId,
    description: 'Описание',
    price: { amount: 100_000, currency: 'RUB' },
    category: 'bicycles',
    city: 'moscow',
    attributes: {},
    photos: [],
    status: 'active',
    rejection_reason: null,
    created_at: at,
    updated_at: at,
    version: 1,
    seller: { id: seller.id, name: 'Мария', rating: null, reviews: 0 },
    ...fields,
  };
};
const published = async (fields: Partial<Ad> & { title: string }): Promise<Ad> => {
  const made = ad(fields);
  await world.hears('ad.changed', { ad: made, previous_status: null });
  return made;
};
const changed = (before: Ad, fields: Partial<Ad>) =>
  world.hears('ad.changed', {
    ad: { ...before, version: before.version + 1, ...fields },
    previous_status: before.status,
  });

const find = async (query: Record<string, string>): Promise<SearchPage> => {
  const answer = await world.ask('GET', `/v1/search?${new URLSearchParams(query)}`);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return SearchPage.parse(answer.body);
};
const titles = async (query: Record<string, string>): Promise<string[]> =>
  (await find(query)).items.map(({ title }) => title);

beforeAll(async () => {
  world = await openWorld(search);
  await published({ title: 'Горный велосипед Stels Navigator', price: { amount: 2_000_000, currency: 'RUB' } });
  await published({ title: 'Детский велосипед', city: 'kazan', price: { amount: 400_000, currency: 'RUB' } });
  await published({
    title: 'Смартфон Samsung Galaxy',
    category: 'phones',
    city: 'kazan',
    price: { amount: 3_000_000, currency: 'RUB' },
  });
  await published({
    title: 'Письменный стол',
    description: 'Стоял рядом с велосипедом',
    category: 'furniture',
    city: 'nizhny-novgorod',
  });
  await published({ title: 'Mountain bike helmet', category: 'sports', city: 'sochi', description: 'Fits adults' });
});
afterAll(() => world[Symbol.asyncDispose]());

describe('a search', () => {
  it('finds other forms of a word, the title before the description', async () => {
    expect(await titles({ q: 'велосипеды' })).toEqual([
      'Детский велосипед',
      'Горный велосипед Stels Navigator',
      'Письменный стол',
    ]);
    expect(await titles({ q: 'горные велосипеды' })).toEqual(['Горный велосипед Stels Navigator']);
    expect(await titles({ q: 'helmets' })).toEqual(['Mountain bike helmet']);
  });

  it('finds a Russian ad by the English name of its category and city', async () => {
    expect(await titles({ q: 'bicycles kazan' })).toEqual(['Детский велосипед']);
  });

  it('finds what is not typed to its end, and what is misspelt', async () => {
    expect(await titles({ q: 'самсу' })).toEqual([]);
    expect(await titles({ q: 'samsun' })).toEqual(['Смартфон Samsung Galaxy']);
    expect(await titles({ q: 'смортфон' })).toEqual(['Смартфон Samsung Galaxy']);
    expect(await titles({ q: 'велосипет' })).toHaveLength(2);
  });

  it('takes any text for what it is: text', async () => {
    for (const q of ["' or 1=1 --", '!!! & | ( :* <->', '%', '\\', '"', 'a'.repeat(200), 'и']) await find({ q });
    expect(await titles({ q: '%' })).toEqual([]);
  });

  it('counts what each choice would find, and all prices', async () => {
    const { facets, total } = await find({ category: 'bicycles', city: 'kazan' });
    expect(total).toBe(1);
    expect(facets.category).toEqual([
      { value: 'bicycles', count: 1 },
      { value: 'phones', count: 1 },
    ]);
    expect(facets.city).toEqual([
      { value: 'kazan', count: 1 },
      { value: 'moscow', count: 1 },
    ]);
    expect(facets.price.find(({ count }) => count > 0)).toEqual({ from: 100_000, to: 500_000, count: 1 });
    const all = await find({ price_min: '2500000' });
    expect(all.total).toBe(1);
    expect(all.facets.price.reduce((sum, { count }) => sum + count, 0)).toBe(5);
    expect(all.facets.price.at(4)).toEqual({ from: 2_500_000, to: 5_000_000, count: 1 });
  });

  it('looks around a place, nearest first', async () => {
    // Cheboksary lies between Kazan and Nizhny Novgorod, nearer to Kazan.
    const near = { near: '56.1322,47.2519', sort: 'distance' };
    const around = await titles({ ...near, radius_km: '300' });
    expect(around.toSorted()).toEqual(['Детский велосипед', 'Письменный стол', 'Смартфон Samsung Galaxy']);
    expect(around.at(-1)).toBe('Письменный стол');
    expect(await titles({ ...near, radius_km: '10' })).toEqual([]);
    for (const query of ['sort=distance', 'near=95,10', 'near=here']) {
      expect((await world.ask('GET', `/v1/search?${query}`)).status, query).toBe(400);
    }
  });

  it('goes through all pages once in every order', async () => {
    for (const sort of ['relevance', 'newest', 'price_asc', 'price_desc', 'distance']) {
      for (const q of sort === 'relevance' ? ['велосипед', 'велосипет'] : ['']) {
        const query = { q, sort, near: '56.3,43.9', radius_km: '500', limit: '1' };
        const expected = (await find({ ...query, limit: '100' })).items.map(({ id }) => id);
        const walked: string[] = [];
        let cursor: string | null = null;
        do {
          const page: SearchPage = await find({ ...query, ...(cursor === null ? {} : { cursor }) });
          walked.push(...page.items.map(({ id }) => id));
          cursor = page.next_cursor;
        } while (cursor !== null);
        expect(expected.length).toBeGreaterThan(1);
        expect(walked, `${sort} ${q}`).toEqual(expected);
      }
    }
    const { next_cursor } = await find({ limit: '1' });
    const foreign = await world.ask<Problem>('GET', `/v1/search?q=x&limit=1&cursor=${next_cursor}`);
    expect(foreign.status).toBe(400);
  });
});

describe('the index', () => {
  it('follows an ad off sale and back, and purges results after it did', async () => {
    const lamp = await published({ title: 'Лампа настольная', category: 'furniture' });
    await world.said();
    await changed(lamp, { status: 'reserved' });
    expect(await titles({ q: 'лампа' })).toEqual([]);
    expect(await world.said()).toMatchObject([{ key: 'system:cache', data: { data: { groups: ['search'] } } }]);
    await changed(lamp, { version: 3, status: 'sold' });
    expect(await world.said()).toEqual([]);
    await changed(lamp, { version: 4, title: 'Лампа и абажур' });
    expect(await titles({ q: 'абажур' })).toEqual(['Лампа и абажур']);
    await world.hears('ad.deleted', { ad_id: lamp.id, category: lamp.category, seller_id: seller.id, version: 5 });
    expect(await titles({ q: 'лампа' })).toEqual([]);
  });

  it('is not set back by older news', async () => {
    const chair = await published({ title: 'Кресло-качалка', category: 'furniture', version: 5 });
    await world.hears('ad.changed', {
      ad: { ...chair, version: 4, title: 'Старое кресло' },
      previous_status: 'active',
    });
    expect(await titles({ q: 'кресло' })).toEqual(['Кресло-качалка']);
    const id = uuidv7() as AdId;
    await world.hears('ad.deleted', { ad_id: id, category: 'books', seller_id: seller.id, version: 3 });
    await published({ id, title: 'Удалённая книга', version: 2 });
    expect(await titles({ q: 'удалённая' })).toEqual([]);
  });

  it('shows what is newest about a seller, whichever was heard first', async () => {
    const other = { id: uuidv7() as UserId, name: 'Иван', rating: null, reviews: 0 };
    await published({ title: 'Гитара акустическая', category: 'music', seller: other });
    const news = { user_id: other.id, name: 'Иван', rating: 4.5, reviews: 2, version: 3 };
    await world.hears('user.changed', news);
    const rating = async () => (await find({ q: 'гитара' })).items.map(({ seller }) => seller.rating);
    expect(await rating()).toEqual([4.5]);
    await world.hears('user.changed', { ...news, rating: 1, version: 2 });
    await published({ title: 'Гитара электрическая', category: 'music', seller: other });
    expect(await rating()).toEqual([4.5, 4.5]);
  });
});

describe('suggestions', () => {
  it('complete a word of a title or the name of a category', async () => {
    const suggest = async (q: string) =>
      (await world.ask<{ items: string[] }>('GET', `/v1/search/suggestions?q=${encodeURIComponent(q)}`)).body.items;
    expect(await suggest('вело')).toEqual(['Велосипеды', 'Горный велосипед Stels Navigator', 'Детский велосипед']);
    expect(await suggest('писменный')).toEqual(['Письменный стол']);
    expect(await suggest('письм')).toEqual(['Письменный стол']);
    expect(await suggest('!!')).toEqual([]);
  });
});

describe('saved searches', () => {
  it('belong to one user, have distinct names and can be forgotten', async () => {
    const [me, other] = [person(), person()];
    const body = { name: 'Велосипед до 20 тысяч', query: { q: 'велосипед', price_max: 2_000_000 } };
    const saved = await world.ask<{ id: string }>('POST', '/v1/me/searches', { as: me, body });
    expect(saved.status).toBe(201);
    expect((await world.ask('POST', '/v1/me/searches', { as: me, body })).status).toBe(409);
    const list = async (as = me) =>
      (await world.ask<{ items: unknown[] }>('GET', '/v1/me/searches', { as })).body.items;
    expect(await list()).toEqual([{ ...body, id: saved.body.id, created_at: world.clock.now().toISOString() }]);
    expect(await list(other)).toEqual([]);
    expect((await world.ask('DELETE', `/v1/me/searches/${saved.body.id}`, { as: other })).status).toBe(404);
    expect((await world.ask('DELETE', `/v1/me/searches/${saved.body.id}`, { as: me })).status).toBe(204);
    expect(await list()).toEqual([]);
  });
});

describe('a saved search', () => {
  const matchesOf = async () =>
    (await world.said())
      .filter(({ type }) => type === 'search.match')
      .map(({ key, data }) => [
        key,
        (data as { data: { searches: { name: string }[] } }).data.searches.map(({ name }) => name),
      ]);

  it('tells its owner of each new ad that it finds, once, and nobody of their own', async () => {
    const anna = person();
    const boris = person();
    const save = async (as: typeof anna, name: string, query: object) => {
      const { status } = await world.ask('POST', '/v1/me/searches', { as, body: { name, query } });
      expect(status).toBe(201);
    };
    await save(anna, 'лодки', { q: 'надувные лодки' });
    await save(anna, 'спорт в Сочи', { category: 'sports', city: 'sochi' });
    await save(anna, 'дорогое', { q: 'лодка', price_min: 5_000_000 });
    await save(boris, 'boats', { category: 'sports', price_max: 200_000 });
    await save(seller, 'мои же', { category: 'sports' });
    await save(boris, 'чужое', { q: 'самокат', category: 'sports' });
    await world.said();
    const boat = await published({
      title: 'Надувная лодка',
      category: 'sports',
      city: 'sochi',
      price: { amount: 200_000, currency: 'RUB' },
    });
    const told = await matchesOf();
    expect(told.toSorted()).toEqual(
      [
        [`user:${anna.id}`, ['лодки', 'спорт в Сочи']],
        [`user:${boris.id}`, ['boats']],
      ].toSorted(),
    );
    await changed(boat, { status: 'reserved' });
    await changed({ ...boat, version: 2 }, { status: 'active' });
    expect(await matchesOf()).toEqual([]);
  });
});
