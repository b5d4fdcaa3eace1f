// Writes down what was decided, in one transaction: the row, the timeline, what is owed, and the events that tell of it.
import type { Transaction } from 'kysely';
import type { EventData } from '../../contracts/events.ts';
import type { Clock } from '../platform/clock.ts';
import type { Outbox } from '../platform/db/outbox.ts';
import type { Log } from '../platform/telemetry/log.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import { currentTraceId, injectTrace } from '../platform/telemetry/tracing.ts';
import { afterEvent, type Decision, type Rules } from './decide.ts';
import type { SagaEvent } from './saga.ts';
import {
  appendTimeline,
  type CommandRow,
  type NewTimelineEntry,
  type OrderRow,
  type OrdersTables,
  oweCommands,
  readCommands,
  tellOfCommands,
  updateCommand,
  updateOrder,
} from './store.ts';

export interface Advancing {
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly rules: Rules;
}

/** An order and what it owes, as they are in the database. */
export interface Stored {
  readonly order: OrderRow;
  readonly commands: readonly CommandRow[];
}

/** A locked order with its commands, which nobody begins until the transaction ends. */
export const storedOf = async (trx: Transaction<OrdersTables>, order: OrderRow): Promise<Stored> => ({
  order,
  commands: await readCommands(trx, order.id),
});

/** Applies an event to a locked order; returns the order as it is then. */
export async function advance(
  trx: Transaction<OrdersTables>,
  order: OrderRow,
  event: SagaEvent,
  advancing: Advancing,
): Promise<OrderRow> {
  const stored = await storedOf(trx, order);
  return write(trx, stored, afterEvent(stored, event, advancing.clock.now(), advancing.rules), advancing);
}

export interface Beside {
  /** Columns of the order that the saga has no say in. */
  readonly change?: Partial<OrderRow>;
  /** What was heard, for the timeline. */
  readonly heard?: Omit<NewTimelineEntry, 'order_id' | 'trace_id'>;
}

/** Writes a decision about what is stored; returns the order as it is then. */
export async function write(
  trx: Transaction<OrdersTables>,
  { order, commands }: Stored,
  { state, passages }: Decision,
  { outbox, clock, log, metrics }: Advancing,
  { change = {}, heard }: Beside = {},
): Promise<OrderRow> {
  const now = clock.now();
  const known = new Map(commands.map((command) => [command.id, command]));
  // Owed and dropped in one decision: that never was.
  const owed = state.commands.filter((command) => command.id === null && command.state === 'owed');
  for (const command of state.commands) {
    if (command.id === null || command === known.get(command.id)) continue;
    await updateCommand(trx, command.id, command);
    if (command.state === 'owed' && command.not_before <= now) await tellOfCommands(trx);
  }
  const headers: Record<string, string> = {};
  injectTrace(headers);
  await oweCommands(trx, order.id, owed, now, headers);

  const moved = { ...decided(order, state.order), ...change };
  const touched = { updated_at: now, version: order.version + Math.max(1, passages.length) };
  const changed = Object.keys(moved).length === 0 ? order : { ...order, ...moved, ...touched };
  if (changed !== order) await updateOrder(trx, order.id, { ...moved, ...touched });
  if (heard) await appendTimeline(trx, { order_id: order.id, trace_id: currentTraceId() ?? null, ...heard });
  for (const [index, { event, from, to, cancelReason: reason }] of passages.entries()) {
    const then = { ...changed, status: to, cancel_reason: reason, version: order.version + index + 1 };
    await tellStatus(trx, outbox, then, from, now);
    metrics.sagaTransitions.inc({ from, to, event });
    log.info('order.status_changed', { order_id: order.id, from, to, event, reason });
  }
  if (changed.needs_attention !== null && changed.needs_attention !== order.needs_attention)
    log.error('order.needs_attention', { order_id: order.id, why: changed.needs_attention });
  return changed;
}

/** What a decision changes of the row. */
function decided(before: OrderRow, after: Decision['state']['order']): Partial<OrderRow> {
  const names = Object.keys(after) as (keyof typeof after)[];
  return Object.fromEntries(names.filter((name) => after[name] !== before[name]).map((name) => [name, after[name]]));
}

/** The event of the order's present status, and the timeline's line. */
export async function tellStatus(
  trx: Transaction<OrdersTables>,
  outbox: Outbox,
  order: OrderRow,
  previous: OrderRow['status'] | null,
  at: Date,
): Promise<void> {
  const event_id = await outbox.add(trx, 'order.status_changed', order.id, {
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
  await appendTimeline(trx, {
    order_id: order.id,
    kind: 'order',
    value: order.status,
    reason: order.cancel_reason,
    at,
    trace_id: currentTraceId() ?? null,
    event_id,
  });
}
