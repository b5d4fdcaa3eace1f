import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterEvent,
  afterParcelNews,
  afterPaymentNews,
  afterTry,
  type Decision,
  dueCommand,
  type Outcome,
  opened,
  type Rules,
  type SagaState,
} from './decide.ts';
import { type SagaEvent, type Step, sagaEvents } from './saga.ts';

const rules: Rules = {
  timeoutSeconds: { payment: 900, handover: 3600, delivery: 3600, acceptance: 3600 },
  pauseMs: (tries) => tries * 1000,
};
const start = new Date('2026-11-24T10:00:00Z');
const later = (seconds: number): Date => new Date(start.getTime() + seconds * 1000);

/** As the database does it: what is new gets an id, what is begun is counted. */
const written = ({ state }: Decision): SagaState => {
  let last = Math.max(0, ...state.commands.map(({ id }) => id ?? 0));
  return { ...state, commands: state.commands.map((command) => ({ ...command, id: command.id ?? ++last })) };
};
const placed = (): SagaState => written({ state: opened(start, rules), passages: [] });
const begun = (state: SagaState, step: Step): SagaState => ({
  ...state,
  commands: state.commands.map((each) => (each.step === step ? { ...each, attempts: each.attempts + 1 } : each)),
});
const hears = (state: SagaState, ...events: SagaEvent[]): SagaState =>
  events.reduce((before, event) => written(afterEvent(before, event, start, rules)), state);
/** Begins what is due and ends it so. */
const tries = (state: SagaState, outcome: Outcome, now = start): SagaState => {
  const due = dueCommand(state, now);
  if (!due?.id) throw new Error('nothing is due');
  return written(afterTry(begun(state, due.step), { id: due.id, attempt: due.attempts + 1 }, outcome, now, rules));
};
const done: Outcome = { result: 'done' };
const states = ({ commands }: SagaState): Record<string, string> =>
  Object.fromEntries(commands.map(({ step, state }) => [step, state]));

describe('what becomes of an order', () => {
  it('owes one call after another', () => {
    let order = hears(tries(placed(), done), 'payment_authorized');
    expect(states(order)).toEqual({
      start_payment: 'done',
      mark_ad_sold: 'owed',
      create_shipment: 'owed',
      notify_paid: 'owed',
    });
    expect(dueCommand(order, start)?.step).toBe('mark_ad_sold');
    order = tries(order, { result: 'failed', why: 'away' });
    // Nobody overtakes it while it waits.
    expect(dueCommand(order, start)).toBeUndefined();
    expect(dueCommand(order, later(1))?.step).toBe('mark_ad_sold');
  });

  it('drops what nobody has begun, and carries to its end what was', () => {
    const paid = hears(tries(placed(), done), 'payment_authorized');
    const untouched = hears(paid, 'buyer_cancelled');
    expect(states(untouched)).toMatchObject({ mark_ad_sold: 'dropped', create_shipment: 'dropped' });
    const midway = hears(begun(paid, 'mark_ad_sold'), 'buyer_cancelled');
    expect(states(midway)).toMatchObject({ mark_ad_sold: 'owed', create_shipment: 'dropped', return_money: 'owed' });
    expect(dueCommand(midway, start)?.step).toBe('mark_ad_sold');
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
    let order = hears(tries(placed(), done), 'payment_authorized');
    for (const _ of ['mark_ad_sold', 'create_shipment', 'notify_paid']) order = tries(order, done);
    order = hears(order, 'buyer_cancelled');
    const news = afterParcelNews(order, { stage: 'delivered', version: 3 }, start, rules);
    expect(news?.passages).toEqual([]);
    order = written(news as Decision);
    const due = dueCommand(order, start);
    expect(due?.step).toBe('cancel_shipment');
    const refused: Outcome = { result: 'refused', event: 'cancellation_refused', why: 'under way' };
    const decision = afterTry(begun(order, 'cancel_shipment'), { id: due?.id ?? 0, attempt: 1 }, refused, start, rules);
    expect(decision.passages.map(({ to }) => to)).toEqual(['in_delivery', 'delivered']);
    expect(states(decision.state)).toMatchObject({ return_money: 'dropped', capture_payment: 'owed' });
    expect(decision.state.order.cancel_reason).toBeNull();
  });

  it('hears no old news', () => {
    const paid = written(afterPaymentNews(placed(), { status: 'authorized', version: 2 }, start, rules) as Decision);
    expect(paid.order).toMatchObject({ status: 'paid', payment_status: 'authorized', payment_version: 2 });
    expect(afterPaymentNews(paid, { status: 'failed', version: 2 }, start, rules)).toBeNull();
    expect(afterParcelNews(paid, { stage: 'created', version: 0 }, start, rules)).toBeNull();
  });

  it('takes no failure from a try that another one has overtaken, but a success', () => {
    const order = begun(begun(placed(), 'start_payment'), 'start_payment');
    const first = { id: 1, attempt: 1 };
    expect(afterTry(order, first, { result: 'failed', why: 'late' }, start, rules).state).toBe(order);
    expect(states(afterTry(order, first, done, start, rules).state)).toEqual({ start_payment: 'done' });
    const over = written(afterTry(order, first, done, start, rules));
    expect(afterTry(over, { id: 1, attempt: 2 }, { result: 'failed', why: 'x' }, start, rules).state).toBe(over);
  });

  it('never owes a step twice, and never rests in a cancellation that owes nothing, whatever comes', () => {
    const happening = fc.oneof(
      fc.constantFrom(...sagaEvents.filter((event) => event !== 'compensated')),
      fc.constantFrom<Outcome>(done, { result: 'failed', why: 'x' }),
    );
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 60 }), (all) => {
        let order = placed();
        let now = start;
        for (const each of all) {
          now = new Date(now.getTime() + 100_000);
          if (typeof each === 'string') order = written(afterEvent(order, each, now, rules));
          else if (dueCommand(order, now)) order = tries(order, each, now);
          const lasting = order.commands.filter(({ state }) => state !== 'dropped').map(({ step }) => step);
          expect(new Set(lasting).size).toBe(lasting.length);
          const owes = order.commands.some(({ state }) => state === 'owed');
          expect(order.order.status === 'cancelling' && !owes).toBe(false);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
