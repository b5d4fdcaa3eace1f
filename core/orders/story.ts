// One order's whole story for operators: what orders has written down, and what payments, delivery and notifications know.
import type { OrderId, UserId } from '../../contracts/common.ts';
import {
  type CommandStory,
  DeliveryStory,
  NoticeStory,
  type OperatorDecision,
  type OrderStory,
  PaymentStory,
  type StoryEntry,
} from '../../contracts/operations.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { redactText } from '../platform/telemetry/redact.ts';
import { traceIdOf } from '../platform/telemetry/tracing.ts';
import type { CommandOptions } from './commands.ts';
import { presentForOperators } from './operations.ts';
import { type DecisionRow, readStory, type StoredStory, type TimelineRow } from './operations-store.ts';
import { orderCan } from './saga.ts';
import { type CommandRow, type OrderRow, readOrder } from './store.ts';

type Missing = OrderStory['missing'][number];

/** For each of the others. A page with a hole in it is better than none. */
const partDeadlineMs = 3_000;
const nameDeadlineMs = 1_000;

export async function tellStory(options: CommandOptions, id: OrderId): Promise<OrderStory> {
  const { db } = options;
  const order = await readOrder(db, id);
  if (!order) throw new ProblemError('not-found', { detail: 'There is no such order' });
  const missing: Missing[] = [];
  const [stored, payment, delivery, notices] = await Promise.all([
    readStory(db, id),
    part(options, order, 'payments', missing, askPayments),
    part(options, order, 'delivery', missing, askDelivery),
    part(options, order, 'notifications', missing, askNotifications),
  ]);
  const names = await namesOf(options, stored.decisions);
  return {
    order: presentForOperators(order),
    can_compensate: orderCan.beCompensated(order.status),
    commands: stored.commands.map((command) => presentCommand(command, stored)),
    timeline: stored.timeline.map(presentEntry),
    decisions: stored.decisions.map((decision) => presentDecision(decision, stored, names)),
    payment,
    delivery,
    notices: notices ?? [],
    missing,
  };
}

/** Null where there is no such thing; then, or when it did not answer or makes no sense here, it is named as missing. */
async function part<Part>(
  options: CommandOptions,
  order: OrderRow,
  name: Missing,
  missing: Missing[],
  ask: (options: CommandOptions, order: OrderRow) => Promise<Part>,
): Promise<Part | null> {
  try {
    return await ask(options, order);
  } catch (error) {
    if (error instanceof ProblemError && error.code === 'not-found') return null;
    options.log.warn('story.part_missing', { order_id: order.id, part: name, error });
    missing.push(name);
    return null;
  }
}

async function askPayments({ rpc }: CommandOptions, order: OrderRow): Promise<PaymentStory> {
  const said = await rpc.payments.getStory({ paymentId: order.payment_id }, { deadlineMs: partDeadlineMs });
  return PaymentStory.parse({
    id: said.paymentId,
    provider: said.provider,
    provider_id: orNull(said.providerId),
    status: said.status,
    amount: said.amount,
    reason: orNull(said.reason),
    provider_says: orNull(said.providerSays),
    provider_error: orNull(said.providerError),
    intent: orNull(said.intent),
    intent_reason: orNull(said.intentReason),
    ...work(said.work),
    needs_attention: orNull(said.attention?.why),
    changes: said.changes.map(({ reason, ...change }) => ({ ...change, reason: orNull(reason) })),
    provider_events: said.providerEvents.map(({ eventId, status, at }) => ({ id: eventId, status, at })),
    payout: said.payout
      ? {
          status: said.payout.status,
          provider_id: orNull(said.payout.providerId),
          amount: said.payout.amount,
          ...work(said.payout.work),
          created_at: said.payout.createdAt,
          paid_at: orNull(said.payout.paidAt),
        }
      : null,
    ledger: said.ledger,
    trace_id: orNull(said.traceId),
  });
}

