// Whether a service answers at its address.
import { pingKafka } from './kafka.ts';
import { pingPostgres } from './postgres.ts';
import { pingRedis } from './redis.ts';
import { pingS3 } from './s3.ts';
import type { ServiceName } from './state.ts';

const pings = { postgres: pingPostgres, kafka: pingKafka, redis: pingRedis, s3: pingS3 } as const;

/** Rejects when it does not. */
export const ping = (name: ServiceName, address: string): Promise<void> => pings[name](address);
