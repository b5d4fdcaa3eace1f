// Checkout: one click or two, one order; and what a buyer reads when it can't be had.
import { describe, expect, it } from 'vitest';
import { ProblemError } from '../../../contracts/problem.ts';
import { makeOrder, points, uuid } from '../fake-core.testing.ts';
import { createWorld, type Visitor } from '../world.testing.ts';

const address = `/checkout/${uuid(1000)}`;
const keyIn = (page: string): string => /name="key" value="([^"]+)"/.exec(page)?.[1] ?? '';

async function opensCheckout(visitor: Visitor): Promise<Record<string, string>> {
  const page = await (await visitor.get(address)).text();
  return { key: keyIn(page), city: 'moscow', city_name: 'Москва', method: 'courier', address: 'Тверская, 1' };
}

describe('checkout', () => {
  it('sends the key that the form was made with, so that a double click is one order', async () => {
    const world = createWorld();
    const buyer = await world.visitor().signsIn();
    const form = await opensCheckout(buyer);
    const answers = await Promise.all([buyer.post(address, form), buyer.post(address, form)]);
    const orders = world.core.asked.filter(({ id }) => id === 'createOrder');
    expect(form['key']).toMatch(/^[0-9a-f-]{36}$/);
    expect(orders.map(({ options }) => options.headers?.['idempotency-key'])).toEqual([form['key'], form['key']]);
    expect(orders[0]?.options.body).toEqual({
      ad_id: uuid(1000),
      delivery: { method: 'courier', address: 'Москва, Тверская, 1' },
    });
    for (const answer of answers)
      expect(answer.headers.get('location')).toBe(`http://lotok.test/sandbox/psp/pay/${uuid(3002)}`);
  });

  it('waits for the first click’s order where core is still making it', async () => {
    const world = createWorld();
    const buyer = await world.visitor().signsIn();
    let asked = 0;
    world.core.reply('createOrder', () => {
      asked++;
      return asked < 3 ? new ProblemError('request-in-progress').toResponse() : makeOrder(7);
    });
    const answer = await buyer.post(address, await opensCheckout(buyer));
    expect(answer.headers.get('location')).toBe(`/orders/${uuid(2007)}`);
  });

  it('makes a new key after a clear refusal, and keeps it when the order may exist', async () => {
    const world = createWorld();
    const buyer = await world.visitor().signsIn();
    const form = await opensCheckout(buyer);
    world.core.reply('createOrder', () =>
      new ProblemError('invalid-field', { errors: [{ field: 'delivery.address', message: 'Too short' }] }).toResponse(),
    );
    const refused = await buyer.post(address, { ...form, address: 'Т' });
    const page = await refused.text();
    expect(refused.status).toBe(422);
    expect(page).toContain('От 5 до 300 символов');
    expect(page).toContain('value="Т"');
    expect(keyIn(page)).not.toBe(form['key']);

    world.core.reply('createOrder', () => new ProblemError('timeout').toResponse());
    // The order may have been made and hold the ad already.
    world.core.reply('getAd', () => ({ ...world.core.ads[0], status: 'reserved' }));
    const unclear = await buyer.post(address, form);
    expect(unclear.status).toBe(503);
    expect(keyIn(await unclear.text())).toBe(form['key']);
  });

  it('shows pick-up points on a map of its own and in a list, the nearest first, and leads to those farther away', async () => {
    const world = createWorld();
    const buyer = await world.visitor().signsIn();
    world.core.reply('listPickupPoints', () => ({ items: points, next_cursor: 'the-rest' }));
    const page = await (await buyer.get(`${address}?city=moscow`)).text();
    const numbers = [...page.matchAll(/href="#(point-[a-z0-9-]+)" data-point/g)].map(([, anchor]) => anchor);
    expect(numbers).toEqual(['point-moscow-1', 'point-moscow-2', 'point-moscow-3']);
    for (const anchor of numbers) expect(page).toContain(`class="choice" id="${anchor}"`);
    expect(page.replaceAll('\u00a0', ' ')).toContain('1,3 км от центра');
    expect(page).not.toMatch(/<svg class="map"[^>]*style=|<image/);
    const more = /href="(\/checkout\/[^"]+points=the-rest[^"]*)"/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const next = await (await buyer.get(more)).text();
    expect(world.core.asked.findLast(({ id }) => id === 'listPickupPoints')?.options.query).toMatchObject({
      cursor: 'the-rest',
    });
    expect(next).toMatch(/value="pickup_point" checked/);
  });

  it('sends whoever has no phone number to the profile when the courier needs one', async () => {
    const world = createWorld();
    const buyer = await world.visitor().signsIn();
    const form = await opensCheckout(buyer);
    world.core.reply('createOrder', () =>
      new ProblemError('invalid-field', { errors: [{ field: 'phone', message: 'is missing' }] }).toResponse(),
    );
    const answer = await buyer.post(address, form);
    expect(answer.status).toBe(422);
    expect(await answer.text()).toContain('Добавьте номер телефона в профиле');
  });

  it('says that somebody else was faster', async () => {
    const world = createWorld();
    const buyer = await world.visitor().signsIn();
    const form = await opensCheckout(buyer);
    world.core.reply('createOrder', () => new ProblemError('ad-reserved').toResponse());
    world.core.reply('getAd', () => ({ ...world.core.ads[0], status: 'reserved' }));
    const answer = await buyer.post(address, form);
    expect(answer.status).toBe(409);
    expect(await answer.text()).toContain('сейчас покупает другой человек');
  });

  it('sends nobody to an address that no browser should open', async () => {
    const world = createWorld();
    const buyer = await world.visitor().signsIn();
    const order = makeOrder(8, {
      payment: { ...makeOrder(8).payment, status: 'in_progress', confirmation_url: 'javascript:alert(1)' },
    });
    world.core.reply('createOrder', () => order);
    expect((await buyer.post(address, await opensCheckout(buyer))).headers.get('location')).toBe(`/orders/${order.id}`);
  });
});
