// What notifications hears, and to whom it tells it: live at once, in the list, and by mail.
import type { z } from 'zod';
import type { UserId } from '../../contracts/common.ts';
import type { EventData } from '../../contracts/events.ts';
import type { NotificationKind } from '../../contracts/notifications.ts';
import type { CancelReason } from '../../contracts/orders.ts';
import {
  type AdChangedMessage,
  type AdNews,
  type DeliveryStageMessage,
  newsOfAd,
  type OrderStatusMessage,
  userChannel,
} from '../../contracts/stream.ts';
import type { Handlers } from '../platform/bus/consumer.ts';
import { type NotificationsOptions, notify } from './service.ts';
import type { NotificationsTables } from './store.ts';
import { lockOrder, noteAd, notePerson, type Trx, writeOrder } from './store.ts';

type Options = Pick<NotificationsOptions, 'outbox' | 'clock'>;
type OrderNews = Pick<EventData<'order.status_changed'>, 'status' | 'cancel_reason'>;

export const notificationEvents = (options: Options): Handlers<NotificationsTables> => ({
  'user.changed': ({ data: { user_id, language, version } }, trx) =>
    language ? notePerson(trx, { user_id, language, version }) : Promise.resolve(),

  async 'order.status_changed'({ data }, trx) {
    const order = await lockOrder(trx, data.order_id, options.clock.now());
    // Old news that comes late, such as a replayed dead letter: nobody's screen goes back.
    if (data.version < order.order_version) return;
    const message: z.output<typeof OrderStatusMessage> = {
      order_id: data.order_id,
      status: data.status,
      cancel_reason: data.cancel_reason,
      ad_title: data.ad.title,
      at: data.at,
    };
    const known = {
      ...order,
      ad_title: data.ad.title,
      total: data.total,
      estimated: data.estimated ?? order.estimated,
      was_paid: order.was_paid || data.status === 'paid',
      order_version: data.version,
    };
    await Promise.all([tellBoth(options, trx, data, { event: 'order.status', data: message }), writeOrder(trx, known)]);
    const parameters = data.cancel_reason ? { reason: data.cancel_reason } : {};
    for (const [person, kind] of newsOfOrder(data, known.was_paid)) {
      const userId = person === 'buyer' ? data.buyer_id : data.seller_id;
      await notify(options, trx, { userId, kind, orderId: data.order_id, parameters }, known);
    }
  },

  async 'delivery.stage_changed'({ data }, trx) {
    const order = await lockOrder(trx, data.order_id, options.clock.now());
    if (data.version < order.delivery_version) return;
    const message: z.output<typeof DeliveryStageMessage> = {
      order_id: data.order_id,
      stage: data.stage,
      tracking_number: data.tracking_number,
      at: data.at,
    };
    await tellBoth(options, trx, data, { event: 'delivery.stage', data: message });
    await writeOrder(trx, {
      ...order,
      estimated: data.estimated ?? order.estimated,
      tracking_number: data.tracking_number ?? order.tracking_number,
      delivery_version: data.version,
    });
  },

  async 'payment.status_changed'({ data }, trx) {
    if (data.status !== 'refunded') return;
    const order = await lockOrder(trx, data.order_id, options.clock.now());
    const { amount, currency } = data.amount;
    const parameters = { total_amount: String(amount), total_currency: currency };
    const wish = { userId: data.buyer_id, kind: 'order_refunded', orderId: data.order_id, parameters } as const;
    await notify(options, trx, wish, order);
  },

  async 'ad.changed'({ data: { ad, previous_status } }, trx) {
    // Whoever watches the ad must not see an old price after the new one.
    if (!(await noteAd(trx, { ad_id: ad.id, version: ad.version, updated_at: options.clock.now() }))) return;
    // Drafts and what waits for a moderator are nobody's business; what was public and no longer is, is.
    if (isPublic(ad.status) || (previous_status && isPublic(previous_status))) {
      const { id, status, price, version, category, updated_at } = ad;
      const data: z.output<typeof AdChangedMessage> = { ad_id: id, status, price, version, at: updated_at };
      await options.outbox.addRealtime(trx, [`ad:${id}`, `category:${category}`], { event: 'ad.changed', data });
    }
    // What a reservation gives back is not new.
    if (ad.status === 'active' && !(previous_status && isPublic(previous_status))) {
      const data: z.output<typeof AdNews> = newsOfAd(ad);
      await options.outbox.addRealtime(trx, [`category:${ad.category}`], { event: 'ad.published', data });
    }
    if (ad.status === 'rejected' && previous_status !== 'rejected') {
      const wish = {
        userId: ad.seller.id,
        kind: 'ad_rejected',
        orderId: null,
        key: `ad/${ad.id}/${ad.version}`,
        link: `/my/ads/${ad.id}/edit`,
        parameters: { ad_title: ad.title, reason: (ad.rejection_reason ?? '').slice(0, 500) },
      } as const;
      await notify(options, trx, wish, undefined);
    }
  },

  'chat.unread': ({ data }, trx) => {
    const wish = {
      userId: data.user_id,
      kind: 'messages_unread',
      orderId: null,
      key: `chat/${data.conversation_id}/${data.read_up_to}`,
      link: `/messages/${data.conversation_id}`,
      parameters: {
        ad_title: data.ad.title,
        sender: data.partner_name.slice(0, 200),
        unread: String(data.unread),
      },
    } as const;
    return notify(options, trx, wish, undefined);
  },

  'report.resolved': ({ data }, trx) => {
    const wish = {
      userId: data.reporter_id as UserId,
      kind: 'report_resolved',
      orderId: null,
      key: `report/${data.report_id}`,
      link: `/reports/${data.report_id}`,
      parameters: { reason: data.resolution },
    } as const;
    return notify(options, trx, wish, undefined);
  },
});

