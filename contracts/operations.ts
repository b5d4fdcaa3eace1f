// Operations: what operators see of orders, which of them need a person, and what a person can decide.
import { z } from 'zod';
import {
  AdId,
  Cursor,
  Instant,
  Limit,
  Money,
  NotificationId,
  OrderId,
  PaymentId,
  page,
  ShipmentId,
  text,
  UserId,
} from './common.ts';
import { DateRange, DeliveryStage } from './delivery.ts';
import { NotificationKind } from './notifications.ts';
import { CancelReason, OrderStatus } from './orders.ts';
import { PaymentStatus } from './payments.ts';
import { route } from './route.ts';

/** Calls that an order owes to other services on its way; core/orders/saga.ts says when. */
export const orderSteps = [
  'start_payment',
  'mark_ad_sold',
  'create_shipment',
  'notify_paid',
  'capture_payment',
  'pay_out_seller',
  'cancel_shipment',
  'return_money',
  'release_ad',
] as const;
export const OrderStep = z.enum(orderSteps);
export type OrderStep = z.infer<typeof OrderStep>;

/**
 * `refused`: the answer was a final no, and the order took the way that follows from it. `dropped`: the order took
 * another way, and it is no longer wanted. `parked`: its tries are over and a person has to decide; what comes after it
 * waits. `skipped`: a person decided that it is not needed.
 */
export const commandStates = ['owed', 'done', 'refused', 'dropped', 'parked', 'skipped'] as const;
export const CommandState = z.enum(commandStates);
export type CommandState = z.infer<typeof CommandState>;

const TraceId = z.string().nullable().meta({ description: 'W3C trace id, where it happened in a trace' });

export const OperationsOrder = z
  .object({
    id: OrderId,
    status: OrderStatus,
    cancel_reason: CancelReason.nullable(),
    needs_attention: z.string().nullable().meta({ description: 'Why a person has to look' }),
    attention_since: Instant.nullable(),
    ad: z.object({ id: AdId, title: z.string() }),
    total: Money,
    buyer_id: UserId,
    seller_id: UserId,
    payment: z.object({ id: PaymentId, status: PaymentStatus }),
    delivery: z.object({
      shipment_id: ShipmentId,
      stage: DeliveryStage.nullable(),
      tracking_number: z.string().nullable(),
    }),
    deadline_at: Instant.nullable().meta({ description: 'When the present state times out' }),
    created_at: Instant,
    updated_at: Instant,
    version: z.int(),
  })
  .meta({ id: 'OperationsOrder' });
export type OperationsOrder = z.infer<typeof OperationsOrder>;

export const OperationsCounts = z
  .object({ by_status: z.record(OrderStatus, z.int()), needs_attention: z.int() })
  .meta({ id: 'OperationsCounts' });
export type OperationsCounts = z.infer<typeof OperationsCounts>;

export const CommandStory = z
  .object({
    id: z.int(),
    step: OrderStep,
    state: CommandState,
    attempts: z.int().meta({ description: 'All tries' }),
    failures: z.int().meta({ description: 'Tries that failed with an answer, since it was owed or retried' }),
    last_error: z.string().nullable(),
    owed_at: Instant,
    next_try_at: Instant.nullable().meta({ description: 'While it is owed' }),
    finished_at: Instant.nullable(),
    trace_id: TraceId,
    tries: z
      .array(
        z.object({
          number: z.int(),
          at: Instant,
          answered: z.boolean().meta({ description: 'False where the target could not be reached' }),
          error: z.string(),
          trace_id: TraceId,
        }),
      )
      .meta({ description: 'Those that failed: the first few and the last ones' }),
  })
  .meta({ id: 'CommandStory' });
export type CommandStory = z.infer<typeof CommandStory>;

const heard = { at: Instant, trace_id: TraceId, event_id: z.string().nullable() };
export const StoryEntry = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('order'), status: OrderStatus, reason: CancelReason.nullable(), ...heard }),
    z.object({ kind: z.literal('payment'), status: PaymentStatus, ...heard }),
    z.object({ kind: z.literal('delivery'), stage: DeliveryStage, ...heard }),
  ])
  .meta({ id: 'StoryEntry' });
