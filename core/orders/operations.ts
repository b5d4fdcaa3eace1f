// What orders does for operators: finds orders, counts them, and carries out what a person decides about one.
import type { Kysely } from 'kysely';
import type { OrderId, UserId } from '../../contracts/common.ts';
import type {
  DecisionTarget,
  NewDecision,
  OperationsCounts,
  OperationsOrder,
  OperatorDecision,
} from '../../contracts/operations.ts';
import { type OrderStatus, orderStatuses } from '../../contracts/orders.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { currentTraceId } from '../platform/telemetry/tracing.ts';
import { type Stored, storedOf, write } from './advance.ts';
import type { CommandOptions } from './commands.ts';
import { afterAttention, afterCompensation, afterRetry, afterSkip, type Decision } from './decide.ts';
import * as store from './operations-store.ts';
import { lockOrder, type OrderRow, type OrdersTables } from './store.ts';

export interface OperationsPage {
  readonly status: OrderStatus | undefined;
  readonly needsAttention: boolean;
  readonly q: string | undefined;
  readonly after: OrderId | undefined;
  readonly limit: number;
}

export async function findOrders(
  db: Kysely<OrdersTables>,
  page: OperationsPage,
): Promise<{ items: OperationsOrder[]; next: OrderId | null }> {
  const rows = await store.findOrders(db, { ...page, limit: page.limit + 1 });
  const items = rows.slice(0, page.limit).map(presentForOperators);
  return { items, next: rows.length > page.limit ? (items.at(-1)?.id ?? null) : null };
}

export async function countOrders(db: Kysely<OrdersTables>): Promise<OperationsCounts> {
  const { byStatus, needsAttention } = await store.countOrders(db);
  const counted = new Map(byStatus.map(({ status, orders }) => [status, orders]));
  const by_status = Object.fromEntries(orderStatuses.map((status) => [status, counted.get(status) ?? 0]));
  return { by_status: by_status as OperationsCounts['by_status'], needs_attention: needsAttention };
}

export interface Deciding {
  readonly orderId: OrderId;
  readonly operatorId: UserId;
  readonly decision: NewDecision;
}

/**
 * Carries out an operator's decision and writes it to the audit trail. Of two operators at the same moment the second is
 * told what has become of it: 409 with the present state, and nothing is written.
 */
export async function decideOnOrder(options: CommandOptions, deciding: Deciding): Promise<OperationsOrder> {
  const { decision } = deciding;
  const order =
    decision.action !== 'compensate' && decision.target.kind !== 'command'
      ? await askOwner(options, deciding, decision.action, decision.target.kind)
      : await decideHere(options, deciding);
  options.log.info('operator.decided', {
    order_id: order.id,
    operator_id: deciding.operatorId,
    action: decision.action,
    target: decision.action === 'compensate' ? 'order' : decision.target.kind,
  });
  return presentForOperators(order);
}

/** Decisions about the order's own steps, or about all of it: effect and audit share one transaction. */
async function decideHere(options: CommandOptions, { orderId, operatorId, decision }: Deciding): Promise<OrderRow> {
  const { db, clock, rules } = options;
  return db.transaction().execute(async (trx) => {
    const stored = await lockStored(trx, orderId);
    const { order } = stored;
    const now = clock.now();
    let decided: Decision;
    let commandId: number | null = null;
    if (decision.action === 'compensate') {
      if (decision.status !== order.status) throw conflict(`The order is ${order.status} by now`);
      const taken = afterCompensation(stored, now, rules);
      if (!taken) throw conflict(`The order is ${order.status}: its money can no longer be taken back, or already is`);
      decided = taken;
    } else {
      commandId = commandIdOf(decision.target);
      const after = decision.action === 'retry' ? afterRetry : afterSkip;
      const made = after(stored, commandId, now, rules);
      if (!made) {
        const state = await store.readCommandState(trx, orderId, commandId);
        if (!state) throw new ProblemError('not-found', { detail: 'The order has no such command' });
        throw conflict(`The command is ${state}: only one that is parked waits for a decision`);
      }
      decided = made;
    }
    const changed = await write(trx, stored, decided, options);
    await store.addDecision(trx, {
      order_id: orderId,
      operator_id: operatorId,
      action: decision.action,
      target: commandId === null ? 'order' : 'command',
      command_id: commandId,
      attention_version: null,
      note: decision.note,
      before: snapshot(stored, commandId),
      after: snapshot({ order: changed, commands: decided.state.commands }, commandId),
      outcome: 'done',
      failure: null,
      at: now,
      trace_id: currentTraceId() ?? null,
    });
    return changed;
  });
}

const askDeadlineMs = 5_000;
/** Longer than asking takes: a decision without an outcome that is older was lost with its process. */
const askingMs = 30_000;

