// The realtime node's configuration, read once from the environment by the composition root.
import { z } from 'zod';
import { defaultStreamsPerAddress } from '../contracts/stream-quota.ts';
import { RedisAddress } from './redis.ts';

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((each) => each.trim())
    .filter(Boolean),
);

export const RealtimeConfig = z.object({
  hostname: z.string().default('127.0.0.1'),
  port: z.coerce.number().int().min(0).max(65_535).default(8082),
  kafkaBrokers: list.optional(),
  /** One server, Sentinels or a Cluster, by its form. */
  redisUrl: RedisAddress.optional(),
  /** Where access tokens' keys are; core's by default. */
  jwksUrl: z.url(),
  jwtIssuer: z.string().min(1).default('https://lotok.internal'),
  jwtAudience: z.string().min(1).default('lotok'),
  /** Shared with the edges. */
  token: z.string().min(16),
  /** Origins whose pages may open `/v1/ws` and read `/v1/stream`; `*` allows any, since no cookies are involved. */
  corsOrigins: list.default(['*']),
  historyCount: z.coerce.number().int().min(1).max(10_000).default(200),
  historyHours: z.coerce
    .number()
    .min(0.1)
    .max(24 * 30)
    .default(24),
  /** Streams at once from one address; 0 for any number, as behind a proxy, whose address all have. */
  streamsPerAddress: z.coerce.number().int().min(0).max(1_000_000).default(defaultStreamsPerAddress),
  /** How long clients that are sent away at the end have to go. */
  drainMs: z.coerce.number().int().min(0).max(600_000).default(5_000),
  otlpEndpoint: z.url().optional(),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});
export type RealtimeConfig = z.output<typeof RealtimeConfig>;

/** Throws an error that names each variable that is wrong. */
export function realtimeConfig(env: Readonly<Record<string, string | undefined>>): RealtimeConfig {
  const result = RealtimeConfig.safeParse({
    hostname: env['HOST'],
    port: env['PORT'],
    kafkaBrokers: env['KAFKA_BROKERS'],
    redisUrl: env['REDIS_URL'],
    jwksUrl: env['JWKS_URL'] ?? `${env['CORE_URL'] ?? 'http://127.0.0.1:8081'}/.well-known/jwks.json`,
    jwtIssuer: env['JWT_ISSUER'],
    jwtAudience: env['JWT_AUDIENCE'],
    token: env['REALTIME_TOKEN'],
    corsOrigins: env['CORS_ORIGINS'],
    historyCount: env['HISTORY_COUNT'],
    historyHours: env['HISTORY_HOURS'],
    streamsPerAddress: env['STREAMS_PER_ADDRESS'],
    drainMs: env['DRAIN_MS'],
    otlpEndpoint: env['OTEL_EXPORTER_OTLP_ENDPOINT'],
    logLevel: env['LOG_LEVEL'],
  });
  if (!result.success) throw new Error(`configuration: ${z.prettifyError(result.error)}`);
  return result.data;
}
