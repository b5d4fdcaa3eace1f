import { createHmac, randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PaymentId } from '../../contracts/common.ts';
import { type Payment, PaymentsServiceService } from '../../proto/generated/lotok/payments/v1/payments.ts';
import { until } from '../../tests/until.ts';
import { currentTraceId, inSpan } from '../platform/telemetry/tracing.ts';
import { startWorld, type World } from '../sandbox/world.testing.ts';
import { payments } from './index.ts';
import type { PaymentsTables } from './store.ts';

let world: World<PaymentsTables, typeof PaymentsServiceService>;
let notificationsAway = false;
beforeAll(async () => {
  world = await startWorld(payments, PaymentsServiceService, { notificationsAway: () => notificationsAway });
});
afterAll(() => world?.[Symbol.asyncDispose]());
afterEach(() => {
  world.faults.between = undefined;
  notificationsAway = false;
});

const rub = (amount: number) => ({ amount, currency: 'RUB' });
const newPayment = () => ({
  paymentId: uuidv7(),
  orderId: uuidv7(),
  buyerId: uuidv7(),
  sellerId: uuidv7(),
  amount: rub(1_399_00),
  sellerAmount: rub(1_000_00),
  description: 'Велосипед',
  returnUrl: 'http://shop.example/orders/1',
});
const key = (step = 'step') => ({ idempotencyKey: `${step}-${randomUUID()}`, deadlineMs: 8_000 });

const starts = async (request = newPayment()) => {
  const { payment } = await world.rpc.startPayment(request, key());
  if (!payment) throw new Error('no payment');
  return payment;
};
const approves = async (id: string) =>
  expect((await world.post(`/sandbox/psp/payments/${id}/approve`)).status).toBe(200);
const statusOf = async (id: string) => (await world.rpc.get({ paymentId: id })).payment?.status;
const becomes = (id: string, status: string) =>
  until(`the payment is ${status}`, async () => (await statusOf(id)) === `PAYMENT_STATUS_${status.toUpperCase()}`);
const authorized = async (request = newPayment()) => {
  const payment = await starts(request);
  await approves(payment.paymentId);
  await becomes(payment.paymentId, 'authorized');
  return payment;
};
const captured = async () => {
  const payment = await authorized();
  await world.rpc.capture({ paymentId: payment.paymentId }, key());
  return payment;
};
const toldStatuses = async (id: string) => (await world.told(id)).map(({ data }) => [data['status'], data['version']]);
/** Words that the provider sent and we have taken. */
const heardWords = async (id: string) => {
  const rows = await world.db
    .selectFrom('provider_events')
    .select('status')
    .where('payment_id', '=', id as PaymentId)
    .execute();
  return rows.map(({ status }) => status);
};
/** By our id or the provider's. */
const atProvider = async (id: string) => {
  const response = await fetch(`${world.url}/sandbox/psp/v1/payments/${id}`, {
    headers: { authorization: `Bearer ${world.secretOf('psp-api-key')}` },
  });
  return ((await response.json()) as { status: string }).status;
};
const isWebhook = (request: Request) => new URL(request.url).pathname.startsWith('/v1/payments/webhooks/');
const isApi = (request: Request, operation: string) =>
  new URL(request.url).pathname.startsWith('/sandbox/psp/v1/') && request.url.endsWith(operation);
const away = () => new Response('{}', { status: 503 });
/** The worker's next look, now. */
const due = (id: string, change: { intent?: 'capture' | 'refund' } = {}) =>
  world.db
    .updateTable('payments')
    .set({ ...change, due_at: new Date(0) })
    .where('id', '=', id as PaymentId)
    .execute();
const problem = (code: string) => expect.objectContaining({ name: 'ProblemError', code });
const balances = async (orderId: string, sellerId: string) => {
  const rows = await world.db
    .selectFrom('ledger_entries')
    .select((select) => ['account', select.fn.sum<number>('amount').as('sum')])
    .where('account', 'in', [`held:${orderId}`, `seller:${sellerId}`])
    .groupBy('account')
    .execute();
  return Object.fromEntries(rows.map(({ account, sum }) => [account.split(':')[0], Number(sum)]));
};
const webhook = (event: unknown, { secret = world.secretOf('psp-webhook-secret'), at = Date.now() } = {}) => {
  const body = JSON.stringify(event);
  const timestamp = Math.floor(at / 1000);
  const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
  return world.post('/v1/payments/webhooks/sandbox', body, { 'x-signature': `t=${timestamp},v1=${signature}` });
};

