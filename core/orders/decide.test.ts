import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeliveryStage } from '../../contracts/delivery.ts';
import { patience } from '../platform/patience.ts';
import {
  afterAttention,
  afterCompensation,
  afterEvent,
  afterParcelNews,
  afterPaymentNews,
  afterRetry,
  afterSkip,
  afterTry,
  type Decision,
  type Outcome,
  opened,
  type Rules,
  type SagaCommand,
  type SagaState,
  taken,
} from './decide.ts';
import { type SagaEvent, type Step, sagaEvents } from './saga.ts';

const rules: Rules = {
  timeoutSeconds: { payment: 900, handover: 3600, delivery: 3600, acceptance: 3600 },
  pauseMs: (tries) => tries * 1000,
  patience,
};
const start = new Date('2026-11-24T10:00:00Z');
const later = (seconds: number, than = start): Date => new Date(than.getTime() + seconds * 1000);
const leaseSeconds = 10;

const done: Outcome = { result: 'done' };
const refused: Outcome = { result: 'refused', event: null, why: 'no' };
const broken: Outcome = { result: 'failed', answered: true, why: 'broken' };
const silent: Outcome = { result: 'failed', answered: false, why: 'away' };

/** As the database does it: what is new gets an id. */
const written = ({ state }: Decision): SagaState => {
  let last = Math.max(0, ...state.commands.map(({ id }) => id ?? 0));
  return { ...state, commands: state.commands.map((command) => ({ ...command, id: command.id ?? ++last })) };
};
const must = (decision: Decision | null): SagaState => {
  if (!decision) throw new Error('this changes nothing');
  return written(decision);
};
const placed = (): SagaState => written({ state: opened(start, rules), passages: [] });
const hears = (state: SagaState, ...events: SagaEvent[]): SagaState =>
  events.reduce((before, event) => written(afterEvent(before, event, start, rules)), state);
const begins = (state: SagaState, now = start): { state: SagaState; command: SagaCommand; id: number } => {
  const begun = taken(state, now, later(leaseSeconds, now));
  if (!begun?.command.id) throw new Error('nothing is due');
  return { ...begun, id: begun.command.id };
};
/** Begins what is due and ends it so. */
const tries = (state: SagaState, outcome: Outcome, now = start): SagaState => {
  const begun = begins(state, now);
  return written(afterTry(begun.state, { id: begun.id, attempt: begun.command.attempts }, outcome, now, rules));
};
/** The same, as often as it takes until nothing is due for a person's sake. */
const triesUntilParked = (
  state: SagaState,
  outcome: Outcome,
  everySeconds = 60,
  from = start,
): { order: SagaState; now: Date } => {
  let order = state;
  let now = from;
  for (let times = 0; times < 2_000 && taken(order, now, now); times += 1) {
    order = tries(order, outcome, now);
    now = later(everySeconds, now);
  }
  return { order, now };
};
const states = ({ commands }: SagaState): Record<string, string> =>
  Object.fromEntries(commands.map(({ step, state }) => [step, state]));
const commandOf = ({ commands }: SagaState, step: Step): SagaCommand & { id: number } => {
  const found = commands.findLast((command) => command.step === step);
  if (!found?.id) throw new Error(`there is no ${step}`);
  return { ...found, id: found.id };
};
const paid = (): SagaState => hears(tries(placed(), done), 'payment_authorized');
const shipped = (): SagaState => {
  let order = paid();
  for (const _step of ['mark_ad_sold', 'create_shipment', 'notify_paid']) order = tries(order, done);
  return hears(order, 'parcel_taken');
};

