// What becomes of an order, decided without a database: its state, what came, and the state that follows.
// advance.ts and commands.ts write down what is decided here. Time comes in as an argument, so that it may be virtual.
import type { DeliveryStage } from '../../contracts/delivery.ts';
import type { CancelReason, OrderStatus } from '../../contracts/orders.ts';
import type { PaymentStatus } from '../../contracts/payments.ts';
import { next, type SagaEvent, type Step, saga, type TimeoutName } from './saga.ts';

/** The part of an order's row that the saga decides. */
export interface SagaOrder {
  readonly status: OrderStatus;
  readonly cancel_reason: CancelReason | null;
  readonly deadline_at: Date | null;
  readonly payment_status: PaymentStatus;
  readonly payment_version: number;
  readonly delivery_stage: DeliveryStage | null;
  readonly delivery_version: number;
  readonly needs_attention: string | null;
}

/** A call that the order owes to another service, or has owed. */
export interface SagaCommand {
  /** Null until it is written. */
  readonly id: number | null;
  readonly step: Step;
  /** `dropped`: the order took another way before it was begun. `refused`: the answer was a final no. */
  readonly state: 'owed' | 'done' | 'refused' | 'dropped';
  /** How often it was begun. */
  readonly attempts: number;
  /** Not tried before; while it runs this is the end of its lease. */
  readonly not_before: Date;
  readonly last_error: string | null;
  readonly finished_at: Date | null;
}

export interface SagaState {
  readonly order: SagaOrder;
  /** Oldest first. Those that were dropped never happened and may be left out. */
  readonly commands: readonly SagaCommand[];
}

/** One move along the table. Each is told to the world. */
export interface Passage {
  readonly event: SagaEvent;
  readonly from: OrderStatus;
  readonly to: OrderStatus;
  readonly cancelReason: CancelReason | null;
}

export interface Decision {
  readonly state: SagaState;
  readonly passages: readonly Passage[];
}

export interface Rules {
  /** How long each timeout is. */
  readonly timeoutSeconds: Readonly<Record<TimeoutName, number>>;
  /** Between the tries of a command, by how many there were. */
  readonly pauseMs: (tries: number) => number;
}

/** What a try brought: done, a final no and what the saga makes of it, or trouble that may pass. */
export type Outcome =
  | { readonly result: 'done' }
  | { readonly result: 'refused'; readonly event: SagaEvent | null; readonly why: string }
  | { readonly result: 'failed'; readonly why: string };

const attemptsBeforeAttention = 10;

/** An order that has just been placed. */
export const opened = (now: Date, rules: Rules): SagaState => ({
  order: {
    status: 'pending_payment',
    cancel_reason: null,
    deadline_at: deadlineIn('pending_payment', now, rules),
    payment_status: 'in_progress',
    payment_version: 0,
    delivery_stage: null,
    delivery_version: 0,
    needs_attention: null,
  },
  commands: owing([], ['start_payment'], now),
});

/** After one event of the table. What changes nothing in the present state is harmless. */
export const afterEvent = (state: SagaState, event: SagaEvent, now: Date, rules: Rules): Decision =>
  ended(passed({ state, passages: [] }, event, now, rules), now, rules);

/** After news of the payment; null for news that is older than what was heard. */
export function afterPaymentNews(
  state: SagaState,
  { status, version }: { readonly status: PaymentStatus; readonly version: number },
  now: Date,
  rules: Rules,
): Decision | null {
  if (state.order.payment_version >= version) return null;
  const order = { ...state.order, payment_status: status, payment_version: version };
  return ended(passedAll({ ...state, order }, eventsOfPayment[status], now, rules), now, rules);
}

/** The same of the parcel. */
export function afterParcelNews(
  state: SagaState,
  { stage, version }: { readonly stage: DeliveryStage; readonly version: number },
  now: Date,
  rules: Rules,
): Decision | null {
  if (state.order.delivery_version >= version) return null;
  const order = { ...state.order, delivery_stage: stage, delivery_version: version };
  return ended(passedAll({ ...state, order }, eventsOfStage[stage], now, rules), now, rules);
}

/** Names one try of one command. */
export interface Try {
  readonly id: number;
  readonly attempt: number;
}

