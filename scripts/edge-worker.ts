// `npm run edge:worker`: the edge on workerd, as on Cloudflare but on this machine.
import { randomBytes } from 'node:crypto';
import { services } from '../contracts/route.ts';
import { edgeConfig } from '../edge/config.ts';
import { type RunningWorker, serveWorker } from './workerd.ts';

/** The variables that reach the worker as bindings; nothing else of the environment does. */
const bound = [
  'PRODUCTION',
  'SANDBOX',
  'PUBLIC_URL',
  'CORE_URL',
  'REALTIME_URL',
  'REALTIME_TOKEN',
  'TICKET_SECRET',
  'JWKS_URL',
  'JWT_ISSUER',
  'JWT_AUDIENCE',
  'TRUSTED_PROXIES',
  'TRUSTED_PROXY_HEADER',
  'CORS_ORIGINS',
  'MEDIA_ORIGINS',
  'CACHE_BYTES',
  'CACHE_API',
  'CACHE_FOLDER',
  'CACHE_SECOND_LEVEL_BYTES',
  'UPSTREAM_TIMEOUT_MS',
  'UPSTREAM_CONCURRENCY',
  'RATE_LIMIT_ADDRESS',
  'RATE_LIMIT_USER',
  'RATE_LIMIT_SIGN_IN',
  'RATE_LIMIT_ROUTES',
  'STREAMS_PER_ADDRESS',
  'GRAPHQL_TRUSTED_ONLY',
  'METRICS_TOKEN',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'LOG_LEVEL',
  ...services.map((service) => `${service.toUpperCase()}_URL`),
];

/** `script`: a bundle that is there already. */
export function startWorker(
  env: Readonly<Record<string, string | undefined>>,
  script?: string,
): Promise<RunningWorker> {
  // Read here too, so that a mistake is told at once and not by the first request.
  const { hostname, port } = edgeConfig(env);
  const given = Object.entries(env).filter(
    (entry): entry is [string, string] => bound.includes(entry[0]) && entry[1] !== undefined,
  );
  return serveWorker({
    entry: 'edge/worker.ts',
    script,
    hostname,
    port,
    variables: {
      // Isolates share it, so that a ticket of one opens a stream at another.
      TICKET_SECRET: randomBytes(32).toString('base64url'),
      ...Object.fromEntries(given),
    },
    durableObjects: {
      RATE_SHARDS: 'RateShard',
      // Streams need a realtime node to listen to.
      ...(env['REALTIME_URL'] === undefined ? {} : { STREAM_HUB: 'StreamHub' }),
    },
  });
}

if (import.meta.main) {
  const worker = await startWorker(process.env);
  console.log(JSON.stringify({ event: 'ready', url: worker.url }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void worker[Symbol.asyncDispose]());
  process.exitCode = (await worker.ended) ?? 0;
}
