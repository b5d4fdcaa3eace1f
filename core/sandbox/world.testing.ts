// A service and the sandbox companies around it, on real HTTP and gRPC, for tests.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import { type Kysely, sql } from 'kysely';
import { UserId } from '../../contracts/common.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { openTestDatabase } from '../../tests/database.ts';
import type { Bus } from '../platform/bus/bus.ts';
import { systemClock } from '../platform/clock.ts';
import { type CoreConfig, coreConfig } from '../platform/config.ts';
import { createOutbox } from '../platform/db/outbox.ts';
import { createHttpApp } from '../platform/http/app.ts';
import type { Authenticate, Identity } from '../platform/http/authenticate.ts';
import { implementOn } from '../platform/http/implement.ts';
import { listen } from '../platform/http/listen.ts';
import type { Mailer } from '../platform/mail/mailer.ts';
import type { ObjectStore } from '../platform/objects/objects.ts';
import { developmentTls } from '../platform/rpc/certificates.ts';
import { createRpcClient, type RpcClient } from '../platform/rpc/client.ts';
import type { RpcDefinition } from '../platform/rpc/definition.ts';
import { createRpcServer } from '../platform/rpc/server.ts';
import { TlsSource } from '../platform/rpc/tls-source.ts';
import { derivedSecret } from '../platform/secrets.ts';
import type { RpcClients, ServiceModule, ServiceTables } from '../platform/service.ts';
import { silentLog } from '../platform/telemetry/log.ts';
import { createMetrics } from '../platform/telemetry/metrics.ts';
import { startTracing } from '../platform/telemetry/tracing.ts';
import { startSandbox } from './index.ts';

const sandboxSecret = 'a secret of this test only';

export interface Told {
  readonly type: string;
  readonly data: Record<string, unknown>;
  readonly traceId: string | undefined;
}

export interface Enqueued {
  readonly kind: string;
  readonly userId: string;
  readonly key: string | undefined;
  readonly parameters: Readonly<Record<string, string>>;
}

type Forward = () => Promise<Response>;

export interface World<Tables extends ServiceTables, Definition extends RpcDefinition> extends AsyncDisposable {
  readonly url: string;
  readonly db: Kysely<Tables>;
  /** The service as `orders` calls it. */
  readonly rpc: RpcClient<Definition>;
  /** Messages that notifications was handed. */
  readonly enqueued: Enqueued[];
  /** What happens to requests and answers on their way; nothing while undefined. */
  readonly faults: { between: ((request: Request, forward: Forward) => Promise<Response>) | undefined };
  /** Events in the outbox that are about this id, in order. */
  told(id: string): Promise<Told[]>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<{ status: number; body: unknown }>;
  secretOf(purpose: string): string;
  /** Ends the process's part of the service and starts it again on the same data. */
  restart(): Promise<void>;
}

export interface WorldOptions {
  readonly config?: Partial<CoreConfig>;
  /** Fails to take messages while it returns true. */
  readonly notificationsAway?: () => boolean;
  /** Who asks, whatever the request says. */
  readonly signedIn?: () => Identity;
  /** Everybody's contacts, as users tells them. */
  readonly contacts?: () => { readonly name: string; readonly phone: string; readonly email: string };
}

/** Whoever says `Bearer <user id>` is that user. */
const asNamed: Authenticate = async (header) => {
  const userId = UserId.safeParse(header?.replace('Bearer ', ''));
  if (!userId.success) throw new ProblemError('unauthenticated');
  return { userId: userId.data, roles: [], sessionId: 'test' };
};

