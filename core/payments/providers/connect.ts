// Which providers there are, by the configuration, and which of them gets new payments.
import { createPartner, type PartnerCalls } from '../../platform/http/partner.ts';
import { derivedSecret, folderSecret } from '../../platform/secrets.ts';
import type { ServiceContext } from '../../platform/service.ts';
import type { PaymentsTables } from '../store.ts';
import type { PaymentProvider } from './provider.ts';
import { sandboxProvider } from './sandbox.ts';
import { stripeProvider } from './stripe.ts';
import { createStripeClient } from './stripe-client.ts';
import { publishedNetworks, yookassaProvider } from './yookassa.ts';

export interface Providers {
  /** By name. A payment stays with the one that it began with. */
  readonly providers: ReadonlyMap<string, PaymentProvider>;
  readonly preferred: (currency: string) => string | null;
}

type Context = Pick<ServiceContext<PaymentsTables>, 'config' | 'selfUrl' | 'log' | 'metrics'>;

/** Companies further away than the sandbox, which answers at once. */
const timeoutMs = 4_000;

export async function connectProviders(context: Context): Promise<Providers> {
  const { config, log } = context;
  const all = [
    ...(config.sandbox ? [{ provider: await sandbox(context), currencies: null }] : []),
    ...(config.stripe ? [{ provider: stripe(context, config.stripe), currencies: config.stripe.currencies }] : []),
    ...(config.yookassa
      ? [{ provider: yookassa(context, config.yookassa), currencies: config.yookassa.currencies }]
      : []),
  ];
  if (all.length === 0) log.warn('payments.no_provider');
  const order = config.paymentProviders ?? all.map(({ provider }) => provider.name);
  const takesNew = order.flatMap((name) => all.filter(({ provider }) => provider.name === name));
  return {
    providers: new Map(all.map(({ provider }) => [provider.name, provider])),
    preferred: (currency) =>
      takesNew.find(({ currencies }) => currencies?.includes(currency) ?? true)?.provider.name ?? null,
  };
}

async function sandbox({ config, selfUrl, log, metrics }: Context): Promise<PaymentProvider> {
  const secret = config.sandboxSecret ?? (await folderSecret(config.dataFolder, 'sandbox'));
  const partner = createPartner({
    name: 'sandbox_psp',
    baseUrl: () => config.sandboxPspUrl ?? selfUrl(),
    apiKey: derivedSecret(secret, 'psp-api-key'),
    log,
    metrics,
  });
  return sandboxProvider({ partner, webhookSecret: derivedSecret(secret, 'psp-webhook-secret') });
}

function stripe(
  { log, metrics }: Context,
  { secretKey, apiUrl, webhookSecrets }: NonNullable<Context['config']['stripe']>,
): PaymentProvider {
  const client = createStripeClient({ name: 'stripe', secretKey, apiUrl, log, metrics, timeoutMs });
  return stripeProvider({ client, webhookSecrets });
}

function yookassa({ log, metrics }: Context, settings: NonNullable<Context['config']['yookassa']>): PaymentProvider {
  const { apiUrl, shopId, secretKey, payoutAgentId, payoutSecretKey, networks = publishedNetworks } = settings;
  const calls = { log, metrics, timeoutMs };
  const partnerOf = (user: string, password: string, { name }: Pick<PartnerCalls, 'name'>) =>
    createPartner({
      ...calls,
      name,
      baseUrl: () => apiUrl,
      apiKey: { header: async () => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` },
      idempotencyHeader: 'idempotence-key',
    });
  return yookassaProvider({
    partner: partnerOf(shopId, secretKey, { name: 'yookassa' }),
    payouts:
      payoutAgentId && payoutSecretKey
        ? partnerOf(payoutAgentId, payoutSecretKey, { name: 'yookassa_payouts' })
        : undefined,
    networks,
  });
}
