// Ads as sellers, buyers and moderators meet them over REST.
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ad, type AdPage } from '../../contracts/ads.ts';
import type { AdId, MediaId } from '../../contracts/common.ts';
import type { Problem } from '../../contracts/problem.ts';
import { openWorld, type Person, person, type World } from '../../tests/world.ts';
import { ads } from './index.ts';
import type { AdsTables } from './store.ts';

type Page = (typeof AdPage)['_output'];

let world: World<AdsTables>;
beforeAll(async () => {
  world = await openWorld(ads);
});
afterAll(() => world[Symbol.asyncDispose]());

const bicycle = (overrides: Record<string, unknown> = {}) => ({
  title: 'Горный велосипед Stels',
  description: 'Катались два сезона, всё работает',
  price: { amount: 1_500_000, currency: 'RUB' },
  category: 'bicycles',
  city: 'kazan',
  attributes: { kind: 'mountain', speeds: 21 },
  ...overrides,
});

const publish = async (seller: Person, overrides: Record<string, unknown> = {}): Promise<Ad> => {
  const answer = await world.ask<Ad>('POST', '/v1/ads', { as: seller, body: bicycle(overrides) });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return Ad.parse(answer.body);
};
const read = (id: string) => world.ask<Ad>('GET', `/v1/ads/${id}`);
const patch = (as: Person, id: string, body: unknown, headers: Record<string, string> = {}) =>
  world.ask<Ad & { errors: Problem['errors'] }>('PATCH', `/v1/ads/${id}`, { as, body, headers });
const purgedGroups = (said: Awaited<ReturnType<typeof world.said>>): string[] =>
  said.flatMap(({ key, data }) => (key === 'system:cache' ? (data as { data: { groups: string[] } }).data.groups : []));

describe('several ads', () => {
  it('are read at once, without those that nobody may read, and purged with each of them', async () => {
    const seller = person();
    const [one, other, draft] = [await publish(seller), await publish(seller), await publish(seller, { draft: true })];
    const wanted = [one.id, other.id, draft.id, uuidv7()];
    const many = (ids: readonly string[]) =>
      world.ask<Page & Partial<Problem>>('GET', `/v1/ads/by-id?ids=${ids.join(',')}`);
    const answer = await many(wanted);
    expect(answer.body.items).toEqual([one, other]);
    for (const id of wanted) expect(answer.headers.get('cache-groups')).toContain(`"ad-${id}"`);
    expect(answer.headers.get('cache-groups')).toContain(`"user-${seller.id}"`);
    await patch(seller, other.id, { title: 'Другой велосипед' });
    const changed = await many(wanted);
    expect(changed.headers.get('etag')).not.toBe(answer.headers.get('etag'));
    for (const wrong of [['1'], Array.from({ length: 51 }, () => uuidv7())]) {
      const refused = await many(wrong);
      expect(refused.status).toBe(400);
      expect(refused.body.errors?.[0]?.field).toMatch(/^ids/);
    }
  });
});

