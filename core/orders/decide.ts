// What becomes of an order, decided without a database: its state, what came, and the state that follows.
// advance.ts and commands.ts write down what is decided here. Time comes in as an argument, so that it may be virtual.
import type { DeliveryStage } from '../../contracts/delivery.ts';
import type { CommandState } from '../../contracts/operations.ts';
import type { CancelReason, OrderStatus } from '../../contracts/orders.ts';
import type { PaymentStatus } from '../../contracts/payments.ts';
import { isLate, isOver, type Patience } from '../platform/patience.ts';
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
  /** Work of payments' own that no step waits for, and that is stuck. */
  readonly payment_attention: string | null;
  readonly payment_attention_version: number;
  /** The same of delivery's. */
  readonly delivery_attention: string | null;
  readonly delivery_attention_version: number;
  /** Why a person has to look; null for almost all. */
  readonly needs_attention: string | null;
  readonly attention_since: Date | null;
}

/** A call that the order owes to another service, or has owed. */
export interface SagaCommand {
  /** Null until it is written. */
  readonly id: number | null;
  readonly step: Step;
  readonly state: CommandState;
  /** How often it was begun. */
  readonly attempts: number;
  /** How often it had been begun when an operator had it retried: limits and pauses count from there. */
  readonly attempts_before: number;
  /** Since then: tries that failed with an answer. */
  readonly failures: number;
  /** Since then: the first try. */
  readonly tried_since: Date | null;
  /** Not tried before; while it runs this is the end of its lease. */
  readonly not_before: Date;
  /** Of one that is done: why there was nothing to do. */
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
  readonly patience: Patience;
}

/**
 * What a try brought: done; a final no, with what the saga makes of it, if anything; or trouble that may pass, which is
 * `answered` by a target that is there, or the target's own.
 */
export type Outcome =
  | {
      readonly result: 'done';
      /** Why there was nothing to do: what is undone here was never made. */
      readonly nothing?: string;
    }
  | { readonly result: 'refused'; readonly event: SagaEvent | null; readonly why: string }
  | { readonly result: 'failed'; readonly answered: boolean; readonly why: string };

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
    payment_attention: null,
    payment_attention_version: 0,
    delivery_attention: null,
    delivery_attention_version: 0,
    needs_attention: null,
    attention_since: null,
  },
  commands: owing([], ['start_payment'], now),
});

/** After one event of the table. What changes nothing in the present state is harmless. */
export const afterEvent = (state: SagaState, event: SagaEvent, now: Date, rules: Rules): Decision =>
  concluded(passed({ state, passages: [] }, event, now, rules), now, rules);

/** After news of the payment; null for news that is older than what was heard. */
export function afterPaymentNews(
  state: SagaState,
  { status, version }: { readonly status: PaymentStatus; readonly version: number },
  now: Date,
  rules: Rules,
): Decision | null {
  if (state.order.payment_version >= version) return null;
  const order = { ...state.order, payment_status: status, payment_version: version };
  const lives = status === 'in_progress' || status === 'authorized' || status === 'captured';
  const commands = lives ? undoingAgain(state.commands, 'return_money', now) : state.commands;
  return concluded(passedAll({ order, commands }, eventsOfPayment[status], now, rules), now, rules);
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
  const lives = stage !== 'cancelled' && stage !== 'returned' && stage !== 'lost';
  const commands = lives ? undoingAgain(state.commands, 'cancel_shipment', now) : state.commands;
  return concluded(passedAll({ order, commands }, eventsOfStage[stage], now, rules), now, rules);
}

/** After payments or delivery said that work of theirs is stuck, or no longer; null for old news. */
export function afterAttention(
  state: SagaState,
  whose: 'payment' | 'delivery',
  { why, version }: { readonly why: string | null; readonly version: number },
  now: Date,
  rules: Rules,
): Decision | null {
  if (state.order[`${whose}_attention_version`] >= version) return null;
  const said = { [`${whose}_attention`]: why, [`${whose}_attention_version`]: version };
  return concluded({ state: { ...state, order: { ...state.order, ...said } }, passages: [] }, now, rules);
}

/** Somebody begins what is due; until `leaseUntil` nobody else does. `takeCommand` does the same in SQL. */
export function taken(
  state: SagaState,
  now: Date,
  leaseUntil: Date,
): { readonly state: SagaState; readonly command: SagaCommand } | null {
  // Each waits for the earlier ones, also for one that waits for a person.
  const due = state.commands.find(isOutstanding);
  if (due?.state !== 'owed' || due.not_before > now) return null;
  const command = {
    ...due,
    attempts: due.attempts + 1,
    tried_since: due.tried_since ?? now,
    not_before: leaseUntil,
  };
  return { state: { ...state, commands: replaced(state.commands, due, command) }, command };
}