describe('what becomes of an order', () => {
  it('owes one call after another', () => {
    let order = paid();
    expect(states(order)).toEqual({
      start_payment: 'done',
      mark_ad_sold: 'owed',
      create_shipment: 'owed',
      notify_paid: 'owed',
    });
    expect(begins(order).command.step).toBe('mark_ad_sold');
    order = tries(order, broken);
    // Nobody overtakes it while it waits.
    expect(taken(order, start, start)).toBeNull();
    expect(begins(order, later(1)).command.step).toBe('mark_ad_sold');
  });

  it('drops what nobody has begun, and carries to its end what was', () => {
    const untouched = hears(paid(), 'buyer_cancelled');
    expect(states(untouched)).toMatchObject({ mark_ad_sold: 'dropped', create_shipment: 'dropped' });
    const midway = hears(begins(paid()).state, 'buyer_cancelled');
    expect(states(midway)).toMatchObject({ mark_ad_sold: 'owed', create_shipment: 'dropped', return_money: 'owed' });
    expect(begins(midway, later(leaseSeconds)).command.step).toBe('mark_ad_sold');
  });

  it('is cancelled when the last thing owed is done', () => {
    let order = hears(tries(placed(), done), 'timeout');
    expect(order.order).toMatchObject({ status: 'cancelling', cancel_reason: 'payment_timeout', deadline_at: null });
    order = tries(order, done);
    expect(order.order.status).toBe('cancelling');
    order = tries(order, done);
    expect(order.order).toMatchObject({ status: 'cancelled', cancel_reason: 'payment_timeout' });
  });

  it('goes on its way, as far as the parcel has come, when the courier was quicker than the cancellation', () => {
    let order = paid();
    for (const _step of ['mark_ad_sold', 'create_shipment', 'notify_paid']) order = tries(order, done);
    order = hears(order, 'buyer_cancelled');
    const news = afterParcelNews(order, { stage: 'delivered', version: 3 }, start, rules);
    expect(news?.passages).toEqual([]);
    const { state, command, id } = begins(must(news));
    expect(command.step).toBe('cancel_shipment');
    const tooLate: Outcome = { result: 'refused', event: 'cancellation_refused', why: 'under way' };
    const decision = afterTry(state, { id, attempt: 1 }, tooLate, start, rules);
    expect(decision.passages.map(({ to }) => to)).toEqual(['in_delivery', 'delivered']);
    expect(states(decision.state)).toMatchObject({ return_money: 'dropped', capture_payment: 'owed' });
    expect(decision.state.order.cancel_reason).toBeNull();
  });

  it('hears no old news', () => {
    const order = must(afterPaymentNews(placed(), { status: 'authorized', version: 2 }, start, rules));
    expect(order.order).toMatchObject({ status: 'paid', payment_status: 'authorized', payment_version: 2 });
    expect(afterPaymentNews(order, { status: 'failed', version: 2 }, start, rules)).toBeNull();
    expect(afterParcelNews(order, { stage: 'created', version: 0 }, start, rules)).toBeNull();
  });

  it('takes no failure from a try that another one has overtaken, but a success', () => {
    const again = begins(begins(placed()).state, later(leaseSeconds)).state;
    const first = { id: 1, attempt: 1 };
    expect(afterTry(again, first, broken, start, rules).state).toBe(again);
    const over = written(afterTry(again, first, done, start, rules));
    expect(states(over)).toEqual({ start_payment: 'done' });
    expect(afterTry(over, { id: 1, attempt: 2 }, broken, start, rules).state).toBe(over);
  });
});

