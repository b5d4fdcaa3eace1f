// The edge's configuration, read once from the environment's variables by the entry file.
import { z } from 'zod';
import { type ServiceName, services } from '../contracts/route.ts';
import { routes } from '../contracts/routes.ts';
import { defaultStreamsPerAddress } from '../contracts/stream-quota.ts';
import { networks } from './limits/address.ts';

const flag = z.enum(['0', '1', 'true', 'false']).transform((value) => value === '1' || value === 'true');
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((each) => each.trim())
    .filter(Boolean),
);
const count = z.coerce.number().int().min(0);
const milliseconds = z.coerce.number().int().min(1).max(3_600_000);

/** Where stored answers go beside memory. */
export const secondLevel = {
  /** A folder of this process's own, on Node. */
  cacheFolder: z.string().min(1).optional(),
  /** The runtime's Cache API, on Deno and Cloudflare. */
  cacheApi: flag.default(false),
  secondLevelBytes: count.default(1024 * 1024 * 1024),
};
export const secondLevelOf = (env: Environment) => ({
  cacheFolder: env['CACHE_FOLDER'],
  cacheApi: env['CACHE_API'],
  secondLevelBytes: env['CACHE_SECOND_LEVEL_BYTES'],
});
type Environment = Readonly<Record<string, string | undefined>>;

export const EdgeConfig = z.object({
  ...secondLevel,
  hostname: z.string().default('127.0.0.1'),
  port: z.coerce.number().int().min(0).max(65_535).default(8080),
  /** Turns off GraphiQL, `/metrics` on the public listener and whatever else is for developers. */
  production: flag.default(false),
  /** Passes `/sandbox/*` to core: on unless `PRODUCTION`, where it is refused. */
  sandbox: flag.default(false),
  /** Where browsers reach this edge, when that can't be told from the request (behind a proxy). */
  publicUrl: z.url().optional(),
  coreUrl: z.url().default('http://127.0.0.1:8081'),
  /** Services of core that run elsewhere, from `ADS_URL`, `ORDERS_URL`, … */
  serviceUrls: z.partialRecord(z.enum(services), z.url()).default({}),
  /** One or more realtime nodes. */
  realtimeUrls: list.pipe(z.array(z.url()).max(32)).default([]),
  realtimeToken: z.string().min(16).optional(),
  /** Signs stream tickets; edges behind one name share it. Made anew at each start when absent. */
  ticketSecret: z.string().min(16).optional(),
  jwksUrl: z.url().optional(),
  jwtIssuer: z.string().min(1).default('https://lotok.internal'),
  jwtAudience: z.string().min(1).default('lotok'),
  /** Addresses or networks (`10.0.0.0/8`) that are believed whom they speak for. */
  trustedProxies: list
    .pipe(z.array(z.string()).max(64))
    .default([])
    .superRefine((proxies, context) => {
      try {
        networks(proxies);
      } catch (error) {
        context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
      }
    }),
  /** The field in which they say so. The other one is a client's own, whatever it says. */
  trustedProxyHeader: z.enum(['x-forwarded-for', 'forwarded']).default('x-forwarded-for'),
  /** Origins that may read the API from a browser; `*` allows any (no cookies are involved). */
  corsOrigins: list
    .pipe(
      z.array(
        z.string().refine((origin) => origin === '*' || URL.parse(origin)?.origin === origin, {
          error: 'must be an origin such as https://app.example, or *',
        }),
      ),
    )
    .default(['*']),
  /** Origins other than our own that pictures come from and are uploaded to (object storage). */
  mediaOrigins: list.pipe(z.array(z.url()).max(16)).default([]),
  cacheBytes: count.default(64 * 1024 * 1024),
  upstreamTimeoutMs: milliseconds.default(10_000),
  /** Requests at once to one origin of core, at most; fewer while it is slow. */
  upstreamConcurrency: z.coerce.number().int().min(1).max(100_000).default(1_000),
  /** When the event loop is later than this all the time, a part of the requests is refused. */
  maxLoopDelayMs: milliseconds.default(200),
  /** How the edge on Node speaks to core: HTTP/2 where core does (by prior knowledge or ALPN), or always HTTP/1.1. */
  upstreamProtocol: z.enum(['h1', 'h2']).default('h2'),
  /** Processes of the edge on Node that share its port: a number, or `auto` for one on each core. */
  workers: z
    .union([z.literal('auto'), z.coerce.number().int().min(1).max(256)], {
      error: 'must be auto or a number from 1 to 256',
    })
    .default(1),
  /**
   * Requests a minute that reach core: from one address, of one signed-in user, and sign-ins from one
   * address; 0 turns one off. Answers from the cache cost nothing and don't count.
   */
  rateLimits: z.object({
    address: count,
    user: count,
    signIn: count,
    /** Of single operations by their ids, by user or else by address. */
    routes: z.record(
      z.string().refine((id) => Object.hasOwn(routes, id), { error: 'is no operation; /openapi.json has their ids' }),
      count,
    ),
  }),
  /** A Redis in which edges on Node and Deno count requests together. */
  rateRedisUrl: z.url({ protocol: /^rediss?$/ }).optional(),
  /** Streams at once from one address; 0 for any number. */
  streamsPerAddress: count.max(1_000_000).default(defaultStreamsPerAddress),
  /** `/graphql` answers the app's own documents only (contracts/screens), by their hashes. */
  graphqlTrustedOnly: flag.default(false),
  /** Opens `/metrics` in production to who has it; without it `/metrics` is not there. */
  metricsToken: z.string().min(16).optional(),
  /** Where operators look at a trace, such as `https://jaeger.example/trace/{trace_id}`. */
  traceUrl: z
    .string()
    .refine((url) => url.includes('{trace_id}') && /^https?:$/.test(URL.parse(url)?.protocol ?? ''), {
      message: 'must be an http address with {trace_id} in it',
    })
    .optional(),
  tlsCertFile: z.string().optional(),
  tlsKeyFile: z.string().optional(),
  otlpEndpoint: z.url().optional(),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});
