import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ad } from '../../contracts/ads.ts';
import { notificationKinds } from '../../contracts/notifications.ts';
import {
  AdChangedMessage,
  AdNews,
  DeliveryStageMessage,
  NotificationMessage,
  OrderStatusMessage,
} from '../../contracts/stream.ts';
import { enqueue, getPreferences, listNotifications, markRead, putPreferences } from './service.ts';
import { notificationsWorld } from './world.testing.ts';

let world: Awaited<ReturnType<typeof notificationsWorld>>;
beforeAll(async () => {
  world = await notificationsWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const list = (userId: never, limit = 20, before?: string) =>
  listNotifications(world.options, userId, { before, limit });

describe('the live stream', () => {
  it('tells buyer and seller each status of an order, once and in order', async () => {
    const { id, buyer, seller, becomes } = await world.sale();
    const statuses = ['pending_payment', 'paid', 'in_delivery', 'delivered', 'completed'] as const;
    for (const status of statuses) await becomes(status);
    await becomes('paid', { version: 2 }); // an old dead letter, replayed
    for (const person of [buyer, seller]) {
      const told = (await world.live(`user:${person.id}`)).filter(({ event }) => event === 'order.status');
      expect(told.map(({ data }) => OrderStatusMessage.parse(data).status)).toEqual(statuses);
      expect(told[0]?.data).toMatchObject({ order_id: id, ad_title: 'Велосипед «Аист»', cancel_reason: null });
    }
  });

  it('tells both each stage of the parcel', async () => {
    const { id, buyer, seller, parcel } = await world.sale();
    await parcel('accepted');
    await parcel('in_transit', { version: 2 });
    await parcel('accepted');
    for (const person of [buyer, seller]) {
      const told = (await world.live(`user:${person.id}`)).map(({ data }) => DeliveryStageMessage.parse(data));
      expect(told.map(({ stage }) => stage)).toEqual(['accepted', 'in_transit']);
      expect(told[0]).toMatchObject({ order_id: id, tracking_number: 'TRACK-1' });
    }
  });

  it('tells watchers of an ad and of its category, but nothing of what was never public', async () => {
    const ad = (status: Ad['status']): Ad =>
      ({
        id: uuidv7(),
        title: 'Диван',
        price: { amount: 500_00, currency: 'RUB' },
        category: `category-${uuidv7()}`,
        status,
        rejection_reason: null,
        seller: { id: uuidv7(), name: 'Сергей', rating: null, reviews: 0 },
        updated_at: new Date().toISOString(),
        version: 2,
      }) as never;
    const reserved = ad('reserved');
    await world.hear('ad.changed', { ad: reserved, previous_status: 'active' });
    for (const channel of [`ad:${reserved.id}`, `category:${reserved.category}`]) {
      const [message, ...more] = await world.live(channel);
      expect(more).toEqual([]);
      expect(AdChangedMessage.parse(message?.data)).toMatchObject({ ad_id: reserved.id, status: 'reserved' });
    }
    const archived = ad('archived');
    await world.hear('ad.changed', { ad: archived, previous_status: 'active' });
    expect(await world.live(`ad:${archived.id}`)).toHaveLength(1);
    const draft = ad('draft');
    await world.hear('ad.changed', { ad: draft, previous_status: null });
    expect(await world.live(`ad:${draft.id}`)).toEqual([]);
  });

  it('tells watchers of a category each new ad once', async () => {
    const seller = { id: uuidv7(), name: 'Сергей', rating: null, reviews: 0 };
    const id = uuidv7();
    const category = `category-${uuidv7()}`;
    const becomes = (status: Ad['status'], previous: Ad['status'], version: number) =>
      world.hear('ad.changed', {
        ad: {
          ...{
            id,
            title: 'Диван',
            price: { amount: 500_00, currency: 'RUB' },
            category,
            city: 'kazan',
            status,
            seller,
          },
          ...{ photos: [], rejection_reason: null, updated_at: new Date().toISOString(), version },
        } as never,
        previous_status: previous,
      });
    await becomes('moderation', 'draft', 1);
    await becomes('active', 'moderation', 2);
    await becomes('reserved', 'active', 3);
    await becomes('active', 'reserved', 4);
    const news = (await world.live(`category:${category}`)).filter(({ event }) => event === 'ad.published');
    expect(news.map(({ data }) => AdNews.parse(data))).toMatchObject([
      { ad_id: id, title: 'Диван', price: { amount: 500_00, currency: 'RUB' }, city: 'kazan', thumb_url: null },
    ]);
  });

  it('tells no old news of an ad after newer', async () => {
    const seller = { id: uuidv7(), name: 'Сергей', rating: null, reviews: 0 };
    const id = uuidv7();
    const becomes = (status: Ad['status'], version: number) =>
      world.hear('ad.changed', {
        ad: {
          id,
          title: 'Диван',
          price: { amount: version, currency: 'RUB' },
          category: 'furniture',
          status,
          rejection_reason: status === 'rejected' ? 'Чужое фото' : null,
          seller,
          updated_at: new Date().toISOString(),
          version,
        } as never,
        previous_status: 'active',
      });
    await becomes('active', 2);
    await becomes('active', 4);
    // Dead letters, replayed.
    await becomes('rejected', 3);
    await becomes('reserved', 1);
    await becomes('sold', 5);
    const told = (await world.live(`ad:${id}`)).map(({ data }) => AdChangedMessage.parse(data));
    expect(told.map(({ status, price }) => [status, price.amount])).toEqual([
      ['active', 2],
      ['active', 4],
      ['sold', 5],
    ]);
    expect((await list(seller.id as never)).items, 'nor that it was rejected, when it is on sale again').toEqual([]);
  });
});

describe('the list in the app', () => {
  it('tells the buyer and the seller what concerns each, live as well', async () => {
    const { id, buyer, seller, becomes } = await world.sale();
    for (const status of ['pending_payment', 'paid', 'in_delivery', 'delivered', 'completed'] as const)
      await becomes(status);
    const buyers = await list(buyer.id as never);
    expect(buyers.items.map(({ kind }) => kind)).toEqual([
      'order_completed',
      'order_delivered',
      'order_shipped',
      'order_created',
    ]);
    expect((await list(seller.id as never)).items.map(({ kind }) => kind)).toEqual(['sale_completed', 'sale_paid']);
    expect(buyers.items[0]).toMatchObject({
      link: `/orders/${id}`,
      read: false,
      text: expect.stringContaining('Велосипед'),
    });
    const told = (await world.live(`user:${buyer.id}`)).filter(({ event }) => event === 'notification');
    expect(told.map(({ data }) => NotificationMessage.parse(data).kind)).toEqual(
      buyers.items.map(({ kind }) => kind).reverse(),
    );
    expect(told[0]?.data['order_id']).toBe(id);
  });

  it('speaks the reader’s language, also after they changed it', async () => {
    const { buyer, becomes } = await world.sale('en', 'Bicycle');
    await becomes('delivered');
    expect((await list(buyer.id as never)).items[0]).toMatchObject({ title: 'Parcel delivered' });
    await world.hear('user.changed', {
      user_id: buyer.id,
      name: 'Анна',
      rating: null,
      reviews: 0,
      language: 'ru',
      version: 2,
    });
    await world.hear('user.changed', {
      user_id: buyer.id,
      name: 'Анна',
      rating: null,
      reviews: 0,
      language: 'en',
      version: 1,
    });
    expect((await list(buyer.id as never)).items[0]).toMatchObject({ title: 'Посылка доставлена' });
  });

  it('counts what is unread, and marks up to where the reader has come', async () => {
    const { buyer, becomes } = await world.sale();
    await becomes('pending_payment');
    await becomes('in_delivery');
    const [, older] = (await list(buyer.id as never)).items;
    await becomes('delivered');
    expect(await list(buyer.id as never)).toMatchObject({ unread: 3 });
    const { items } = await list(buyer.id as never);
    await markRead(world.options, buyer.id, items[1]?.id as never);
    const after = await list(buyer.id as never);
    expect(after.unread).toBe(1);
    expect(after.items.map(({ read }) => read)).toEqual([false, true, true]);
    expect(older?.read).toBe(false);
  });

  it('comes in pages', async () => {
    const { buyer, becomes } = await world.sale();
    for (const status of ['pending_payment', 'in_delivery', 'delivered'] as const) await becomes(status);
    const first = await list(buyer.id as never, 2);
    expect(first.items).toHaveLength(2);
    const second = await list(buyer.id as never, 2, first.next ?? undefined);
    expect(second.items.map(({ kind }) => kind)).toEqual(['order_created']);
    expect(second.next).toBeNull();
  });

  it('tells of a rejected ad each time, and of a resolved report', async () => {
    const { id } = await world.person('Сергей');
    const ad = {
      id: uuidv7(),
      title: 'Диван',
      price: { amount: 1, currency: 'RUB' },
      category: 'furniture',
      status: 'rejected',
      rejection_reason: 'Фото чужого дивана.',
      seller: { id },
      updated_at: new Date().toISOString(),
    };
    await world.hear('ad.changed', { ad: { ...ad, version: 2 } as never, previous_status: 'moderation' });
    await world.hear('ad.changed', { ad: { ...ad, version: 4 } as never, previous_status: 'moderation' });
    const report_id = uuidv7();
    await world.hear('report.resolved', {
      report_id,
      subject: { type: 'ad', id: uuidv7() },
      reason: 'spam',
      reporter_id: id,
      decision: 'accept',
      resolution: 'Сняли с публикации',
    });
    const { items } = await list(id as never);
    expect(items.map(({ kind }) => kind)).toEqual(['report_resolved', 'ad_rejected', 'ad_rejected']);
    expect(items[0]).toMatchObject({
      link: `/reports/${report_id}`,
      text: expect.stringContaining('Сняли с публикации'),
    });
    expect(items[1]?.text).toBe('Модератор отклонил ваше объявление «Диван». Причина: Фото чужого дивана.');
  });

  it('tells a seller of a cancellation only when they heard of the sale', async () => {
    const unpaid = await world.sale();
    await unpaid.becomes('pending_payment');
    await unpaid.becomes('cancelled', { cancel_reason: 'payment_timeout' });
    expect((await list(unpaid.seller.id as never)).items).toEqual([]);
    const paid = await world.sale();
    await paid.becomes('paid');
    await paid.becomes('cancelled', { cancel_reason: 'courier_refused' });
    const [cancelled] = (await list(paid.seller.id as never)).items;
    expect(cancelled).toMatchObject({
      kind: 'sale_cancelled',
      text: expect.stringContaining('служба доставки не приняла посылку'),
    });
  });
});

describe('asking for a notification', () => {
  it('is answered with the same one when the same news of an order is asked for again, also at once', async () => {
    const { id: orderId, buyer } = await world.sale();
    const wish = { userId: buyer.id, kind: 'order_paid' as const, orderId, parameters: {} };
    const ids = await Promise.all([1, 2, 3].map((key) => enqueue(world.options, { ...wish, key: String(key) })));
    expect(new Set(ids).size).toBe(1);
    expect((await list(buyer.id as never)).items.map(({ id }) => id)).toEqual([ids[0]]);
  });

  it('tells of a declined payment once, whether payments or orders is first', async () => {
    const { id: orderId, buyer, becomes } = await world.sale();
    await enqueue(world.options, {
      userId: buyer.id,
      kind: 'payment_failed',
      orderId,
      parameters: { reason: 'declined' },
    });
    await becomes('cancelled', { cancel_reason: 'payment_declined' });
    expect((await list(buyer.id as never)).items.map(({ kind }) => kind)).toEqual(['payment_failed']);
  });
});

describe('preferences', () => {
  it('are everything until set', async () => {
    const { id } = await world.person('Вера');
    expect(await getPreferences(world.options, id)).toEqual({
      ...{ email: true, in_app: true, muted: [], email_blocked: null },
    });
  });

  it('silence what is muted, but never a mail about money', async () => {
    const { buyer, becomes, id: orderId } = await world.sale();
    await putPreferences(world.options, buyer.id, { email: false, in_app: false, muted: [...notificationKinds] });
    await becomes('in_delivery');
    await becomes('delivered');
    await enqueue(world.options, { userId: buyer.id, kind: 'order_paid', orderId, parameters: {} });
    expect(await list(buyer.id as never)).toMatchObject({ items: [], unread: 0 });
    expect((await world.live(`user:${buyer.id}`)).filter(({ event }) => event === 'notification')).toEqual([]);
    expect((await world.row(buyer.id, 'order_delivered')).mail).toBe('none');
    expect((await world.row(buyer.id, 'order_paid')).mail).toBe('owed');
  });

  it('mute one kind alone', async () => {
    const { buyer, becomes } = await world.sale();
    await putPreferences(world.options, buyer.id, {
      email: true,
      in_app: true,
      muted: ['order_shipped', 'order_shipped'],
    });
    expect((await getPreferences(world.options, buyer.id)).muted).toEqual(['order_shipped']);
    await becomes('in_delivery');
    await becomes('delivered');
    expect((await list(buyer.id as never)).items.map(({ kind }) => kind)).toEqual(['order_delivered']);
    expect((await world.row(buyer.id, 'order_shipped')).mail).toBe('none');
  });
});