describe('a step that keeps failing', () => {
  it('is parked after twelve answers, and what comes after it waits', () => {
    const { order, now } = triesUntilParked(paid(), broken);
    expect(commandOf(order, 'mark_ad_sold')).toMatchObject({ state: 'parked', attempts: 12, failures: 12 });
    expect(order.order.needs_attention).toBe('mark_ad_sold: broken');
    expect(states(order)).toMatchObject({ create_shipment: 'owed', notify_paid: 'owed' });
    expect(taken(order, later(86_400, now), now)).toBeNull();
  });

  it('whose target is away goes on for a day, seen from the fifth minute on, and is let go when it succeeds', () => {
    let order = tries(paid(), silent);
    order = tries(order, silent, later(299));
    expect(order.order.needs_attention).toBeNull();
    order = tries(order, silent, later(301));
    expect(order.order).toMatchObject({ needs_attention: 'mark_ad_sold: away', attention_since: later(301) });
    // An outage of hours parks nothing.
    for (let hour = 1; hour < 24; hour += 1) order = tries(order, silent, later(hour * 3600));
    expect(commandOf(order, 'mark_ad_sold')).toMatchObject({ state: 'owed', failures: 0 });
    expect(order.order.attention_since).toEqual(later(301));
    const recovered = tries(order, done, later(23.5 * 3600));
    expect(recovered.order).toMatchObject({ needs_attention: null, attention_since: null });
    const lost = tries(order, silent, later(24 * 3600));
    expect(commandOf(lost, 'mark_ad_sold').state).toBe('parked');
  });

  it('is parked at once by a final no that the saga knows no way from', () => {
    const order = tries(shipped(), refused);
    expect(states(order)).toMatchObject({ capture_payment: 'parked' });
    expect(order.order).toMatchObject({ status: 'in_delivery', needs_attention: 'capture_payment: no' });
  });

  it('of an undoing keeps the order from being cancelled', () => {
    let order = hears(tries(placed(), done), 'buyer_cancelled');
    order = tries(order, refused);
    expect(order.order.status).toBe('cancelling');
    expect(taken(order, start, start)).toBeNull();
  });

  it('is forgotten when the order takes a way that has no use for it', () => {
    const { order } = triesUntilParked(paid(), broken);
    const cancelled = hears(order, 'buyer_cancelled');
    expect(states(cancelled)).toMatchObject({ mark_ad_sold: 'dropped', cancel_shipment: 'owed' });
    expect(cancelled.order.needs_attention).toBeNull();
  });

  it('and that the order has no use for any more is not waited for by a person', () => {
    const leaving = hears(begins(paid()).state, 'buyer_cancelled');
    expect(states(tries(leaving, refused, later(leaseSeconds)))).toMatchObject({ mark_ad_sold: 'dropped' });
    // Unless nobody knows what has become of it.
    const unknown = tries(leaving, silent, later(86_400));
    expect(states(unknown)).toMatchObject({ mark_ad_sold: 'parked' });
  });

  it('without an answer is undone only when nothing of it can run any more', () => {
    const { order, now } = triesUntilParked(paid(), silent, 3600);
    const lastTry = later(-3600, now);
    expect(states(order)).toMatchObject({ mark_ad_sold: 'parked' });
    const cancelled = written(afterEvent(order, 'buyer_cancelled', lastTry, rules));
    expect(taken(cancelled, lastTry, now)).toBeNull();
    expect(begins(cancelled, later(leaseSeconds, lastTry)).command.step).toBe('cancel_shipment');
  });
});