/** Names one try of one command. */
export interface Try {
  readonly id: number;
  readonly attempt: number;
}

/** After a try. What a try brought that was overtaken by another one no longer counts, unless it succeeded. */
export function afterTry(state: SagaState, { id, attempt }: Try, outcome: Outcome, now: Date, rules: Rules): Decision {
  const command = state.commands.find((each) => each.id === id);
  const unchanged = { state, passages: [] };
  // Also one that was parked meanwhile has been done then.
  if (!command || (outcome.result === 'done' ? !isOutstanding(command) : command.state !== 'owed')) return unchanged;
  if (outcome.result === 'failed' && command.attempts !== attempt) return unchanged;
  switch (outcome.result) {
    case 'done':
      return changed(
        state,
        command,
        { state: 'done', last_error: outcome.nothing ?? null, finished_at: now },
        now,
        rules,
      );
    case 'refused': {
      const { event, why: last_error } = outcome;
      if (event === null || (event === 'cancellation_refused' && isMoneyGoingBack(state)))
        return changed(state, command, { ...answeredEnd(state, command, now), last_error }, now, rules);
      const events = eventsOfRefusal(event, state.order);
      return changed(state, command, { state: 'refused', last_error, finished_at: now }, now, rules, events);
    }
    case 'failed': {
      const { answered, why: last_error } = outcome;
      const failures = command.failures + (answered ? 1 : 0);
      const over = isOver({ failures, since: command.tried_since ?? now }, now, rules.patience);
      const pauseMs = rules.pauseMs(attempt - command.attempts_before);
      const change: Partial<SagaCommand> = !over
        ? { not_before: new Date(now.getTime() + pauseMs) }
        : answered
          ? answeredEnd(state, command, now)
          : // Without an answer it may be running over there until its lease ends.
            { state: 'parked' };
      return changed(state, command, { ...change, failures, last_error }, now, rules);
    }
    default:
      return outcome satisfies never;
  }
}

/**
 * No more tries, and the last one runs no more. Nobody has to decide about what the order has no use for. Should an
 * earlier one still be on its way, what it makes is undone when it is heard of (`undoingAgain`).
 */
const answeredEnd = ({ order }: SagaState, { step }: SagaCommand, now: Date): Partial<SagaCommand> =>
  saga[order.status].unwanted?.includes(step)
    ? { state: 'dropped', not_before: now, finished_at: now }
    : { state: 'parked', not_before: now };

/** After an operator had a parked command tried again, as if for the first time; null unless it is parked. */
export function afterRetry(state: SagaState, id: number, now: Date, rules: Rules): Decision | null {
  const command = parkedOf(state, id);
  if (!command) return null;
  return changed(state, command, anew(command, now), now, rules);
}

/** After an operator said that a parked command is not needed: the order goes on as if it were done; null unless it is parked. */
export function afterSkip(state: SagaState, id: number, now: Date, rules: Rules): Decision | null {
  const command = parkedOf(state, id);
  return command ? changed(state, command, { state: 'skipped', finished_at: now }, now, rules) : null;
}

/** After an operator took the order back; null where the money can no longer go back to the buyer, or is on its way there. */
export const afterCompensation = (state: SagaState, now: Date, rules: Rules): Decision | null =>
  next(state.order.status, 'operator_cancelled') ? afterEvent(state, 'operator_cancelled', now, rules) : null;

/** As if for the first time. */
const anew = ({ attempts }: SagaCommand, now: Date): Partial<SagaCommand> => ({
  state: 'owed',
  attempts_before: attempts,
  failures: 0,
  tried_since: null,
  not_before: now,
  finished_at: null,
});

/**
 * What came to life after it was to be undone is undone again. The undoing had found nothing: a call that had been given
 * up reached its target late, perhaps because the target was frozen when it came.
 */
const undoingAgain = (commands: readonly SagaCommand[], step: Step, now: Date): readonly SagaCommand[] =>
  commands.map((command) =>
    command.step === step && command.state === 'done' && command.last_error !== null
      ? { ...command, ...anew(command, now) }
      : command,
  );