/** After a try of a command; what a try brought that was overtaken by another one no longer counts, unless it succeeded. */
export function afterTry(state: SagaState, { id, attempt }: Try, outcome: Outcome, now: Date, rules: Rules): Decision {
  const command = state.commands.find((each) => each.id === id);
  const stale = command?.attempts !== attempt && outcome.result === 'failed';
  if (command?.state !== 'owed' || stale) return { state, passages: [] };
  const change = (made: Partial<SagaCommand>, needs_attention: string | null): SagaState => ({
    order: { ...state.order, needs_attention },
    commands: state.commands.map((each) => (each === command ? { ...each, ...made } : each)),
  });
  switch (outcome.result) {
    case 'done': {
      const after = change({ state: 'done', last_error: null, finished_at: now }, null);
      return ended({ state: after, passages: [] }, now, rules);
    }
    case 'refused': {
      const { event, why } = outcome;
      const attention = event ? null : `${command.step}: ${why}`;
      const after = change({ state: 'refused', last_error: why, finished_at: now }, attention);
      return ended(passedAll(after, event ? eventsOfRefusal(event, after.order) : [], now, rules), now, rules);
    }
    case 'failed': {
      const not_before = new Date(now.getTime() + rules.pauseMs(attempt));
      const attention =
        attempt === attemptsBeforeAttention ? `${command.step}: ${outcome.why}` : state.order.needs_attention;
      return { state: change({ not_before, last_error: outcome.why }, attention), passages: [] };
    }
    default:
      return outcome satisfies never;
  }
}

/** The one command of an order that may be begun now: each waits for the earlier ones. `takeCommand` asks the same in SQL. */
export function dueCommand({ commands }: SagaState, now: Date): SagaCommand | undefined {
  const first = commands.find(({ state }) => state === 'owed');
  return first && first.not_before <= now ? first : undefined;
}

/** What a payment's status means to the saga. */
const eventsOfPayment: Readonly<Record<PaymentStatus, readonly SagaEvent[]>> = {
  in_progress: [],
  authorized: ['payment_authorized'],
  captured: ['payment_authorized'],
  failed: ['payment_failed', 'payment_lapsed'],
  voided: ['payment_lapsed'],
  refunded: [],
};

/** What a parcel's stage means to the saga; a parcel that was delivered was taken before, whether we heard so or not. */
const eventsOfStage: Readonly<Record<DeliveryStage, readonly SagaEvent[]>> = {
  created: [],
  accepted: ['parcel_taken'],
  in_transit: ['parcel_taken'],
  at_pickup_point: ['parcel_taken'],
  delivered: ['parcel_taken', 'parcel_delivered'],
  returned: ['parcel_taken', 'parcel_returned'],
  lost: ['parcel_taken', 'parcel_lost'],
  cancelled: ['parcel_refused'],
};

/** A cancellation that was refused puts the order back on its way: what the parcel did meanwhile counts now. */
const eventsOfRefusal = (event: SagaEvent, { delivery_stage: stage }: SagaOrder): readonly SagaEvent[] =>
  event === 'cancellation_refused' && stage ? [event, ...eventsOfStage[stage]] : [event];

const passedAll = (state: SagaState, events: readonly SagaEvent[], now: Date, rules: Rules): Decision =>
  events.reduce<Decision>((decision, event) => passed(decision, event, now, rules), { state, passages: [] });

function passed(decision: Decision, event: SagaEvent, now: Date, rules: Rules): Decision {
  const { order, commands } = decision.state;
  const transition = next(order.status, event);
  if (!transition) return decision;
  const { to, reason, commands: owed = [], drops = [] } = transition;
  const cancel_reason = to === 'cancelling' || to === 'cancelled' ? (reason ?? order.cancel_reason) : null;
  return {
    state: {
      order: { ...order, status: to, cancel_reason, deadline_at: deadlineIn(to, now, rules) },
      commands: owing(dropping(commands, drops, now), owed, now),
    },
    passages: [...decision.passages, { event, from: order.status, to, cancelReason: cancel_reason }],
  };
}

/** When nothing is owed any more, a cancellation is over. */
const ended = (decision: Decision, now: Date, rules: Rules): Decision => {
  const { order, commands } = decision.state;
  const over = order.status === 'cancelling' && !commands.some(({ state }) => state === 'owed');
  return over ? passed(decision, 'compensated', now, rules) : decision;
};

function deadlineIn(status: OrderStatus, now: Date, { timeoutSeconds }: Rules): Date | null {
  const { timeout } = saga[status];
  return timeout ? new Date(now.getTime() + timeoutSeconds[timeout] * 1000) : null;
}

/** One that was begun may have had its effect and is carried to its end. */
const dropping = (commands: readonly SagaCommand[], steps: readonly Step[], now: Date): readonly SagaCommand[] =>
  commands.map((command) =>
    command.state === 'owed' && command.attempts === 0 && steps.includes(command.step)
      ? { ...command, state: 'dropped', finished_at: now }
      : command,
  );

/** Each step happens once in an order's life; one that was dropped never happened. */
const owing = (commands: readonly SagaCommand[], steps: readonly Step[], now: Date): readonly SagaCommand[] => [
  ...commands,
  ...steps
    .filter((step) => !commands.some((command) => command.step === step && command.state !== 'dropped'))
    .map(
      (step): SagaCommand => ({
        id: null,
        step,
        state: 'owed',
        attempts: 0,
        not_before: now,
        last_error: null,
        finished_at: null,
      }),
    ),
];