export type EdgeConfig = z.output<typeof EdgeConfig>;

/** The sandbox lets anybody approve any payment. */
const SafeEdgeConfig = EdgeConfig.refine(({ production, sandbox }) => !(production && sandbox), {
  path: ['sandbox'],
  message: 'SANDBOX=1 is not for PRODUCTION=1',
});

const productionLimits = {
  address: 3_000,
  user: 1_200,
  signIn: 20,
  routes: 'createOrder=60,createAd=60,createUpload=120,createReport=20,changePassword=10,saveSearch=30,createReview=30',
};
/** A developer's load test comes from one address and shouldn't meet a limit. */
const demoLimits = { address: 600_000, user: 600_000, signIn: 6_000, routes: '' };

/** `createOrder=60,search=600`; what can't be read stays, and is refused by the schema. */
const byRoute = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split(',')
      .map((each) => each.trim())
      .filter(Boolean)
      .map((each) => [each.split('=', 1)[0]?.trim() ?? '', each.split('=').slice(1).join('=').trim() || 'missing']),
  );

/** Throws an error that names each variable that is wrong. */
export function edgeConfig(env: Environment): EdgeConfig {
  const serviceUrls: Partial<Record<ServiceName, string>> = {};
  for (const service of services) {
    const url = env[`${service.toUpperCase()}_URL`];
    if (url !== undefined) serviceUrls[service] = url;
  }
  const production = flag.safeParse(env['PRODUCTION']).data ?? false;
  const limits = production ? productionLimits : demoLimits;
  const result = SafeEdgeConfig.safeParse({
    hostname: env['HOST'],
    port: env['PORT'],
    production: env['PRODUCTION'],
    sandbox: env['SANDBOX'] ?? (production ? '0' : '1'),
    publicUrl: env['PUBLIC_URL'],
    coreUrl: env['CORE_URL'],
    serviceUrls,
    realtimeUrls: env['REALTIME_URL'],
    realtimeToken: env['REALTIME_TOKEN'],
    ticketSecret: env['TICKET_SECRET'],
    jwksUrl: env['JWKS_URL'],
    jwtIssuer: env['JWT_ISSUER'],
    jwtAudience: env['JWT_AUDIENCE'],
    trustedProxies: env['TRUSTED_PROXIES'],
    trustedProxyHeader: env['TRUSTED_PROXY_HEADER']?.toLowerCase(),
    corsOrigins: env['CORS_ORIGINS'],
    mediaOrigins: env['MEDIA_ORIGINS'],
    cacheBytes: env['CACHE_BYTES'],
    ...secondLevelOf(env),
    upstreamTimeoutMs: env['UPSTREAM_TIMEOUT_MS'],
    upstreamConcurrency: env['UPSTREAM_CONCURRENCY'],
    maxLoopDelayMs: env['MAX_LOOP_DELAY_MS'],
    upstreamProtocol: env['UPSTREAM_PROTOCOL'],
    workers: env['EDGE_WORKERS'] ?? (production ? 'auto' : undefined),
    rateLimits: {
      address: env['RATE_LIMIT_ADDRESS'] ?? limits.address,
      user: env['RATE_LIMIT_USER'] ?? limits.user,
      signIn: env['RATE_LIMIT_SIGN_IN'] ?? limits.signIn,
      routes: byRoute(env['RATE_LIMIT_ROUTES'] ?? limits.routes),
    },
    rateRedisUrl: env['RATE_REDIS_URL'],
    streamsPerAddress: env['STREAMS_PER_ADDRESS'],
    graphqlTrustedOnly: env['GRAPHQL_TRUSTED_ONLY'],
    metricsToken: env['METRICS_TOKEN'],
    traceUrl: env['TRACE_URL'],
    tlsCertFile: env['TLS_CERT_FILE'],
    tlsKeyFile: env['TLS_KEY_FILE'],
    otlpEndpoint: env['OTEL_EXPORTER_OTLP_ENDPOINT'],
    logLevel: env['LOG_LEVEL'],
  });
  if (!result.success) throw new Error(`configuration: ${z.prettifyError(result.error)}`);
  return result.data;
}