/**
 * Decisions about work that payments or delivery do by themselves. The audit comes first, so that no effect is without
 * it; then the owner is asked, and what it answered is noted.
 */
async function askOwner(
  options: CommandOptions,
  { orderId, operatorId, decision }: Deciding,
  action: 'retry' | 'skip',
  target: 'payment' | 'delivery',
): Promise<OrderRow> {
  const { db, clock, rules, rpc } = options;
  const { decisionId, order, version } = await db.transaction().execute(async (trx) => {
    const stored = await lockStored(trx, orderId);
    const { order } = stored;
    if (order[`${target}_attention`] === null) throw conflict(`Nothing of the ${target} is stuck`);
    const version = order[`${target}_attention_version`];
    const now = clock.now();
    const askedAfter = new Date(now.getTime() - askingMs);
    const about = { orderId, target, attentionVersion: version, askedAfter };
    const earlier = await store.readEarlierDecision(trx, about);
    if (earlier) throw conflict(`Another operator decided about it: ${earlier.action}`);
    const decisionId = await store.addDecision(trx, {
      order_id: orderId,
      operator_id: operatorId,
      action,
      target,
      command_id: null,
      attention_version: version,
      note: decision.note,
      before: snapshot(stored, null),
      after: null,
      outcome: null,
      failure: null,
      at: now,
      trace_id: currentTraceId() ?? null,
    });
    return { decisionId, order, version };
  });

  const call = { idempotencyKey: `${orderId}:decision:${decisionId}`, deadlineMs: askDeadlineMs };
  const ask = async (): Promise<{ attention: { why: string; version: number } | undefined }> => {
    if (target === 'payment') {
      const request = { paymentId: order.payment_id, attentionVersion: version };
      return action === 'retry' ? rpc.payments.retry(request, call) : rpc.payments.giveUp(request, call);
    }
    const request = { shipmentId: order.shipment_id, attentionVersion: version };
    return action === 'retry' ? rpc.delivery.retry(request, call) : rpc.delivery.giveUp(request, call);
  };
  const { attention } = await ask().catch(async (error: unknown) => {
    const failure = (error instanceof Error ? error.message : String(error)).slice(0, 500);
    await store.endDecision(db, decisionId, { outcome: 'failed', failure, after: null });
    throw error instanceof ProblemError ? error : new ProblemError('unavailable', { detail: failure, cause: error });
  });
  return db.transaction().execute(async (trx) => {
    const stored = await lockStored(trx, orderId);
    const said = attention ? { why: attention.why || null, version: attention.version } : null;
    // Its event says the same, a moment later.
    const decided = said && afterAttention(stored, target, said, clock.now(), rules);
    const changed = decided ? await write(trx, stored, decided, options) : stored.order;
    const after = snapshot({ ...stored, order: changed }, null);
    await store.endDecision(trx, decisionId, { outcome: 'done', failure: null, after });
    return changed;
  });
}

async function lockStored(trx: Parameters<typeof lockOrder>[0], orderId: OrderId): Promise<Stored> {
  const order = await lockOrder(trx, orderId);
  if (!order) throw new ProblemError('not-found', { detail: 'There is no such order' });
  return storedOf(trx, order);
}

const commandIdOf = (target: DecisionTarget): number => {
  if (target.kind !== 'command') throw new Error(`${target.kind} is not decided here`);
  return target.id;
};

const conflict = (detail: string): ProblemError => new ProblemError('conflict', { detail });

const snapshot = (
  { order, commands }: { readonly order: OrderRow; readonly commands: Decision['state']['commands'] },
  commandId: number | null,
): OperatorDecision['before'] => ({
  status: order.status,
  needs_attention: order.needs_attention,
  command_state: commands.find(({ id }) => id === commandId)?.state ?? null,
});

/** An order as operators see it: whose it is and how it stands, and nothing of where anybody lives. */
export const presentForOperators = (order: OrderRow): OperationsOrder => ({
  id: order.id,
  status: order.status,
  cancel_reason: order.cancel_reason,
  needs_attention: order.needs_attention,
  attention_since: order.attention_since?.toISOString() ?? null,
  ad: { id: order.ad_id as OperationsOrder['ad']['id'], title: order.ad_title },
  total: { amount: order.price + order.delivery_price, currency: order.currency },
  buyer_id: order.buyer_id,
  seller_id: order.seller_id,
  payment: { id: order.payment_id as OperationsOrder['payment']['id'], status: order.payment_status },
  delivery: {
    shipment_id: order.shipment_id as OperationsOrder['delivery']['shipment_id'],
    stage: order.delivery_stage,
    tracking_number: order.tracking_number,
  },
  deadline_at: order.deadline_at?.toISOString() ?? null,
  created_at: order.created_at.toISOString(),
  updated_at: order.updated_at.toISOString(),
  version: order.version,
});
