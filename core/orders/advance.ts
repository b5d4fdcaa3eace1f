// One step of the saga in one transaction: the row, the timeline, what is owed, and the event that tells of it.
import type { Transaction } from 'kysely';
import type { DeliveryStage } from '../../contracts/delivery.ts';
import type { EventData } from '../../contracts/events.ts';
import type { PaymentStatus } from '../../contracts/payments.ts';
import type { Clock } from '../platform/clock.ts';
import type { Outbox } from '../platform/db/outbox.ts';
import type { Log } from '../platform/telemetry/log.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import { injectTrace } from '../platform/telemetry/tracing.ts';
import { next, type SagaEvent, saga, type TimeoutName } from './saga.ts';
import { appendTimeline, dropUntried, type OrderRow, type OrdersTables, oweCommands, updateOrder } from './store.ts';

export interface Advancing {
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** How long each timeout is. */
  readonly timeoutSeconds: Readonly<Record<TimeoutName, number>>;
}

/** Applies an event to a locked order; returns the order as it is then. Events that change nothing are harmless. */
export async function advance(
  trx: Transaction<OrdersTables>,
  order: OrderRow,
  event: SagaEvent,
  { outbox, clock, log, metrics, timeoutSeconds }: Advancing,
): Promise<OrderRow> {
  const transition = next(order.status, event);
  if (!transition) return order;
  const { to, reason, commands = [], drops = [] } = transition;
  const now = clock.now();
  const { timeout } = saga[to];
  const changed = await updateOrder(trx, order.id, {
    status: to,
    cancel_reason: to === 'cancelling' || to === 'cancelled' ? (reason ?? order.cancel_reason) : null,
    deadline_at: timeout ? new Date(now.getTime() + timeoutSeconds[timeout] * 1000) : null,
    updated_at: now,
    version: order.version + 1,
  });
  if (drops.length > 0) await dropUntried(trx, order.id, drops, now);
  const headers: Record<string, string> = {};
  injectTrace(headers);
  await oweCommands(trx, order.id, commands, now, headers);
  await tellStatus(trx, outbox, changed, order.status, now);
  metrics.sagaTransitions.inc({ from: order.status, to, event });
  log.info('order.status_changed', {
    order_id: order.id,
    from: order.status,
    to,
    event,
    reason: changed.cancel_reason,
  });
  return changed;
}

/** The timeline's line and the event of the order's present status. */
export async function tellStatus(
  trx: Transaction<OrdersTables>,
  outbox: Outbox,
  order: OrderRow,
  previous: OrderRow['status'] | null,
  at: Date,
): Promise<void> {
  await appendTimeline(trx, {
    order_id: order.id,
    kind: 'order',
    value: order.status,
    reason: order.cancel_reason,
    at,
  });
  await outbox.add(trx, 'order.status_changed', order.id, {
    order_id: order.id,
    status: order.status,
    previous_status: previous,
    cancel_reason: order.cancel_reason,
    buyer_id: order.buyer_id,
    seller_id: order.seller_id,
    ad: { id: order.ad_id as EventData<'order.status_changed'>['ad']['id'], title: order.ad_title },
    total: { amount: order.price + order.delivery_price, currency: order.currency },
    estimated:
      order.estimated_from && order.estimated_to ? { from: order.estimated_from, to: order.estimated_to } : null,
    at: at.toISOString(),
    version: order.version,
  });
}

/** What a payment's status means to the saga. */
export const sagaEventsOfPayment: Readonly<Record<PaymentStatus, readonly SagaEvent[]>> = {
  in_progress: [],
  authorized: ['payment_authorized'],
  captured: ['payment_authorized'],
  failed: ['payment_failed', 'payment_lapsed'],
  voided: ['payment_lapsed'],
  refunded: [],
};

/** What a parcel's stage means to the saga; a parcel that was delivered was taken before, whether we heard so or not. */
export const sagaEventsOfStage: Readonly<Record<DeliveryStage, readonly SagaEvent[]>> = {
  created: [],
  accepted: ['parcel_taken'],
  in_transit: ['parcel_taken'],
  at_pickup_point: ['parcel_taken'],
  delivered: ['parcel_taken', 'parcel_delivered'],
  returned: ['parcel_taken', 'parcel_returned'],
  lost: ['parcel_taken', 'parcel_lost'],
  cancelled: ['parcel_refused'],
};
