import { describe, expect, it } from 'vitest';
import { coreConfig } from '../../platform/config.ts';
import { silentLog } from '../../platform/telemetry/log.ts';
import { createMetrics } from '../../platform/telemetry/metrics.ts';
import { connectProviders } from './connect.ts';

const stripe = { STRIPE_SECRET_KEY: 'sk_test_1', STRIPE_WEBHOOK_SECRET: 'whsec_1, whsec_2' };
const yookassa = { YOOKASSA_SHOP_ID: '1', YOOKASSA_SECRET_KEY: 'test_0123456789abcdef' };
const connected = async (env: Record<string, string>) =>
  connectProviders({
    config: coreConfig({ SANDBOX: '0', SANDBOX_SECRET: 'a secret of this test', ...env }),
    selfUrl: () => '',
    log: silentLog,
    metrics: createMetrics({ part: 'test' }),
  });

describe('providers side by side', () => {
  it('each get new payments in their currencies, the first one that takes it', async () => {
    const { providers, preferred } = await connected({ ...stripe, ...yookassa, STRIPE_CURRENCIES: 'USD,RUB' });
    expect([...providers.keys()]).toEqual(['stripe', 'yookassa']);
    expect(['USD', 'RUB', 'CHF'].map(preferred)).toEqual(['stripe', 'stripe', null]);
    const other = await connected({
      ...{ ...stripe, ...yookassa, STRIPE_CURRENCIES: 'USD,RUB' },
      PAYMENT_PROVIDERS: 'yookassa,stripe',
    });
    expect(['USD', 'RUB', 'CHF'].map(other.preferred)).toEqual(['stripe', 'yookassa', null]);
  });

  it('keep their old payments when they get no new ones', async () => {
    const { providers, preferred } = await connected({ ...stripe, ...yookassa, PAYMENT_PROVIDERS: 'yookassa' });
    expect(providers.has('stripe')).toBe(true);
    expect(preferred('USD')).toBeNull();
  });

  it('are none without settings; in development there is the sandbox, for every currency', async () => {
    expect((await connected({})).preferred('RUB')).toBeNull();
    expect((await connected({ SANDBOX: '1' })).preferred('CHF')).toBe('sandbox');
  });

  it('pay sellers only where there is a contract about it', async () => {
    const { providers } = await connected(yookassa);
    expect(providers.get('yookassa')?.pays).toEqual([]);
    const payouts = { YOOKASSA_PAYOUT_AGENT_ID: '2', YOOKASSA_PAYOUT_SECRET_KEY: 'test_0123456789abcdef' };
    const both = await connected({ ...yookassa, ...payouts });
    expect(both.providers.get('yookassa')?.pays).toEqual(['yoo_money', 'sbp']);
  });
});

describe('settings that are wrong', () => {
  it.each([
    [{ PAYMENT_PROVIDERS: 'stripe' }, 'PAYMENT_PROVIDERS names one that is not set up'],
    [{ PAYMENT_PROVIDERS: 'sandbox', SANDBOX: '0' }, 'PAYMENT_PROVIDERS names one that is not set up'],
    [{ PAYMENT_PROVIDERS: 'paypal' }, 'paymentProviders'],
    [{ ...stripe, STRIPE_SECRET_KEY: 'pk_live_1' }, 'stripe.secretKey'],
    [{ STRIPE_SECRET_KEY: 'sk_live_1' }, 'stripe.webhookSecrets'],
    [{ STRIPE_WEBHOOK_SECRET: 'whsec_1' }, 'stripe.secretKey'],
    [{ ...stripe, STRIPE_CURRENCIES: 'dollars' }, 'stripe.currencies'],
    [{ ...yookassa, YOOKASSA_PAYOUT_AGENT_ID: '2' }, 'belong together'],
    [{ ...yookassa, YOOKASSA_NETWORKS: 'everywhere' }, 'yookassa.networks'],
    [{ PLATFORM_FEE_BASIS_POINTS: '10001' }, 'platformFeeBasisPoints'],
    [{ PLATFORM_FEE_BASIS_POINTS: '2.5' }, 'platformFeeBasisPoints'],
  ] as [Record<string, string>, string][])('%j are named, and no secret is told', async (env, message) => {
    const failure = await connected(env).catch((error: Error) => error.message);
    expect(failure).toContain(message);
    for (const secret of ['pk_live_1', 'sk_live_1', 'test_0123']) expect(failure).not.toContain(secret);
  });
});
