import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { orderSteps } from '../../contracts/operations.ts';
import { type OrderStatus, orderStatuses } from '../../contracts/orders.ts';
import { next, type SagaEvent, type Step, saga, sagaEvents } from './saga.ts';

/** The saga with instant, always successful steps: what a row and its commands go through. */
function play(events: readonly SagaEvent[]) {
  let status: OrderStatus = 'pending_payment' as OrderStatus;
  const owed: Step[] = ['start_payment'];
  const path: OrderStatus[] = [status];
  for (const event of events) {
    const transition = next(status, event);
    if (!transition) continue;
    status = transition.to;
    path.push(status);
    owed.push(...(transition.commands ?? []));
  }
  return { status, owed, path };
}

describe('the saga', () => {
  it('leads from payment to the payout of the seller', () => {
    const { path, owed } = play(['payment_authorized', 'parcel_taken', 'parcel_delivered', 'buyer_accepted']);
    expect(path).toEqual(['pending_payment', 'paid', 'in_delivery', 'delivered', 'completed']);
    expect(owed).toEqual([
      'start_payment',
      'mark_ad_sold',
      'create_shipment',
      'notify_paid',
      'capture_payment',
      'pay_out_seller',
    ]);
  });

  it('hears every event in at least one state, and uses every step', () => {
    const heard = new Set(orderStatuses.flatMap((status) => Object.keys(saga[status].on)));
    expect([...heard].sort()).toEqual([...sagaEvents].sort());
    const owed = new Set(
      orderStatuses.flatMap((status) => Object.values(saga[status].on).flatMap((each) => each.commands ?? [])),
    );
    expect([...owed, 'start_payment'].sort()).toEqual([...orderSteps].sort());
  });

  it('waits for others only with a timeout', () => {
    const waiting = orderStatuses.filter((status) => !['completed', 'cancelled', 'cancelling'].includes(status));
    for (const status of waiting) {
      expect(saga[status].timeout).toBeDefined();
      expect(next(status, 'timeout')).not.toBeNull();
    }
  });

  it('gives the money back on every way into a cancellation after the payment was authorised', () => {
    for (const status of ['paid', 'in_delivery', 'delivered'] as const) {
      for (const [event, transition] of Object.entries(saga[status].on)) {
        if (transition.to === 'cancelling') expect(transition.commands, `${status}/${event}`).toContain('return_money');
      }
    }
  });

  it('stops the parcel before it gives the money back', () => {
    for (const { on } of Object.values(saga)) {
      for (const { commands = [] } of Object.values(on)) {
        if (commands.includes('cancel_shipment')) {
          expect(commands.indexOf('cancel_shipment')).toBeLessThan(commands.indexOf('return_money'));
        }
      }
    }
  });

  it('never leaves an end, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...sagaEvents), { maxLength: 40 }), (events) => {
        const { path } = play(events);
        const end = path.findIndex((status) => status === 'completed' || status === 'cancelled');
        if (end >= 0) expect(path).toHaveLength(end + 1);
      }),
      { numRuns: 2_000 },
    );
  });

  it('never pays the seller and the buyer for the same order', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...sagaEvents), { maxLength: 40 }), (events) => {
        const { path, owed } = play(events);
        // A refused cancellation drops what would have given the money back.
        const returned = owed.includes('return_money') && path.at(-1) !== 'completed';
        expect(owed.includes('pay_out_seller') && returned).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  it('ends from every state by time and its own steps alone', () => {
    for (const status of orderStatuses) {
      let at: OrderStatus = status;
      for (let i = 0; i < 10 && at !== 'completed' && at !== 'cancelled'; i += 1) {
        at = (next(at, 'timeout') ?? next(at, 'compensated'))?.to ?? at;
      }
      expect(['completed', 'cancelled']).toContain(at);
    }
  });
});
