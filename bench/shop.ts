// A shop to be measured: on real services, each part a process of its own with a fresh database, or on embedded ports.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from '../scripts/free-port.ts';
import { findServices, readState } from '../scripts/services/state.ts';
import { type Part, type PartName, startPart } from '../tests/system/processes.ts';
import { until } from '../tests/until.ts';
import { type CpuSeconds, cpuOf, withChildren } from './cpu.ts';

export interface Counters {
  /** Transactions, and those of them that wrote. */
  readonly commits: number;
  readonly writes: number;
  readonly sends: number;
  readonly messages: number;
  /** By part and service. */
  readonly cpu: ReadonlyMap<string, CpuSeconds>;
}

export interface Shop extends AsyncDisposable {
  /** Of the first edge. */
  readonly url: string;
  readonly edges: readonly { readonly name: PartName; readonly url: string }[];
  /** The first of core's processes, without the edge before it. */
  readonly coreUrl: string;
  readonly databaseUrl: string;
  readonly brokers: string;
  /** Resolves when nothing waits in an outbox and no consumer is behind, as core's own metrics say. */
  calm(): Promise<void>;
  counters(): Promise<Counters>;
}

/** Parcels move by themselves, as fast as the sandbox's courier looks at them. */
const common = { SANDBOX: '1', SANDBOX_STEP_MS: '40', LOG_LEVEL: 'error' };

export async function openEmbeddedShop(): Promise<AsyncDisposable & { readonly url: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'lotok-bench-'));
  const part = await startPart('everything', { ...common, LOTOK_DATA: folder });
  return {
    url: part.url,
    async [Symbol.asyncDispose]() {
      await part[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface ShopOptions {
  readonly cores: number;
  readonly edges?: readonly PartName[];
}

export async function openShop({ cores, edges: wanted = ['edge'] }: ShopOptions): Promise<Shop> {
  const { postgres, kafka: brokers, redis } = findServices(process.env);
  if (!postgres || !brokers || !redis) throw new Error('needs PostgreSQL, Kafka and Redis: `npm run services`');
  const opened = new AsyncDisposableStack();
  const database = `lotok_bench_${randomBytes(4).toString('hex')}`;
  const admin = new pg.Client({ connectionString: postgres });
  await admin.connect();
  opened.defer(() => admin.end());
  await admin.query(`create database ${database}`);
  opened.defer(async () => {
    await admin.query(`drop database if exists ${database} with (force)`);
  });
  const databaseUrl = new URL(postgres);
  databaseUrl.pathname = `/${database}`;
  const folder = await mkdtemp(join(tmpdir(), 'lotok-bench-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));

  const rest = await freePort();
  const secret = randomBytes(24).toString('base64url');
  const env = {
    ...common,
    LOTOK_DATA: folder,
    DATABASE_URL: databaseUrl.href,
    KAFKA_BROKERS: brokers,
    REDIS_URL: redis,
    CORE_URL: `http://127.0.0.1:${rest}`,
    REALTIME_TOKEN: secret,
    TICKET_SECRET: secret,
  };
  const parts = new Map<string, Part>();
  const start = async (name: string, part: Parameters<typeof startPart>[0], own: Record<string, string>) => {
    const started = opened.use(await startPart(part, { ...env, ...own }));
    parts.set(name, started);
    return started;
  };
  for (let number = 1; number <= cores; number += 1)
    await start(`core ${number}`, 'core', { GRPC_PORT: '0', ...(number === 1 ? { PORT: String(rest) } : {}) });
  const realtime = await start('realtime', 'realtime', {});
  const edges: { name: PartName; url: string }[] = [];
  for (const [index, name] of wanted.entries()) {
    const { url } = await start(index === 0 ? 'edge' : `edge ${index + 1}`, name, { REALTIME_URL: realtime.url });
    edges.push({ name, url });
  }
  const url = edges[0]?.url;
  if (url === undefined) throw new Error('a shop has an edge');

  return {
    url,
    edges,
    coreUrl: env.CORE_URL,
    databaseUrl: databaseUrl.href,
    brokers,
    async calm() {
      for (const [name, part] of parts) {
        if (!name.startsWith('core')) continue;
        const isCalm = async (): Promise<boolean> => {
          const metrics = await metricsOf(part);
          return sumOf(metrics, 'lotok_outbox_pending') === 0 && sumOf(metrics, 'lotok_bus_lag') === 0;
        };
        await until(`${name} is calm`, isCalm, { timeoutMs: 120_000, everyMs: 500 });
      }
    },
    counters: () => countersOf(admin, database, parts),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Backends report with a delay of up to a second once they are idle. */
const reportDelayMs = 1_500;

async function countersOf(admin: pg.Client, database: string, parts: ReadonlyMap<string, Part>): Promise<Counters> {
  await new Promise((resolve) => setTimeout(resolve, reportDelayMs));
  const { rows } = await admin.query<{ commits: string; writes: string }>(
    'select xact_commit as commits, pg_current_xact_id()::text as writes from pg_stat_database where datname = $1',
    [database],
  );
  let sends = 0;
  let messages = 0;
  const cpu = new Map<string, CpuSeconds>();
  for (const [name, part] of parts) {
    const metrics = await metricsOf(part);
    sends += sumOf(metrics, 'lotok_bus_sends_total');
    messages += sumOf(metrics, 'lotok_bus_published_total');
    cpu.set(name, cpuOf([part.child.pid ?? 0]));
  }
  for (const [name, { process: service }] of Object.entries(readState()?.services ?? {}))
    if (service) cpu.set(name, cpuOf(withChildren(service.pid)));
  cpu.set('this load', cpuOf([process.pid]));
  return { commits: Number(rows[0]?.commits), writes: Number(rows[0]?.writes), sends, messages, cpu };
}

const metricsOf = async (part: Part): Promise<string> => (await fetch(`${part.url}/metrics`)).text();

const sumOf = (metrics: string, name: string): number =>
  [...metrics.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))].reduce(
    (total, [, value]) => total + Number(value),
    0,
  );
