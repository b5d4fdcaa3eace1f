import Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../../platform/telemetry/log.ts';
import { createMetrics } from '../../platform/telemetry/metrics.ts';
import { providerContract } from './contract.testing.ts';
import { type PaymentProvider, ProviderRefusal, ProviderUnavailable } from './provider.ts';
import { stripeProvider } from './stripe.ts';
import { createStripeClient } from './stripe-client.ts';
import { failure, type StripeServer, startStripeServer, stripeKey, webhookSecret } from './stripe-server.testing.ts';

let server: StripeServer;
beforeAll(async () => {
  server = await startStripeServer();
});
afterAll(() => server?.[Symbol.asyncDispose]());

describe('Stripe', () => {
  providerContract({
    name: 'stripe',
    company: () => server,
    config: () => ({
      paymentProviders: ['stripe'],
      stripe: {
        secretKey: stripeKey,
        webhookSecrets: ['whsec_the_next_one', webhookSecret],
        currencies: ['RUB', 'JPY', 'KWD'],
        apiUrl: server.url,
      },
    }),
    destination: { type: 'stripe_account', account_id: 'acct_1Seller' },
    forged: ({ headers, body }) => ({ headers: { ...headers, 'stripe-signature': 't=1,v1=00' }, body }),
  });
});

const providerOf = (): PaymentProvider =>
  stripeProvider({
    client: createStripeClient({
      name: 'stripe',
      secretKey: stripeKey,
      apiUrl: server.url,
      log: silentLog,
      metrics: createMetrics({ part: 'test' }),
    }),
    webhookSecrets: [webhookSecret],
  });

describe('Stripe’s no', () => {
  const refusedWith = async (answer: () => Response, times = 1): Promise<unknown> => {
    let left = times;
    const next = (): Response => {
      left -= 1;
      if (left > 0) server.instead = next;
      return answer();
    };
    server.instead = next;
    return providerOf()
      .get('cs_test_1')
      .catch((error: unknown) => error)
      .finally(() => {
        server.instead = undefined;
      });
  };

  it('of the buyer’s bank is a refusal that says why', async () => {
    const declined = (): Response =>
      Response.json(
        {
          error: { type: 'card_error', code: 'card_declined', decline_code: 'insufficient_funds', message: 'No money' },
        },
        { status: 402 },
      );
    const error = await refusedWith(declined);
    expect(error).toBeInstanceOf(ProviderRefusal);
    expect((error as Error).message).toBe('insufficient_funds: No money');
  });

  it('to a request that makes no sense there is a refusal', async () => {
    const error = await refusedWith(() =>
      failure(400, 'invalid_request_error', 'payment_intent_unexpected_state', 'It is canceled'),
    );
    expect(error).toBeInstanceOf(ProviderRefusal);
  });

  it.each([
    ['too many requests', 429, 'invalid_request_error', 'rate_limit'],
    ['two requests at once', 429, 'invalid_request_error', 'lock_timeout'],
    ['a key that is in use', 409, 'idempotency_error', 'idempotency_key_in_use'],
    ['trouble over there', 500, 'api_error', undefined],
    ['a key of ours that is wrong', 401, 'invalid_request_error', undefined],
  ])('because of %s says nothing about the request', async (_what, status, type, code) => {
    expect(await refusedWith(() => failure(status, type, code, 'not now'), 10)).toBeInstanceOf(ProviderUnavailable);
  });
});

describe('Stripe’s webhook', () => {
  const signing = new Stripe(stripeKey).webhooks;
  const hears = (event: unknown, { secret = webhookSecret, timestamp = Math.floor(Date.now() / 1000) } = {}) => {
    const payload = JSON.stringify(event);
    const header = signing.generateTestHeaderString({ payload, secret, timestamp });
    return providerOf().hearWebhook(
      new Headers({ 'stripe-signature': header }),
      new TextEncoder().encode(payload),
      new Date(),
    );
  };
  const event = (type: string, object: object) => ({ id: 'evt_1', object: 'event', type, data: { object } });
  const other = event('customer.created', { id: 'cus_1', object: 'customer' });

  it('is believed with the right secret, for five minutes', async () => {
    expect(await hears(other)).toBeNull();
    await expect(hears(other, { secret: 'whsec_of_somebody' })).rejects.toMatchObject({ code: 'invalid-signature' });
    await expect(hears(other, { timestamp: Math.floor(Date.now() / 1000) - 301 })).rejects.toMatchObject({
      code: 'invalid-signature',
    });
  });

  it('has to make sense', async () => {
    await expect(hears({ id: 'evt_1' })).rejects.toMatchObject({ code: 'invalid-field' });
  });
});

describe('a seller’s account', () => {
  it.each([
    ['acct_stranger', 'is not connected to this marketplace'],
    ['acct_unfinished', 'can not receive transfers yet; finish its set-up at Stripe'],
  ])('%s %s', async (account_id, message) => {
    await expect(providerOf().checkDestination({ type: 'stripe_account', account_id })).rejects.toMatchObject({
      code: 'invalid-field',
      extras: { errors: [{ field: 'account_id', message }] },
    });
  });
});
