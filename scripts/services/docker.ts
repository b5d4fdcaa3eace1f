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
  const passwordFile = join(folder, 'postgres.password');
  if (!existsSync(passwordFile)) writeFileSync(passwordFile, randomBytes(18).toString('hex'), { mode: 0o600 });
  const password = readFileSync(passwordFile, 'utf8').trim();
  compose({ ports, password }, 'up', '--detach', '--wait');
  const { postgres, kafka, redis } = ports;
  return {
    kind: 'docker',
    services: {
      postgres: { url: `postgres://lotok:${password}@127.0.0.1:${postgres}/lotok`, port: postgres },
      kafka: { url: `127.0.0.1:${kafka}`, port: kafka },
      redis: { url: `redis://127.0.0.1:${redis}`, port: redis },
    },
  };
}

/** Ends the containers; their volumes stay. */
export function stopContainers(): void {
  compose({ ports: { postgres: 0, kafka: 0, redis: 0 }, password: 'unused' }, 'down');
}

function compose(
  { ports, password }: { ports: Readonly<Record<ServiceName, number>>; password: string },
  ...args: string[]
): void {
  const env = {
    ...process.env,
    POSTGRES_PORT: `${ports.postgres}`,
    POSTGRES_PASSWORD: password,
    KAFKA_PORT: `${ports.kafka}`,
    REDIS_PORT: `${ports.redis}`,
  };
  const { status } = spawnSync('docker', ['compose', '--file', composeFile, ...args], { env, stdio: 'inherit' });
  if (status !== 0) throw new Error(`docker compose ${args[0]} failed`);
}