export type StoryEntry = z.infer<typeof StoryEntry>;

/** Whose trouble a decision is about: a step of the order, or work that payments or delivery do by themselves. */
export const DecisionTarget = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('command'), id: z.int().min(1) }),
    z.strictObject({ kind: z.literal('payment') }),
    z.strictObject({ kind: z.literal('delivery') }),
  ])
  .meta({ id: 'DecisionTarget' });
export type DecisionTarget = z.infer<typeof DecisionTarget>;

const note = text(3, 1000, 'must have at least 3 characters').meta({ description: 'Why' });
export const NewDecision = z
  .discriminatedUnion('action', [
    z.strictObject({ action: z.literal('retry'), target: DecisionTarget, note }),
    z.strictObject({ action: z.literal('skip'), target: DecisionTarget, note }),
    z.strictObject({
      action: z.literal('compensate'),
      status: OrderStatus.meta({ description: 'The status that you saw: what is undone depends on it' }),
      note,
    }),
  ])
  .meta({ id: 'NewDecision' });
export type NewDecision = z.infer<typeof NewDecision>;

const Snapshot = z.object({
  status: OrderStatus,
  needs_attention: z.string().nullable(),
  command_state: CommandState.nullable(),
});
/** One line of the audit trail. */
export const OperatorDecision = z
  .object({
    id: z.int(),
    operator: z.object({ id: UserId, name: z.string().nullable() }),
    action: z.enum(['retry', 'skip', 'compensate']),
    target: z.enum(['command', 'payment', 'delivery', 'order']),
    command_id: z.int().nullable(),
    step: OrderStep.nullable(),
    note: z.string(),
    before: Snapshot,
    after: Snapshot.nullable(),
    outcome: z
      .enum(['done', 'failed', 'unknown'])
      .meta({ description: '`unknown`: asked of another service, and not heard of since' }),
    failure: z.string().nullable(),
    at: Instant,
    trace_id: TraceId,
  })
  .meta({ id: 'OperatorDecision' });
export type OperatorDecision = z.infer<typeof OperatorDecision>;

/** Work that a service does by itself until it holds, as far as it has come. */
const work = {
  attempts: z.int(),
  failures: z.int(),
  last_error: z.string().nullable(),
  next_try_at: Instant.nullable(),
};

export const PaymentStory = z
  .object({
    id: PaymentId,
    provider: z.string(),
    provider_id: z.string().nullable(),
    status: PaymentStatus,
    amount: Money,
    reason: z.string().nullable(),
    provider_says: z.string().nullable().meta({ description: 'What the provider answers now, in its own word' }),
    provider_error: z.string().nullable(),
    intent: z.string().nullable().meta({ description: 'What was decided and the provider has yet to do' }),
    intent_reason: z.string().nullable(),
    ...work,
    needs_attention: z.string().nullable(),
    changes: z.array(z.object({ version: z.int(), status: PaymentStatus, reason: z.string().nullable(), at: Instant })),
    provider_events: z.array(z.object({ id: z.string(), status: z.string(), at: Instant })),
    payout: z
      .object({
        status: z.string(),
        provider_id: z.string().nullable(),
        amount: Money,
        ...work,
        created_at: Instant,
        paid_at: Instant.nullable(),
      })
      .nullable(),
    ledger: z.array(
      z.object({
        kind: z.string(),
        at: Instant,
        entries: z.array(z.object({ account: z.string(), amount: z.int(), currency: z.string() })),
      }),
    ),
    trace_id: TraceId,
  })
  .meta({ id: 'PaymentStory' });
export type PaymentStory = z.infer<typeof PaymentStory>;

