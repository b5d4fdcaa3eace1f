import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProblemError } from '../../contracts/problem.ts';
import { until } from '../../tests/until.ts';
import { type CommandOptions, startCommandLoop } from './commands.ts';
import { acceptOrder, cancelOrder, getOrder, listOrders } from './service.ts';
import { startTimerLoop } from './timers.ts';
import { newUser, type OrdersDatabase, openOrders, seller, type WorldOptions } from './world.testing.ts';

describe('orders', () => {
  let opened: OrdersDatabase;
  let db: OrdersDatabase['db'];
  const world = (options?: WorldOptions) => opened.world(options);

  beforeAll(async () => {
    opened = await openOrders();
    db = opened.db;
  });
  afterAll(() => opened[Symbol.asyncDispose]());

  it('goes from the payment to the payout, one status after another', async () => {
    const { options, order, buyer, payment, parcel, settled, asked } = world();
    await using _loop = await startCommandLoop(options);
    const made = await order();
    expect(made).toMatchObject({
      status: 'pending_payment',
      total: { amount: 1_300_00, currency: 'RUB' },
      payment: { confirmation_url: expect.stringContaining('https://pay.example/') },
      actions: ['pay', 'cancel'],
    });

    await payment(made.id, 'authorized', 1);
    await settled(made.id);
    for (const [index, stage] of (['created', 'accepted', 'in_transit', 'delivered'] as const).entries())
      await parcel(made.id, stage, index + 1);
    await settled(made.id);
    await acceptOrder(options, made.id, buyer);
    await settled(made.id);

    const { status, timeline } = await getOrder(db, made.id, buyer);
    expect(status).toBe('completed');
    expect(timeline.filter((entry) => entry.kind === 'order').map((entry) => entry.status)).toEqual([
      'pending_payment',
      'paid',
      'in_delivery',
      'delivered',
      'completed',
    ]);
    expect(asked).toEqual([
      'reserve',
      'quote',
      'startPayment',
      'markSold',
      'createShipment',
      'enqueue',
      'capture',
      'payOut',
    ]);
  });

  it('tells every status once, in order, through the outbox', async () => {
    const { order, payment, parcel } = world();
    const { id } = await order();
    await payment(id, 'authorized', 1);
    await parcel(id, 'delivered', 4);
    await parcel(id, 'delivered', 4);
    const events = await db.selectFrom('outbox').select('value').where('key', '=', id).orderBy('id').execute();
    expect(events.map(({ value }) => JSON.parse(value).status)).toEqual([
      'pending_payment',
      'paid',
      'in_delivery',
      'delivered',
    ]);
  });

  it('is not moved by old news, such as a replayed dead letter', async () => {
    const { order, payment, parcel, row } = world();
    const { id } = await order();
    await payment(id, 'authorized', 2);
    await parcel(id, 'delivered', 4);
    await payment(id, 'captured', 3);
    const before = await row(id);
    await payment(id, 'failed', 1);
    await payment(id, 'voided', 2);
    await parcel(id, 'lost', 3);
    expect(await row(id)).toEqual(before);
    expect(before).toMatchObject({ status: 'delivered', payment_status: 'captured', delivery_stage: 'delivered' });
  });

  it('makes one order of one key, also when it is sent many times at once, and answers the same', async () => {
    const { order, asked } = world();
    const key = uuidv7();
    const adId = uuidv7();
    const answers = await Promise.all(Array.from({ length: 6 }, () => order({ key, adId })));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await order({ key, adId })).toEqual(answers[0]);
    expect(asked.filter((call) => call === 'startPayment')).toHaveLength(1);
  });

  it.each(['invalid-field', 'unavailable'] as const)(
    'keeps the hold of an order that is placed while the same request at the same moment fails: %s',
    async (no) => {
      const { order, options, holders } = world();
      const quotes = quotesOf(options);
      const name = { key: uuidv7(), adId: uuidv7() };
      const unlucky = order(name);
      const fails = await quotes.asked();
      const lucky = order(name);
      (await quotes.asked()).resolve(aQuote);
      const made = await lucky;
      fails.reject(new ProblemError(no));
      expect((await unlucky).id).toBe(made.id);
      expect(holders.get(name.adId)).toBe(made.id);
      expect(await order(name)).toEqual(made);
    },
  );

  it('places no order after the same request at the same moment has given it up', async () => {
    const { order, options, holders } = world();
    const quotes = quotesOf(options);
    const name = { key: uuidv7(), adId: uuidv7() };
    const slow = order(name);
    const slowQuote = await quotes.asked();
    const failing = order(name);
    (await quotes.asked()).reject(new ProblemError('invalid-field'));
    await expect(failing).rejects.toMatchObject({ code: 'invalid-field' });
    slowQuote.resolve(aQuote);
    await expect(slow).rejects.toMatchObject({ code: 'request-in-progress' });
    expect(holders.has(name.adId)).toBe(false);
    const again = order(name);
    (await quotes.asked()).resolve(aQuote);
    expect(holders.get(name.adId)).toBe((await again).id);
    const orders = await db.selectFrom('orders').select('id').where('ad_id', '=', name.adId).execute();
    expect(orders).toHaveLength(1);
  });

  it('refuses a key that was used for something else', async () => {
    const { order } = world();
    const key = uuidv7();
    await order({ key });
    await expect(order({ key })).rejects.toMatchObject({ code: 'idempotency-key-reused' });
  });

  it('sells to one of two buyers, and frees the key of the other', async () => {
    const { order } = world();
    const adId = uuidv7();
    const key = uuidv7();
    const [first, second] = await Promise.allSettled([order({ adId }), order({ adId, buyerId: newUser(), key })]);
    const statuses = [first.status, second.status].sort();
    expect(statuses).toEqual(['fulfilled', 'rejected']);
    const lost = first.status === 'rejected' ? first : second;
    expect(lost).toMatchObject({ reason: { code: 'ad-reserved' } });
  });

  it('holds the ad for the next try with the key when delivery does not answer, and lets it go after a clear no', async () => {
    const { order, refuse, holders } = world();
    const [key, adId] = [uuidv7(), uuidv7()];
    refuse.set('quote', new ProblemError('unavailable'));
    await expect(order({ key, adId })).rejects.toMatchObject({ code: 'delivery-unavailable' });
    const held = holders.get(adId);
    // Were it released, the same request at the same moment could have made the order by now, and would lose its ad.
    await expect(order({ adId, buyerId: newUser() })).rejects.toMatchObject({ code: 'ad-reserved' });
    refuse.delete('quote');
    expect((await order({ key, adId })).id).toBe(held);

    const [otherKey, otherAd] = [uuidv7(), uuidv7()];
    refuse.set('quote', new ProblemError('invalid-field'));
    await expect(order({ key: otherKey, adId: otherAd })).rejects.toMatchObject({ code: 'invalid-field' });
    expect(holders.has(otherAd)).toBe(false);
    refuse.delete('quote');
    expect(await order({ key: otherKey })).toMatchObject({ status: 'pending_payment' });
  });

  it('goes on with the same order when nobody knows whether the ad was reserved', async () => {
    const { order, holders, refuse, buyer } = world();
    const [key, adId] = [uuidv7(), uuidv7()];
    refuse.set('reserve', new ProblemError('timeout'));
    await expect(order({ key, adId })).rejects.toMatchObject({ code: 'timeout' });
    // Ads has done it, and its answer was lost.
    const { order_id: claimed } = await db
      .selectFrom('order_keys')
      .select('order_id')
      .where('buyer_id', '=', buyer)
      .where('key', '=', key)
      .executeTakeFirstOrThrow();
    holders.set(adId, claimed);
    refuse.delete('reserve');
    expect((await order({ key, adId })).id).toBe(claimed);
  });

  it('gives the ad and the money back when the buyer cancels before the courier came', async () => {
    const { options, order, buyer, payment, settled, becomes, asked, holders } = world();
    await using _loop = await startCommandLoop(options);
    const adId = uuidv7();
    const { id } = await order({ adId });
    await payment(id, 'authorized', 1);
    await settled(id);
    expect(await cancelOrder(options, id, buyer)).toMatchObject({
      status: 'cancelling',
      cancel_reason: 'buyer_cancelled',
    });
    await becomes(id, 'cancelled');
    expect(asked.slice(-3)).toEqual(['cancelShipment', 'void', 'release']);
    expect(holders.has(adId)).toBe(false);
    // Once more changes nothing.
    expect(await cancelOrder(options, id, buyer)).toMatchObject({ status: 'cancelled' });
  });

  it('goes on when the courier was quicker than the cancellation, and keeps the money', async () => {
    const { options, order, buyer, payment, parcel, settled, becomes, refuse, asked } = world();
    await using _loop = await startCommandLoop(options);
    const { id } = await order();
    await payment(id, 'authorized', 1);
    await settled(id);
    refuse.set('cancelShipment', new ProblemError('conflict', { detail: 'under way' }));
    await cancelOrder(options, id, buyer);
    await parcel(id, 'delivered', 3);
    await becomes(id, 'delivered');
    await settled(id);
    expect(asked).not.toContain('void');
    expect(asked).toContain('capture');
  });

  it('refunds what was captured when the parcel is lost', async () => {
    const { options, order, payment, parcel, settled, becomes, refuse, asked } = world();
    await using _loop = await startCommandLoop(options);
    const { id } = await order();
    await payment(id, 'authorized', 1);
    await parcel(id, 'accepted', 2);
    await settled(id);
    refuse.set('void', new ProblemError('conflict'));
    await parcel(id, 'lost', 3);
    await becomes(id, 'cancelled');
    expect(asked.slice(-2)).toEqual(['void', 'refund']);
    expect(asked).not.toContain('release');
  });

  it('cancels with the reason when the payment is declined', async () => {
    const declined = world();
    await using _first = await startCommandLoop(declined.options);
    const one = await declined.order();
    await declined.payment(one.id, 'failed', 1);
    await declined.becomes(one.id, 'cancelled');
    expect((await declined.row(one.id)).cancel_reason).toBe('payment_declined');
  });

  it('voids when the courier refuses the parcel', async () => {
    const { options, order, payment, becomes, row, refuse, asked } = world();
    await using _loop = await startCommandLoop(options);
    refuse.set('createShipment', new ProblemError('conflict', { detail: 'COURIER_REFUSED' }));
    const { id } = await order();
    await payment(id, 'authorized', 1);
    await becomes(id, 'cancelled');
    expect((await row(id)).cancel_reason).toBe('courier_refused');
    expect(asked.slice(-2)).toEqual(['void', 'release']);
  });

  it('cancels by itself when nobody pays in time', async () => {
    const { options, order, becomes, row } = world({ paymentTimeoutSeconds: 1 });
    await using _commands = await startCommandLoop(options);
    await using _timers = await startTimerLoop(options);
    const { id } = await order();
    await becomes(id, 'cancelled');
    expect((await row(id)).cancel_reason).toBe('payment_timeout');
  });

  it('tries a step again until the other service is back', async () => {
    const { options, order, payment, settled, refuse, row } = world();
    await using _loop = await startCommandLoop(options);
    const { id } = await order();
    refuse.set('createShipment', new ProblemError('unavailable'));
    await payment(id, 'authorized', 1);
    await until(
      'it was tried',
      async () =>
        (
          await db
            .selectFrom('commands')
            .select('attempts')
            .where('order_id', '=', id)
            .where('step', '=', 'create_shipment')
            .executeTakeFirst()
        )?.attempts,
    );
    refuse.clear();
    await settled(id);
    expect((await row(id)).tracking_number).toBe('TRACK1');
  });

  it('answers clearly when the payment cannot be started, and goes on with the same key later', async () => {
    const { order, refuse } = world();
    const key = uuidv7();
    const adId = uuidv7();
    refuse.set('startPayment', new ProblemError('unavailable'));
    await expect(order({ key, adId })).rejects.toMatchObject({ code: 'payment-unavailable' });
    refuse.clear();
    const again = await until('the order can be paid', () => order({ key, adId }));
    expect(again.payment.confirmation_url).toContain('https://pay.example/');
  });

  it('shows an order to its two people only, and lets only the buyer decide', async () => {
    const { options, order, buyer } = world();
    const { id } = await order();
    await expect(getOrder(db, id, newUser())).rejects.toMatchObject({ code: 'not-found' });
    await expect(cancelOrder(options, id, newUser())).rejects.toMatchObject({ code: 'not-found' });
    await expect(cancelOrder(options, id, seller)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(acceptOrder(options, id, buyer)).rejects.toMatchObject({ code: 'conflict' });
    expect((await getOrder(db, id, seller)).payment.confirmation_url).toBeNull();
  });

  it('pages through the newest first', async () => {
    const { order, buyer } = world();
    const made = [await order(), await order(), await order()].map(({ id }) => id).reverse();
    const list = { role: 'buyer', userId: buyer, status: undefined, limit: 2 } as const;
    const first = await listOrders(db, { ...list, before: undefined });
    const second = await listOrders(db, { ...list, before: first.next ?? undefined });
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(made);
    expect(second.next).toBeNull();
  });
});

const aQuote = {
  price: { amount: 300_00, currency: 'RUB' },
  estimated: { from: '2026-11-27', to: '2026-11-30' },
  courier: 'sandbox',
};

/** Quotes that come when the test says so: `asked` is the next one. */
function quotesOf({ rpc }: CommandOptions) {
  const waiting: PromiseWithResolvers<typeof aQuote>[] = [];
  let seen = 0;
  const quote = (): Promise<typeof aQuote> => {
    const answer = Promise.withResolvers<typeof aQuote>();
    waiting.push(answer);
    return answer.promise;
  };
  Object.assign(rpc.delivery, { quote });
  return { asked: () => until('delivery is asked', () => waiting[seen] && waiting[seen++]) };
}
