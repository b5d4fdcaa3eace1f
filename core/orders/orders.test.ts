import type { Kysely } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OrderId, UserId } from '../../contracts/common.ts';
import type { DeliveryStage } from '../../contracts/delivery.ts';
import type { EventData, EventType } from '../../contracts/events.ts';
import type { NewOrder } from '../../contracts/orders.ts';
import type { PaymentStatus } from '../../contracts/payments.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { openTestDatabase } from '../../tests/database.ts';
import { until } from '../../tests/until.ts';
import { systemClock } from '../platform/clock.ts';
import type { DatabaseProvider } from '../platform/db/database.ts';
import { createOutbox } from '../platform/db/outbox.ts';
import type { RpcClients } from '../platform/service.ts';
import { silentLog } from '../platform/telemetry/log.ts';
import { createMetrics } from '../platform/telemetry/metrics.ts';
import { type CommandOptions, pauseMs, startCommandLoop } from './commands.ts';
import { orderEvents } from './events.ts';
import { migrations } from './migrations/index.ts';
import { acceptOrder, cancelOrder, createOrder, getOrder, listOrders } from './service.ts';
import type { OrdersTables } from './store.ts';
import { startTimerLoop } from './timers.ts';

const seller = uuidv7() as UserId;
const newUser = (): UserId => uuidv7() as UserId;

/** Other services as orders sees them: answers that a test can change, and what was asked. */
function otherServices() {
  const asked: string[] = [];
  const holders = new Map<string, string>();
  const refuse = new Map<string, ProblemError>();
  const answer =
    <Reply>(name: string, reply: (request: never) => Reply) =>
    async (request: never): Promise<Reply> => {
      asked.push(name);
      const problem = refuse.get(name);
      if (problem) throw problem;
      return reply(request);
    };
  const rpc = {
    ads: {
      reserve: answer('reserve', ({ adId, orderId }: { adId: string; orderId: string }) => {
        const holder = holders.get(adId);
        if (holder && holder !== orderId) throw new ProblemError('ad-reserved');
        holders.set(adId, orderId);
        return {
          adId,
          sellerId: seller,
          title: 'Велосипед',
          thumbUrl: '',
          price: { amount: 1_000_00, currency: 'RUB' },
          city: 'moscow',
          category: 'bicycles',
        };
      }),
      release: answer('release', ({ adId, orderId }: { adId: string; orderId: string }) => {
        if (holders.get(adId) === orderId) holders.delete(adId);
        return {};
      }),
      markSold: answer('markSold', () => ({})),
    },
    payments: {
      startPayment: answer('startPayment', ({ paymentId }: { paymentId: string }) => ({
        payment: { confirmationUrl: `https://pay.example/${paymentId}` },
      })),
      capture: answer('capture', () => ({})),
      void: answer('void', () => ({})),
      refund: answer('refund', () => ({})),
      payOut: answer('payOut', () => ({})),
    },
    delivery: {
      quote: answer('quote', () => ({
        price: { amount: 300_00, currency: 'RUB' },
        estimated: { from: '2026-11-27', to: '2026-11-30' },
        courier: 'sandbox',
      })),
      createShipment: answer('createShipment', () => ({
        shipment: { trackingNumber: 'TRACK1', estimated: { from: '2026-11-28', to: '2026-12-01' } },
      })),
      cancelShipment: answer('cancelShipment', () => ({})),
    },
    notifications: { enqueue: answer('enqueue', () => ({ notificationId: uuidv7() })) },
  } as unknown as RpcClients;
  return { rpc, asked, refuse, holders };
}

describe('orders', () => {
  let databases: DatabaseProvider;
  let db: Kysely<OrdersTables>;
  const metrics = createMetrics({ part: 'test' });

  beforeAll(async () => {
    databases = await openTestDatabase();
    db = await databases.open<OrdersTables>('orders', migrations);
  });
  afterAll(() => databases[Symbol.asyncDispose]());

  function world({ paymentTimeoutSeconds = 900 } = {}) {
    const others = otherServices();
    const options: CommandOptions = {
      db,
      databases,
      rpc: others.rpc,
      outbox: createOutbox('orders', systemClock),
      clock: systemClock,
      log: silentLog,
      metrics,
      publicUrl: 'https://lotok.example',
      rules: {
        timeoutSeconds: { payment: paymentTimeoutSeconds, handover: 3600, delivery: 3600, acceptance: 3600 },
        pauseMs,
      },
    };
    const handlers = orderEvents(options);
    const hear = async <Type extends EventType & keyof typeof handlers>(
      type: Type,
      data: EventData<Type>,
    ): Promise<void> => {
      await db
        .transaction()
        .execute(
          (trx) => handlers[type]?.({ id: uuidv7(), type, time: new Date(), data } as never, trx) ?? Promise.resolve(),
        );
    };
    const buyer = newUser();
    const order = (overrides: { key?: string; adId?: string; buyerId?: UserId; address?: string } = {}) =>
      createOrder(options, {
        buyerId: overrides.buyerId ?? buyer,
        key: overrides.key ?? uuidv7(),
        request: {
          ad_id: overrides.adId ?? uuidv7(),
          delivery: { method: 'courier', address: overrides.address ?? 'Москва, Тверская, 1' },
        } as NewOrder,
      });
    const row = (id: OrderId) => db.selectFrom('orders').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
    const payment = async (id: OrderId, status: PaymentStatus, version: number) => {
      const { payment_id, buyer_id } = await row(id);
      const change = {
        payment_id,
        order_id: id,
        buyer_id,
        status,
        previous_status: null,
        amount: { amount: 1, currency: 'RUB' },
        reason: null,
        at: new Date().toISOString(),
        version,
      };
      await hear('payment.status_changed', change as EventData<'payment.status_changed'>);
    };
    const parcel = async (id: OrderId, stage: DeliveryStage, version: number) => {
      const { shipment_id, buyer_id, seller_id } = await row(id);
      const change = {
        shipment_id,
        order_id: id,
        buyer_id,
        seller_id,
        stage,
        previous_stage: null,
        tracking_number: 'TRACK1',
        estimated: null,
        reason: null,
        at: new Date().toISOString(),
        version,
      };
      await hear('delivery.stage_changed', change as EventData<'delivery.stage_changed'>);
    };
    const settled = (id: OrderId) =>
      until(
        'nothing is owed',
        async () =>
          (
            await db
              .selectFrom('commands')
              .select('id')
              .where('order_id', '=', id)
              .where('state', '=', 'owed')
              .execute()
          ).length === 0,
      );
    const becomes = (id: OrderId, status: string) =>
      until(`the order is ${status}`, async () => (await row(id)).status === status);
    return { ...others, options, buyer, order, row, payment, parcel, settled, becomes };
  }

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

  it('makes one order of one key, also when it is sent many times at once, and answers the same', async () => {
    const { order, asked } = world();
    const key = uuidv7();
    const adId = uuidv7();
    const answers = await Promise.all(Array.from({ length: 6 }, () => order({ key, adId })));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await order({ key, adId })).toEqual(answers[0]);
    expect(asked.filter((call) => call === 'startPayment')).toHaveLength(1);
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