export const DeliveryStory = z
  .object({
    id: ShipmentId,
    courier: z.string(),
    courier_id: z.string().nullable(),
    tracking_number: z.string().nullable(),
    stage: DeliveryStage.nullable(),
    reason: z.string().nullable(),
    courier_says: DeliveryStage.nullable().meta({ description: 'What the courier answers now' }),
    courier_error: z.string().nullable(),
    cancelling: z.boolean().meta({ description: 'Decided; the courier has yet to agree' }),
    cancel_reason: z.string().nullable(),
    estimated: DateRange.nullable(),
    ...work,
    needs_attention: z.string().nullable(),
    changes: z.array(z.object({ version: z.int(), stage: DeliveryStage, reason: z.string().nullable(), at: Instant })),
    courier_events: z.array(z.object({ id: z.string(), stage: DeliveryStage.nullable(), at: Instant })),
    trace_id: TraceId,
  })
  .meta({ id: 'DeliveryStory' });
export type DeliveryStory = z.infer<typeof DeliveryStory>;

export const NoticeStory = z
  .object({
    id: NotificationId,
    kind: NotificationKind,
    user_id: UserId,
    in_app: z.boolean(),
    read_at: Instant.nullable(),
    mail: z.enum(['none', 'owed', 'gathered', 'sent', 'failed', 'suppressed']).meta({
      description:
        '`gathered` leaves together with others; `suppressed` is not sent to an address that mails come back from',
    }),
    mail_attempts: z.int(),
    mail_error: z.string().nullable(),
    mailed_at: Instant.nullable(),
    created_at: Instant,
    trace_id: TraceId,
  })
  .meta({ id: 'NoticeStory' });
export type NoticeStory = z.infer<typeof NoticeStory>;

export const OrderStory = z
  .object({
    order: OperationsOrder,
    can_compensate: z.boolean().meta({ description: 'Whether the money can still go back to the buyer' }),
    commands: z.array(CommandStory),
    timeline: z.array(StoryEntry),
    decisions: z.array(OperatorDecision),
    payment: PaymentStory.nullable(),
    delivery: DeliveryStory.nullable(),
    notices: z.array(NoticeStory),
    missing: z
      .array(z.enum(['payments', 'delivery', 'notifications']))
      .meta({ description: 'Services that did not answer in time: their parts are not here' }),
  })
  .meta({ id: 'OrderStory' });
export type OrderStory = z.infer<typeof OrderStory>;

const byId = z.object({ id: OrderId });

export const operationsRoutes = {
  countOperations: route({
    id: 'countOperations',
    service: 'orders',
    method: 'GET',
    path: '/v1/operations/counts',
    summary: 'How many orders are in which state, and how many need a person',
    auth: 'operator',
    success: { status: 200, body: OperationsCounts },
  }),
  listOperations: route({
    id: 'listOperations',
    service: 'orders',
    method: 'GET',
    path: '/v1/operations/orders',
    summary: 'Orders of everybody, newest first; those that need a person longest waiting first',
    auth: 'operator',
    query: z.object({
      status: OrderStatus.optional(),
      needs_attention: z.enum(['true']).optional(),
      q: text(1, 100).optional().meta({
        description: 'The id of an order, payment or shipment, a tracking number, or an order’s number (8 characters)',
      }),
      cursor: Cursor.optional(),
      limit: Limit.default(20),
    }),
    success: { status: 200, body: page(OperationsOrder) },
  }),
  getOrderStory: route({
    id: 'getOrderStory',
    service: 'orders',
    method: 'GET',
    path: '/v1/operations/orders/{id}',
    summary: 'All that is known of one order: commands with their tries, events, decisions, and what others know',
    auth: 'operator',
    params: byId,
    success: { status: 200, body: OrderStory },
    problems: ['not-found'],
  }),
  decideOnOrder: route({
    id: 'decideOnOrder',
    service: 'orders',
    method: 'POST',
    path: '/v1/operations/orders/{id}/decisions',
    summary: 'Retry or skip what is stuck, or take the order back and return the money; written to the audit trail',
    auth: 'operator',
    params: byId,
    body: NewDecision,
    success: { status: 200, body: OperationsOrder },
    problems: ['not-found', 'conflict', 'unavailable', 'timeout', 'invalid-field'],
  }),
};
