// YooKassa's API, version 3, and its notifications for tests: its shapes, over the sandbox's books.
import type { Context } from 'hono';
import { type Company, Refused, type SandboxPayment, startCompany } from './company.testing.ts';

export const shop = { shopId: '100500', secretKey: 'test_of_this_test_only' } as const;
export const agent = { payoutAgentId: '500100', payoutSecretKey: 'test_payouts_of_this_test' } as const;
/** In its published networks. */
export const theirAddress = '185.71.76.5';

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** How many decimals the currencies of the tests have. */
const digits: Readonly<Record<string, number>> = { RUB: 2, USD: 2, JPY: 0, KWD: 3 };
const written = (amount: number, currency: string) => ({
  value: (amount / 10 ** (digits[currency] ?? 2)).toFixed(digits[currency] ?? 2),
  currency,
});
const read = ({ value, currency }: { value: string; currency: string }) => ({
  amount: Math.round(Number(value) * 10 ** (digits[currency] ?? 2)),
  currency,
});

export const startYookassaServer = (): Promise<Company> => {
  const paid = new Set<string>();
  return startCompany({
    api(app, its) {
      const answering =
        (authorization: string, answer: (c: Context) => Promise<object>) =>
        async (c: Context): Promise<Response> => {
          if (c.req.header('authorization') !== authorization) {
            return failure(401, 'invalid_credentials', 'Authentication by given credentials failed');
          }
          const key = c.req.header('idempotence-key');
          if (c.req.method === 'POST' && (!key || key.length > 64)) {
            return failure(400, 'invalid_request', 'Idempotence key must have 1 to 64 characters');
          }
          try {
            return Response.json(await answer(c));
          } catch (error) {
            if (!(error instanceof Refused)) throw error;
            if (error.status === 429) return failure(429, 'too_many_requests', error.message);
            if (error.status >= 500) return failure(error.status, 'internal_server_error', error.message);
            if (error.status === 404) return failure(404, 'not_found', error.message);
            return failure(400, 'invalid_request', error.message);
          }
        };
      const key = (c: Context): string | undefined => c.req.header('idempotence-key');
      const ofShop = (answer: (c: Context) => Promise<object>) => answering(basic(shop.shopId, shop.secretKey), answer);
      const ofAgent = (answer: (c: Context) => Promise<object>) =>
        answering(basic(agent.payoutAgentId, agent.payoutSecretKey), answer);
      const idOf = (c: Context): string => c.req.param('id') ?? '';

      app.post(
        '/v3/payments',
        ofShop(async (c) => {
          const { amount, capture, confirmation, description, metadata } = await c.req.json();
          if ([...description].length > 128) throw new Refused(400, 'invalid_request', 'description is too long');
          const body = {
            reference: metadata.reference,
            amount: read(amount),
            description,
            return_url: confirmation.return_url,
            capture,
          };
          return payment(await its.call<SandboxPayment>('POST', '/payments', { key: key(c), body }));
        }),
      );
      app.get(
        '/v3/payments/:id',
        ofShop(async (c) => payment(await its.payment(idOf(c)))),
      );
      app.post(
        '/v3/payments/:id/capture',
        ofShop(async (c) => {
          const { amount } = await c.req.json();
          const body = { amount: read(amount) };
          return payment(await its.call<SandboxPayment>('POST', `/payments/${idOf(c)}/capture`, { key: key(c), body }));
        }),
      );
      app.post(
        '/v3/payments/:id/cancel',
        ofShop(async (c) => {
          const { status } = await its.payment(idOf(c));
          if (status === 'pending') throw new Refused(400, 'invalid_request', 'Only waiting_for_capture is cancelled');
          return payment(
            await its.call<SandboxPayment>('POST', `/payments/${idOf(c)}/cancel`, { key: key(c), body: {} }),
          );
        }),
      );
      app.get(
        '/v3/refunds',
        ofShop(async (c) => {
          const id = c.req.query('payment_id') ?? '';
          const { amount } = await its.payment(id);
          return { type: 'list', items: (await its.refunds(id)).map((each) => refund(id, amount.currency, each)) };
        }),
      );
      app.post(
        '/v3/refunds',
        ofShop(async (c) => {
          const { payment_id, amount, description } = await c.req.json();
          return refund(payment_id, amount.currency, await its.refund(payment_id, description, read(amount)));
        }),
      );
      app.get(
        '/v3/payouts/search',
        ofAgent(async (c) => ({
          type: 'list',
          items: [...its.payouts].filter(([, { key: of }]) => of === c.req.query('metadata[key]')).map(payout),
        })),
      );
      app.post(
        '/v3/payouts',
        ofAgent(async (c) => {
          const { amount, payout_destination_data: to, metadata } = await c.req.json();
          const money = read(amount);
          const body = { reference: metadata.reference, amount: money, destination: to.account_number ?? to.phone };
          const { id } = await its.call<{ id: string }>('POST', '/payouts', { key: key(c), body });
          const made = { key: metadata.key, reference: metadata.reference, ...money, to: body.destination };
          its.payouts.set(id, made);
          return payout([id, made]);
        }),
      );
      app.get(
        '/v3/payouts/:id',
        ofAgent(async (c) => {
          const known = its.payouts.get(idOf(c));
          if (!known) throw new Refused(404, 'not_found', 'There is no such payout');
          return payout([idOf(c), known]);
        }),
      );
    },
    webhook({ type, payment: its }) {
      const event = {
        authorized: 'payment.waiting_for_capture',
        captured: 'payment.succeeded',
        cancelled: 'payment.canceled',
        declined: 'payment.canceled',
      }[type.slice('payment.'.length)];
      const isRefund = event === undefined;
      const body = JSON.stringify({
        type: 'notification',
        event: event ?? 'refund.succeeded',
        object: isRefund ? { id: `${its.id}-${its.refunded}`, payment_id: its.id, status: 'succeeded' } : payment(its),
      });
      return { path: '/v1/payments/webhooks/yookassa', headers: { 'x-forwarded-for': theirAddress }, body };
    },
  });

  function payment({ id, reference, status, amount, refunded, reason, confirmation_url }: SandboxPayment): object {
    if (status === 'authorized') paid.add(id);
    const cancellation =
      status === 'declined'
        ? { party: 'payment_network', reason: reason ?? 'general_decline' }
        : { party: 'merchant', reason: 'canceled_by_merchant' };
    const isOver = status === 'declined' || status === 'cancelled';
    return {
      id,
      status:
        { pending: 'pending', authorized: 'waiting_for_capture', declined: 'canceled', cancelled: 'canceled' }[
          status as string
        ] ?? 'succeeded',
      amount: written(amount.amount, amount.currency),
      paid: paid.has(id) && !isOver,
      refundable: status === 'captured',
      metadata: { reference },
      ...(refunded > 0 ? { refunded_amount: written(refunded, amount.currency) } : {}),
      ...(isOver ? { cancellation_details: cancellation } : {}),
      ...(status === 'pending'
        ? { confirmation: { type: 'redirect', confirmation_url: confirmation_url ?? 'https://yookassa.test/pay' } }
        : {}),
    };
  }
};

const refund = (
  id: string,
  currency: string,
  { key, amount, status }: { key: string; amount: number; status: string },
) => ({
  id: `refund-${key}`,
  payment_id: id,
  status: status === 'failed' ? 'canceled' : status,
  amount: written(amount, currency),
  description: key,
  ...(status === 'failed' ? { cancellation_details: { party: 'payment_network', reason: 'rejected_by_payee' } } : {}),
});

const payout = ([id, { key, reference, amount, currency }]: [
  string,
  { key: string; reference: string; amount: number; currency: string },
]) => ({
  id,
  status: 'succeeded',
  amount: written(amount, currency),
  metadata: { key, reference },
});

const failure = (status: number, code: string, description: string): Response =>
  Response.json({ type: 'error', id: 'e', code, description }, { status });
