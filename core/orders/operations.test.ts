import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OrderId } from '../../contracts/common.ts';
import type { OperationsOrder, OrderStory } from '../../contracts/operations.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { until } from '../../tests/until.ts';
import { testClock } from '../../tests/world.ts';
import { inSpan, startTracing } from '../platform/telemetry/tracing.ts';
import { startAttentionLoop } from './attention.ts';
import type { Step } from './saga.ts';
import { acceptOrder, cancelOrder, createOrder } from './service.ts';
import { takeCommand } from './store.ts';
import { newUser, type OrdersDatabase, openOrders, operator, type WorldOptions } from './world.testing.ts';

let opened: OrdersDatabase;
let tracing: AsyncDisposable;
beforeAll(async () => {
  tracing = startTracing({ service: 'test' });
  opened = await openOrders();
});
afterAll(async () => {
  await opened?.[Symbol.asyncDispose]();
  await tracing?.[Symbol.asyncDispose]();
});

const broken = new Error('cannot read its own database');
const away = new ProblemError('unavailable');
const world = (options: WorldOptions = {}) => {
  const clock = options.clock ?? testClock();
  return { ...opened.world({ ...options, clock }), clock };
};
type World = ReturnType<typeof world>;

/** An order that is paid, and all its steps done but what `fails` says. */
async function paidOrder(its: World, fails: Record<string, Error> = {}): Promise<OrderId> {
  const { id } = await its.order();
  for (const [call, error] of Object.entries(fails)) its.refuse.set(call, error);
  await its.payment(id, 'authorized', 1);
  await its.works(id);
  return id;
}
const shippedOrder = async (its: World, fails: Record<string, Error> = {}): Promise<OrderId> => {
  const id = await paidOrder(its, fails);
  await its.parcel(id, 'accepted', 2);
  await its.works(id);
  return id;
};
const decisionsOf = (id: OrderId) =>
  opened.db.selectFrom('operator_decisions').selectAll().where('order_id', '=', id).orderBy('id').execute();
const triesOf = async (its: World, id: OrderId, step: Step) =>
  opened.db
    .selectFrom('command_tries')
    .selectAll()
    .where('command_id', '=', (await its.command(id, step)).id)
    .orderBy('number')
    .execute();
const on = async (its: World, id: OrderId, step: Step) =>
  ({ kind: 'command', id: (await its.command(id, step)).id }) as const;