/** Then a parcel that goes its way all the same has nobody who pays for it, and a person has to decide. */
const isMoneyGoingBack = ({ commands }: SagaState): boolean =>
  commands.some(
    ({ step, state, attempts }) => step === 'return_money' && state !== 'dropped' && (state !== 'owed' || attempts > 0),
  );

const parkedOf = ({ commands }: SagaState, id: number): SagaCommand | undefined =>
  commands.find((command) => command.id === id && command.state === 'parked');

/** What is parked is owed as before, only that a person has to say how it goes on. */
const isOutstanding = ({ state }: SagaCommand): boolean => state === 'owed' || state === 'parked';

const replaced = (commands: readonly SagaCommand[], before: SagaCommand, after: SagaCommand): readonly SagaCommand[] =>
  commands.map((each) => (each === before ? after : each));

const changed = (
  state: SagaState,
  command: SagaCommand,
  change: Partial<SagaCommand>,
  now: Date,
  rules: Rules,
  events: readonly SagaEvent[] = [],
): Decision => {
  const commands = replaced(state.commands, command, { ...command, ...change });
  return concluded(passedAll({ ...state, commands }, events, now, rules), now, rules);
};

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
  const { to, reason, commands: owed = [] } = transition;
  const cancel_reason = to === 'cancelling' || to === 'cancelled' ? (reason ?? order.cancel_reason) : null;
  return {
    state: {
      order: { ...order, status: to, cancel_reason, deadline_at: deadlineIn(to, now, rules) },
      commands: owing(dropping(commands, saga[to].unwanted ?? [], now), owed, now),
    },
    passages: [...decision.passages, { event, from: order.status, to, cancelReason: cancel_reason }],
  };
}

/** What follows from every decision: a cancellation that owes nothing more is over, and a person is called or let go. */
function concluded(decision: Decision, now: Date, rules: Rules): Decision {
  const { state } = decision;
  const over = state.order.status === 'cancelling' && !state.commands.some(isOutstanding);
  const { state: after, passages } = over ? passed(decision, 'compensated', now, rules) : decision;
  const needs_attention = attentionOf(after, now, rules);
  const attention_since = needs_attention === null ? null : (after.order.attention_since ?? now);
  return { state: { ...after, order: { ...after.order, needs_attention, attention_since } }, passages };
}

function attentionOf({ order, commands }: SagaState, now: Date, { patience }: Rules): string | null {
  const told = ({ step, last_error }: SagaCommand): string => `${step}: ${last_error ?? 'is not done yet'}`;
  const parked = commands.find(({ state }) => state === 'parked');
  if (parked) return told(parked);
  if (order.payment_attention !== null) return `payment: ${order.payment_attention}`;
  if (order.delivery_attention !== null) return `delivery: ${order.delivery_attention}`;
  const late = commands.find(
    ({ state, tried_since: since, failures }) =>
      state === 'owed' && since !== null && isLate({ failures, since }, now, patience),
  );
  return late ? told(late) : null;
}

function deadlineIn(status: OrderStatus, now: Date, { timeoutSeconds }: Rules): Date | null {
  const { timeout } = saga[status];
  return timeout ? new Date(now.getTime() + timeoutSeconds[timeout] * 1000) : null;
}

/** One that is being tried may have its effect yet and is carried to its end. */
const dropping = (commands: readonly SagaCommand[], steps: readonly Step[], now: Date): readonly SagaCommand[] =>
  commands.map((command) =>
    steps.includes(command.step) && (command.state === 'parked' || (command.state === 'owed' && command.attempts === 0))
      ? { ...command, state: 'dropped', finished_at: now }
      : command,
  );

/** Each step happens once in an order's life; one that was dropped never happened, or is undone by what is owed now. */
function owing(commands: readonly SagaCommand[], steps: readonly Step[], now: Date): readonly SagaCommand[] {
  // A last try that got no answer may still run over there; what undoes it comes after its lease.
  const not_before = new Date(
    Math.max(now.getTime(), ...commands.filter(({ state }) => state === 'dropped').map((each) => +each.not_before)),
  );
  const missing = steps.filter((step) => !commands.some((each) => each.step === step && each.state !== 'dropped'));
  return [
    ...commands,
    ...missing.map(
      (step): SagaCommand => ({
        id: null,
        step,
        state: 'owed',
        attempts: 0,
        attempts_before: 0,
        failures: 0,
        tried_since: null,
        not_before,
        last_error: null,
        finished_at: null,
      }),
    ),
  ];
}
