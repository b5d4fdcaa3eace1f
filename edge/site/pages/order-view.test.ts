// An order's progress, and the piece of the page that is fetched when news arrives.
import { describe, expect, it } from 'vitest';
import { makeOrder, uuid } from '../fake-core.testing.ts';
import { createWorld } from '../world.testing.ts';
import { stepsOf } from './order-view.ts';

const delivery = makeOrder(1).delivery;

describe('progress of an order', () => {
  it('has a step at the pick-up point only where the parcel waits at one', () => {
    expect(stepsOf(makeOrder(1)).steps).not.toContain('waiting');
    const order = makeOrder(1, { delivery: { ...delivery, method: 'pickup_point' } });
    order.timeline.push({ kind: 'delivery', stage: 'at_pickup_point', at: order.created_at });
    expect(stepsOf(order)).toEqual({
      steps: ['placed', 'paid', 'shipped', 'waiting', 'delivered', 'completed'],
      reached: 3,
    });
  });

  it('keeps what a cancelled order had reached', () => {
    expect(stepsOf(makeOrder(1, { status: 'cancelled', cancel_reason: 'parcel_lost' })).reached).toBe(2);
  });
});

describe('the order page', () => {
  it('offers what may be done now, and nothing else', async () => {
    const buyer = await createWorld().visitor().signsIn();
    const page = async (n: number): Promise<string> => (await buyer.get(`/orders/${uuid(2000 + n)}`)).text();
    expect(await page(2)).toContain(`href="http://lotok.test/sandbox/psp/pay/${uuid(3002)}"`);
    expect(await page(5)).toContain(`action="/orders/${uuid(2005)}/accept"`);
    const cancelled = await page(4);
    expect(cancelled).toContain('Платёж отклонён банком.');
    expect(cancelled).not.toMatch(/action="\/orders\/[^"]+\/(cancel|accept|review)"/);
  });

  it('has the parcel’s label for its seller, while the parcel is the seller’s', async () => {
    const world = createWorld();
    const visitor = await world.visitor().signsIn();
    const path = `/orders/${uuid(2001)}`;
    const shows = async (change: Parameters<typeof makeOrder>[1]) => {
      world.core.reply('getOrder', () => makeOrder(1, change));
      return (await (await visitor.get(path)).text()).includes(`href="${path}/label"`);
    };
    const sold = { buyer_id: makeOrder(1).seller_id, seller_id: makeOrder(1).buyer_id };
    expect(await shows({ ...sold, delivery: { ...delivery, stage: 'created' } })).toBe(true);
    expect(await shows({ ...sold, delivery: { ...delivery, stage: 'in_transit' } })).toBe(false);
    expect(await shows({ delivery: { ...delivery, stage: 'created' } })).toBe(false);
    const label = await visitor.get(`${path}/label`);
    expect(label.headers.get('content-type')).toBe('application/pdf');
    expect(label.headers.get('cache-control')).toContain('no-store');
    expect(await label.text()).toBe('%PDF-1.4');
    expect((await world.visitor().get(`${path}/label`)).headers.get('location')).toContain('/sign-in');
  });

  it('hands out its parts alone for the script', async () => {
    const buyer = await createWorld().visitor().signsIn();
    const parts = await (await buyer.get(`/orders/${uuid(2001)}/now`)).text();
    expect(parts).not.toContain('<html');
    expect([...parts.matchAll(/data-part="(\w+)"/g)].map(([, name]) => name)).toEqual([
      'now',
      'actions',
      'timeline',
      'facts',
    ]);
    expect(parts).toContain('SB-10024471');
    expect(await (await buyer.get(`/orders/${uuid(2003)}/now`)).text()).toContain(
      'Пункт 1 на Тверской, Москва, Тверская ул., 4',
    );
  });

  it('cancels, accepts and reviews, each by its own form', async () => {
    const world = createWorld();
    const buyer = await world.visitor().signsIn();
    const order = `/orders/${uuid(2003)}`;
    expect((await buyer.post(`${order}/cancel`)).headers.get('location')).toBe(order);
    expect((await buyer.post(`${order}/accept`)).headers.get('location')).toBe(order);
    expect((await buyer.post(`${order}/review`, { rating: '5', text: 'Спасибо' })).headers.get('location')).toBe(
      `${order}?done=review`,
    );
    expect(
      world.core.asked.flatMap(({ id }) => (['cancelOrder', 'acceptOrder', 'createReview'].includes(id) ? [id] : [])),
    ).toEqual(['cancelOrder', 'acceptOrder', 'createReview']);
    expect((await buyer.post(`${order}/explode`)).status).toBe(404);
  });
});