describe('an ad', () => {
  it('is public as soon as it is published, with its seller', async () => {
    const seller = person();
    await world.hears('user.changed', { user_id: seller.id, name: 'Мария', rating: 4.5, reviews: 2, version: 1 });
    const ad = await publish(seller);
    expect(ad).toMatchObject({
      status: 'active',
      version: 1,
      seller: { id: seller.id, name: 'Мария', rating: 4.5, reviews: 2 },
    });
    expect((await read(ad.id)).body).toEqual(ad);
  });

  it('tells of each change with the next version, and which cached answers it makes stale', async () => {
    const seller = person();
    const ad = await publish(seller);
    await world.said();
    await patch(seller, ad.id, { category: 'sports', attributes: {}, city: 'sochi' });
    const said = await world.said();
    expect(said[0]).toMatchObject({
      topic: 'ads.v1',
      type: 'ad.changed',
      key: ad.id,
      data: { previous_status: 'active', ad: { id: ad.id, version: 2, category: 'sports' } },
    });
    expect(said[1]).toMatchObject({ topic: 'realtime.v1', key: 'system:cache', data: { event: 'cache.invalidate' } });
    expect(new Set(purgedGroups(said))).toEqual(
      new Set([
        `ad-${ad.id}`,
        'ads',
        'category-bicycles',
        'category-sports',
        'city-kazan',
        'city-sochi',
        `user-${seller.id}`,
        'categories',
      ]),
    );
  });

  it('stays unseen as a draft, and needs what its category asks for only when it is published', async () => {
    const seller = person();
    const draft = await publish(seller, { category: 'clothes', attributes: {}, draft: true });
    expect(draft.status).toBe('draft');
    expect((await read(draft.id)).status).toBe(404);
    const refused = await patch(seller, draft.id, { status: 'active' });
    expect(refused.status).toBe(422);
    expect(refused.body.errors).toEqual([{ field: 'attributes.size', message: 'is required' }]);
    expect((await patch(seller, draft.id, { status: 'active', attributes: { size: 'M' } })).body.status).toBe('active');
    expect((await read(draft.id)).status).toBe(200);
  });

  it('names every field that does not fit its category and city', async () => {
    const body = bicycle({ city: 'atlantis', attributes: { kind: 'flying', speeds: 'many', horns: 2 } });
    const answer = await world.ask<Problem>('POST', '/v1/ads', { as: person(), body });
    expect(answer.status).toBe(422);
    expect(answer.body.errors?.map(({ field }) => field)).toEqual([
      'city',
      'attributes.kind',
      'attributes.speeds',
      'attributes.horns',
    ]);
  });

  it('is priced in a currency that somebody can pay in', async () => {
    const seller = person();
    const price = { amount: 100, currency: 'XXX' };
    const answer = await world.ask<Problem>('POST', '/v1/ads', { as: seller, body: bicycle({ price }) });
    expect([answer.status, answer.body.errors?.map(({ field }) => field)]).toEqual([422, ['price.currency']]);
    const ad = await publish(seller, { price: { ...price, currency: 'EUR' } });
    expect((await patch(seller, ad.id, { price })).body.errors?.[0]?.field).toBe('price.currency');
  });

  it('refuses text that the database cannot hold, in the body and in the query', async () => {
    const answer = await world.ask<Problem>('POST', '/v1/ads', {
      as: person(),
      body: bicycle({ title: 'Вело\0сипед', attributes: { kind: 'mountain', brand: 'Stels\ud800' } }),
    });
    expect([answer.status, answer.body.errors?.map(({ field }) => field)]).toEqual([
      422,
      ['title', 'attributes.brand'],
    ]);
    expect((await world.ask('GET', '/v1/ads?q=%00')).status).toBe(400);
  });

  it('is changed by its seller alone', async () => {
    const seller = person();
    const ad = await publish(seller);
    const draft = await publish(seller, { draft: true });
    const stranger = person();
    expect((await patch(stranger, ad.id, { title: 'Теперь моё' })).status).toBe(403);
    expect((await patch(stranger, draft.id, { title: 'Теперь моё' })).status).toBe(404);
    expect((await world.ask('DELETE', `/v1/ads/${ad.id}`, { as: stranger })).status).toBe(403);
    expect((await read(ad.id)).body.title).toBe(ad.title);
  });

  it('refuses an update that was made from an older version', async () => {
    const seller = person();
    const ad = await publish(seller);
    const first = await read(ad.id);
    const etag = first.headers.get('etag') ?? '';
    expect((await patch(seller, ad.id, { title: 'Первый был быстрее' }, { 'if-match': etag })).status).toBe(200);
    const late = await patch(seller, ad.id, { title: 'Второй опоздал' }, { 'if-match': etag });
    expect(late.status).toBe(412);
    expect((await read(ad.id)).body.title).toBe('Первый был быстрее');
    expect((await world.ask('DELETE', `/v1/ads/${ad.id}`, { as: seller, headers: { 'if-match': etag } })).status).toBe(
      412,
    );
  });

  it('is not lost to its seller because somebody reviewed them meanwhile', async () => {
    const seller = person();
    await world.hears('user.changed', { user_id: seller.id, name: 'Пётр', rating: null, reviews: 0, version: 1 });
    const ad = await publish(seller);
    const before = await read(ad.id);
    await world.said();
    await world.hears('user.changed', { user_id: seller.id, name: 'Пётр', rating: 5, reviews: 1, version: 2 });
    expect(purgedGroups(await world.said())).toContain(`user-${seller.id}`);
    const after = await read(ad.id);
    expect(after.body.seller.rating).toBe(5);
    expect(after.headers.get('etag')).not.toBe(before.headers.get('etag'));
    const changed = await patch(
      seller,
      ad.id,
      { title: 'Новый заголовок' },
      { 'if-match': before.headers.get('etag') ?? '' },
    );
    expect(changed.status).toBe(200);
    // Old news about the seller changes nothing.
    await world.hears('user.changed', { user_id: seller.id, name: 'Старое имя', rating: null, reviews: 0, version: 1 });
    expect((await read(ad.id)).body.seller.name).toBe('Пётр');
  });

  it('is archived when it is taken off, and can be published again', async () => {
    const seller = person();
    const ad = await publish(seller);
    expect((await world.ask('DELETE', `/v1/ads/${ad.id}`, { as: seller })).status).toBe(204);
    expect((await world.ask('DELETE', `/v1/ads/${ad.id}`, { as: seller })).status).toBe(204);
    expect((await read(ad.id)).body).toMatchObject({ status: 'archived', version: 2 });
    expect((await patch(seller, ad.id, { status: 'active' })).body.status).toBe('active');
  });

  it('shows only pictures that its seller uploaded, also one that becomes known just now', async () => {
    const seller = person();
    const picture = (owner: Person, id = uuidv7()) => ({
      media_id: id,
      owner_id: owner.id,
      width: 800,
      height: 600,
      url: `/media/${id}/full.webp`,
      thumb_url: `/media/${id}/thumb.webp`,
    });
    const mine = picture(seller);
    const foreign = picture(person());
    await world.hears('media.ready', foreign);
    const refused = await world.ask<Problem>('POST', '/v1/ads', {
      as: seller,
      body: bicycle({ photos: [foreign.media_id] }),
    });
    expect(refused.status).toBe(422);
    expect(refused.body.errors?.[0]?.field).toBe('photos.0');

    const creating = publish(seller, { photos: [mine.media_id] });
    await world.hears('media.ready', mine);
    const ad = await creating;
    expect(ad.photos).toEqual([
      { id: mine.media_id, url: mine.url, thumb_url: mine.thumb_url, width: 800, height: 600 },
    ]);
    const unknown = uuidv7() as MediaId;
    const answer = await patch(seller, ad.id, { photos: [mine.media_id, unknown] });
    expect(answer.body.errors).toEqual([{ field: 'photos.1', message: 'is not a ready picture of yours' }]);
  });
});