async function askDelivery({ rpc }: CommandOptions, order: OrderRow): Promise<DeliveryStory> {
  const said = await rpc.delivery.getStory({ shipmentId: order.shipment_id }, { deadlineMs: partDeadlineMs });
  return DeliveryStory.parse({
    id: said.shipmentId,
    courier: said.courier,
    courier_id: orNull(said.courierId),
    tracking_number: orNull(said.trackingNumber),
    stage: orNull(said.stage),
    reason: orNull(said.reason),
    courier_says: orNull(said.courierSays),
    courier_error: orNull(said.courierError),
    cancelling: said.cancelling,
    cancel_reason: orNull(said.cancelReason),
    estimated: said.estimated ?? null,
    ...work(said.work),
    needs_attention: orNull(said.attention?.why),
    changes: said.changes.map(({ reason, ...change }) => ({ ...change, reason: orNull(reason) })),
    courier_events: said.courierEvents.map(({ eventId, stage, at }) => ({ id: eventId, stage: orNull(stage), at })),
    trace_id: orNull(said.traceId),
  });
}

async function askNotifications({ rpc }: CommandOptions, order: OrderRow): Promise<NoticeStory[]> {
  const { notices } = await rpc.notifications.getStory({ orderId: order.id }, { deadlineMs: partDeadlineMs });
  return notices.map((notice) =>
    NoticeStory.parse({
      id: notice.notificationId,
      kind: notice.kind,
      user_id: notice.userId,
      in_app: notice.inApp,
      read_at: orNull(notice.readAt),
      mail: notice.mail,
      mail_attempts: notice.mailAttempts,
      mail_error: orNull(notice.mailError),
      mailed_at: orNull(notice.mailedAt),
      created_at: notice.createdAt,
      trace_id: orNull(notice.traceId),
    }),
  );
}

/** In a message what is not there is empty. */
const orNull = (text: string | undefined): string | null => text || null;

const work = (
  said: { attempts: number; failures: number; lastError: string; nextTryAt: string } | undefined,
): Pick<PaymentStory, 'attempts' | 'failures' | 'last_error' | 'next_try_at'> => ({
  attempts: said?.attempts ?? 0,
  failures: said?.failures ?? 0,
  last_error: said?.lastError ? redactText(said.lastError) : null,
  next_try_at: orNull(said?.nextTryAt),
});

/** Who decided; an id alone tells people little, but is better than no audit trail. */
async function namesOf(
  { rpc, log }: CommandOptions,
  decisions: readonly DecisionRow[],
): Promise<ReadonlyMap<UserId, string>> {
  const operators = [...new Set(decisions.map(({ operator_id }) => operator_id))].slice(0, 20);
  const names = await Promise.all(
    operators.map(async (userId): Promise<[UserId, string][]> => {
      try {
        return [[userId, (await rpc.users.getContacts({ userId }, { deadlineMs: nameDeadlineMs })).name]];
      } catch (error) {
        log.warn('story.operator_unnamed', { operator_id: userId, error });
        return [];
      }
    }),
  );
  return new Map(names.flat());
}

const presentCommand = (command: CommandRow, { tries }: StoredStory): CommandStory => ({
  id: command.id,
  step: command.step,
  state: command.state,
  attempts: command.attempts,
  failures: command.failures,
  last_error: command.last_error,
  owed_at: command.created_at.toISOString(),
  next_try_at: command.state === 'owed' ? command.not_before.toISOString() : null,
  finished_at: command.finished_at?.toISOString() ?? null,
  trace_id: traceIdOf(command.headers) ?? null,
  tries: tries
    .filter(({ command_id }) => command_id === command.id)
    .map(({ number, at, answered, error, trace_id }) => ({ number, at: at.toISOString(), answered, error, trace_id })),
});

function presentEntry({ kind, value, reason, at, trace_id, event_id }: TimelineRow): StoryEntry {
  const heard = { at: at.toISOString(), trace_id, event_id };
  if (kind === 'order') return { kind, status: value, reason, ...heard } as StoryEntry;
  if (kind === 'payment') return { kind, status: value, ...heard } as StoryEntry;
  return { kind, stage: value, ...heard } as StoryEntry;
}

const presentDecision = (
  row: DecisionRow,
  { commands }: StoredStory,
  names: ReadonlyMap<UserId, string>,
): OperatorDecision => ({
  id: row.id,
  operator: { id: row.operator_id, name: names.get(row.operator_id) ?? null },
  action: row.action,
  target: row.target,
  command_id: row.command_id,
  step: commands.find(({ id }) => id === row.command_id)?.step ?? null,
  note: row.note,
  before: row.before,
  after: row.after,
  outcome: row.outcome ?? 'unknown',
  failure: row.failure,
  at: row.at.toISOString(),
  trace_id: row.trace_id,
});
