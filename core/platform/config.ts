// Core's configuration, read once from the environment by the composition root.
import { z } from 'zod';
import { Currency } from '../../contracts/common.ts';
import { type ServiceName, services } from '../../contracts/route.ts';

const flag = z.enum(['0', '1', 'true', 'false']).transform((value) => value === '1' || value === 'true');
const seconds = z.coerce.number().int().min(1);
const list = z.string().transform((text) => text.split(',').map((item) => item.trim()));
const currencies = list.pipe(z.array(Currency).min(1));

export const courierNames = ['sandbox', 'cdek', 'easypost'] as const;
export type CourierName = (typeof courierNames)[number];

export const CoreConfig = z.object({
  /** Which services run in this process. */
  services: z.array(z.enum(services)).min(1),
  hostname: z.string().default('127.0.0.1'),
  port: z.coerce.number().int().min(0).max(65_535).default(8081),
  /** Where keys, certificates, pictures and the embedded database live. */
  dataFolder: z.string().min(1).default('.lotok'),
  /** Where clients reach the edge: links in mails, return addresses of payment pages. */
  publicUrl: z
    .url()
    .transform((url) => url.replace(/\/$/, ''))
    .default('http://127.0.0.1:8080'),
  databaseUrl: z.string().optional(),
  databasePoolSize: z.coerce.number().int().min(1).max(100).default(4),
  kafkaBrokers: z.string().optional(),
  jwksUrl: z.url().optional(),
  jwtIssuer: z.string().min(1).default('https://lotok.internal'),
  jwtAudience: z.string().min(1).default('lotok'),
  accessTokenSeconds: seconds.default(900),
  /** Encrypts the signing keys in the database; made in the data folder when not given. The same in all core processes. */
  jwtKeysSecret: z.string().min(16).optional(),
  tlsCertFile: z.string().optional(),
  tlsKeyFile: z.string().optional(),
  tlsCaFile: z.string().optional(),
  /** The first of the gRPC ports (see `rpc/services.ts`); 0 takes free ones, which only services of one process find. */
  rpcPort: z.coerce.number().int().min(0).max(65_000).default(9_190),
  /** Addresses of services that run elsewhere: host:port for gRPC. */
  addresses: z.partialRecord(z.enum(services), z.string()).default({}),
  s3: z
    .object({
      endpoint: z.url(),
      region: z.string(),
      bucket: z.string(),
      accessKeyId: z.string(),
      secretAccessKey: z.string(),
    })
    .optional(),
  smtpUrl: z.url().optional(),
  /** Signs the links that end mails; made in the data folder when not given. The same in all core processes. */
  unsubscribeSecret: z.string().min(16).optional(),
  /** After so many mails to one person within the window the others wait for its end, and leave as one. */
  mailBurst: z
    .object({
      mails: z.coerce.number().int().min(1).max(1_000),
      windowSeconds: z.coerce.number().int().min(0).max(86_400),
    })
    .default({ mails: 5, windowSeconds: 0 }),
  mailFrom: z.string().default('Lotok <no-reply@lotok.example>'),
  /** The sandbox provider, courier and mailbox, and demo accounts: on unless `PRODUCTION` or `NODE_ENV=production`. */
  sandbox: flag,
  /** Who carries parcels, in the order in which they are asked; the sandbox's courier while there is a sandbox. */
  couriers: z.array(z.enum(courierNames)).default([]),
  /** What couriers are told of every parcel: nobody has weighed what is sold. */
  parcel: z
    .object({
      grams: z.coerce.number().int().min(1).max(50_000),
      lengthCm: z.coerce.number().int().min(1).max(300),
      widthCm: z.coerce.number().int().min(1).max(300),
      heightCm: z.coerce.number().int().min(1).max(300),
    })
    .default({ grams: 2_000, lengthCm: 30, widthCm: 20, heightCm: 15 }),
  cdek: z
    .object({
      url: z.url(),
      account: z.string().min(1),
      password: z.string().min(1),
      /** In the address that CDEK sends its webhooks to. */
      webhookToken: z.string().min(16),
      tariffs: z.object({
        pickupPoint: z.coerce.number().int().min(1),
        courier: z.coerce.number().int().min(1),
      }),
    })
    .optional(),
  easypost: z
    .object({
      url: z.url(),
      apiKey: z.string().min(1),
      webhookSecret: z.string().min(16),
      placesFile: z.string().min(1),
    })
    .optional(),
  sandboxStepMs: z.coerce.number().int().min(0).max(3_600_000).default(3_000),
  /** Shared with the provider and the courier; made in the data folder when sandboxes run here. */
  sandboxSecret: z.string().min(16).optional(),
  /** Where payments finds the sandbox provider, and delivery the sandbox courier: in this process when not given. */
  sandboxPspUrl: z.url().optional(),
  sandboxCourierUrl: z.url().optional(),
  /** Where both send their webhooks: this process when not given, else what stands before several of them. */
  sandboxWebhookUrl: z.url().optional(),
  /** Who gets new payments: the first of these that takes the currency. Others that are set up keep their old ones. */
  paymentProviders: list.pipe(z.array(z.enum(['sandbox', 'stripe', 'yookassa'])).min(1)).optional(),
  stripe: z
    .object({
      secretKey: z.string().regex(/^[sr]k_(test|live)_\w+$/, 'must be a secret or restricted key of Stripe'),
      /** Several while one is being changed. */
      webhookSecrets: list.pipe(z.array(z.string().startsWith('whsec_')).min(1)),
      currencies: currencies.default(['USD', 'EUR', 'GBP']),
      apiUrl: z.url().default('https://api.stripe.com'),
    })
    .optional(),
  yookassa: z
    .object({
      shopId: z.string().regex(/^\d+$/, 'must be the number of a shop'),
      secretKey: z.string().min(16),
      /** YooKassa's payouts are a contract of their own. */
      payoutAgentId: z.string().regex(/^\d+$/).optional(),
      payoutSecretKey: z.string().min(16).optional(),
      currencies: currencies.default(['RUB']),
      apiUrl: z.url().default('https://api.yookassa.ru'),
      /** Where notifications come from; YooKassa's published networks when not given. */
      networks: list.pipe(z.array(z.union([z.cidrv4(), z.cidrv6()])).min(1)).optional(),
    })
    .refine(({ payoutAgentId, payoutSecretKey }) => (payoutAgentId === undefined) === (payoutSecretKey === undefined), {
      path: ['payoutSecretKey'],
      message: 'YOOKASSA_PAYOUT_AGENT_ID and YOOKASSA_PAYOUT_SECRET_KEY belong together',
    })
    .optional(),
  /** What the platform keeps of a price, in hundredths of a per cent. */
  platformFeeBasisPoints: z.coerce.number().int().min(0).max(10_000).default(0),
  paymentTimeoutSeconds: seconds.default(15 * 60),
  deliveryTimeoutSeconds: seconds.default(30 * 24 * 3600),
  acceptTimeoutSeconds: seconds.default(7 * 24 * 3600),
  /** After which time unread messages are told of by a notice and a mail. */
  chatNoticeSeconds: seconds.default(10 * 60),
  otlpEndpoint: z.url().optional(),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});
