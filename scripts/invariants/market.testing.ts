// A small market as it really was: purchases of every end, made through the API of the whole system.
import { randomUUID } from 'node:crypto';
import type { Order, OrderWithTimeline } from '../../contracts/orders.ts';
import { Client } from '../../tests/system/client.ts';
import { Hopeless, until } from '../../tests/until.ts';
import { startAll } from '../start.ts';
import { type Database, openFolder } from './database.ts';
import { verify } from './verify.ts';

const patience = { timeoutMs: 60_000, everyMs: 50 };

const start = (folder: string) =>
  startAll({
    PORT: '0',
    LOTOK_DATA: folder,
    SANDBOX_STEP_MS: '0',
    LOG_LEVEL: 'error',
    PLATFORM_FEE_BASIS_POINTS: '550',
  });

/** The market's books, when all that was on its way has arrived. */
export async function makeMarket(folder: string): Promise<Database> {
  {
    await using lotok = await start(folder);
    await driveMarket(lotok.url);
  }
  for (let restarts = 0; ; restarts += 1) {
    const database = await openFolder(folder);
    const { holds } = await verify(database, undefined, { live: false, boundSeconds: 60, progress: () => undefined });
    // What is wrong stays wrong and is the tests' to tell.
    if (holds || restarts === 3) return database;
    await database[Symbol.asyncDispose]();
    // Whatever the end interrupted goes on with the next start.
    await using _ = await start(folder);
  }
}

/** Buys an ad for each way that an order can go, and waits until each is where it should be. */
async function driveMarket(url: string): Promise<void> {
  const buyer = await Client.signIn(url, 'buyer@demo.lotok');
  const operator = await Client.signIn(url, 'operator@demo.lotok');
  const forSale = await buyer.adsForSale();
  const order = async (options: { address?: string } = {}): Promise<Order> => {
    const ad = forSale.shift();
    if (!ad) throw new Error('no ad is left');
    // A machine that is busy may not answer in time: the same key goes on with the same order.
    const key = randomUUID();
    return until(
      'an ad is ordered',
      async () => {
        const { status, body } = await buyer.orderAnswer(ad.id, { ...options, key });
        if (status === 201) return body;
        if (status < 500) throw new Hopeless(`order of ${ad.id}: ${status} ${JSON.stringify(body)}`);
        return null;
      },
      patience,
    );
  };
  const is = (id: string, what: string, condition: (order: OrderWithTimeline) => boolean): Promise<OrderWithTimeline> =>
    until(
      `an order is ${what}`,
      async () => {
        const now = await buyer.order(id);
        return condition(now) ? now : null;
      },
      patience,
    );
  const ends = (id: string, status: string, payment: string): Promise<OrderWithTimeline> =>
    is(id, `${status} and ${payment}`, (now) => now.status === status && now.payment.status === payment);
  const paid = async (options?: { address?: string }): Promise<OrderWithTimeline> => {
    const { id, ...rest } = await order(options);
    await buyer.pays({ id, ...rest });
    return is(id, 'paid, with a parcel', (now) => now.status === 'paid' && now.delivery.stage === 'created');
  };
  const sent = async (): Promise<OrderWithTimeline> => {
    const ready = await paid();
    await buyer.parcelIs(ready, 'accepted');
    return ends(ready.id, 'in_delivery', 'captured');
  };
  const delivered = async (): Promise<OrderWithTimeline> => {
    const underway = await sent();
    for (const stage of ['in_transit', 'delivered']) await buyer.parcelIs(underway, stage);
    return ends(underway.id, 'delivered', 'captured');
  };

  const ways: readonly (() => Promise<unknown>)[] = [
    async () => {
      const { id, payment, total } = await delivered();
      const refund = { amount: { ...total, amount: 100_01 }, reason: 'a scratch' };
      const path = `/v1/operations/payments/${payment.id}/refunds`;
      const { status, body } = await operator.post(path, refund, { 'idempotency-key': payment.id });
      if (status !== 200) throw new Error(`a part of ${payment.id}: ${status} ${JSON.stringify(body)}`);
      await buyer.post(`/v1/orders/${id}/accept`);
      await ends(id, 'completed', 'captured');
    },
    async () => {
      const declined = await order();
      await buyer.pays(declined, 'decline');
      await ends(declined.id, 'cancelled', 'failed');
    },
    async () => {
      const { id } = await order();
      await buyer.post(`/v1/orders/${id}/cancel`);
      await ends(id, 'cancelled', 'voided');
    },
    async () => {
      const { id } = await paid();
      await buyer.post(`/v1/orders/${id}/cancel`);
      await ends(id, 'cancelled', 'voided');
    },
    async () => {
      const refused = await order({ address: 'Москва, refuse, 1' });
      await buyer.pays(refused);
      await ends(refused.id, 'cancelled', 'voided');
    },
    async () => {
      const underway = await sent();
      await buyer.parcelIs(underway, 'returned');
      await ends(underway.id, 'cancelled', 'refunded');
    },
    async () => {
      const underway = await sent();
      await buyer.parcelIs(underway, 'lost');
      await ends(underway.id, 'cancelled', 'refunded');
    },
    // These stay on their way.
    () => order(),
    () => paid(),
    () => sent(),
    () => delivered(),
  ];
  await Promise.all(ways.map((go) => go()));
}
