// What payments gets from every provider, whoever it is: one suite, played on the whole service and real HTTP.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type PaymentId, UserId } from '../../../contracts/common.ts';
import type { PayoutDestination } from '../../../contracts/payments.ts';
import { PaymentsServiceService } from '../../../proto/generated/lotok/payments/v1/payments.ts';
import { until } from '../../../tests/until.ts';
import type { CoreConfig } from '../../platform/config.ts';
import { startWorld, type World } from '../../sandbox/world.testing.ts';
import { payments } from '../index.ts';
import type { PaymentsTables } from '../store.ts';
import type { Company, SandboxPayment } from './company.testing.ts';

export interface ProviderUnderTest {
  readonly name: string;
  /** Its company, where that is not the sandbox. */
  readonly company?: () => Company;
  readonly config: () => Partial<CoreConfig>;
  /** Where it pays sellers to, where it needs to know. */
  readonly destination?: PayoutDestination;
  /** A webhook that nobody need believe, made of one that is right. */
  readonly forged: (webhook: Webhook) => Webhook;
}

export interface Webhook {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Marks webhooks that a test lets through. */
const byHand = 'x-delivered-by-hand';

type PaymentsWorld = World<PaymentsTables, typeof PaymentsServiceService>;
const seller = UserId.parse(uuidv7());
const operator = UserId.parse(uuidv7());

export function providerContract(under: ProviderUnderTest): void {
  let world: PaymentsWorld;
  let signedIn: { userId: UserId; roles: readonly string[] } = { userId: seller, roles: [] };
  beforeAll(async () => {
    const company = under.company?.();
    world = await startWorld(payments, PaymentsServiceService, {
      config: {
        platformFeeBasisPoints: 500,
        ...(company ? { sandboxWebhookUrl: company.url } : {}),
        ...under.config(),
      },
      signedIn: () => ({ ...signedIn, sessionId: 's' }) as never,
    });
    company?.open({ url: world.url, apiKey: world.secretOf('psp-api-key') });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());
  afterEach(() => {
    world.faults.between = undefined;
    const company = under.company?.();
    if (company) company.refundsAre = 'at once';
    signedIn = { userId: seller, roles: [] };
  });

  const money = (amount: number, currency = 'RUB') => ({ amount, currency });
  const newPayment = (amount = money(1_399_00), price = money(1_000_00)) => ({
    paymentId: uuidv7() as PaymentId,
    orderId: uuidv7(),
    buyerId: uuidv7(),
    sellerId: seller as string,
    amount,
    sellerAmount: price,
    description: 'Велосипед',
    returnUrl: 'http://shop.example/orders/1',
  });
  const key = () => ({ idempotencyKey: `step-${randomUUID()}`, deadlineMs: 15_000 });
  const starts = async (request = newPayment()) => {
    const { payment } = await world.rpc.startPayment(request, key());
    if (!payment) throw new Error('no payment');
    return payment;
  };
  const buyer = (id: string, choice: 'approve' | 'decline') => world.post(`/sandbox/psp/payments/${id}/${choice}`);
  const rowOf = (id: string) =>
    world.db
      .selectFrom('payments')
      .selectAll()
      .where('id', '=', id as PaymentId)
      .executeTakeFirstOrThrow();
  const becomes = (id: string, status: string) =>
    until(`the payment is ${status}`, async () => (await rowOf(id)).status === status, { timeoutMs: 20_000 });
  const authorized = async (request = newPayment()) => {
    const payment = await starts(request);
    expect((await buyer(payment.paymentId, 'approve')).status).toBe(200);
    await becomes(payment.paymentId, 'authorized');
    return payment;
  };
  const captured = async (request = newPayment()) => {
    const payment = await authorized(request);
    await world.rpc.capture({ paymentId: payment.paymentId }, key());
    return payment;
  };
  const told = async (id: string) =>
    (await world.told(id)).filter(({ type }) => type === 'payment.status_changed').map(({ data }) => data['status']);
  const due = (id: string) =>
    world.db
      .updateTable('payments')
      .set({ due_at: new Date(0) })
      .where('id', '=', id as PaymentId)
      .execute();
  /** In the provider's own books. */
  const theirs = async (id: string): Promise<SandboxPayment> => {
    const response = await fetch(`${world.url}/sandbox/psp/v1/payments/${id}`, {
      headers: { authorization: `Bearer ${world.secretOf('psp-api-key')}` },
    });
    return (await response.json()) as SandboxPayment;
  };
  const ledgerOf = async (id: string) => {
    const rows = await world.db
      .selectFrom('ledger_transactions as booking')
      .innerJoin('ledger_entries as entry', 'entry.transaction_id', 'booking.id')
      .select(({ fn }) => ['entry.account', fn.sum<number>('entry.amount').as('sum')])
      .where('booking.payment_id', '=', id as PaymentId)
      .groupBy('entry.account')
      .execute();
    return Object.fromEntries(
      rows
        .map(({ account, sum }) => [account.replace(/^(held|seller):.*/, '$1'), Number(sum)] as const)
        .filter(([, sum]) => sum !== 0),
    );
  };
  const provider = `provider:${under.name}`;
  const asOperator = async (id: string, body: unknown, idempotencyKey: string = randomUUID()) => {
    signedIn = { userId: operator, roles: ['operator'] };
    return world.post(`/v1/operations/payments/${id}/refunds`, body, { 'idempotency-key': idempotencyKey });
  };
  const problem = (code: string) => expect.objectContaining({ name: 'ProblemError', code });
  const isWebhook = (request: Request) => new URL(request.url).pathname === `/v1/payments/webhooks/${under.name}`;
  const isApi = (request: Request, end = '') => {
    const { pathname } = new URL(request.url);
    return pathname.startsWith('/sandbox/psp/v1/') && pathname.endsWith(end);
  };

  /** Keeps what the provider tells, instead of letting it through. */
  const holdWebhooks = (): Webhook[] => {
    const held: Webhook[] = [];
    world.faults.between = async (request, forward) => {
      if (!isWebhook(request) || request.headers.has(byHand)) return forward();
      held.push({ headers: Object.fromEntries(request.headers), body: await request.text() });
      return new Response(null, { status: 204 });
    };
    return held;
  };
  const deliver = async ({ headers, body }: Webhook): Promise<number> => {
    const { 'content-length': _length, host: _host, connection: _connection, ...rest } = headers;
    return (await world.post(`/v1/payments/webhooks/${under.name}`, body, { ...rest, [byHand]: '1' })).status;
  };

  describe('a payment', () => {
    it('is authorised on the provider’s page, captured when we say so, and shared', async () => {
      const request = newPayment();
      const payment = await starts(request);
      expect(payment.confirmationUrl).toMatch(/^https?:\/\//);
      expect((await theirs(request.paymentId)).status).toBe('pending');
      await buyer(request.paymentId, 'approve');
      await becomes(request.paymentId, 'authorized');
      expect((await theirs(request.paymentId)).status).toBe('authorized');
      await world.rpc.capture({ paymentId: request.paymentId }, key());
      await world.rpc.capture({ paymentId: request.paymentId }, key());
      expect((await theirs(request.paymentId)).status).toBe('captured');
      expect(await ledgerOf(request.paymentId)).toEqual({ [provider]: 1_399_00, held: -1_399_00 });
      expect(await told(request.paymentId)).toEqual(['in_progress', 'authorized', 'captured']);
      expect(await rowOf(request.paymentId)).toMatchObject({ provider: under.name, fee_basis_points: 500 });
    });

    it('is one, however often it is started at once', async () => {
      const request = newPayment();
      const all = await Promise.all([1, 2, 3].map(() => starts(request)));
      expect(new Set(all.map(({ confirmationUrl }) => confirmationUrl)).size).toBe(1);
      expect(await told(request.paymentId)).toEqual(['in_progress']);
    });

    it('fails when the buyer’s bank says no', async () => {
      const { paymentId } = await starts();
      await buyer(paymentId, 'decline');
      await becomes(paymentId, 'failed');
      expect((await rowOf(paymentId)).reason).not.toBeNull();
      await expect(world.rpc.capture({ paymentId }, key())).rejects.toEqual(problem('conflict'));
    });

    it('is not captured before it is authorised', async () => {
      const { paymentId } = await starts();
      await expect(world.rpc.capture({ paymentId }, key())).rejects.toEqual(problem('conflict'));
      expect((await theirs(paymentId)).status).toBe('pending');
    });

    it('takes nobody’s money once it was given up, also from who pays afterwards', async () => {
      const { paymentId } = await starts();
      await world.rpc.void({ paymentId, reason: 'payment_timeout' }, key());
      expect(await rowOf(paymentId)).toMatchObject({ status: 'voided', reason: 'payment_timeout' });
      await buyer(paymentId, 'approve');
      await due(paymentId);
      await until('nothing is held', async () => (await theirs(paymentId)).status === 'cancelled', {
        timeoutMs: 20_000,
      });
      await until('nobody looks any more', async () => {
        if ((await rowOf(paymentId)).intent === null) return true;
        await due(paymentId);
        return false;
      });
      expect(await told(paymentId)).toEqual(['in_progress', 'voided']);
      expect(await ledgerOf(paymentId)).toEqual({});
    });

    it('lets an authorised amount go', async () => {
      const { paymentId } = await authorized();
      await world.rpc.void({ paymentId, reason: 'courier_refused' }, key());
      expect((await theirs(paymentId)).status).toBe('cancelled');
      expect((await rowOf(paymentId)).status).toBe('voided');
    });

    it('has the amount that was agreed, in currencies of any decimals', async () => {
      for (const amount of [money(12_345, 'JPY'), money(12_340, 'KWD'), money(1_01, 'RUB')]) {
        const request = newPayment(amount, amount);
        await captured(request);
        expect(await theirs(request.paymentId)).toMatchObject({ status: 'captured', amount });
        expect(await ledgerOf(request.paymentId)).toEqual({ [provider]: amount.amount, held: -amount.amount });
      }
    });
  });

  describe('money that goes back', () => {
    it('is all of it, once', async () => {
      const { paymentId } = await captured();
      await Promise.all([1, 2].map(() => world.rpc.refund({ paymentId, reason: 'parcel_lost' }, key())));
      expect(await theirs(paymentId)).toMatchObject({ status: 'refunded', refunded: 1_399_00 });
      expect(await rowOf(paymentId)).toMatchObject({ status: 'refunded', refunded_amount: 1_399_00 });
      expect(await ledgerOf(paymentId)).toEqual({});
      expect(await told(paymentId)).toEqual(['in_progress', 'authorized', 'captured', 'refunded']);
    });

    it('may be a part, once per key, and then the rest', async () => {
      const { paymentId } = await captured();
      const part = { amount: money(200_00), reason: 'a scratch' };
      const repeated = randomUUID();
      const first = await asOperator(paymentId, part, repeated);
      expect(first).toMatchObject({
        status: 200,
        body: { refunded: money(200_00), seller_gets: money(760_00), in_progress: false },
      });
      expect(await asOperator(paymentId, part, repeated)).toEqual(first);
      expect((await asOperator(paymentId, { ...part, amount: money(1_00) }, repeated)).status).toBe(422);
      expect(await asOperator(paymentId, { amount: money(100_00), reason: 'another one' })).toMatchObject({
        body: { refunded: money(300_00) },
      });
      expect(await theirs(paymentId)).toMatchObject({ status: 'captured', refunded: 300_00 });
      expect(await ledgerOf(paymentId)).toEqual({ [provider]: 1_099_00, held: -1_099_00 });
      await world.rpc.refund({ paymentId, reason: 'parcel_returned' }, key());
      expect(await theirs(paymentId)).toMatchObject({ status: 'refunded', refunded: 1_399_00 });
      expect(await ledgerOf(paymentId)).toEqual({});
      expect(await told(paymentId)).toEqual(['in_progress', 'authorized', 'captured', 'refunded']);
    });

    it('is never more than there is, nor of another currency, nor everything as a part', async () => {
      const { paymentId } = await captured();
      for (const amount of [money(1_399_00), money(9_999_00), money(100, 'USD'), money(0)]) {
        expect(await asOperator(paymentId, { amount, reason: 'a mistake' })).toMatchObject({
          status: 422,
          body: { errors: [{ field: expect.stringMatching(/^amount/) }] },
        });
      }
      const open = await starts();
      expect((await asOperator(open.paymentId, { amount: money(1_00), reason: 'too early' })).status).toBe(409);
      expect(await theirs(paymentId)).toMatchObject({ refunded: 0 });
    });

    it('is heard of when the provider gives it without us', async () => {
      const { paymentId } = await captured();
      const body = { payment_id: paymentId, reference: `by hand ${paymentId}`, amount: money(50_00) };
      const response = await fetch(`${world.url}/sandbox/psp/v1/refunds`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${world.secretOf('psp-api-key')}`,
          'content-type': 'application/json',
          'idempotency-key': randomUUID(),
        },
        body: JSON.stringify(body),
      });
      expect(response.status).toBe(200);
      await until('it is booked', async () => (await rowOf(paymentId)).refunded_amount === 50_00);
      expect(await ledgerOf(paymentId)).toEqual({ [provider]: 1_349_00, held: -1_349_00 });
    });

    it.runIf(under.company)(
      'is back only when the provider says so, and is asked for anew when that fails',
      async () => {
        const company = under.company?.() as Company;
        const { paymentId } = await captured();
        company.refundsAre = 'pending';
        const asked = await asOperator(paymentId, { amount: money(200_00), reason: 'a scratch' });
        expect(asked.body).toMatchObject({ refunded: money(0), in_progress: true });
        await expect(world.rpc.payOut({ paymentId }, key())).rejects.toEqual(problem('request-in-progress'));
        const { id } = await theirs(paymentId);
        company.refundsAre = 'failing';
        await company.settle(id);
        company.refundsAre = 'at once';
        await until('it is back', async () => {
          await due(paymentId);
          return (await rowOf(paymentId)).refunded_amount === 200_00;
        });
        expect(await rowOf(paymentId)).toMatchObject({ intent: null, refusals: 1 });
        expect(await theirs(paymentId)).toMatchObject({ refunded: 200_00 });
      },
    );
  });

  describe('the seller', () => {
    it('is paid once, less the fee, where they said', async () => {
      const request = { ...newPayment(), sellerId: uuidv7() };
      const { paymentId } = await captured(request);
      signedIn = { userId: UserId.parse(request.sellerId), roles: [] };
      const balance = async () => {
        const response = await fetch(`${world.url}/v1/payments/balance`);
        return ((await response.json()) as { items: unknown[] }).items;
      };
      expect(await balance()).toEqual([{ currency: 'RUB', pending: 950_00, available: 0, paid_out: 0 }]);
      await Promise.all([1, 2].map(() => world.rpc.payOut({ paymentId }, key())));
      if (under.destination) {
        expect(await balance()).toEqual([{ currency: 'RUB', pending: 0, available: 950_00, paid_out: 0 }]);
        const response = await fetch(`${world.url}/v1/payments/payout-destinations`, {
          method: 'PUT',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(under.destination),
        });
        expect(response.status).toBe(200);
        const known = (await response.json()) as { items: { provider: string; ends_with: string }[] };
        expect(known.items).toMatchObject([{ provider: under.name, type: under.destination.type }]);
        expect(known.items[0]?.ends_with).toHaveLength(4);
      }
      await until('it is paid', async () => {
        const payout = await world.db
          .selectFrom('payouts')
          .select('status')
          .where('payment_id', '=', paymentId as PaymentId)
          .executeTakeFirst();
        return payout?.status === 'paid';
      });
      expect(await balance()).toEqual([{ currency: 'RUB', pending: 0, available: 0, paid_out: 950_00 }]);
      expect(await ledgerOf(paymentId)).toEqual({
        [provider]: 449_00,
        'platform:fees': -50_00,
        'platform:delivery': -399_00,
      });
      const company = under.company?.();
      if (company) {
        const made = [...company.payouts.values()].filter(({ reference }) => reference === paymentId);
        expect(made).toMatchObject([{ ...money(950_00) }]);
      }
      await expect(world.rpc.refund({ paymentId, reason: '' }, key())).rejects.toEqual(problem('conflict'));
    });

    it('gets less where a part went back, and pays no fee of that', async () => {
      const request = { ...newPayment(), sellerId: uuidv7() };
      const { paymentId } = await captured(request);
      await asOperator(paymentId, { amount: money(200_00), reason: 'a scratch' });
      await world.rpc.payOut({ paymentId }, key());
      expect(await ledgerOf(paymentId)).toMatchObject({ 'platform:fees': -40_00, 'platform:delivery': -399_00 });
      const { amount } = await world.db
        .selectFrom('payouts')
        .select('amount')
        .where('payment_id', '=', paymentId as PaymentId)
        .executeTakeFirstOrThrow();
      expect(amount).toBe(760_00);
    });
  });

  describe('the way to the provider', () => {
    it('may lose answers: what was done is not done again', async () => {
      const seen = new Map<string, number>();
      world.faults.between = async (request, forward) => {
        const answer = await forward();
        if (!isApi(request) || request.method !== 'POST') return answer;
        const { pathname } = new URL(request.url);
        seen.set(pathname, (seen.get(pathname) ?? 0) + 1);
        // Done, and we don't hear so.
        return seen.get(pathname) === 1 ? new Response('{}', { status: 503 }) : answer;
      };
      const { paymentId } = await captured();
      await world.rpc.refund({ paymentId, reason: 'parcel_lost' }, key());
      expect([...seen.values()].every((count) => count >= 2)).toBe(true);
      expect(await theirs(paymentId)).toMatchObject({ status: 'refunded', refunded: 1_399_00 });
      expect(await told(paymentId)).toEqual(['in_progress', 'authorized', 'captured', 'refunded']);
      expect(await ledgerOf(paymentId)).toEqual({});
    });

    it('may be too busy for a moment', async () => {
      let refused = 0;
      world.faults.between = async (request, forward) => {
        if (!isApi(request, '/payments') || refused > 1) return forward();
        refused += 1;
        return Response.json({ error: 'too_many', message: 'later' }, { status: 429 });
      };
      expect((await starts()).confirmationUrl).not.toBe('');
      expect(refused).toBe(2);
    });
  });

  describe('the provider’s webhook', () => {
    it('is refused when it need not be the provider’s, and changes nothing', async () => {
      const held = holdWebhooks();
      const { paymentId } = await starts();
      await buyer(paymentId, 'approve');
      const right = await until('it was told', () => held[0]);
      expect(await deliver(under.forged(right))).toBe(401);
      expect((await rowOf(paymentId)).status).toBe('in_progress');
      expect(await deliver(right)).toBe(204);
      expect((await rowOf(paymentId)).status).toBe('authorized');
    });

    it('has one effect, however often, late and out of order it comes', async () => {
      const held = holdWebhooks();
      const { paymentId } = await starts();
      await buyer(paymentId, 'approve');
      await due(paymentId);
      await becomes(paymentId, 'authorized');
      await world.rpc.capture({ paymentId }, key());
      await world.rpc.refund({ paymentId, reason: 'parcel_lost' }, key());
      await until('all was told', () => held.length === 3);
      for (const webhook of [...held, ...held.toReversed(), ...held]) expect(await deliver(webhook)).toBe(204);
      expect(await told(paymentId)).toEqual(['in_progress', 'authorized', 'captured', 'refunded']);
      expect(await ledgerOf(paymentId)).toEqual({});
      const events = await world.db
        .selectFrom('provider_events')
        .select('event_id')
        .where('payment_id', '=', paymentId as PaymentId)
        .execute();
      expect(events).toHaveLength(3);
    });

    it('may be all that is heard, newest first', async () => {
      const held = holdWebhooks();
      const { paymentId } = await starts();
      await buyer(paymentId, 'approve');
      await until('it was told', () => held.length === 1);
      const { id, amount } = await theirs(paymentId);
      const response = await fetch(`${world.url}/sandbox/psp/v1/payments/${id}/capture`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${world.secretOf('psp-api-key')}`,
          'content-type': 'application/json',
          'idempotency-key': randomUUID(),
        },
        body: JSON.stringify({ amount }),
      });
      expect(response.status).toBe(200);
      await until('that, too', () => held.length === 2);
      for (const webhook of held.toReversed()) expect(await deliver(webhook)).toBe(204);
      expect(await told(paymentId)).toEqual(['in_progress', 'authorized', 'captured']);
      expect(await ledgerOf(paymentId)).toEqual({ [provider]: 1_399_00, held: -1_399_00 });
    });

    it('may come before the call that began the payment returns', async () => {
      const request = newPayment();
      const answer = Promise.withResolvers<void>();
      let isHeld = false;
      world.faults.between = async (incoming, forward) => {
        const response = await forward();
        if (isApi(incoming, '/payments') && incoming.method === 'POST' && !isHeld) {
          isHeld = true;
          await answer.promise;
        }
        return response;
      };
      const starting = starts(request);
      await until('the provider knows it', async () => (await theirs(request.paymentId)).status === 'pending');
      await buyer(request.paymentId, 'approve');
      await becomes(request.paymentId, 'authorized');
      answer.resolve();
      expect(await starting).toMatchObject({ status: 'PAYMENT_STATUS_AUTHORIZED', confirmationUrl: '' });
      expect(await told(request.paymentId)).toEqual(['in_progress', 'authorized']);
    });

    it('is refused when it makes no sense', async () => {
      const held = holdWebhooks();
      const { paymentId } = await starts();
      await buyer(paymentId, 'approve');
      const right = await until('it was told', () => held[0]);
      expect([400, 401]).toContain(await deliver({ ...right, body: 'nonsense' }));
    });
  });

  it('keeps books that sum to zero', async () => {
    const { rows } = await sql`
      select transaction_id from payments.ledger_entries group by transaction_id, currency having sum(amount) <> 0`.execute(
      world.db,
    );
    expect(rows).toEqual([]);
  });
}