describe('a step that was given up and arrives all the same', () => {
  const nothing: Outcome = { result: 'done', nothing: 'There is no such thing' };
  const tooLate: Outcome = { result: 'refused', event: 'cancellation_refused', why: 'under way' };
  /** The target is frozen when it is asked first, and answers nonsense after that: nobody waits for it any more. */
  const givenUp = (order: SagaState): SagaState => triesUntilParked(tries(order, silent), broken, 60, later(60)).order;
  const now = later(3600);
  const parcel = (order: SagaState, stage: DeliveryStage, version: number) =>
    must(afterParcelNews(order, { stage, version }, now, rules));
  const leaving = (): SagaState => hears(givenUp(tries(paid(), done)), 'buyer_cancelled');
  /** Cancelled before anything was made of the parcel. */
  const left = (): SagaState => [nothing, done, done].reduce((order, end) => tries(order, end, now), leaving());

  it('is undone once more: a parcel of an order that is cancelled', () => {
    expect(states(leaving())).toMatchObject({ create_shipment: 'dropped', cancel_shipment: 'owed' });
    expect(left().order.status).toBe('cancelled');
    const alive = parcel(left(), 'created', 1);
    expect(begins(alive, now).command.step).toBe('cancel_shipment');
    const over = tries(alive, done, now);
    expect(states(over)).toMatchObject({ cancel_shipment: 'done' });
    expect(over.order).toMatchObject({ status: 'cancelled', needs_attention: null });
    // Its end is no news.
    expect(taken(parcel(over, 'cancelled', 2), now, now)).toBeNull();
  });

  it('is undone once more: a payment that nobody wants', () => {
    const unpaid = hears(givenUp(placed()), 'timeout');
    const order = tries(tries(unpaid, nothing, now), done, now);
    expect(order.order.status).toBe('cancelled');
    const alive = must(afterPaymentNews(order, { status: 'in_progress', version: 1 }, now, rules));
    expect(begins(alive, now).command.step).toBe('return_money');
    const over = tries(alive, done, now);
    expect(over.order).toMatchObject({ status: 'cancelled', needs_attention: null });
    expect(taken(must(afterPaymentNews(over, { status: 'voided', version: 2 }, now, rules)), now, now)).toBeNull();
  });

  it('calls a person when it cannot be undone, since the money is on its way back', () => {
    const stuck = tries(parcel(left(), 'accepted', 2), tooLate, now);
    expect(stuck.order).toMatchObject({ status: 'cancelled', needs_attention: 'cancel_shipment: under way' });
    const { id } = commandOf(stuck, 'cancel_shipment');
    expect(must(afterSkip(stuck, id, now, rules)).order.needs_attention).toBeNull();
  });

  it('puts the order back on its way while the money is still there', () => {
    const alive = parcel(tries(leaving(), nothing, now), 'accepted', 2);
    expect(begins(alive, now).command.step).toBe('cancel_shipment');
    expect(tries(alive, tooLate, now).order.status).toBe('in_delivery');
  });

  it('and what was undone in earnest is not undone again by old news', () => {
    const order = [done, done, done].reduce((before, end) => tries(before, end, now), leaving());
    expect(order.order.status).toBe('cancelled');
    expect(taken(parcel(order, 'created', 1), now, now)).toBeNull();
    const late = must(afterPaymentNews(order, { status: 'captured', version: 2 }, now, rules));
    expect(taken(late, now, now)).toBeNull();
  });
});

describe('trouble elsewhere', () => {
  it('shows on the order until it is over, and old news of it is none', () => {
    const stuck = must(afterAttention(paid(), 'payment', { why: 'return: no', version: 2 }, later(5), rules));
    expect(stuck.order).toMatchObject({ needs_attention: 'payment: return: no', attention_since: later(5) });
    expect(afterAttention(stuck, 'payment', { why: null, version: 2 }, later(6), rules)).toBeNull();
    expect(must(afterAttention(stuck, 'payment', { why: null, version: 3 }, later(6), rules)).order).toMatchObject({
      needs_attention: null,
      payment_attention: null,
    });
  });
});