export async function startWorld<Tables extends ServiceTables, Definition extends RpcDefinition>(
  module: ServiceModule<Tables>,
  definition: Definition,
  options: WorldOptions = {},
): Promise<World<Tables, Definition>> {
  const started = new AsyncDisposableStack();
  started.use(startTracing({ service: 'test' }));
  const folder = await mkdtemp(join(tmpdir(), 'lotok-world-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const databases = started.use(await openTestDatabase());
  const metrics = createMetrics({ part: 'test' });
  const config: CoreConfig = {
    ...coreConfig({ SANDBOX: '1', SANDBOX_STEP_MS: '0', SANDBOX_SECRET: sandboxSecret, LOTOK_DATA: folder }),
    publicUrl: 'http://shop.example',
    ...options.config,
  };
  const enqueued: Enqueued[] = [];
  const notifications: Pick<RpcClients['notifications'], 'enqueue'> = {
    async enqueue({ kind, userId, parameters }, call) {
      if (options.notificationsAway?.()) throw new Error('notifications is away');
      enqueued.push({ kind, userId, parameters, key: call?.idempotencyKey });
      return { notificationId: 'n' };
    },
  };
  const users: Pick<RpcClients['users'], 'getContacts'> = {
    async getContacts({ userId }) {
      return { userId, language: 'ru', ...(options.contacts?.() ?? unused('contacts')) };
    },
  };
  const faults: World<Tables, Definition>['faults'] = { between: undefined };
  const db = await databases.open<Tables>(module.name, module.migrations);
  let selfUrl = '';
  let inner = new Hono();
  const answer = async (request: Request): Promise<Response> => {
    const forward = async (): Promise<Response> => inner.fetch(request);
    return faults.between ? faults.between(request, forward) : forward();
  };
  const listener = started.use(await listen({ fetch: answer, hostname: '127.0.0.1', port: 0 }));
  selfUrl = `http://127.0.0.1:${listener.port}`;

  const unused = (name: string): never => {
    throw new Error(`this service does not use ${name}`);
  };
  const authority = join(folder, 'ca');
  const serverTls = new TlsSource(await developmentTls(authority, module.name));
  const callerTls = new TlsSource(await developmentTls(authority, 'orders'));

  const start = async (): Promise<{ rpc: RpcClient<Definition>; stop(): Promise<void> }> => {
    const life = new AsyncDisposableStack();
    const app = createHttpApp({ log: silentLog, metrics, ready: async () => undefined });
    const running = await module.start({
      config,
      db,
      databases,
      outbox: createOutbox(module.name, systemClock),
      bus: new Proxy({} as Bus, { get: () => unused('the bus') }),
      rpc: { notifications, users } as unknown as RpcClients,
      objects: new Proxy({} as ObjectStore, { get: () => unused('objects') }),
      mailer: new Proxy({} as Mailer, { get: () => unused('mail') }),
      clock: systemClock,
      log: silentLog,
      metrics,
      selfUrl: () => selfUrl,
    });
    const { signedIn } = options;
    running.http?.(implementOn(app, signedIn ? async () => signedIn() : asNamed));
    const sandbox = await startSandbox({
      databases,
      app,
      clock: systemClock,
      log: silentLog,
      config,
      selfUrl: () => selfUrl,
    });
    inner = app;
    const common = { service: module.name, log: silentLog, metrics };
    const server = life.use(createRpcServer({ ...common, tls: serverTls, drainMs: 1_000 }));
    running.rpc?.(server);
    const target = `127.0.0.1:${await server.listen('127.0.0.1', 0)}`;
    const rpc = life.use(createRpcClient(definition, { ...common, tls: callerTls, target }));
    for (const loop of [...((await running.loops?.()) ?? []), ...(await sandbox.loops())]) life.use(loop);
    return { rpc, stop: () => life.disposeAsync() };
  };
  let life = await start();
  started.defer(() => life.stop());

  return {
    get url() {
      return selfUrl;
    },
    db,
    get rpc() {
      return life.rpc;
    },
    enqueued,
    faults,
    async told(id) {
      const rows = await (db as unknown as Kysely<ServiceTables>)
        .selectFrom('outbox')
        .select(['headers', 'value'])
        .where(sql<boolean>`${id} in (value::jsonb ->> 'payment_id', value::jsonb ->> 'shipment_id')`)
        .orderBy('id')
        .execute();
      return rows.map(({ headers, value }) => ({
        type: headers['ce_type'] ?? '',
        data: JSON.parse(value),
        traceId: headers['traceparent']?.split('-')[1],
      }));
    },
    async post(path, body = {}, headers = {}) {
      const response = await fetch(selfUrl + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? null : JSON.parse(text) };
    },
    secretOf: (purpose) => derivedSecret(sandboxSecret, purpose),
    async restart() {
      await life.stop();
      life = await start();
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}