describe('moderation', () => {
  const suspicious = { description: 'Звоните +7 (916) 123-45-67, предоплата' };
  const moderator = person('moderator');

  it('looks at an ad with a phone number before anybody else does', async () => {
    const seller = person();
    const ad = await publish(seller, suspicious);
    expect(ad.status).toBe('moderation');
    expect((await read(ad.id)).status).toBe(404);
    const queue = await world.ask<Page>('GET', '/v1/moderation/ads?limit=100', { as: moderator });
    expect(queue.body.items.map(({ id }) => id)).toContain(ad.id);
    expect((await world.ask('GET', '/v1/moderation/ads', { as: seller })).status).toBe(403);

    const approved = await world.ask<Ad>('POST', `/v1/moderation/ads/${ad.id}`, {
      as: moderator,
      body: { decision: 'approve' },
    });
    expect(approved.body.status).toBe('active');
    const again = await world.ask('POST', `/v1/moderation/ads/${ad.id}`, {
      as: moderator,
      body: { decision: 'reject' },
    });
    expect(again.status).toBe(409);
  });

  it('is not passed by editing an active ad, nor by publishing a rejected one again', async () => {
    const seller = person();
    const ad = await publish(seller);
    expect((await patch(seller, ad.id, suspicious)).body.status).toBe('moderation');
    const body = { decision: 'reject', reason: 'Телефон в описании' };
    const rejected = await world.ask<Ad>('POST', `/v1/moderation/ads/${ad.id}`, { as: moderator, body });
    expect(rejected.body).toMatchObject({ status: 'rejected', rejection_reason: 'Телефон в описании' });
    const own = await world.ask<Page>('GET', '/v1/me/ads', { as: seller });
    expect(own.body.items[0]?.rejection_reason).toBe('Телефон в описании');
    const cleaned = await patch(seller, ad.id, { description: 'Без телефона', status: 'active' });
    expect(cleaned.body.status).toBe('moderation');
  });

  it('takes an ad off when a complaint about it was accepted, and tells only the seller why', async () => {
    const seller = person();
    const ad = await publish(seller);
    const report = {
      report_id: uuidv7(),
      subject: { type: 'ad' as const, id: ad.id as string },
      reason: 'fraud',
      reporter_id: person().id,
    };
    await world.hears('report.resolved', { ...report, decision: 'reject', resolution: 'Всё в порядке' });
    expect((await read(ad.id)).body.status).toBe('active');
    await world.hears('report.resolved', { ...report, decision: 'accept', resolution: 'Обман' });
    expect((await read(ad.id)).body).toMatchObject({ status: 'archived', rejection_reason: null });
    expect((await patch(seller, ad.id, { status: 'active' })).body).toMatchObject({
      status: 'moderation',
      rejection_reason: 'Обман',
    });
  });

  it('is left alone by a complaint that was decided before a moderator approved it again', async () => {
    const seller = person();
    const ad = await publish(seller);
    const accepted = {
      report_id: uuidv7(),
      subject: { type: 'ad' as const, id: ad.id as string },
      reason: 'fraud',
      reporter_id: person().id,
      decision: 'accept' as const,
      resolution: 'Обман',
    };
    const decidedAt = world.clock.now();
    await world.hears('report.resolved', accepted);
    await patch(seller, ad.id, { status: 'active' });
    world.clock.advance(60);
    const body = { decision: 'approve' };
    const approved = await world.ask<Ad>('POST', `/v1/moderation/ads/${ad.id}`, { as: moderator, body });
    expect(approved.body.status).toBe('active');
    // A second complaint of that time, whose news was a dead letter until now.
    await world.hears('report.resolved', { ...accepted, report_id: uuidv7() }, decidedAt);
    expect((await read(ad.id)).body.status).toBe('active');
    world.clock.advance(60);
    await world.hears('report.resolved', { ...accepted, report_id: uuidv7() });
    expect((await read(ad.id)).body.status).toBe('archived');
  });
});