export type CoreConfig = z.output<typeof CoreConfig>;

/** The sandbox lets anybody approve any payment, and its demo accounts have a known password. */
const SafeCoreConfig = (env: NodeJS.ProcessEnv) =>
  CoreConfig.refine(
    (config) => (config.paymentProviders ?? []).every((name) => config[name] !== undefined && config[name] !== false),
    { path: ['paymentProviders'], message: 'PAYMENT_PROVIDERS names one that is not set up' },
  )
    .refine(({ sandbox }) => !(sandbox && isSet(env['PRODUCTION'])), {
      path: ['sandbox'],
      message: 'SANDBOX=1 is not for PRODUCTION=1',
    })
    .refine(({ sandbox, couriers }) => sandbox || !couriers.includes('sandbox'), {
      path: ['couriers'],
      message: 'COURIERS names sandbox, which only is there with SANDBOX=1',
    })
    .refine(({ couriers, cdek }) => cdek !== undefined || !couriers.includes('cdek'), {
      path: ['couriers'],
      message: 'COURIERS names cdek: set CDEK_ACCOUNT, CDEK_PASSWORD and CDEK_WEBHOOK_TOKEN',
    })
    .refine(({ couriers, easypost }) => easypost !== undefined || !couriers.includes('easypost'), {
      path: ['couriers'],
      message: 'COURIERS names easypost: set EASYPOST_API_KEY, EASYPOST_WEBHOOK_SECRET and EASYPOST_PLACES_FILE',
    });

