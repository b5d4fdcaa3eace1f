// The services as containers, where a Docker engine answers.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder, root, type ServiceName, type ServicesState } from './state.ts';

const composeFile = join(root, 'deploy/compose.services.yaml');

/** An engine that answers, and the compose plugin. */
export function hasDocker(): boolean {
  const answers = (...args: string[]): boolean =>
    spawnSync('docker', args, { stdio: 'ignore', timeout: 10_000 }).status === 0;
  return answers('info') && answers('compose', 'version');
}

export function startContainers(ports: Readonly<Record<ServiceName, number>>): ServicesState {
  mkdirSync(folder, { recursive: true });
  const password = kept('postgres.password');
  const s3Secret = kept('s3.secret');
  compose({ ports, password, s3Secret }, 'up', '--detach', '--wait');
  const { postgres, kafka, redis, s3 } = ports;
  return {
    kind: 'docker',
    services: {
      postgres: { url: `postgres://lotok:${password}@127.0.0.1:${postgres}/lotok`, port: postgres },
      kafka: { url: `127.0.0.1:${kafka}`, port: kafka },
      redis: { url: `redis://127.0.0.1:${redis}`, port: redis },
      s3: { url: `http://lotok:${s3Secret}@127.0.0.1:${s3}/lotok`, port: s3 },
    },
  };
}

/** The secrets stay with the volumes. */
function kept(name: string): string {
  const file = join(folder, name);
  if (!existsSync(file)) writeFileSync(file, randomBytes(18).toString('hex'), { mode: 0o600 });
  return readFileSync(file, 'utf8').trim();
}

/** Ends the containers; their volumes stay. */
export function stopContainers(): void {
  compose({ ports: { postgres: 0, kafka: 0, redis: 0, s3: 0 }, password: 'unused', s3Secret: 'unused' }, 'down');
}

function compose(
  { ports, password, s3Secret }: { ports: Readonly<Record<ServiceName, number>>; password: string; s3Secret: string },
  ...args: string[]
): void {
  const env = {
    ...process.env,
    POSTGRES_PORT: `${ports.postgres}`,
    POSTGRES_PASSWORD: password,
    KAFKA_PORT: `${ports.kafka}`,
    REDIS_PORT: `${ports.redis}`,
    S3_PORT: `${ports.s3}`,
    S3_SECRET: s3Secret,
  };
  const { status } = spawnSync('docker', ['compose', '--file', composeFile, ...args], { env, stdio: 'inherit' });
  if (status !== 0) throw new Error(`docker compose ${args[0]} failed`);
}
