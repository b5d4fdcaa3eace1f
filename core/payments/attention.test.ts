import { createHmac, randomUUID } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PaymentId } from '../../contracts/common.ts';
import { PaymentsServiceService } from '../../proto/generated/lotok/payments/v1/payments.ts';
import { until } from '../../tests/until.ts';
import { startWorld, type World } from '../sandbox/world.testing.ts';
import { payments } from './index.ts';
import type { PaymentsTables } from './store.ts';

let world: World<PaymentsTables, typeof PaymentsServiceService>;
beforeAll(async () => {
  world = await startWorld(payments, PaymentsServiceService);
});
afterAll(() => world?.[Symbol.asyncDispose]());
afterEach(() => {
  world.faults.between = undefined;
});

const rub = (amount: number) => ({ amount, currency: 'RUB' });
const key = () => ({ idempotencyKey: `step-${randomUUID()}`, deadlineMs: 8_000 });
const problem = (code: string, message = '') =>
  expect.objectContaining({ name: 'ProblemError', code, message: expect.stringContaining(message) });
const newPayment = () => ({
  paymentId: uuidv7() as PaymentId,
  orderId: uuidv7(),
  buyerId: uuidv7(),
  sellerId: uuidv7(),
  amount: rub(1_399_00),
  sellerAmount: rub(1_000_00),
  description: 'Велосипед',
  returnUrl: 'http://shop.example/orders/1',
});
const starts = async (request = newPayment()) => {
  await world.rpc.startPayment(request, key());
  return request;
};
const captured = async () => {
  const payment = await starts();
  await world.post(`/sandbox/psp/payments/${payment.paymentId}/approve`);
  await until('it is authorised', async () => (await rowOf(payment.paymentId)).status === 'authorized');
  await world.rpc.capture({ paymentId: payment.paymentId }, key());
  return payment;
};
const rowOf = (id: PaymentId) =>
  world.db.selectFrom('payments').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
const payoutOf = (id: PaymentId) =>
  world.db.selectFrom('payouts').selectAll().where('payment_id', '=', id).executeTakeFirstOrThrow();
/** The worker's next try, now, as after so many that failed. */
const due = (id: PaymentId, failures: number, triedSince = new Date()) =>
  world.db
    .updateTable('payments')
    .set({ due_at: new Date(0), failures, tried_since: triedSince })
    .where('id', '=', id)
    .execute();
const payoutDue = (id: PaymentId) =>
  world.db
    .updateTable('payouts')
    .set({ due_at: new Date(0) })
    .where('payment_id', '=', id)
    .execute();
const called = async (id: PaymentId) =>
  (await world.told(id))
    .filter(({ type }) => type === 'payment.attention')
    .map(({ data }) => [data['why'], data['version']]);
const refusal = (message: string, status = 422) => Response.json({ error: 'refused', message }, { status });
/** What reaches the provider's API, and what it answers instead of the sandbox. */
function provider(
  answer: (method: string, path: string, body: Record<string, unknown>, key: string) => Response | null,
) {
  world.faults.between = async (request, forward) => {
    const path = new URL(request.url).pathname.replace('/sandbox/psp/v1', '');
    if (!request.url.includes('/sandbox/psp/v1/')) return forward();
    const body = request.method === 'POST' ? await request.clone().json() : {};
    return answer(request.method, path, body, request.headers.get('idempotency-key') ?? '') ?? forward();
  };
}