const rowOf = (id: string) =>
  world.db
    .selectFrom('payments')
    .select(['intent', 'provider_id'])
    .where('id', '=', id as PaymentId)
    .executeTakeFirstOrThrow();
const intentOf = async (id: string) => (await rowOf(id)).intent;
const providerIdOf = async (id: string) => (await rowOf(id)).provider_id;

describe('a payment', () => {
  it('is authorised on the provider’s page, captured, and paid out, each change told once', async () => {
    const request = newPayment();
    const payment = await starts(request);
    expect(payment).toMatchObject({ status: 'PAYMENT_STATUS_IN_PROGRESS', version: 1, amount: request.amount });
    expect(payment.confirmationUrl).toMatch(/^http:\/\/shop\.example\/sandbox\/psp\/pay\/pay_/);
    await approves(request.paymentId);
    await becomes(request.paymentId, 'authorized');
    const taken = await world.rpc.capture({ paymentId: request.paymentId }, key());
    expect(taken.payment).toMatchObject({ status: 'PAYMENT_STATUS_CAPTURED', confirmationUrl: '' });
    expect(await balances(request.orderId, request.sellerId)).toEqual({ held: -1_399_00 });
    await world.rpc.payOut({ paymentId: request.paymentId }, key());
    await world.rpc.payOut({ paymentId: request.paymentId }, key());
    // The provider tells by webhook what we did ourselves, and that changes nothing.
    await until('all webhooks are in', async () => (await heardWords(request.paymentId)).length === 2);
    expect(await toldStatuses(request.paymentId)).toEqual([
      ['in_progress', 1],
      ['authorized', 2],
      ['captured', 3],
    ]);
    expect(await balances(request.orderId, request.sellerId)).toEqual({ held: 0, seller: 0 });
  });

  it('is one trace from its start to what a webhook brings', async () => {
    const request = newPayment();
    let traceId: string | undefined;
    await inSpan('a purchase', {}, async () => {
      traceId = currentTraceId();
      await starts(request);
    });
    await approves(request.paymentId);
    await becomes(request.paymentId, 'authorized');
    const traces = (await world.told(request.paymentId)).map((told) => told.traceId);
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(traces).toEqual([traceId, traceId]);
  });

  it('is one, however often it is started, also at once', async () => {
    const request = newPayment();
    const all = await Promise.all(Array.from({ length: 5 }, () => starts(request)));
    expect(new Set(all.map(({ confirmationUrl }) => confirmationUrl)).size).toBe(1);
    expect(await toldStatuses(request.paymentId)).toEqual([['in_progress', 1]]);
  });

  it('keeps its values and its order to itself', async () => {
    const request = newPayment();
    await starts(request);
    await expect(starts({ ...request, amount: rub(2_000_00) })).rejects.toEqual(problem('idempotency-key-reused'));
    await expect(starts({ ...newPayment(), orderId: request.orderId })).rejects.toEqual(problem('conflict'));
    await expect(starts({ ...newPayment(), sellerAmount: rub(9_999_00) })).rejects.toEqual(problem('invalid-field'));
  });

  it('fails when it is declined, and the buyer hears of it although notifications was away', async () => {
    const { paymentId, orderId } = await starts();
    notificationsAway = true;
    expect((await world.post(`/sandbox/psp/payments/${paymentId}/decline`)).status).toBe(200);
    await becomes(paymentId, 'failed');
    expect((await world.rpc.get({ paymentId })).payment?.reason).toBe('declined_by_bank');
    notificationsAway = false;
    const mine = () => world.enqueued.filter((notice) => notice.key === `${paymentId}:payment_failed`);
    await until('the message is handed over', () => mine().length === 1);
    expect(mine()[0]).toMatchObject({ kind: 'payment_failed', parameters: { reason: 'declined_by_bank' } });
    expect(orderId).not.toBe('');
    await expect(world.rpc.capture({ paymentId }, key())).rejects.toEqual(problem('conflict'));
  });

  it('is captured once by ten callers at once', async () => {
    const { paymentId } = await authorized();
    const answers = await Promise.all(Array.from({ length: 10 }, () => world.rpc.capture({ paymentId }, key())));
    expect(answers.every(({ payment }) => payment?.status === 'PAYMENT_STATUS_CAPTURED')).toBe(true);
    expect((await toldStatuses(paymentId)).at(-1)).toEqual(['captured', 3]);
  });

  it('is not captured before it is authorised, nor refunded before it is captured', async () => {
    const { paymentId } = await starts();
    await expect(world.rpc.capture({ paymentId }, key())).rejects.toEqual(problem('conflict'));
    await expect(world.rpc.refund({ paymentId, reason: '' }, key())).rejects.toEqual(problem('conflict'));
    await expect(world.rpc.payOut({ paymentId }, key())).rejects.toEqual(problem('conflict'));
    await expect(world.rpc.get({ paymentId: uuidv7() })).rejects.toEqual(problem('not-found'));
    expect(await atProvider(paymentId)).toBe('pending');
  });

  it('can’t be paid any more once it is voided', async () => {
    const { paymentId } = await starts();
    const { payment } = await world.rpc.void({ paymentId, reason: 'payment_timeout' }, key());
    expect(payment).toMatchObject({ status: 'PAYMENT_STATUS_VOIDED', reason: 'payment_timeout', confirmationUrl: '' });
    expect((await world.post(`/sandbox/psp/payments/${paymentId}/approve`)).status).toBe(409);
    await world.rpc.void({ paymentId, reason: 'again' }, key());
    expect(await toldStatuses(paymentId)).toEqual([
      ['in_progress', 1],
      ['voided', 2],
    ]);
  });

  it('lets an authorised amount go, and not a captured one', async () => {
    const one = await authorized();
    await world.rpc.void({ paymentId: one.paymentId, reason: 'courier_refused' }, key());
    expect(await atProvider(one.paymentId)).toBe('cancelled');
    const two = await captured();
    await expect(world.rpc.void({ paymentId: two.paymentId, reason: '' }, key())).rejects.toEqual(problem('conflict'));
  });

  it('is refunded in full, once, and then the seller gets nothing', async () => {
    const request = newPayment();
    const { paymentId } = await authorized(request);
    await world.rpc.capture({ paymentId }, key());
    await Promise.all([1, 2, 3].map(() => world.rpc.refund({ paymentId, reason: 'parcel_lost' }, key())));
    expect(await atProvider(paymentId)).toBe('refunded');
    expect((await toldStatuses(paymentId)).at(-1)).toEqual(['refunded', 4]);
    expect(await balances(request.orderId, request.sellerId)).toEqual({ held: 0 });
    await expect(world.rpc.payOut({ paymentId }, key())).rejects.toEqual(problem('conflict'));
  });

  it('is not refunded after the seller was paid', async () => {
    const { paymentId } = await captured();
    await world.rpc.payOut({ paymentId }, key());
    await expect(world.rpc.refund({ paymentId, reason: '' }, key())).rejects.toEqual(problem('conflict'));
  });
});