describe('an operator', () => {
  it('has a parked step tried again as if for the first time, with the patience of the first time', () => {
    const { order, now } = triesUntilParked(paid(), broken);
    const { id } = commandOf(order, 'mark_ad_sold');
    const again = must(afterRetry(order, id, now, rules));
    expect(again.order.needs_attention).toBeNull();
    const failing = tries(again, broken, now);
    // The pause is that of a first try.
    expect(commandOf(failing, 'mark_ad_sold')).toMatchObject({
      state: 'owed',
      attempts: 13,
      failures: 1,
      not_before: later(1, now),
    });
    expect(states(tries(failing, done, later(1, now)))).toMatchObject({ mark_ad_sold: 'done' });
  });

  it('skips a parked step, and the order goes on as if it were done', () => {
    const { order, now } = triesUntilParked(paid(), broken);
    const skipped = must(afterSkip(order, commandOf(order, 'mark_ad_sold').id, now, rules));
    expect(states(skipped)).toMatchObject({ mark_ad_sold: 'skipped' });
    expect(begins(skipped, now).command.step).toBe('create_shipment');
  });

  it('ends a cancellation by skipping the last thing that it owes', () => {
    let order = hears(tries(placed(), done), 'buyer_cancelled');
    order = tries(order, done);
    order = tries(order, refused);
    const decision = afterSkip(order, commandOf(order, 'release_ad').id, start, rules);
    expect(decision?.passages).toEqual([
      { event: 'compensated', from: 'cancelling', to: 'cancelled', cancelReason: 'buyer_cancelled' },
    ]);
  });

  it('decides only about what is parked', () => {
    const order = paid();
    for (const step of ['start_payment', 'mark_ad_sold'] as const) {
      expect(afterRetry(order, commandOf(order, step).id, start, rules)).toBeNull();
      expect(afterSkip(order, commandOf(order, step).id, start, rules)).toBeNull();
    }
    expect(afterRetry(order, 99, start, rules)).toBeNull();
  });

  it.each<[string, SagaState, Step[]]>([
    ['pending_payment', placed(), ['return_money', 'release_ad']],
    ['paid', paid(), ['cancel_shipment', 'return_money', 'release_ad']],
    ['in_delivery', shipped(), ['return_money']],
    ['delivered', hears(shipped(), 'parcel_delivered'), ['return_money']],
  ])('takes an order back that is %s', (status, order, owed) => {
    expect(order.order.status).toBe(status);
    const back = must(afterCompensation(order, start, rules));
    expect(back.order).toMatchObject({ status: 'cancelling', cancel_reason: 'operator_cancelled' });
    expect(back.commands.filter(({ state }) => state === 'owed').map(({ step }) => step)).toEqual(owed);
    expect(afterCompensation(back, start, rules)).toBeNull();
  });

  it('takes nothing back that is over', () => {
    const completed = hears(shipped(), 'parcel_delivered', 'buyer_accepted');
    expect(afterCompensation(completed, start, rules)).toBeNull();
    let cancelled = hears(tries(placed(), done), 'buyer_cancelled');
    cancelled = tries(tries(cancelled, done), done);
    expect(afterCompensation(cancelled, start, rules)).toBeNull();
  });

  it('takes an order back whose money cannot be taken', () => {
    const stuck = tries(shipped(), refused);
    const back = must(afterCompensation(stuck, start, rules));
    expect(states(back)).toMatchObject({ capture_payment: 'dropped', return_money: 'owed' });
    expect(tries(back, done).order).toMatchObject({ status: 'cancelled', needs_attention: null });
  });
});

it('holds together, whatever comes', () => {
  const happening = fc.oneof(
    fc.constantFrom(...sagaEvents.filter((event) => event !== 'compensated')),
    fc.constantFrom(done, broken, silent, refused),
    fc.constantFrom('retry' as const, 'skip' as const),
  );
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 80 }), (all) => {
      let order = placed();
      let now = start;
      for (const each of all) {
        now = later(600, now);
        const parked = order.commands.find(({ state }) => state === 'parked')?.id ?? 0;
        if (each === 'retry') order = written(afterRetry(order, parked, now, rules) ?? { state: order, passages: [] });
        else if (each === 'skip')
          order = written(afterSkip(order, parked, now, rules) ?? { state: order, passages: [] });
        else if (typeof each === 'string') order = written(afterEvent(order, each, now, rules));
        else if (taken(order, now, now)) order = tries(order, each, now);
        const { commands } = order;
        // No step is owed twice.
        const lasting = commands.filter(({ state }) => state !== 'dropped').map(({ step }) => step);
        expect(new Set(lasting).size).toBe(lasting.length);
        // A cancellation that owes nothing is over, and no other is.
        const owes = commands.some(({ state }) => state === 'owed' || state === 'parked');
        expect(order.order.status === 'cancelling' && !owes).toBe(false);
        expect(order.order.status === 'cancelled' && owes).toBe(false);
        // Whatever waits for a person calls one.
        if (commands.some(({ state }) => state === 'parked')) expect(order.order.needs_attention).not.toBeNull();
        expect(order.order.needs_attention === null).toBe(order.order.attention_since === null);
      }
    }),
    { numRuns: 1_000 },
  );
});