/** The buyer has paid a payment that had been voided here: nobody wants the money, and nobody waits for its return. */
async function unwanted() {
  const { paymentId } = await starts();
  await world.rpc.void({ paymentId, reason: 'payment_timeout' }, key());
  const { provider_id: id } = await rowOf(paymentId);
  const word = (status: string) => ({ id, reference: paymentId, status, amount: rub(1_399_00), reason: null });
  let status = 'authorized';
  let refuses = true;
  const keys: string[] = [];
  provider((method, _path, _body, idempotencyKey) => {
    if (method === 'GET') return Response.json(word(status));
    keys.push(idempotencyKey);
    if (refuses) return refusal('not now');
    status = 'cancelled';
    return Response.json(word(status));
  });
  const body = JSON.stringify({ id: `evt_${randomUUID()}`, type: 'payment.authorized', payment: word('authorized') });
  const timestamp = Math.floor(Date.now() / 1000);
  const secret = world.secretOf('psp-webhook-secret');
  const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
  await world.post('/v1/payments/webhooks/sandbox', body, { 'x-signature': `t=${timestamp},v1=${signature}` });
  const mend = (): void => {
    refuses = false;
  };
  return { paymentId, keys, mend };
}
const parkedUnwanted = async () => {
  const its = await unwanted();
  await until('it was tried', async () => (await rowOf(its.paymentId)).failures >= 1);
  await due(its.paymentId, 11);
  await until('a person is called', async () => (await rowOf(its.paymentId)).attention);
  return its;
};

describe('money that nobody wanted and the provider will not take back', () => {
  it('calls a person after twelve refusals, and is left alone then', async () => {
    const { paymentId, keys } = await parkedUnwanted();
    expect(await rowOf(paymentId)).toMatchObject({
      intent: 'return',
      due_at: null,
      failures: 12,
      attention: 'return: refused: not now',
    });
    expect(await called(paymentId)).toEqual([['return: refused: not now', 1]]);
    // After a no the next request is another one.
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys[0]).toBe(`${paymentId}:return:void`);
  });

  it('is given back when an operator has it retried', async () => {
    const { paymentId, mend } = await parkedUnwanted();
    mend();
    const retried = await world.rpc.retry({ paymentId, attentionVersion: 1 }, key());
    expect(retried.attention).toEqual({ why: '', version: 2 });
    await until('it was given back', async () => (await rowOf(paymentId)).intent === null);
    expect(await called(paymentId)).toEqual([
      ['return: refused: not now', 1],
      [null, 2],
    ]);
    // Once more changes nothing: the answer may have been lost.
    expect((await world.rpc.retry({ paymentId, attentionVersion: 1 }, key())).attention).toEqual({
      why: '',
      version: 2,
    });
  });

  it('calls again when it fails again, and takes no decision about the call before', async () => {
    const { paymentId } = await parkedUnwanted();
    await world.rpc.retry({ paymentId, attentionVersion: 1 }, key());
    await until('it was tried', async () => (await rowOf(paymentId)).failures >= 1);
    await due(paymentId, 11);
    await until('a person is called', async () => (await rowOf(paymentId)).attention);
    expect((await called(paymentId)).at(-1)).toEqual(['return: refused: not now', 3]);
    for (const decide of [world.rpc.retry, world.rpc.giveUp])
      await expect(decide({ paymentId, attentionVersion: 1 }, key())).rejects.toEqual(problem('conflict'));
    await expect(world.rpc.retry({ paymentId: uuidv7(), attentionVersion: 1 }, key())).rejects.toEqual(
      problem('not-found'),
    );
  });

  it('is nobody’s work any more when an operator takes it over', async () => {
    const { paymentId, keys } = await parkedUnwanted();
    const tries = keys.length;
    await world.rpc.giveUp({ paymentId, attentionVersion: 1 }, key());
    expect(await rowOf(paymentId)).toMatchObject({ intent: null, due_at: null, attention: null });
    expect((await called(paymentId)).at(-1)).toEqual([null, 2]);
    expect(keys).toHaveLength(tries);
  });
});