describe('the way to the provider', () => {
  it('may lose answers: what was done is not done again', async () => {
    const seen = new Map<string, number>();
    world.faults.between = async (request, forward) => {
      const { pathname } = new URL(request.url);
      const answer = await forward();
      if (!pathname.startsWith('/sandbox/psp/v1/') || request.method !== 'POST') return answer;
      seen.set(pathname, (seen.get(pathname) ?? 0) + 1);
      // The provider has done it, and we don't hear so.
      return seen.get(pathname) === 1 ? away() : answer;
    };
    const payment = await authorized();
    await world.rpc.capture({ paymentId: payment.paymentId }, key());
    await world.rpc.payOut({ paymentId: payment.paymentId }, key());
    expect([...seen.values()].every((count) => count >= 2)).toBe(true);
    expect((await toldStatuses(payment.paymentId)).at(-1)).toEqual(['captured', 3]);
  });

  it('may be slower than the webhook', async () => {
    const request = newPayment();
    const held = Promise.withResolvers<void>();
    world.faults.between = async (incoming, forward) => {
      const answer = await forward();
      if (isApi(incoming, '/payments')) await held.promise;
      return answer;
    };
    const starting = starts(request);
    await until('the provider knows it', async () => (await atProvider(request.paymentId)) === 'pending');
    await approves(request.paymentId);
    await becomes(request.paymentId, 'authorized');
    held.resolve();
    expect(await starting).toMatchObject({ status: 'PAYMENT_STATUS_AUTHORIZED', confirmationUrl: '' });
    expect(await toldStatuses(request.paymentId)).toEqual([
      ['in_progress', 1],
      ['authorized', 2],
    ]);
  });

  it('may bring the answer to another question: nobody pays for somebody else', async () => {
    const other = await starts();
    const request = newPayment();
    let mistakes = 0;
    world.faults.between = async (incoming, forward) => {
      const answer = await forward();
      if (!isApi(incoming, '/payments')) return answer;
      const body = (await answer.json()) as { reference: string };
      if (body.reference !== request.paymentId || mistakes > 0) return Response.json(body);
      mistakes += 1;
      return Response.json({ ...body, id: 'pay_of_somebody_else', reference: other.paymentId });
    };
    await starts(request);
    expect(mistakes).toBe(1);
    await approves(request.paymentId);
    await becomes(request.paymentId, 'authorized');
    expect(await statusOf(other.paymentId)).toBe('PAYMENT_STATUS_IN_PROGRESS');
  });

  it('may be closed: the caller hears so, and the payment is registered when it opens', async () => {
    const request = newPayment();
    world.faults.between = async (incoming, forward) => (isApi(incoming, '') ? away() : forward());
    await expect(starts(request)).rejects.toEqual(problem('payment-unavailable'));
    world.faults.between = undefined;
    await due(request.paymentId);
    await until(
      'there is a page to pay on',
      async () => (await world.rpc.get({ paymentId: request.paymentId })).payment?.confirmationUrl,
    );
    expect(await toldStatuses(request.paymentId)).toEqual([['in_progress', 1]]);
  });

  it('may lose webhooks: the provider is asked', async () => {
    world.faults.between = async (request, forward) => (isWebhook(request) ? away() : forward());
    const { paymentId } = await starts();
    await approves(paymentId);
    await due(paymentId);
    await becomes(paymentId, 'authorized');
    expect(await heardWords(paymentId)).toEqual([]);
  });

  it('may bring the buyer’s payment after we gave it up: the amount is let go', async () => {
    world.faults.between = async (request, forward) => (isWebhook(request) ? away() : forward());
    const { paymentId } = await starts();
    await approves(paymentId);
    await world.rpc.void({ paymentId, reason: 'payment_timeout' }, key());
    expect(await atProvider(paymentId)).toBe('cancelled');
    world.faults.between = undefined;
    await until('the old news came', async () => (await heardWords(paymentId)).includes('authorized'));
    await until('it was looked into', async () => (await intentOf(paymentId)) === null);
    expect(await toldStatuses(paymentId)).toEqual([
      ['in_progress', 1],
      ['voided', 2],
    ]);
  });

  it.each([
    ['authorized', '/cancel', 'cancelled'],
    ['captured', '/refunds', 'refunded'],
  ])('gives back money that is %s at the provider after the payment was voided', async (late, operation, end) => {
    const { paymentId, amount } = await starts();
    await world.rpc.void({ paymentId, reason: 'payment_timeout' }, key());
    const providerId = await providerIdOf(paymentId);
    const word = (status: string) => ({ id: providerId, reference: paymentId, status, amount, reason: null });
    let status = late;
    const asked: string[] = [];
    world.faults.between = async (request, forward) => {
      const { pathname } = new URL(request.url);
      if (!pathname.startsWith('/sandbox/psp/v1/')) return forward();
      if (request.method === 'POST') {
        asked.push(pathname);
        status = end;
      }
      return Response.json(word(status));
    };
    const event = { id: `evt_${randomUUID()}`, type: `payment.${late}`, payment: word(late) };
    expect((await webhook(event)).status).toBe(204);
    await until('it was given back', async () => asked.length > 0 && (await intentOf(paymentId)) === null);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toContain(operation);
    expect((await toldStatuses(paymentId)).at(-1)).toEqual(['voided', 2]);
  });

  it('may break between the decision and the call: the worker carries it out, also after a restart', async () => {
    const { paymentId } = await authorized();
    await due(paymentId, { intent: 'capture' });
    await world.restart();
    await becomes(paymentId, 'captured');
    await due(paymentId, { intent: 'refund' });
    await becomes(paymentId, 'refunded');
    expect(await atProvider(paymentId)).toBe('refunded');
  });
});

