import { describe, expect, it } from 'vitest';
import { orderSteps } from '../../contracts/operations.ts';
import type { ProblemCode } from '../../contracts/problem.ts';
import { outcomeOf } from './answers.ts';

describe('a step that is answered with something else than what was wanted', () => {
  const meaning = (step: (typeof orderSteps)[number], code: ProblemCode | null) => {
    const outcome = outcomeOf(step, code, 'why');
    return outcome.result === 'refused' ? outcome.event : outcome.result;
  };

  it('goes the way that the saga knows from a final no', () => {
    expect(Object.fromEntries(orderSteps.map((step) => [step, meaning(step, 'conflict')]))).toEqual({
      // Nobody but us could have made these go wrong: they are tried again, until a person looks.
      start_payment: 'failed',
      notify_paid: 'failed',
      mark_ad_sold: 'ad_refused',
      create_shipment: 'parcel_refused',
      cancel_shipment: 'cancellation_refused',
      capture_payment: null,
      pay_out_seller: null,
      return_money: null,
      // Whoever holds it now, it is not this order.
      release_ad: 'done',
    });
  });

  it('needs no undoing where nothing was made, and remembers that', () => {
    for (const step of ['cancel_shipment', 'return_money'] as const)
      expect(outcomeOf(step, 'not-found', 'why')).toEqual({ result: 'done', nothing: 'why' });
    expect(meaning('capture_payment', 'not-found')).toBeNull();
  });

  it('is silence when nobody was there, and an answer otherwise', () => {
    const silences: ProblemCode[] = ['unavailable', 'timeout', 'request-in-progress', 'too-many-requests'];
    for (const step of orderSteps) {
      for (const code of silences)
        expect(outcomeOf(step, code, 'why')).toEqual({ result: 'failed', answered: false, why: 'why' });
      for (const code of ['internal', null] as const)
        expect(outcomeOf(step, code, 'why')).toEqual({ result: 'failed', answered: true, why: 'why' });
    }
  });
});
