// What `npm run services` has started, as a file that tests and the next run read.
import { readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRunning, type ProcessMark } from './process.ts';

export const serviceNames = ['postgres', 'kafka', 'redis', 's3'] as const;
export type ServiceName = (typeof serviceNames)[number];

/** What people and programs call them. */
export const titles: Readonly<Record<ServiceName, string>> = {
  postgres: 'PostgreSQL',
  kafka: 'Kafka',
  redis: 'Redis',
  s3: 'S3',
};
export const variables: Readonly<Record<ServiceName, string>> = {
  postgres: 'DATABASE_URL',
  kafka: 'KAFKA_BROKERS',
  redis: 'REDIS_URL',
  /** With key, secret and bucket. For tests alone: core takes S3_ENDPOINT and its kin, and clients have to reach that. */
  s3: 'TEST_S3_URL',
};

export interface RunningService {
  /** The value of its environment variable. */
  readonly url: string;
  readonly port: number;
  /** How its process is known again; a container has none. */
  readonly process?: ProcessMark;
}
export interface ServicesState {
  readonly kind: 'native' | 'docker';
  readonly services: Readonly<Partial<Record<ServiceName, RunningService>>>;
}

/** Where a server of ours keeps its data and its log, and where it listens. */
export interface Place {
  readonly folder: string;
  readonly port: number;
}

export const root = join(import.meta.dirname, '../..');
export const folder = join(root, '.services');
const file = join(folder, 'services.json');

/** What runs: services whose process has ended are left out. */
export function readState(): ServicesState | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const state = JSON.parse(text) as ServicesState;
  const running = Object.entries(state.services).filter(([, { process }]) => !process || isRunning(process));
  return { ...state, services: Object.fromEntries(running) };
}

export async function writeState(state: ServicesState): Promise<void> {
  await mkdir(folder, { recursive: true });
  // Holds the database's password. Renamed into place, so that nobody reads half of it.
  await writeFile(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

export const removeState = (): Promise<void> => rm(file, { force: true });

/**
 * Addresses of the services that are there: from `DATABASE_URL`, `KAFKA_BROKERS`, `REDIS_URL`, `TEST_S3_URL`, else what
 * `npm run services` has started (unless `LOTOK_SERVICES=env` says that only the variables count).
 */
export function findServices(env: NodeJS.ProcessEnv): Partial<Record<ServiceName, string>> {
  const started = env['LOTOK_SERVICES'] === 'env' ? undefined : readState()?.services;
  const found: Partial<Record<ServiceName, string>> = {};
  for (const name of serviceNames) {
    const address = env[variables[name]] || started?.[name]?.url;
    if (address) found[name] = address;
  }
  return found;
}
