// What users hears: orders, since only the buyer of a completed one may review its seller.
import type { Handlers } from '../platform/bus/consumer.ts';
import { hearOfOrder, type UsersOptions } from './service.ts';
import type { UsersTables } from './store.ts';

export const userEvents = (options: Pick<UsersOptions, 'outbox' | 'clock'>): Handlers<UsersTables> => ({
  'order.status_changed': ({ data }, trx) =>
    hearOfOrder(options, trx, {
      id: data.order_id,
      buyerId: data.buyer_id,
      sellerId: data.seller_id,
      completedAt: data.status === 'completed' ? new Date(data.at) : null,
    }),
});