describe('a step that keeps failing', () => {
  it('is tried twelve times, then parked, with the reason on the list and what comes after it waiting', async () => {
    const its = world();
    const id = await paidOrder(its, { createShipment: broken });
    expect(await its.command(id, 'create_shipment')).toMatchObject({ state: 'parked', attempts: 12, failures: 12 });
    expect(await its.command(id, 'notify_paid')).toMatchObject({ state: 'owed', attempts: 0 });
    expect((await its.row(id)).needs_attention).toBe('create_shipment: cannot read its own database');
    expect(its.asked.filter((call) => call === 'createShipment')).toHaveLength(12);
    const { body } = await its.ask('/v1/operations/orders?needs_attention=true&limit=100');
    expect(body.items.map((order: OperationsOrder) => order.id)).toContain(id);
  });

  it('waits out an outage of hours, seen from the fifth minute on, and lets the operator go by itself', async () => {
    const its = world();
    const id = await paidOrder(its, { createShipment: away });
    await its.works(id, 3);
    expect(await its.command(id, 'create_shipment')).toMatchObject({ state: 'owed', failures: 0 });
    expect((await its.row(id)).needs_attention).toMatch(/^create_shipment: The service is not available/);
    its.clock.advance(3 * 3600);
    await its.works(id, 1);
    expect(await its.command(id, 'create_shipment')).toMatchObject({ state: 'owed' });
    its.refuse.clear();
    await its.works(id);
    expect(await its.row(id)).toMatchObject({ needs_attention: null, attention_since: null });
    expect(await its.command(id, 'notify_paid')).toMatchObject({ state: 'done' });
  });

  it('is parked after a day of silence', async () => {
    const its = world();
    const id = await paidOrder(its, { createShipment: away });
    its.clock.advance(24 * 3600);
    await its.works(id, 1);
    expect(await its.command(id, 'create_shipment')).toMatchObject({ state: 'parked', failures: 0 });
  });

  it('keeps its tries and its patience when the process ends in between, also in the middle of a try', async () => {
    const clock = testClock();
    const first = world({ clock });
    const { id } = await first.order();
    first.refuse.set('markSold', broken);
    await first.payment(id, 'authorized', 1);
    await first.works(id, 6);
    // Begun, and never heard of again.
    clock.advance(60);
    const lease = new Date(clock.now().getTime() + 10_000);
    const begun = await takeCommand(opened.db, clock.now(), lease, { orderId: id, step: 'mark_ad_sold' });
    expect(begun).toMatchObject({ attempts: 7, failures: 6 });

    const second = world({ clock });
    second.refuse.set('markSold', broken);
    await second.works(id, 1);
    expect(clock.now().getTime()).toBeGreaterThanOrEqual(lease.getTime());
    expect(await second.command(id, 'mark_ad_sold')).toMatchObject({ state: 'owed', attempts: 8, failures: 7 });
    await second.works(id);
    expect(await second.command(id, 'mark_ad_sold')).toMatchObject({ state: 'parked', attempts: 13, failures: 12 });
    expect((await triesOf(second, id, 'mark_ad_sold')).map(({ number }) => number)).toEqual([
      1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13,
    ]);
  });

  it('keeps the first and the last of many tries', async () => {
    const its = world({ limits: { failures: 60, giveUpAfterMs: 1e12, lateAfterMs: 1e12 } });
    const id = await paidOrder(its, { markSold: away });
    await its.works(id, 30);
    const numbers = (await triesOf(its, id, 'mark_ad_sold')).map(({ number }) => number);
    expect(numbers).toEqual([...[1, 2, 3, 4, 5], ...Array.from({ length: 20 }, (_, index) => index + 41)]);
  });

  it.each<[string, Step]>([
    ['capture', 'capture_payment'],
    ['refund', 'return_money'],
    ['payOut', 'pay_out_seller'],
  ])('is parked at once where %s is refused', async (call, step) => {
    const its = world();
    const fails = { [call]: new ProblemError('conflict', { detail: 'the provider says no' }) };
    const id = await shippedOrder(its, fails);
    if (step === 'return_money') {
      its.refuse.set('void', new ProblemError('conflict'));
      await its.parcel(id, 'lost', 3);
    } else if (step === 'pay_out_seller') {
      await its.parcel(id, 'delivered', 3);
      its.clock.advance(3601);
      const { id: orderId, buyer_id } = await its.row(id);
      await acceptOrder(its.options, orderId, buyer_id);
    }
    await its.works(id);
    expect(await its.command(id, step)).toMatchObject({ state: 'parked', attempts: 1 });
    expect((await its.row(id)).needs_attention).toBe(`${step}: the provider says no`);
    if (step === 'return_money') expect((await its.row(id)).status).toBe('cancelling');
  });
});