const isPublic = (status: string): boolean => status === 'active' || status === 'reserved' || status === 'sold';

/** Both sides of a sale watch it. */
async function tellBoth(
  { outbox }: Options,
  trx: Trx,
  { buyer_id, seller_id }: { buyer_id: UserId; seller_id: UserId },
  message: { event: string; data: Record<string, unknown> },
): Promise<void> {
  await outbox.addRealtime(trx, [...new Set([buyer_id, seller_id])].map(userChannel), message);
}

export type News = readonly [person: 'buyer' | 'seller', kind: NotificationKind];

/**
 * Whom an order's status is news for. Three kinds are asked for by gRPC instead, by those who know more than the event
 * says: `order_paid` (orders, with the dates of delivery), `payment_failed` (payments) and `order_at_pickup_point`.
 */
export function newsOfOrder({ status, cancel_reason }: OrderNews, wasPaid: boolean): readonly News[] {
  switch (status) {
    case 'pending_payment':
      return [['buyer', 'order_created']];
    case 'paid':
      return [['seller', 'sale_paid']];
    case 'in_delivery':
      return [['buyer', 'order_shipped']];
    case 'delivered':
      return [['buyer', 'order_delivered']];
    case 'completed':
      return [
        ['buyer', 'order_completed'],
        ['seller', 'sale_completed'],
      ];
    case 'cancelling':
      return []; // not over yet
    case 'cancelled':
      return [
        ['buyer', cancel_reason && paymentFailures.includes(cancel_reason) ? 'payment_failed' : 'order_cancelled'],
        // Whoever never heard of a sale needn't hear of its end.
        ...(wasPaid ? [['seller', 'sale_cancelled'] as const] : []),
      ];
    default:
      return status satisfies never;
  }
}

/** The same news as payments tells, so it has the same kind, and comes once. */
const paymentFailures: readonly CancelReason[] = ['payment_declined', 'payment_error'];
