import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandStates, orderSteps } from '../../contracts/operations.ts';
import { testClock } from '../../tests/world.ts';
import { type SagaCommand, taken } from './decide.ts';
import { cancelOrder } from './service.ts';
import { takeCommand } from './store.ts';
import { type OrdersDatabase, openOrders } from './world.testing.ts';

let opened: OrdersDatabase;
beforeAll(async () => {
  opened = await openOrders();
});
afterAll(() => opened?.[Symbol.asyncDispose]());

describe('taking a command', () => {
  it('in the database follows the same rule as in the simulation', async () => {
    const { db } = opened;
    const its = opened.world({ clock: testClock() });
    const { id: order_id } = await its.order();
    const { status: _status, ...order } = await its.row(order_id);
    const now = its.options.clock.now();
    const leaseUntil = new Date(now.getTime() + 10_000);
    const owed = fc.record({
      state: fc.constantFrom(...commandStates),
      attempts: fc.integer({ min: 0, max: 3 }),
      tried: fc.boolean(),
      waits: fc.boolean(),
    });
    const compare = fc.asyncProperty(fc.array(owed, { maxLength: 4 }), async (drawn) => {
      await db.deleteFrom('commands').execute();
      for (const [index, { state, attempts, tried, waits }] of drawn.entries()) {
        const command = {
          step: orderSteps[index] as SagaCommand['step'],
          state,
          attempts,
          attempts_before: 0,
          failures: 0,
          tried_since: tried ? new Date(now.getTime() - 1000) : null,
          not_before: new Date(now.getTime() + (waits ? 1 : 0)),
          last_error: null,
          finished_at: null,
        };
        await db
          .insertInto('commands')
          .values({ ...command, order_id, headers: '{}', created_at: now })
          .execute();
      }
      const expected = taken(
        { order: { ...order, status: 'paid' }, commands: await its.commands(order_id) },
        now,
        leaseUntil,
      );
      const actual = await takeCommand(db, now, leaseUntil);
      expect(actual ?? null).toEqual(expected?.command ?? null);
      if (actual) expect(await its.commands(order_id)).toEqual(expected?.state.commands);
    });
    await fc.assert(compare, { numRuns: 60 });
  });

  it('begins it or leaves it to be dropped, also at the moment of a cancellation', async () => {
    const { db } = opened;
    const its = opened.world();
    for (let round = 0; round < 20; round += 1) {
      const { id } = await its.order();
      await its.payment(id, 'authorized', 1);
      const now = its.options.clock.now();
      const lease = new Date(now.getTime() + 10_000);
      const [begun] = await Promise.all([
        takeCommand(db, now, lease, { orderId: id, step: 'mark_ad_sold' }),
        cancelOrder(its.options, id, its.buyer),
      ]);
      const { state, attempts } = await its.command(id, 'mark_ad_sold');
      expect([state, attempts]).toEqual(begun ? ['owed', 1] : ['dropped', 0]);
    }
  });
});
