// Stripe's API and webhooks for tests, as far as we use them: its shapes, over the sandbox's books.
import type { Context } from 'hono';
import Stripe from 'stripe';
import { type Company, Refused, type SandboxPayment, startCompany, type Words } from './company.testing.ts';

export const stripeKey = 'sk_test_OfThisTestOnly';
export const webhookSecret = 'whsec_of_this_test_only';

export interface StripeServer extends Company {
  /** Where stripe-mock judged a request, or an answer here had what its answer has not. */
  readonly objections: string[];
  /** An answer instead of the next one. */
  instead: (() => Response) | undefined;
}

/** What the sandbox's minor units are at Stripe, for the currencies that tests use. */
const factors: Readonly<Record<string, number>> = { UGX: 100, MGA: 0.01 };
const theirs = (amount: number, currency: string): number => amount * (factors[currency] ?? 1);
const ours = (amount: number, currency: string): number => amount / (factors[currency] ?? 1);

/** @param mock the address of stripe-mock, which knows which requests Stripe takes and what its answers look like */
export async function startStripeServer(mock?: string): Promise<StripeServer> {
  const objections: string[] = [];
  const paid = new Set<string>();
  const own: { objections: string[]; instead: (() => Response) | undefined } = { objections, instead: undefined };
  const signing = new Stripe(stripeKey).webhooks;

  const server: StripeServer = Object.assign(await startCompany(words()), own);
  return server;

  function words(): Words {
    return {
      api(app, its) {
        const answering =
          (answer: (c: Context, form: Form) => Promise<object>) =>
          async (c: Context): Promise<Response> => {
            const text = await c.req.text();
            const { instead } = server;
            if (instead) {
              server.instead = undefined;
              return instead();
            }
            if (c.req.header('authorization') !== `Bearer ${stripeKey}`) {
              return failure(401, 'invalid_request_error', undefined, 'Invalid API Key provided');
            }
            const fixture = mock && (await judged(mock, c, text, objections));
            if (fixture instanceof Response) return fixture;
            try {
              const body = await answer(c, new Form(c.req.method === 'GET' ? new URL(c.req.url).search : text));
              if (fixture) compare(`${c.req.method} ${c.req.path}`, body, fixture, objections);
              return Response.json(body);
            } catch (error) {
              if (!(error instanceof Refused)) throw error;
              if (error.status === 429) return failure(429, 'invalid_request_error', 'rate_limit', error.message);
              if (error.status >= 500) return failure(error.status, 'api_error', undefined, error.message);
              const code = error.status === 404 ? 'resource_missing' : error.code;
              return failure(error.status === 404 ? 404 : 400, 'invalid_request_error', code, error.message);
            }
          };
        const key = (c: Context): string | undefined => c.req.header('idempotency-key');
        const present = async (id: string): Promise<object> => session(await its.payment(id), its);

        app.post(
          '/v1/checkout/sessions',
          answering(async (c, form) => {
            const currency = form.get('line_items[0][price_data][currency]').toUpperCase();
            const amount = {
              amount: ours(Number(form.get('line_items[0][price_data][unit_amount]')), currency),
              currency,
            };
            const body = {
              reference: form.get('metadata[reference]'),
              amount,
              description: form.get('line_items[0][price_data][product_data][name]'),
              return_url: form.get('success_url'),
              capture: form.get('payment_intent_data[capture_method]') !== 'manual',
            };
            return session(await its.call<SandboxPayment>('POST', '/payments', { key: key(c), body }), its);
          }),
        );
        app.get(
          '/v1/checkout/sessions',
          answering(async (_c, form) => list([await present(form.get('payment_intent').slice('pi_'.length))])),
        );
        app.get(
          '/v1/checkout/sessions/:id',
          answering((c) => present(idOf(c))),
        );
        app.post(
          '/v1/checkout/sessions/:id/expire',
          answering(async (c) => {
            const { status } = await its.payment(idOf(c));
            if (status !== 'pending') throw new Refused(400, 'invalid_state', 'Only open sessions can be expired');
            await its.call('POST', `/payments/${idOf(c)}/cancel`, { key: key(c), body: {} });
            return present(idOf(c));
          }),
        );
        app.post(
          '/v1/payment_intents/:id/capture',
          answering(async (c, form) => {
            const { amount } = await its.payment(idOf(c));
            const asked = { ...amount, amount: ours(Number(form.get('amount_to_capture')), amount.currency) };
            const body = { amount: asked };
            return intent(
              await its.call<SandboxPayment>('POST', `/payments/${idOf(c)}/capture`, { key: key(c), body }),
              its,
            );
          }),
        );
        app.post(
          '/v1/payment_intents/:id/cancel',
          answering(async (c) =>
            intent(
              await its.call<SandboxPayment>('POST', `/payments/${idOf(c)}/cancel`, { key: key(c), body: {} }),
              its,
            ),
          ),
        );
        app.get(
          '/v1/refunds',
          answering(async (_c, form) => {
            const id = form.get('payment_intent').slice('pi_'.length);
            const { amount } = await its.payment(id);
            return list((await its.refunds(id)).map((each) => refund(id, amount.currency, each)));
          }),
        );
        app.post(
          '/v1/refunds',
          answering(async (_c, form) => {
            const id = form.get('payment_intent').slice('pi_'.length);
            const { currency } = (await its.payment(id)).amount;
            const amount = { amount: ours(Number(form.get('amount')), currency), currency };
            return refund(id, currency, await its.refund(id, form.get('metadata[key]'), amount));
          }),
        );
        app.get(
          '/v1/transfers',
          answering(async (_c, form) =>
            list(
              [...its.payouts]
                .filter(([, { reference }]) => reference === form.get('transfer_group'))
                .map(([id, each]) => transfer(id, each)),
            ),
          ),
        );
        app.post(
          '/v1/transfers',
          answering(async (c, form) => {
            const currency = form.get('currency').toUpperCase();
            const amount = { amount: ours(Number(form.get('amount')), currency), currency };
            const [reference, to] = [form.get('transfer_group'), form.get('destination')];
            if (!form.get('source_transaction').startsWith('ch_'))
              throw new Refused(400, 'resource_missing', 'no charge');
            const { id } = await its.call<{ id: string }>('POST', '/payouts', {
              key: key(c),
              body: { reference, amount, destination: to },
            });
            const made = { key: form.get('metadata[key]'), reference, ...amount, to };
            its.payouts.set(id, made);
            return transfer(id, made);
          }),
        );
        app.get(
          '/v1/transfers/:id',
          answering(async (c) => {
            const id = idOf(c);
            const known = its.payouts.get(id);
            if (!known) throw new Refused(404, 'not_found', 'No such transfer');
            return transfer(id, known);
          }),
        );
        app.get('/v1/accounts/:id', async (c) => {
          const id = c.req.param('id');
          if (id === 'acct_stranger')
            return failure(403, 'invalid_request_error', 'account_invalid', 'No access to it');
          return Response.json({
            id,
            object: 'account',
            capabilities: { transfers: id === 'acct_unfinished' ? 'inactive' : 'active' },
          });
        });
      },

      webhook({ id, type, payment }) {
        const status = type.slice('payment.'.length);
        if (status === 'authorized') paid.add(payment.id);
        const [told, object] = {
          authorized: ['payment_intent.amount_capturable_updated', pointer('payment_intent', payment.id)],
          captured: ['payment_intent.succeeded', pointer('payment_intent', payment.id)],
          cancelled: paid.has(payment.id)
            ? ['payment_intent.canceled', pointer('payment_intent', payment.id)]
            : ['checkout.session.expired', pointer('checkout.session', payment.id)],
          declined: ['checkout.session.expired', pointer('checkout.session', payment.id)],
          refunded: ['charge.refunded', pointer('charge', payment.id)],
          partly_refunded: ['charge.refunded', pointer('charge', payment.id)],
        }[status] ?? ['payment_intent.created', pointer('payment_intent', payment.id)];
        const body = JSON.stringify({ id, object: 'event', type: told, data: { object } });
        const signature = signing.generateTestHeaderString({ payload: body, secret: webhookSecret });
        return { path: '/v1/payments/webhooks/stripe', headers: { 'stripe-signature': signature }, body };
      },
    };
  }

  /** Its intent is there once somebody has paid. */
  async function session(payment: SandboxPayment, its: Company): Promise<object> {
    const { id, status, amount, reference } = payment;
    const isOver = status === 'declined' || (status === 'cancelled' && !paid.has(id));
    const isOpen = status === 'pending';
    return {
      id: `cs_test_${id}`,
      object: 'checkout.session',
      status: isOver ? 'expired' : isOpen ? 'open' : 'complete',
      amount_total: theirs(amount.amount, amount.currency),
      currency: amount.currency.toLowerCase(),
      client_reference_id: reference,
      metadata: { reference },
      payment_intent: isOver || isOpen ? null : await intent(payment, its),
      url: isOpen ? `https://checkout.stripe.test/pay/cs_test_${id}` : null,
    };
  }

  async function intent({ id, status, amount }: SandboxPayment, its: Company): Promise<object> {
    paid.add(id);
    const currency = amount.currency.toLowerCase();
    const back = (await its.refunds(id)).reduce((sum, each) => sum + (each.status === 'failed' ? 0 : each.amount), 0);
    return {
      id: `pi_${id}`,
      object: 'payment_intent',
      status: { authorized: 'requires_capture', cancelled: 'canceled' }[status as string] ?? 'succeeded',
      amount: theirs(amount.amount, amount.currency),
      currency,
      cancellation_reason: null,
      latest_charge: {
        id: `ch_${id}`,
        object: 'charge',
        // Also what is under way.
        amount_refunded: theirs(back, amount.currency),
      },
    };
  }
}