describe('an operator who retries', () => {
  it('sets the step going again, with new patience, once, and it is written down who and why', async () => {
    const its = world();
    const id = await paidOrder(its, { createShipment: broken });
    const target = await on(its, id, 'create_shipment');
    const answer = await its.decides(id, { action: 'retry', target, note: 'The courier says it is mended' });
    expect(answer).toMatchObject({ status: 200, body: { id, needs_attention: null } });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    await its.works(id);
    // It still fails, twelve times more.
    expect(await its.command(id, 'create_shipment')).toMatchObject({ state: 'parked', attempts: 24 });
    its.refuse.clear();
    await its.decides(id, { action: 'retry', target, note: 'Now it is' });
    await its.works(id);
    expect(await its.row(id)).toMatchObject({ tracking_number: 'TRACK1', needs_attention: null });
    expect(await decisionsOf(id)).toMatchObject([
      {
        operator_id: operator,
        action: 'retry',
        target: 'command',
        command_id: target.id,
        note: 'The courier says it is mended',
        before: {
          status: 'paid',
          needs_attention: 'create_shipment: cannot read its own database',
          command_state: 'parked',
        },
        after: { status: 'paid', needs_attention: null, command_state: 'owed' },
        outcome: 'done',
      },
      { note: 'Now it is', outcome: 'done' },
    ]);
  });

  it('is one of two at the same moment: the other one hears what has become of it', async () => {
    const its = world();
    const id = await paidOrder(its, { createShipment: broken });
    const target = await on(its, id, 'create_shipment');
    const colleague = newUser();
    const answers = await Promise.all([
      its.decides(id, { action: 'retry', target, note: 'I was first' }),
      its.decides(id, { action: 'skip', target, note: 'No, I was' }, `${colleague} operator`),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    const late = answers.find(({ status }) => status === 409);
    expect(late?.body.detail).toMatch(/^The command is (owed|skipped): only one that is parked/);
    expect(await decisionsOf(id)).toHaveLength(1);
  });
});

describe('an operator who skips', () => {
  it('lets the order go on', async () => {
    const its = world();
    const id = await paidOrder(its, { createShipment: broken });
    const target = await on(its, id, 'create_shipment');
    await its.decides(id, { action: 'skip', target, note: 'Sent by hand' });
    await its.works(id);
    expect(await its.command(id, 'create_shipment')).toMatchObject({ state: 'skipped' });
    expect(await its.command(id, 'notify_paid')).toMatchObject({ state: 'done' });
  });

  it('ends a cancellation whose money was returned by hand', async () => {
    const its = world();
    const id = await paidOrder(its);
    its.refuse.set('void', broken);
    await cancelOrder(its.options, id, its.buyer);
    await its.works(id);
    expect(await its.row(id)).toMatchObject({
      status: 'cancelling',
      needs_attention: expect.stringMatching(/^return_/),
    });
    const answer = await its.decides(id, {
      action: 'skip',
      target: await on(its, id, 'return_money'),
      note: 'Paid back from the bank account',
    });
    await its.works(id);
    expect(answer.status).toBe(200);
    expect(await its.row(id)).toMatchObject({ status: 'cancelled', needs_attention: null });
    expect(its.asked.at(-1)).toBe('release');
  });
});

describe('an operator who takes an order back', () => {
  const takeBack = (its: World, id: OrderId, status: string) =>
    its.decides(id, { action: 'compensate', status, note: 'The buyer was cheated' });

  it.each<[string, (its: World) => Promise<OrderId>, string[]]>([
    ['pending_payment', async (its) => (await its.order()).id, ['void', 'release']],
    ['paid', (its) => paidOrder(its), ['cancelShipment', 'void', 'release']],
    ['in_delivery', (its) => shippedOrder(its), ['void']],
    [
      'delivered',
      async (its) => {
        const id = await shippedOrder(its);
        await its.parcel(id, 'delivered', 3);
        return id;
      },
      ['void'],
    ],
  ])('that is %s returns the money to the buyer', async (status, make, calls) => {
    const its = world();
    const id = await make(its);
    const before = its.asked.length;
    expect(await takeBack(its, id, status)).toMatchObject({
      status: 200,
      body: { status: 'cancelling', cancel_reason: 'operator_cancelled' },
    });
    await its.works(id);
    expect(its.asked.slice(before)).toEqual(calls);
    expect(await its.row(id)).toMatchObject({ status: 'cancelled', cancel_reason: 'operator_cancelled' });
    expect(await decisionsOf(id)).toMatchObject([{ action: 'compensate', target: 'order', command_id: null }]);
    expect(await takeBack(its, id, 'cancelled')).toMatchObject({ status: 409 });
    expect(await decisionsOf(id)).toHaveLength(1);
  });

  it('whose step is stuck leaves the step behind', async () => {
    const its = world();
    const id = await paidOrder(its, { createShipment: broken });
    expect((await takeBack(its, id, 'paid')).status).toBe(200);
    await its.works(id);
    expect(await its.row(id)).toMatchObject({ status: 'cancelled', needs_attention: null });
    expect(await its.command(id, 'create_shipment')).toMatchObject({ state: 'dropped', attempts: 12 });
  });

  it('that the courier has already comes back when the courier says so, and can be taken back again', async () => {
    const its = world();
    const id = await paidOrder(its, { cancelShipment: new ProblemError('conflict', { detail: 'under way' }) });
    await takeBack(its, id, 'paid');
    await its.works(id);
    expect(await its.row(id)).toMatchObject({ status: 'in_delivery', cancel_reason: null });
    expect((await takeBack(its, id, 'in_delivery')).status).toBe(200);
    await its.works(id);
    expect(await its.row(id)).toMatchObject({ status: 'cancelled', cancel_reason: 'operator_cancelled' });
  });

  it('that is being undone already, is over, or has moved on since it was looked at, is told so', async () => {
    const its = world();
    const undone = await paidOrder(its, { void: broken });
    await cancelOrder(its.options, undone, its.buyer);
    expect((await takeBack(its, undone, 'cancelling')).body.detail).toMatch(/^The order is cancelling/);
    its.refuse.clear();
    const moved = await shippedOrder(its);
    const late = await takeBack(its, moved, 'paid');
    expect(late).toMatchObject({ status: 409, body: { detail: 'The order is in_delivery by now' } });
    await its.parcel(moved, 'delivered', 3);
    its.clock.advance(3601);
    await acceptOrder(its.options, moved, its.buyer);
    expect((await takeBack(its, moved, 'completed')).body.detail).toMatch(/^The order is completed/);
    expect(await decisionsOf(moved)).toEqual([]);
  });
});

describe('trouble that payments or delivery have by themselves', () => {
  it('shows on the order, and goes with its end', async () => {
    const its = world();
    const id = await paidOrder(its);
    await its.stuck('payment', id, 'return: refused', 1);
    expect((await its.row(id)).needs_attention).toBe('payment: return: refused');
    await its.stuck('payment', id, null, 2);
    expect((await its.row(id)).needs_attention).toBeNull();
    // Old news that comes late.
    await its.stuck('payment', id, 'return: refused', 1);
    expect((await its.row(id)).needs_attention).toBeNull();
  });

  it.each([
    ['payment', 'retry', 'retryPayment'],
    ['payment', 'skip', 'giveUpPayment'],
    ['delivery', 'retry', 'retryShipment'],
  ] as const)('of the %s can be decided about by %s, once', async (target, action, call) => {
    const its = world();
    const id = await paidOrder(its);
    await its.stuck(target, id, 'refused', 1);
    const decision = { action, target: { kind: target }, note: 'Looked into it' };
    const answers = await Promise.all([its.decides(id, decision), its.decides(id, decision)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(its.asked.filter((each) => each === call)).toHaveLength(1);
    expect((await its.row(id)).needs_attention).toBeNull();
    expect(await decisionsOf(id)).toMatchObject([
      {
        action,
        target,
        outcome: 'done',
        before: { needs_attention: `${target}: refused` },
        after: { needs_attention: null },
      },
    ]);
    expect((await its.decides(id, decision)).body.detail).toBe(`Nothing of the ${target} is stuck`);
    // The event of it comes a moment later, and new trouble is new.
    await its.stuck(target, id, null, 2);
    await its.stuck(target, id, 'refused again', 3);
    expect((await its.decides(id, decision)).status).toBe(200);
  });

  it('stays on the list while its owner cannot be reached, and the audit says so', async () => {
    const its = world();
    const id = await paidOrder(its);
    await its.stuck('payment', id, 'refused', 1);
    its.refuse.set('retryPayment', away);
    const decision = { action: 'retry', target: { kind: 'payment' }, note: 'Try' };
    expect((await its.decides(id, decision)).status).toBe(503);
    expect((await its.row(id)).needs_attention).toBe('payment: refused');
    expect(await decisionsOf(id)).toMatchObject([{ outcome: 'failed', failure: away.message, after: null }]);
    its.refuse.clear();
    expect((await its.decides(id, decision)).status).toBe(200);
  });

  it('can be decided about anew when the process that asked has ended', async () => {
    const its = world();
    const id = await paidOrder(its);
    await its.stuck('payment', id, 'refused', 1);
    const decision = { action: 'retry', target: { kind: 'payment' }, note: 'Try' };
    await its.decides(id, decision);
    await opened.db
      .updateTable('operator_decisions')
      .set({ outcome: null, after: 'null' })
      .where('order_id', '=', id)
      .execute();
    await opened.db
      .updateTable('orders')
      .set({ payment_attention: 'refused', payment_attention_version: 1 })
      .where('id', '=', id)
      .execute();
    expect((await its.decides(id, decision)).status).toBe(409);
    its.clock.advance(31);
    expect((await its.decides(id, decision)).status).toBe(200);
    const { body } = await its.ask(`/v1/operations/orders/${id}`);
    expect((body as OrderStory).decisions.map(({ outcome }) => outcome)).toEqual(['unknown', 'done']);
  });
});

describe('what an operator may ask', () => {
  it('is for operators only, and needs a reason', async () => {
    const its = world();
    const id = await paidOrder(its, { createShipment: broken });
    const target = await on(its, id, 'create_shipment');
    for (const as of [`${newUser()} user`, `${newUser()} moderator`, `${its.buyer} user`]) {
      expect((await its.ask('/v1/operations/counts', { as })).status).toBe(403);
      expect((await its.ask('/v1/operations/orders', { as })).status).toBe(403);
      expect((await its.ask(`/v1/operations/orders/${id}`, { as })).status).toBe(403);
      expect((await its.decides(id, { action: 'skip', target, note: 'May I?' }, as)).status).toBe(403);
    }
    expect(await its.decides(id, { action: 'skip', target, note: '  ' })).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'note' }] },
    });
    expect((await its.decides(id, { action: 'skip', target: { kind: 'order' }, note: 'Why not' })).status).toBe(422);
    const stranger = await paidOrder(its);
    expect((await its.decides(stranger, { action: 'skip', target, note: 'Of another order' })).status).toBe(404);
    expect((await its.decides(uuidv7() as OrderId, { action: 'skip', target, note: 'Of none' })).status).toBe(404);
    expect(await its.command(id, 'create_shipment')).toMatchObject({ state: 'parked' });
    expect(await decisionsOf(id)).toEqual([]);
  });

  it('finds an order by any of its names', async () => {
    const its = world();
    const id = await paidOrder(its);
    const tracking = `LT${Date.now()}`;
    await opened.db.updateTable('orders').set({ tracking_number: tracking }).where('id', '=', id).execute();
    const { payment_id, shipment_id } = await its.row(id);
    for (const q of [id, payment_id, shipment_id, tracking.toLowerCase(), id.slice(-8).toUpperCase()]) {
      const { body } = await its.ask(`/v1/operations/orders?q=${q}`);
      expect(
        body.items.map((order: OperationsOrder) => order.id),
        q,
      ).toEqual([id]);
    }
    for (const q of [uuidv7(), 'nothing', "' or true --", '%']) {
      expect((await its.ask(`/v1/operations/orders?q=${encodeURIComponent(q)}`)).body.items).toEqual([]);
    }
    expect((await its.ask(`/v1/operations/orders?q=${id}&status=cancelled`)).body.items).toEqual([]);
  });

  it('pages through all orders, each once, newest first, and through the waiting ones, longest waiting first', async () => {
    const its = world();
    const waiting = [
      await paidOrder(its, { createShipment: broken }),
      await paidOrder(its, { createShipment: broken }),
      await paidOrder(its, { createShipment: broken }),
    ];
    const walk = async (query: string): Promise<string[]> => {
      const seen: string[] = [];
      let path: string | null = `/v1/operations/orders?limit=2${query}`;
      for (let pages = 0; path && pages < 200; pages += 1) {
        const { body }: { body: { items: OperationsOrder[]; next_cursor: string | null } } = await its.ask(path);
        seen.push(...body.items.map((order) => order.id));
        path = body.next_cursor && `/v1/operations/orders?limit=2${query}&cursor=${body.next_cursor}`;
      }
      return seen;
    };
    const all = await walk('');
    expect(all).toEqual([...new Set(all)].sort().reverse());
    expect((await walk('&needs_attention=true')).filter((id) => waiting.includes(id as OrderId))).toEqual(waiting);
    const { body } = await its.ask('/v1/operations/orders?limit=1');
    expect((await its.ask(`/v1/operations/orders?status=paid&cursor=${body.next_cursor}`)).status).toBe(400);
  });

  it('counts the orders of each state, and those that wait, also as a metric', async () => {
    const its = world();
    const counts = async () => (await its.ask('/v1/operations/counts')).body;
    const before = await counts();
    await paidOrder(its, { createShipment: broken });
    its.refuse.clear();
    await its.order();
    const after = await counts();
    expect(after.by_status.paid - before.by_status.paid).toBe(1);
    expect(after.by_status.pending_payment - before.by_status.pending_payment).toBe(1);
    expect(after.needs_attention - before.needs_attention).toBe(1);
    await using _loop = await startAttentionLoop(its.options);
    const measured = async () => (await its.options.metrics.sagaAttention.get()).values[0]?.value;
    await until('it is measured', async () => (await measured()) === after.needs_attention);
  });
});