/** Throws an error that names each variable that is wrong. */
export function coreConfig(env: NodeJS.ProcessEnv, only?: readonly string[]): CoreConfig {
  const addresses = Object.fromEntries(
    services.flatMap((service) => {
      const address = env[`${service.toUpperCase()}_ADDR`];
      return address === undefined ? [] : [[service, address] as const];
    }),
  );
  const sandbox = env['SANDBOX'] ?? (isProduction(env) ? '0' : '1');
  const result = SafeCoreConfig(env).safeParse({
    services: (only ?? services) as readonly ServiceName[],
    hostname: env['HOST'],
    port: env['PORT'],
    dataFolder: env['LOTOK_DATA'],
    publicUrl: env['PUBLIC_URL'],
    databaseUrl: env['DATABASE_URL'],
    databasePoolSize: env['DATABASE_POOL_SIZE'],
    kafkaBrokers: env['KAFKA_BROKERS'],
    jwksUrl: env['JWKS_URL'],
    jwtIssuer: env['JWT_ISSUER'],
    jwtAudience: env['JWT_AUDIENCE'],
    accessTokenSeconds: env['ACCESS_TOKEN_SECONDS'],
    jwtKeysSecret: env['JWT_KEYS_SECRET'],
    tlsCertFile: env['TLS_CERT_FILE'],
    tlsKeyFile: env['TLS_KEY_FILE'],
    tlsCaFile: env['TLS_CA_FILE'],
    rpcPort: env['GRPC_PORT'],
    addresses,
    s3: env['S3_ENDPOINT'] && {
      endpoint: env['S3_ENDPOINT'],
      region: env['S3_REGION'] ?? 'us-east-1',
      bucket: env['S3_BUCKET'],
      accessKeyId: env['S3_ACCESS_KEY_ID'],
      secretAccessKey: env['S3_SECRET_ACCESS_KEY'],
    },
    smtpUrl: env['SMTP_URL'],
    unsubscribeSecret: env['UNSUBSCRIBE_SECRET'],
    mailBurst: {
      mails: env['MAIL_BURST'] ?? '5',
      // Whoever tries the sandbox wants to see each mail at once.
      windowSeconds: env['MAIL_BURST_SECONDS'] ?? (isSet(sandbox) ? '0' : '600'),
    },
    mailFrom: env['MAIL_FROM'],
    sandbox,
    couriers: env['COURIERS'] === undefined ? (isSet(sandbox) ? ['sandbox'] : []) : listOf(env['COURIERS']),
    parcel: parcelIn(env),
    cdek: env['CDEK_ACCOUNT'] && {
      url: env['CDEK_URL'] ?? 'https://api.cdek.ru',
      account: env['CDEK_ACCOUNT'],
      password: env['CDEK_PASSWORD'],
      webhookToken: env['CDEK_WEBHOOK_TOKEN'],
      // Parcels of shops, from a pick-up point to a pick-up point, and to a door.
      tariffs: {
        pickupPoint: env['CDEK_TARIFF_PICKUP_POINT'] ?? '136',
        courier: env['CDEK_TARIFF_COURIER'] ?? '137',
      },
    },
    easypost: env['EASYPOST_API_KEY'] && {
      url: env['EASYPOST_URL'] ?? 'https://api.easypost.com',
      apiKey: env['EASYPOST_API_KEY'],
      webhookSecret: env['EASYPOST_WEBHOOK_SECRET'],
      placesFile: env['EASYPOST_PLACES_FILE'],
    },
    sandboxStepMs: env['SANDBOX_STEP_MS'],
    sandboxSecret: env['SANDBOX_SECRET'],
    sandboxPspUrl: env['SANDBOX_PSP_URL'],
    sandboxCourierUrl: env['SANDBOX_COURIER_URL'],
    sandboxWebhookUrl: env['SANDBOX_WEBHOOK_URL'],
    paymentProviders: env['PAYMENT_PROVIDERS'],
    stripe: (env['STRIPE_SECRET_KEY'] || env['STRIPE_WEBHOOK_SECRET']) && {
      secretKey: env['STRIPE_SECRET_KEY'],
      webhookSecrets: env['STRIPE_WEBHOOK_SECRET'],
      currencies: env['STRIPE_CURRENCIES'],
      apiUrl: env['STRIPE_API_URL'],
    },
    yookassa: (env['YOOKASSA_SHOP_ID'] || env['YOOKASSA_SECRET_KEY']) && {
      shopId: env['YOOKASSA_SHOP_ID'],
      secretKey: env['YOOKASSA_SECRET_KEY'],
      payoutAgentId: env['YOOKASSA_PAYOUT_AGENT_ID'],
      payoutSecretKey: env['YOOKASSA_PAYOUT_SECRET_KEY'],
      currencies: env['YOOKASSA_CURRENCIES'],
      apiUrl: env['YOOKASSA_API_URL'],
      networks: env['YOOKASSA_NETWORKS'],
    },
    platformFeeBasisPoints: env['PLATFORM_FEE_BASIS_POINTS'],
    paymentTimeoutSeconds: env['PAYMENT_TIMEOUT_SECONDS'],
    deliveryTimeoutSeconds: env['DELIVERY_TIMEOUT_SECONDS'],
    acceptTimeoutSeconds: env['ACCEPT_TIMEOUT_SECONDS'],
    chatNoticeSeconds: env['CHAT_NOTICE_SECONDS'],
    otlpEndpoint: env['OTEL_EXPORTER_OTLP_ENDPOINT'],
    logLevel: env['LOG_LEVEL'],
  });
  if (!result.success) throw new Error(`configuration: ${z.prettifyError(result.error)}`);
  return result.data;
}

const listOf = (text: string): string[] => text.split(',').flatMap((each) => (each.trim() === '' ? [] : [each.trim()]));

/** `PARCEL` as `2000g 30x20x15cm`. */
function parcelIn({ PARCEL: text }: NodeJS.ProcessEnv) {
  if (text === undefined) return undefined;
  const { groups } = /^(?<grams>\d+)g (?<lengthCm>\d+)x(?<widthCm>\d+)x(?<heightCm>\d+)cm$/.exec(text) ?? {};
  return groups ?? text;
}

const isProduction = (env: NodeJS.ProcessEnv): boolean => env['NODE_ENV'] === 'production' || isSet(env['PRODUCTION']);

const isSet = (flagText: string | undefined): boolean => flagText === '1' || flagText === 'true';