const pointer = (object: string, id: string): object =>
  object === 'checkout.session'
    ? { id: `cs_test_${id}`, object }
    : object === 'payment_intent'
      ? { id: `pi_${id}`, object }
      : { id: `ch_${id}`, object, payment_intent: `pi_${id}` };

const idOf = (c: Context): string => (c.req.param('id') ?? '').replace(/^(cs_test|pi)_/, '');
const list = (data: readonly object[]): object => ({ object: 'list', data, has_more: false, url: '/v1/list' });

const refund = (
  id: string,
  currency: string,
  { key, amount, status }: { key: string; amount: number; status: string },
) => ({
  id: `re_${key}`,
  object: 'refund',
  amount: theirs(amount, currency),
  currency: currency.toLowerCase(),
  metadata: { key },
  payment_intent: `pi_${id}`,
  status,
  ...(status === 'failed' ? { failure_reason: 'expired_or_canceled_card' } : {}),
});

const transfer = (
  id: string,
  {
    key,
    reference,
    amount,
    currency,
    to,
  }: { key: string; reference: string; amount: number; currency: string; to: string },
) => ({
  id,
  object: 'transfer',
  amount: theirs(amount, currency),
  currency: currency.toLowerCase(),
  destination: to,
  metadata: { key },
  reversed: false,
  transfer_group: reference,
});

