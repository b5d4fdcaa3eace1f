// What orders hears: payments and parcels move on.
import type { Handlers } from '../platform/bus/consumer.ts';
import { type Advancing, storedOf, write } from './advance.ts';
import { afterParcelNews, afterPaymentNews } from './decide.ts';
import { lockOrder, type OrdersTables } from './store.ts';

export const orderEvents = (advancing: Advancing): Handlers<OrdersTables> => ({
  async 'payment.status_changed'({ data }, trx) {
    const order = await lockOrder(trx, data.order_id);
    if (!order) return;
    const stored = await storedOf(trx, order);
    const decision = afterPaymentNews(stored, data, advancing.clock.now(), advancing.rules);
    if (!decision) return;
    await write(trx, stored, decision, advancing, {
      change: data.status === 'in_progress' ? {} : { confirmation_url: null },
      heard: { kind: 'payment', value: data.status, reason: null, at: new Date(data.at) },
    });
  },

  async 'delivery.stage_changed'({ data }, trx) {
    const order = await lockOrder(trx, data.order_id);
    if (!order) return;
    const stored = await storedOf(trx, order);
    const decision = afterParcelNews(stored, data, advancing.clock.now(), advancing.rules);
    if (!decision) return;
    await write(trx, stored, decision, advancing, {
      change: {
        tracking_number: data.tracking_number,
        estimated_from: data.estimated?.from ?? order.estimated_from,
        estimated_to: data.estimated?.to ?? order.estimated_to,
      },
      heard: { kind: 'delivery', value: data.stage, reason: null, at: new Date(data.at) },
    });
  },
});