describe('a payout', () => {
  it('that the provider fails later calls a person, and is made anew when an operator has it retried', async () => {
    const { paymentId, sellerId } = await captured();
    const made: string[] = [];
    let status = 'failed';
    provider((method, path, _body, idempotencyKey) => {
      if (!path.startsWith('/payouts')) return null;
      if (method === 'GET') return Response.json({ id: path.slice('/payouts/'.length), status });
      made.push(idempotencyKey);
      return Response.json({ id: `out_${made.length}`, status: 'pending' });
    });
    await world.rpc.payOut({ paymentId }, key());
    expect(await payoutOf(paymentId)).toMatchObject({ status: 'pending', provider_id: 'out_1' });
    await payoutDue(paymentId);
    await until('a person is called', async () => (await rowOf(paymentId)).attention);
    expect(await called(paymentId)).toEqual([['payout: the provider could not pay it', 1]]);
    expect(await payoutOf(paymentId)).toMatchObject({ status: 'failed', due_at: null });

    status = 'paid';
    await world.rpc.retry({ paymentId, attentionVersion: 1 }, key());
    await until('it was made again', async () => (await payoutOf(paymentId)).provider_id === 'out_2');
    await payoutDue(paymentId);
    await until('it is paid', async () => (await payoutOf(paymentId)).status === 'paid');
    expect(made).toEqual([`${paymentId}:payout`, `${paymentId}:payout:1`]);
    expect(await called(paymentId)).toEqual([
      ['payout: the provider could not pay it', 1],
      [null, 2],
    ]);
    const { sum } = await world.db
      .selectFrom('ledger_entries')
      .select((select) => select.fn.sum<number>('amount').as('sum'))
      .where('account', '=', `seller:${sellerId}`)
      .executeTakeFirstOrThrow();
    expect(Number(sum)).toBe(0);
  });

  it('that is refused is told to who asked for it, and made anew when it is asked for once more', async () => {
    const { paymentId } = await captured();
    let refuses = true;
    provider((method, path) =>
      method === 'POST' && path === '/payouts' && refuses ? refusal('no such account') : null,
    );
    await expect(world.rpc.payOut({ paymentId }, key())).rejects.toEqual(problem('conflict', 'no such account'));
    expect(await called(paymentId)).toEqual([]);
    refuses = false;
    await world.rpc.payOut({ paymentId }, key());
    expect(await payoutOf(paymentId)).toMatchObject({ status: 'paid', last_error: null });
  });

  it('that fails while somebody asks for it again calls a person all the same: who asked first was told that it had begun', async () => {
    const { paymentId } = await captured();
    provider((method, path) => {
      if (!path.startsWith('/payouts')) return null;
      return Response.json({ id: 'out_1', status: method === 'GET' ? 'failed' : 'pending' });
    });
    await world.rpc.payOut({ paymentId }, key());
    await expect(world.rpc.payOut({ paymentId }, key())).rejects.toEqual(problem('conflict'));
    expect(await called(paymentId)).toEqual([['payout: the provider could not pay it', 1]]);
  });

  it('that failed is not forgotten because a capture is answered late', async () => {
    const { paymentId } = await starts();
    await world.post(`/sandbox/psp/payments/${paymentId}/approve`);
    await until('it is authorised', async () => (await rowOf(paymentId)).status === 'authorized');
    const late = Promise.withResolvers<void>();
    let captures = 0;
    provider((method, path) =>
      path.startsWith('/payouts')
        ? Response.json({ id: 'out_1', status: method === 'GET' ? 'failed' : 'pending' })
        : null,
    );
    const { between } = world.faults;
    world.faults.between = async (request, forward) => {
      const answer = (await between?.(request, forward)) ?? (await forward());
      if (!request.url.endsWith('/capture')) return answer;
      captures += 1;
      if (captures === 1) await late.promise;
      return answer;
    };
    const first = world.rpc.capture({ paymentId }, key());
    await until('it is captured', () => captures === 1);
    await world.rpc.capture({ paymentId }, key());
    await world.rpc.payOut({ paymentId }, key());
    await payoutDue(paymentId);
    await until('a person is called', async () => (await rowOf(paymentId)).attention);
    late.resolve();
    await first;
    expect(await rowOf(paymentId)).toMatchObject({ attention: 'payout: the provider could not pay it' });
  });

  it('that one request has begun is not hidden by a no to the other', async () => {
    const { paymentId } = await captured();
    const no = Promise.withResolvers<void>();
    let requests = 0;
    world.faults.between = async (request, forward) => {
      if (request.method !== 'POST' || !request.url.endsWith('/payouts')) return forward();
      requests += 1;
      if (requests > 1) return Response.json({ id: 'out_1', status: 'pending' });
      await no.promise;
      return refusal('not now');
    };
    const refusedLate = world.rpc.payOut({ paymentId }, key());
    await until('the first is under way', () => requests === 1);
    await world.rpc.payOut({ paymentId }, key());
    no.resolve();
    await refusedLate;
    expect(await payoutOf(paymentId)).toMatchObject({ status: 'pending', provider_id: 'out_1' });
  });

  it('may take days, if only the provider says so now and then', async () => {
    const { paymentId } = await captured();
    let silent = false;
    provider((_method, path) => {
      if (!path.startsWith('/payouts')) return null;
      return silent ? new Response('{}', { status: 503 }) : Response.json({ id: 'out_slow', status: 'pending' });
    });
    await world.rpc.payOut({ paymentId }, key());
    await world.db
      .updateTable('payouts')
      .set({ due_at: new Date(0), tried_since: new Date(Date.now() - 48 * 3_600_000) })
      .where('payment_id', '=', paymentId)
      .execute();
    await until('patience begins anew', async () => (await payoutOf(paymentId)).tried_since === null);
    silent = true;
    await world.db
      .updateTable('payouts')
      .set({ due_at: new Date(0) })
      .where('payment_id', '=', paymentId)
      .execute();
    await until('a question was not answered', async () => (await payoutOf(paymentId)).last_error);
    expect(await payoutOf(paymentId)).toMatchObject({ status: 'pending', due_at: expect.any(Date) });
    expect(await called(paymentId)).toEqual([]);
    await world.restart();
  });

  it('of which the provider will not say how it is, is not made twice', async () => {
    const { paymentId } = await captured();
    const made: string[] = [];
    provider((method, path, _body, idempotencyKey) => {
      if (!path.startsWith('/payouts')) return null;
      if (method === 'GET') return refusal('no such payout', 404);
      made.push(idempotencyKey);
      return Response.json({ id: 'out_x', status: 'pending' });
    });
    await world.rpc.payOut({ paymentId }, key());
    await world.db.updateTable('payouts').set({ failures: 11 }).where('payment_id', '=', paymentId).execute();
    await payoutDue(paymentId);
    await until('a person is called', async () => (await rowOf(paymentId)).attention);
    expect(await payoutOf(paymentId)).toMatchObject({ status: 'pending', provider_id: 'out_x', due_at: null });
    await world.rpc.retry({ paymentId, attentionVersion: 1 }, key());
    await until('it was asked again', async () => (await payoutOf(paymentId)).failures === 1);
    expect(made).toHaveLength(1);
  });
});