export const failure = (status: number, type: string, code: string | undefined, message: string): Response =>
  Response.json({ error: { type, code, message } }, { status });

/** A form as Stripe takes it, read by the names of its fields. */
class Form {
  readonly #fields: URLSearchParams;
  constructor(text: string) {
    this.#fields = new URLSearchParams(text);
  }
  get(name: string): string {
    return this.#fields.get(name) ?? '';
  }
}

/** What stripe-mock answers; its no is the answer. */
async function judged(mock: string, c: Context, text: string, objections: string[]): Promise<object | Response> {
  const { pathname, search } = new URL(c.req.url);
  const response = await fetch(`${mock}${pathname}${search}`, {
    method: c.req.method,
    headers: {
      authorization: `Bearer ${stripeKey}`,
      'content-type': c.req.header('content-type') ?? 'application/x-www-form-urlencoded',
    },
    ...(c.req.method === 'GET' ? {} : { body: text }),
  });
  const body = (await response.json()) as object;
  if (response.ok) return body;
  objections.push(`${c.req.method} ${pathname}: ${JSON.stringify(body)}`);
  return Response.json(body, { status: response.status });
}

/** Every field of ours is one of Stripe's, at every depth where both have something. */
function compare(where: string, mine: unknown, theirs: unknown, objections: string[]): void {
  if (Array.isArray(mine) && Array.isArray(theirs)) {
    for (const item of mine) if (theirs[0]) compare(`${where}[]`, item, theirs[0], objections);
  } else if (isObject(mine) && isObject(theirs)) {
    for (const [name, value] of Object.entries(mine)) {
      if (name === 'metadata') continue;
      if (name in theirs) compare(`${where}.${name}`, value, theirs[name], objections);
      else objections.push(`${where}.${name} is not Stripe’s`);
    }
  }
}
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
