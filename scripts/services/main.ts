// `npm run services`: real PostgreSQL, Kafka, Redis and S3 on this machine. `start` (default), `stop`, `status`, `env`.

import { freePort } from '../free-port.ts';
import { hasDocker, startContainers, stopContainers } from './docker.ts';
import { startKafka } from './kafka.ts';
import { providePrograms } from './packages.ts';
import { ping } from './ping.ts';
import { startPostgres } from './postgres.ts';
import { lockFolder, stopProcess } from './process.ts';
import { startRedis } from './redis.ts';
import { makeBucket, startS3 } from './s3.ts';
import {
  folder,
  type Place,
  type RunningService,
  readState,
  removeState,
  type ServiceName,
  type ServicesState,
  serviceNames,
  titles,
  variables,
  writeState,
} from './state.ts';
import { buildStripeMock } from './stripe-mock.ts';

const defaultPorts = { postgres: 5432, kafka: 9092, redis: 6379, s3: 9000 } as const;
// PostgreSQL's fast shutdown; a smart one would wait for every client.
const stopSignals = { postgres: 'SIGINT', kafka: 'SIGTERM', redis: 'SIGTERM', s3: 'SIGTERM' } as const;

const commands: Readonly<Record<string, () => Promise<void>>> = { start, stop, status, env };

async function start(): Promise<void> {
  await using _ = await lockFolder(folder);
  if (!buildStripeMock()) console.log('there is no Go: requests to Stripe are not tried on stripe-mock');
  const before = await answering();
  const missing = serviceNames.filter((name) => before?.services[name] === undefined);
  if (before && missing.length === 0) {
    console.log('all services run already\n');
    return tell(before);
  }
  const state = hasDocker() && before?.kind !== 'native' ? await startDocker() : await startNative(before, missing);
  await writeState(state);
  tell(state);
}

async function startDocker(): Promise<ServicesState> {
  const ports = { postgres: 0, kafka: 0, redis: 0, s3: 0 };
  for (const name of serviceNames) ports[name] = await freePort(defaultPorts[name]);
  const state = startContainers(ports);
  await makeBucket(state.services.s3?.url ?? '');
  return state;
}

async function startNative(before: ServicesState | undefined, missing: readonly ServiceName[]): Promise<ServicesState> {
  const programs = providePrograms(['postgres', 'redis', 'java', 'maven']);
  const starters = {
    postgres: (place: Place) => startPostgres(programs.postgres, place),
    kafka: (place: Place) => startKafka(programs, place),
    redis: (place: Place) => startRedis(programs.redis, place),
    s3: (place: Place) => startS3(programs, place),
  };
  const services: Partial<Record<ServiceName, RunningService>> = { ...before?.services };
  const results = await Promise.allSettled(
    missing.map(async (name) => {
      console.log(`starting ${titles[name]}`);
      services[name] = await starters[name]({ folder, port: await freePort(defaultPorts[name]) });
    }),
  );
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  if (failures.length > 0) {
    // What did start is remembered, so that `stop` finds it.
    await writeState({ kind: 'native', services });
    throw new AggregateError(failures, failures.map((failure) => String(failure)).join('\n'));
  }
  return { kind: 'native', services };
}

/** Ends what `start` has started, and nothing else. */
async function stop(): Promise<void> {
  await using _ = await lockFolder(folder);
  const state = readState();
  if (state?.kind === 'docker') stopContainers();
  const running = Object.entries(state?.services ?? {}) as [ServiceName, RunningService][];
  await Promise.all(
    running.map(async ([name, { process }]) => {
      if (process) await stopProcess(process, stopSignals[name]);
      console.log(`${titles[name]} stopped`);
    }),
  );
  if (running.length === 0) console.log('no services run');
  await removeState();
}

async function status(): Promise<void> {
  const state = await answering();
  for (const name of serviceNames) {
    const service = state?.services[name];
    console.log(
      `${titles[name].padEnd(12)}${service ? `runs on port ${service.port} (${state?.kind})` : 'does not run'}`,
    );
  }
  if (serviceNames.some((name) => state?.services[name] === undefined)) process.exitCode = 1;
}

/** Only the variables, for `eval "$(npm run --silent services -- env)"`. */
async function env(): Promise<void> {
  const state = await answering();
  if (!state) throw new Error('no services run');
  for (const line of exports(state)) console.log(line);
}

function tell(state: ServicesState): void {
  for (const line of exports(state)) console.log(line);
  console.log('\n`npm test` finds them by itself. `npm run services -- stop` ends them, their data stays in .services');
}

const exports = (state: ServicesState): string[] =>
  serviceNames.flatMap((name) => {
    const service = state.services[name];
    return service ? [`export ${variables[name]}='${service.url}'`] : [];
  });

/** What runs and also answers. */
async function answering(): Promise<ServicesState | undefined> {
  const state = readState();
  if (!state) return undefined;
  const services = await Promise.all(
    (Object.entries(state.services) as [ServiceName, RunningService][]).map(async ([name, service]) => {
      try {
        await ping(name, service.url);
        return [[name, service] as const];
      } catch (error) {
        if (service.process) throw new Error(`${titles[name]} runs but does not answer`, { cause: error });
        return [];
      }
    }),
  );
  return { ...state, services: Object.fromEntries(services.flat()) };
}

const name = process.argv[2] ?? 'start';
const command = commands[name];
if (!command) {
  console.error(`no such command: ${name}. There are ${Object.keys(commands).join(', ')}`);
  process.exit(2);
}
try {
  await command();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