describe('a refund that the provider refuses', () => {
  it('stays owed, and who asked for it is told why', async () => {
    const { paymentId } = await captured();
    let refuses = true;
    const keys: string[] = [];
    provider((method, path, _body, idempotencyKey) => {
      if (method !== 'POST' || path !== '/refunds') return null;
      keys.push(idempotencyKey);
      return refuses ? refusal('the account is empty') : null;
    });
    await expect(world.rpc.refund({ paymentId, reason: 'parcel_lost' }, key())).rejects.toEqual(
      problem('internal', 'the account is empty'),
    );
    expect(await rowOf(paymentId)).toMatchObject({ intent: 'refund', failures: 1, refusals: 1, attention: null });
    refuses = false;
    await world.rpc.refund({ paymentId, reason: 'parcel_lost' }, key());
    expect(await rowOf(paymentId)).toMatchObject({ status: 'refunded', intent: null, failures: 0 });
    expect(keys).toEqual([`${paymentId}:refund`, `${paymentId}:refund:1`]);
  });
});

describe('a question that the provider answers with nonsense', () => {
  it('calls a person, and is no longer asked until somebody says so', async () => {
    const { paymentId } = await starts();
    const { provider_id: id } = await rowOf(paymentId);
    let amount = 1;
    provider((method) =>
      method === 'GET'
        ? Response.json({ id, reference: paymentId, status: 'pending', amount: rub(amount), reason: null })
        : null,
    );
    await due(paymentId, 11);
    await until('a person is called', async () => (await rowOf(paymentId)).attention);
    expect((await called(paymentId)).at(-1)?.[0]).toBe(`ask: the provider says 1 RUB of payment ${paymentId}`);
    expect((await rowOf(paymentId)).due_at).toBeNull();
    amount = 1_399_00;
    await world.rpc.retry({ paymentId, attentionVersion: 1 }, key());
    await until('it is asked again', async () => (await rowOf(paymentId)).due_at);
    expect(await rowOf(paymentId)).toMatchObject({ status: 'in_progress', attention: null });
  });

  it('needs nobody any more once it has refused the payment', async () => {
    const request = newPayment();
    const { paymentId } = request;
    let answer = Response.json({ nonsense: true });
    provider((method) => (method === 'POST' ? answer.clone() : null));
    await expect(starts(request)).rejects.toThrow();
    await due(paymentId, 11);
    await until('a person is called', async () => (await rowOf(paymentId)).attention);
    answer = refusal('no such shop');
    await starts(request);
    expect(await rowOf(paymentId)).toMatchObject({ status: 'failed', attention: null, due_at: null });
  });
});

