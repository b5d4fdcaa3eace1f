// Whether Stripe takes what we send, and answers as our test server does: judged by stripe-mock, made by Stripe from its
// own description of its API. It keeps no books, so the whole life of a payment is played on ours behind it.
import { spawn } from 'node:child_process';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PaymentsServiceService } from '../../../proto/generated/lotok/payments/v1/payments.ts';
import { freePort } from '../../../scripts/free-port.ts';
import { findStripeMock } from '../../../scripts/services/stripe-mock.ts';
import { Hopeless, until } from '../../../tests/until.ts';
import { silentLog } from '../../platform/telemetry/log.ts';
import { createMetrics } from '../../platform/telemetry/metrics.ts';
import { startWorld } from '../../sandbox/world.testing.ts';
import { payments } from '../index.ts';
import type { PaymentProvider } from './provider.ts';
import { stripeProvider } from './stripe.ts';
import { createStripeClient } from './stripe-client.ts';
import { type StripeServer, startStripeServer, stripeKey, webhookSecret } from './stripe-server.testing.ts';

const program = findStripeMock();

// In CI it has to be there: `npm run services` builds it.
it.runIf(process.env['CI'])('stripe-mock is there', () => {
  expect(program).toBeDefined();
});

describe.skipIf(!program)('Stripe’s description of its API', () => {
  const started = new AsyncDisposableStack();
  let server: StripeServer;
  let provider: PaymentProvider;
  let approve: (reference: string) => Promise<unknown>;
  beforeAll(async () => {
    const port = await freePort();
    await startMock(port, started);
    server = started.use(await startStripeServer(`http://127.0.0.1:${port}`));
    const world = started.use(await startWorld(payments, PaymentsServiceService));
    server.open({ url: world.url, apiKey: world.secretOf('psp-api-key') });
    approve = (reference) => world.post(`/sandbox/psp/payments/${reference}/approve`);
    provider = stripeProvider({
      client: createStripeClient({
        name: 'stripe',
        secretKey: stripeKey,
        apiUrl: server.url,
        log: silentLog,
        metrics: createMetrics({ part: 'test' }),
        timeoutMs: 20_000,
      }),
      webhookSecrets: [webhookSecret],
    });
  });
  afterAll(() => started.disposeAsync());

  const usd = (amount: number) => ({ amount, currency: 'USD' });
  const creates = async () => {
    const reference = uuidv7();
    const created = await provider.createPayment({
      idempotencyKey: `${reference}:create`,
      reference,
      amount: usd(100_00),
      description: 'A bicycle',
      returnUrl: 'https://shop.example/orders/1',
    });
    return { reference, created, id: created.providerId };
  };

  it('knows every request of a payment’s life, and every field of the answers', async () => {
    const { reference, created, id } = await creates();
    expect(created).toMatchObject({ reference, status: 'pending', amount: usd(100_00) });
    await approve(reference);
    expect((await provider.get(id)).status).toBe('authorized');
    expect((await provider.capture(id, usd(100_00), `${reference}:capture`)).status).toBe('captured');
    expect(await provider.refund(id, usd(10_00), `${reference}:refund`)).toMatchObject({ refunded: 10_00 });
    const payout = await provider.payout({
      idempotencyKey: `${reference}:payout`,
      reference,
      providerId: id,
      sellerId: uuidv7(),
      destination: { type: 'stripe_account', account_id: 'acct_1Seller' },
      amount: usd(80_00),
    });
    expect(await provider.getPayout(payout.payoutId)).toEqual(payout);
    expect(server.objections).toEqual([]);
  });

  it('knows how one is given up, before and after it was paid', async () => {
    const open = await creates();
    expect((await provider.void(open.id, `${open.reference}:void`)).status).toBe('cancelled');
    const paid = await creates();
    await approve(paid.reference);
    expect((await provider.void(paid.id, `${paid.reference}:void`)).status).toBe('cancelled');
    expect(server.objections).toEqual([]);
  });

  it('would object to a request that Stripe does not take', async () => {
    const response = await fetch(`${server.url}/v1/checkout/sessions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${stripeKey}`, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ mode: 'payment', colour: 'green' }),
    });
    expect(response.status).toBe(400);
    expect(server.objections.splice(0)).toMatchObject([expect.stringContaining('additional properties')]);
  });
});

/** It reads a description of ten megabytes first. */
const mostStartMs = 80_000;

async function startMock(port: number, started: AsyncDisposableStack): Promise<void> {
  // Its second address is left to the system: the usual one may be another test's. Nor does it get our environment,
  // where it would take a PORT for its own.
  const addresses = ['-http-addr', `127.0.0.1:${port}`, '-https-addr', '127.0.0.1:'];
  const child = spawn(program ?? '', addresses, { env: {}, stdio: ['ignore', 'ignore', 'pipe'] });
  started.defer(() => void child.kill());
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2_000);
  });
  const headers = { authorization: `Bearer ${stripeKey}` };
  await until(
    'stripe-mock answers',
    async () => {
      if (child.exitCode !== null) throw new Hopeless(`stripe-mock ended: ${said}`);
      return (await fetch(`http://127.0.0.1:${port}/v1/balance`, { headers })).ok;
    },
    { timeoutMs: mostStartMs, everyMs: 200 },
  );
}