describe('the story of an order', () => {
  it('has its commands with tries, its timeline with events and traces, the decisions, and what others know', async () => {
    const its = world();
    const traces: string[] = [];
    const id = await inSpan('purchase', {}, async (span) => {
      traces.push(span.spanContext().traceId);
      return (await createOrder(its.options, { buyerId: its.buyer, key: uuidv7(), request: newOrder() })).id;
    });
    its.refuse.set('markSold', broken);
    await its.payment(id, 'authorized', 1);
    await its.works(id);
    await its.decides(id, { action: 'skip', target: await on(its, id, 'mark_ad_sold'), note: 'Sold by hand' });
    const { status, body, headers } = await its.ask(`/v1/operations/orders/${id}`);
    const story = body as OrderStory;
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(story.order).toMatchObject({ id, status: 'paid' });
    expect(JSON.stringify(story)).not.toContain('Тверская');
    expect(story.can_compensate).toBe(true);
    expect(story.commands.map(({ step, state }) => [step, state])).toEqual([
      ['start_payment', 'done'],
      ['mark_ad_sold', 'skipped'],
      ['create_shipment', 'owed'],
      ['notify_paid', 'owed'],
    ]);
    expect(story.commands[0]?.trace_id).toBe(traces[0]);
    expect(story.commands[1]?.tries).toHaveLength(12);
    expect(story.commands[1]?.tries[0]).toMatchObject({
      number: 1,
      answered: true,
      error: broken.message,
      trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(story.timeline).toMatchObject([
      { kind: 'order', status: 'pending_payment', trace_id: traces[0], event_id: expect.any(String) },
      { kind: 'payment', status: 'authorized', event_id: expect.any(String) },
      { kind: 'order', status: 'paid', event_id: expect.any(String) },
    ]);
    const told = await opened.db.selectFrom('outbox').select('headers').where('key', '=', id).execute();
    expect(told.map((each) => each.headers['ce_id'])).toContain(story.timeline[0]?.event_id);
    expect(story.decisions).toMatchObject([
      { operator: { id: operator, name: 'Оператор' }, action: 'skip', step: 'mark_ad_sold', note: 'Sold by hand' },
    ]);
    expect(story.payment).toMatchObject({
      status: 'captured',
      provider_says: 'captured',
      intent: 'refund',
      last_error: 'pay_x of [email] was refused',
      needs_attention: 'refund: refused',
      payout: null,
      ledger: [{ kind: 'captured', entries: [{ account: 'provider', amount: -130_000, currency: 'RUB' }] }],
    });
    expect(story.delivery).toMatchObject({ stage: 'in_transit', courier_says: null, courier_error: 'get: no answer' });
    expect(story.notices).toMatchObject([{ kind: 'order_paid', mail: 'sent' }]);
    expect(story.missing).toEqual([]);
  });

  it('comes without the parts whose owners do not answer, and without those that never were', async () => {
    const its = world();
    const id = await paidOrder(its);
    its.refuse.set('paymentStory', new ProblemError('timeout'));
    its.refuse.set('shipmentStory', new ProblemError('not-found'));
    its.refuse.set('noticesStory', new Error('UNIMPLEMENTED'));
    const { status, body } = await its.ask(`/v1/operations/orders/${id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ payment: null, delivery: null, notices: [], missing: ['payments', 'notifications'] });
    expect((await its.ask(`/v1/operations/orders/${uuidv7()}`)).status).toBe(404);
  });
});

const newOrder = () => ({ ad_id: uuidv7(), delivery: { method: 'courier', address: 'Москва, Тверская, 1' } }) as never;
