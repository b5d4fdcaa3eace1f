// What orders hears: payments and parcels move on.
import type { Handlers } from '../platform/bus/consumer.ts';
import { type Advancing, advance, sagaEventsOfPayment, sagaEventsOfStage } from './advance.ts';
import { appendTimeline, lockOrder, type OrdersTables, updateOrder } from './store.ts';

export const orderEvents = (advancing: Advancing): Handlers<OrdersTables> => ({
  async 'payment.status_changed'({ data }, trx) {
    let order = await lockOrder(trx, data.order_id);
    // Old news: a later status was heard already.
    if (!order || order.payment_version >= data.version) return;
    order = await updateOrder(trx, order.id, {
      payment_status: data.status,
      payment_version: data.version,
      updated_at: advancing.clock.now(),
      version: order.version + 1,
      ...(data.status === 'in_progress' ? {} : { confirmation_url: null }),
    });
    await appendTimeline(trx, {
      order_id: order.id,
      kind: 'payment',
      value: data.status,
      reason: null,
      at: new Date(data.at),
    });
    for (const event of sagaEventsOfPayment[data.status]) order = await advance(trx, order, event, advancing);
  },

  async 'delivery.stage_changed'({ data }, trx) {
    let order = await lockOrder(trx, data.order_id);
    if (!order || order.delivery_version >= data.version) return;
    order = await updateOrder(trx, order.id, {
      delivery_stage: data.stage,
      delivery_version: data.version,
      tracking_number: data.tracking_number,
      estimated_from: data.estimated?.from ?? order.estimated_from,
      estimated_to: data.estimated?.to ?? order.estimated_to,
      updated_at: advancing.clock.now(),
      version: order.version + 1,
    });
    await appendTimeline(trx, {
      order_id: order.id,
      kind: 'delivery',
      value: data.stage,
      reason: null,
      at: new Date(data.at),
    });
    for (const event of sagaEventsOfStage[data.stage]) order = await advance(trx, order, event, advancing);
  },
});
