import { createHmac, randomUUID } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PaymentsServiceService } from '../../proto/generated/lotok/payments/v1/payments.ts';
import { until } from '../../tests/until.ts';
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
const atProvider = async (id: string) => {
  const response = await fetch(`${world.url}/sandbox/psp/v1/payments/${id}`, {
    headers: { authorization: `Bearer ${world.secretOf('psp-api-key')}` },
  });
  return ((await response.json()) as { status: string }).status;
};
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
    await world.rpc.payOut({ paymentId: request.paymentId }, key());
    await world.rpc.payOut({ paymentId: request.paymentId }, key());
    expect(await toldStatuses(request.paymentId)).toEqual([
      ['in_progress', 1],
      ['authorized', 2],
      ['captured', 3],
    ]);
    // The provider's own webhooks of what we did come too, and change nothing.
    await until('all webhooks are in', async () => {
      const events = await world.db
        .selectFrom('provider_events')
        .select('status')
        .where('payment_id', '=', request.paymentId as never)
        .execute();
      return events.length === 2;
    });
    expect(await toldStatuses(request.paymentId)).toHaveLength(3);
    expect(await balances(request.orderId, request.sellerId)).toEqual({ held: 0, seller: 0 });
  });
});
