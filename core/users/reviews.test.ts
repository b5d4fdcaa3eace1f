import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheChannel } from '../../contracts/stream.ts';
import { problem, usersWorld } from './world.testing.ts';

let world: Awaited<ReturnType<typeof usersWorld>>;
beforeAll(async () => {
  world = await usersWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

async function sale() {
  const seller = await world.register('Сергей');
  const buyer = await world.register('Анна');
  const orderId = uuidv7();
  const becomes = (status: 'paid' | 'completed') => world.orderBecomes(orderId, status, buyer.user_id, seller.user_id);
  const review = (body: object = {}, token = buyer.access_token) =>
    world.call('POST', '/v1/reviews', { token, body: { order_id: orderId, rating: 5, ...body } });
  const page = () => world.call('GET', `/v1/users/${seller.user_id}`);
  return { seller, buyer, orderId, becomes, review, page };
}

describe('a review', () => {
  it('is written by the buyer of a completed order, and counts for the seller', async () => {
    const { seller, buyer, becomes, review, page } = await sale();
    await becomes('paid');
    await becomes('completed');
    const made = await review({ rating: 4, text: ' Всё как на фото ' });
    expect(made).toMatchObject({
      status: 201,
      body: { author: { id: buyer.user_id, name: 'Анна' }, rating: 4, text: 'Всё как на фото' },
    });
    expect((await page()).body).toMatchObject({ name: 'Сергей', rating: 4, reviews: 1, sales: 1 });
    const list = await world.call('GET', `/v1/users/${seller.user_id}/reviews`);
    expect(list.body).toEqual({ items: [made.body], next_cursor: null });
    expect((await world.told(seller.user_id, 'user.changed')).at(-1)).toMatchObject({ rating: 4, reviews: 1 });
    expect(await world.told(cacheChannel, 'cache.invalidate')).toContainEqual({
      event: 'cache.invalidate',
      data: { groups: [`user-${seller.user_id}`], at: expect.any(String) },
    });
  });

  it('is refused before completion, twice, and to anybody else', async () => {
    const { becomes, review, seller } = await sale();
    expect(await review()).toMatchObject({ status: 404, body: problem('not-found') });
    await becomes('paid');
    expect(await review()).toMatchObject({ status: 409, body: problem('conflict') });
    await becomes('completed');
    expect(await review({}, seller.access_token)).toMatchObject({ status: 404 });
    const answers = await Promise.all([review(), review()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  it('comes in pages, newest first', async () => {
    const seller = await world.register();
    const buyer = await world.register();
    for (const rating of [1, 2, 3]) {
      const order_id = uuidv7();
      await world.orderBecomes(order_id, 'completed', buyer.user_id, seller.user_id);
      await world.call('POST', '/v1/reviews', { token: buyer.access_token, body: { order_id, rating } });
    }
    const path = `/v1/users/${seller.user_id}/reviews?limit=2`;
    const ratings = ({ body }: { body: { items: { rating: number }[] } }) => body.items.map(({ rating }) => rating);
    const first = await world.call('GET', path);
    expect(ratings(first)).toEqual([3, 2]);
    const second = await world.call('GET', `${path}&cursor=${first.body.next_cursor}`);
    expect(ratings(second)).toEqual([1]);
    expect(second.body.next_cursor).toBeNull();
    expect((await world.call('GET', `${path}&cursor=nonsense`)).status).toBe(400);
    expect((await world.call('GET', `/v1/users/${seller.user_id}`)).body).toMatchObject({ rating: 2, reviews: 3 });
  });
});

describe('a seller’s page', () => {
  it('counts a completed order once, also when its news comes twice', async () => {
    const { becomes, page } = await sale();
    await becomes('completed');
    await becomes('completed');
    await becomes('paid');
    expect((await page()).body.sales).toBe(1);
  });

  it('is cached by its group, and has a new entity tag after a change', async () => {
    const { page, becomes, seller } = await sale();
    const before = await page();
    expect(before.headers.get('cache-groups')).toBe(`"user-${seller.user_id}"`);
    expect(before.headers.get('cache-control')).toMatch(/^public, max-age=/);
    await becomes('completed');
    expect((await page()).headers.get('etag')).not.toBe(before.headers.get('etag'));
  });

  it('shows nothing private, and nobody where there is nobody', async () => {
    const { page } = await sale();
    expect(Object.keys((await page()).body).sort()).toEqual(['id', 'name', 'rating', 'reviews', 'sales', 'since']);
    expect((await world.call('GET', `/v1/users/${uuidv7()}`)).status).toBe(404);
  });

  it('is read together with other sellers, without those who do not exist', async () => {
    const [one, other] = [await world.register(), await world.register()];
    const ids = [other.user_id, one.user_id, uuidv7()];
    const { body, headers } = await world.call('GET', `/v1/users/by-id?ids=${ids.join(',')}`);
    const items = await Promise.all(
      [one.user_id, other.user_id].sort().map(async (id) => (await world.call('GET', `/v1/users/${id}`)).body),
    );
    expect(body).toEqual({ items });
    for (const id of ids) expect(headers.get('cache-groups')).toContain(`"user-${id}"`);
  });
});
