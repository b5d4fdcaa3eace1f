// What orders hears: payments and parcels move on, or are stuck.
import type { Transaction } from 'kysely';
import type { OrderId } from '../../contracts/common.ts';
import type { Handlers } from '../platform/bus/consumer.ts';
import { type Advancing, storedOf, write } from './advance.ts';
import { afterAttention, afterParcelNews, afterPaymentNews } from './decide.ts';
import { lockOrder, type OrdersTables } from './store.ts';

export const orderEvents = (advancing: Advancing): Handlers<OrdersTables> => ({
  async 'payment.status_changed'({ id, data }, trx) {
    const order = await lockOrder(trx, data.order_id);
    if (!order) return;
    const stored = await storedOf(trx, order);
    const decision = afterPaymentNews(stored, data, advancing.clock.now(), advancing.rules);
    if (!decision) return;
    await write(trx, stored, decision, advancing, {
      change: data.status === 'in_progress' ? {} : { confirmation_url: null },
      heard: { kind: 'payment', value: data.status, reason: null, at: new Date(data.at), event_id: id },
    });
  },

  async 'delivery.stage_changed'({ id, data }, trx) {
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
      heard: { kind: 'delivery', value: data.stage, reason: null, at: new Date(data.at), event_id: id },
    });
  },

  async 'payment.attention'({ data }, trx) {
    await hearAttention(trx, 'payment', data, advancing);
  },

  async 'delivery.attention'({ data }, trx) {
    await hearAttention(trx, 'delivery', data, advancing);
  },
});

async function hearAttention(
  trx: Transaction<OrdersTables>,
  whose: 'payment' | 'delivery',
  data: { readonly order_id: OrderId; readonly why: string | null; readonly version: number },
  advancing: Advancing,
): Promise<void> {
  const order = await lockOrder(trx, data.order_id);
  if (!order) return;
  const stored = await storedOf(trx, order);
  const decision = afterAttention(stored, whose, data, advancing.clock.now(), advancing.rules);
  if (decision) await write(trx, stored, decision, advancing);
}