describe('the listing', () => {
  const seller = person();
  const prices = [300, 100, 200, 100, 400];
  beforeAll(async () => {
    for (const [index, amount] of prices.entries()) {
      world.clock.advance(1);
      const title = index === 2 ? 'Детские коляски' : `Велосипед номер ${index}`;
      await publish(seller, { title, price: { amount, currency: 'RUB' } });
    }
    await publish(seller, { draft: true });
  });

  const walk = async (query: string): Promise<Ad[]> => {
    const items: Ad[] = [];
    let cursor = '';
    do {
      const { body } = await world.ask<Page>('GET', `/v1/ads?${query}${cursor && `&cursor=${cursor}`}`);
      items.push(...body.items);
      cursor = body.next_cursor ?? '';
    } while (cursor !== '');
    return items;
  };

  it('gives each active ad once, page by page, in the order asked for', async () => {
    const by = async (sort: string) =>
      (await walk(`seller=${seller.id}&limit=2&sort=${sort}`)).map(({ price }) => price.amount);
    expect(await by('newest')).toEqual(prices.toReversed());
    expect(await by('oldest')).toEqual(prices);
    expect(await by('price_asc')).toEqual([100, 100, 200, 300, 400]);
    expect(await by('price_desc')).toEqual([400, 300, 200, 100, 100]);
    const ids = (await walk(`seller=${seller.id}&limit=1&sort=price_asc`)).map(({ id }) => id);
    expect(new Set(ids).size).toBe(prices.length);
  });

  it('filters by price, city, category and words in other forms', async () => {
    const mine = `seller=${seller.id}`;
    expect(await walk(`${mine}&price_min=200&price_max=300`)).toHaveLength(2);
    expect(await walk(`${mine}&city=moscow`)).toHaveLength(0);
    expect(await walk(`${mine}&category=bicycles&city=kazan`)).toHaveLength(5);
    expect(await walk(`${mine}&q=${encodeURIComponent('детская коляска')}`)).toHaveLength(1);
    expect(await walk(`${mine}&q=${encodeURIComponent('100%')}`)).toHaveLength(0);
  });

  it('refuses a cursor that is not its own', async () => {
    const { body } = await world.ask<Page>('GET', `/v1/ads?seller=${seller.id}&limit=1`);
    const cursor = body.next_cursor ?? '';
    for (const query of [`sort=price_asc&cursor=${cursor}`, `cursor=${cursor}`, 'cursor=AAAA', `cursor=${cursor}x`]) {
      const answer = await world.ask<Problem>('GET', `/v1/ads?${query}`);
      expect(answer.status, query).toBe(400);
      expect(answer.body.errors?.[0]?.field).toBe('cursor');
    }
  });

  it('may be cached, and answers 304 until something in it changes', async () => {
    const path = `/v1/ads?category=bicycles&limit=3`;
    const first = await world.ask<Page>('GET', path);
    expect(first.headers.get('cache-groups')).toBe('"category-bicycles"');
    expect(first.headers.get('cdn-cache-control')).toContain('stale-if-error=86400');
    const etag = first.headers.get('etag') ?? '';
    expect((await world.ask('GET', path, { headers: { 'if-none-match': etag } })).status).toBe(304);
    const newest = first.body.items[0];
    await patch(seller, newest?.id ?? '', { title: 'Ещё один' });
    const fresh = await world.ask<Page>('GET', path, { headers: { 'if-none-match': etag } });
    expect(fresh.status).toBe(200);
    expect(fresh.body.items[0]?.title).toBe('Ещё один');
  });

  it('counts active ads by category', async () => {
    const count = async () => {
      const { body } = await world.ask<{ items: { id: string; ads: number }[] }>('GET', '/v1/categories');
      return body.items.find(({ id }) => id === 'garden')?.ads ?? -1;
    };
    const before = await count();
    await publish(seller, { category: 'garden', attributes: {} });
    expect(await count()).toBe(before + 1);
  });
});

describe('favourites', () => {
  it('are the reader’s own and hold only what is public', async () => {
    const seller = person();
    const reader = person();
    const [first, second, draft] = [
      await publish(seller),
      await publish(seller),
      await publish(seller, { draft: true }),
    ];
    const mark = (id: AdId, method = 'PUT') => world.ask(method, `/v1/me/favourites/${id}`, { as: reader });
    expect((await mark(first.id)).status).toBe(204);
    world.clock.advance(1);
    expect((await mark(second.id)).status).toBe(204);
    expect((await mark(second.id)).status).toBe(204);
    expect((await mark(draft.id)).status).toBe(404);
    const list = async (as: Person, query = '') =>
      (await world.ask<Page>('GET', `/v1/me/favourites${query}`, { as })).body;
    expect((await list(reader)).items.map(({ id }) => id)).toEqual([second.id, first.id]);
    expect((await list(seller)).items).toEqual([]);
    const page = await list(reader, '?limit=1');
    expect((await list(reader, `?limit=1&cursor=${page.next_cursor}`)).items.map(({ id }) => id)).toEqual([first.id]);
    await mark(first.id, 'DELETE');
    expect((await list(reader)).items).toHaveLength(1);
  });
});