describe('the story of a payment', () => {
  it('has its way, what the provider told and says, and its money', async () => {
    const { paymentId, orderId, sellerId } = await captured();
    await world.rpc.payOut({ paymentId }, key());
    await until(
      'the webhooks are in',
      async () => (await world.rpc.getStory({ paymentId })).providerEvents.length === 2,
    );
    const story = await world.rpc.getStory({ paymentId });
    expect(story).toMatchObject({
      paymentId,
      provider: 'sandbox',
      status: 'captured',
      amount: rub(1_399_00),
      providerSays: 'captured',
      providerError: '',
      intent: '',
      attention: { why: '', version: 0 },
      payout: { status: 'paid', amount: rub(1_000_00) },
    });
    expect(story.changes.map(({ status }) => status)).toEqual(['in_progress', 'authorized', 'captured']);
    expect(story.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(story.ledger.map(({ kind }) => kind)).toEqual(['captured', 'earned', 'paid_out']);
    expect(story.ledger[1]?.entries).toContainEqual({ account: `held:${orderId}`, amount: 1_399_00, currency: 'RUB' });
    expect(story.ledger[2]?.entries).toContainEqual({
      account: `seller:${sellerId}`,
      amount: 1_000_00,
      currency: 'RUB',
    });
  });
});

describe('while the provider is away', () => {
  // Its breaker is open then.
  afterEach(() => world.restart());

  it('unwanted money calls a person from the fifth minute on, while its return is tried on', async () => {
    const { paymentId } = await unwanted();
    provider(() => new Response('{}', { status: 503 }));
    await due(paymentId, 0, new Date(Date.now() - 5 * 60_000));
    await until('a person is called', async () => (await rowOf(paymentId)).attention);
    expect(await rowOf(paymentId)).toMatchObject({ intent: 'return', failures: 0, due_at: expect.any(Date) });
    // After a day it is left alone.
    await due(paymentId, 0, new Date(Date.now() - 24 * 3_600_000));
    await until('it is left alone', async () => (await rowOf(paymentId)).due_at === null);
  });

  it('the story of a payment comes without its word', async () => {
    const { paymentId } = await captured();
    provider(() => new Response('{}', { status: 503 }));
    const story = await world.rpc.getStory({ paymentId }, { deadlineMs: 3_000 });
    expect(story).toMatchObject({ status: 'captured', providerSays: '' });
    expect(story.providerError).not.toBe('');
  });
});