describe('the provider’s webhook', () => {
  it('is refused with a bad, old or missing signature, and nothing changes', async () => {
    const { paymentId, amount } = await starts();
    const payment = { id: 'pay_x', reference: paymentId, status: 'authorized', amount, reason: null };
    const event = { id: 'evt_1', type: 'payment.authorized', payment };
    const answers = [
      await webhook(event, { secret: 'another secret' }),
      await webhook(event, { at: Date.now() - 6 * 60_000 }),
      await webhook(event, { at: Date.now() + 6 * 60_000 }),
      await world.post('/v1/payments/webhooks/sandbox', event),
      await world.post('/v1/payments/webhooks/sandbox', event, { 'x-signature': 't=1,v1=00' }),
    ];
    for (const { status, body } of answers) {
      expect(status).toBe(401);
      expect(body).toMatchObject({ type: 'urn:lotok:problem:invalid-signature' });
    }
    expect(await statusOf(paymentId)).toBe('PAYMENT_STATUS_IN_PROGRESS');
    expect(await heardWords(paymentId)).toEqual([]);
  });

  it('has one effect, however often and in whatever order it comes', async () => {
    const { paymentId, amount } = await starts();
    const id = await providerIdOf(paymentId);
    const word = (status: string) => {
      const payment = { id, reference: paymentId, status, amount, reason: null };
      return { id: `evt_${status}_${paymentId}`, type: `payment.${status}`, payment };
    };
    const late = [word('captured'), word('authorized'), word('pending')];
    for (const event of [...late, ...late, ...late, ...late]) expect((await webhook(event)).status).toBe(204);
    expect(await toldStatuses(paymentId)).toEqual([
      ['in_progress', 1],
      ['authorized', 2],
      ['captured', 3],
    ]);
  });

  it('is asked for again when we know no such payment, and refused when it makes no sense', async () => {
    const payment = { id: 'pay_x', reference: uuidv7(), status: 'authorized', amount: rub(1), reason: null };
    expect((await webhook({ id: 'evt_2', type: 'payment.authorized', payment })).status).toBe(404);
    expect((await webhook({ id: 'evt_3', type: 'payment.authorized' })).status).toBe(422);
    expect((await world.post('/v1/payments/webhooks/nobody', {})).status).toBe(404);
    const other = await starts();
    const wrong = { ...payment, id: await providerIdOf(other.paymentId), reference: other.paymentId };
    expect((await webhook({ id: 'evt_4', type: 'payment.authorized', payment: wrong })).status).toBe(500);
    expect(await statusOf(other.paymentId)).toBe('PAYMENT_STATUS_IN_PROGRESS');
  });
});

describe('watching a payment', () => {
  it('shows the present state, then each change in order, until the last', async () => {
    const { paymentId } = await starts();
    const seen: Payment[] = [];
    const watching = (async () => {
      for await (const { payment } of world.rpc.watchPayment({ paymentId, afterVersion: 0 })) {
        if (payment) seen.push(payment);
      }
    })();
    await until('it began', () => seen.length === 1);
    await approves(paymentId);
    await until('the change arrives', () => seen.length === 2, { timeoutMs: 3_000 });
    await world.rpc.capture({ paymentId }, key());
    await world.rpc.refund({ paymentId, reason: 'parcel_returned' }, key());
    await watching;
    expect(seen.map(({ status, version }) => [status, version])).toEqual([
      ['PAYMENT_STATUS_IN_PROGRESS', 1],
      ['PAYMENT_STATUS_AUTHORIZED', 2],
      ['PAYMENT_STATUS_CAPTURED', 3],
      ['PAYMENT_STATUS_REFUNDED', 4],
    ]);
    const rest: number[] = [];
    for await (const { payment } of world.rpc.watchPayment({ paymentId, afterVersion: 2 })) {
      rest.push(payment?.version ?? 0);
    }
    expect(rest).toEqual([3, 4]);
  });
});

describe('the ledger', () => {
  it('balances in every transaction, and refuses one that does not', async () => {
    await captured();
    const uneven = await world.db
      .selectFrom('ledger_entries')
      .select('transaction_id')
      .groupBy(['transaction_id', 'currency'])
      .having(sql<boolean>`sum(amount) <> 0`)
      .execute();
    expect(uneven).toEqual([]);
    const { payment_id } = await world.db
      .selectFrom('ledger_transactions')
      .select('payment_id')
      .executeTakeFirstOrThrow();
    const unbalanced = world.db.transaction().execute(async (trx) => {
      const { id } = await trx
        .insertInto('ledger_transactions')
        .values({ payment_id, kind: 'a mistake', reaches: 0, at: new Date() })
        .returning('id')
        .executeTakeFirstOrThrow();
      const entry = { transaction_id: id, account: 'platform', amount: 100, currency: 'RUB' };
      await trx.insertInto('ledger_entries').values(entry).execute();
    });
    await expect(unbalanced).rejects.toThrow(/does not balance/);
  });
});
