// Core's composition root: which services run in this process, on which adapters, in which order.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Kysely } from 'kysely';
import { type EventType, topicNames } from '../contracts/events.ts';
import { type ServiceName, services } from '../contracts/route.ts';
import { routes } from '../contracts/routes.ts';
import { ads } from './ads/index.ts';
import { chat } from './chat/index.ts';
import { delivery } from './delivery/index.ts';
import { media } from './media/index.ts';
import { notifications } from './notifications/index.ts';
import { orders } from './orders/index.ts';
import { payments } from './payments/index.ts';
import type { Bus } from './platform/bus/bus.ts';
import { startConsumer } from './platform/bus/consumer.ts';
import { deadLetterTopics } from './platform/bus/dead-letters.ts';
import { openEmbeddedBus } from './platform/bus/embedded.ts';
import { openKafkaBus } from './platform/bus/kafka.ts';
import { systemClock } from './platform/clock.ts';
import { type CoreConfig, coreConfig } from './platform/config.ts';
import { startHousekeeping } from './platform/db/housekeeping.ts';
import { idsKeptMs } from './platform/db/inbox.ts';
import { createOutbox, startRelay } from './platform/db/outbox.ts';
import { openPGlite } from './platform/db/pglite.ts';
import { openPostgres } from './platform/db/postgres.ts';
import { createHttpApp } from './platform/http/app.ts';
import { createAuthenticate } from './platform/http/authenticate.ts';
import { implementOn } from './platform/http/implement.ts';
import { listen } from './platform/http/listen.ts';
import { openMailbox } from './platform/mail/mailbox.ts';
import { openSmtp } from './platform/mail/smtp.ts';
import { openFolder } from './platform/objects/folder.ts';
import { openS3 } from './platform/objects/s3.ts';
import { loadTls } from './platform/rpc/certificates.ts';
import { createRpcServer } from './platform/rpc/server.ts';
import { rpcClients, rpcPortOf, servesRpc } from './platform/rpc/services.ts';
import { watchTls } from './platform/rpc/tls-source.ts';
import { folderSecret } from './platform/secrets.ts';
import type { ServiceModule, ServiceTables } from './platform/service.ts';
import { startBacklogLoop, type WatchedService } from './platform/telemetry/backlog.ts';
import { createLogger } from './platform/telemetry/log.ts';
import { createMetrics } from './platform/telemetry/metrics.ts';
import { startTracing } from './platform/telemetry/tracing.ts';
import { reports } from './reports/index.ts';
import { startSandbox } from './sandbox/index.ts';
import { search } from './search/index.ts';
import { users } from './users/index.ts';

export interface Core extends AsyncDisposable {
  /** Where its REST is reached. */
  readonly url: string;
  /** The bus, for a realtime node in the same process. */
  readonly bus: Bus;
}

// Each service is whole in itself; here only their common shape matters, and tables are what differs.
const modules = {
  ads,
  users,
  search,
  media,
  reports,
  orders,
  payments,
  delivery,
  notifications,
  chat,
} as unknown as Readonly<Record<ServiceName, ServiceModule<ServiceTables>>>;

/** Starts the services that `config` names; resolves when all of them answer. */
export async function startCore(config: CoreConfig): Promise<Core> {
  // Whatever was started is ended in the opposite order, also when a later start fails.
  const started = new AsyncDisposableStack();
  try {
    const log = createLogger({ service: 'core', level: config.logLevel });
    const metrics = createMetrics({ part: 'core' });
    started.use(startTracing({ service: 'lotok-core', otlpEndpoint: config.otlpEndpoint }));
    await mkdir(config.dataFolder, { recursive: true, mode: 0o700 });
    const databases = started.use(
      config.databaseUrl
        ? await openPostgres({ url: config.databaseUrl, poolSize: config.databasePoolSize, log, metrics })
        : await openPGlite({ folder: join(config.dataFolder, 'database') }),
    );
    const bus = started.use(
      config.kafkaBrokers
        ? await openKafkaBus({ brokers: config.kafkaBrokers.split(','), clientId: 'core', log, metrics })
        : await openEmbeddedBus({ db: await databases.open('bus', {}), log }),
    );
    await bus.ensureTopics(topicNames);
    // Letters are kept as long as ids are remembered, so that a second replay of one is always noticed.
    await bus.ensureTopics(deadLetterTopics, { keepMs: idsKeptMs });
    const mailbox = config.smtpUrl ? undefined : started.use(await openMailbox({ databases, clock: systemClock }));
    const mailer = mailbox ?? started.use(await openSmtp({ url: config.smtpUrl ?? '', from: config.mailFrom }));
    const objects = config.s3
      ? await openS3(config.s3)
      : await openFolder({
          folder: join(config.dataFolder, 'objects'),
          secret: await folderSecret(config.dataFolder, 'objects'),
        });

    let selfUrl = '';
    const authenticate = createAuthenticate({
      jwksUrl: () => config.jwksUrl ?? `${selfUrl}${routes.jwks.path}`,
      issuer: config.jwtIssuer,
      audience: config.jwtAudience,
    });
    let complete = false;
    const app = createHttpApp({
      log,
      metrics,
      ready: async () => {
        if (!complete) throw new Error('still starting');
        await databases.ping();
      },
    });
    const implement = implementOn(app, authenticate);
    if (config.sandbox) mailbox?.pages(app);

    const addresses = new Map<ServiceName, string>(Object.entries(config.addresses) as [ServiceName, string][]);
    const addressOf = (service: ServiceName): string => {
      const address = addresses.get(service);
      if (address) return address;
      if (servesRpc(service)) return `${config.hostname}:${rpcPortOf(service, config.rpcPort)}`;
      throw new Error(`${service} serves no gRPC`);
    };

    const loops: (() => Promise<readonly AsyncDisposable[]>)[] = [];
    const seeds: (() => Promise<void>)[] = [];
    const watched: (WatchedService & { readonly db: Kysely<ServiceTables> })[] = [];
    for (const name of config.services) {
      const module = modules[name];
      const serviceLog = log.child({ service: name });
      const { tls } = started.use(
        await watchTls({ service: name, read: () => loadTls(config, name), log: serviceLog }),
      );
      const db: Kysely<ServiceTables> = await databases.open(name, module.migrations);
      const rpc = started.use(rpcClients(addressOf, { tls, log: serviceLog, metrics }));
      const running = await module.start({
        config,
        db,
        databases,
        outbox: createOutbox(name, systemClock),
        bus,
        rpc,
        objects,
        mailer,
        clock: systemClock,
        log: serviceLog,
        metrics,
        selfUrl: () => selfUrl,
      });
      running.http?.(implement);
      running.pages?.(app);
      if (running.rpc && servesRpc(name)) {
        const server = started.use(createRpcServer({ service: name, tls, log: serviceLog, metrics }));
        running.rpc(server);
        const port = await server.listen(config.hostname, rpcPortOf(name, config.rpcPort));
        if (!config.addresses[name]) addresses.set(name, `${config.hostname}:${port}`);
      }
      if (running.seed) seeds.push(running.seed);
      watched.push({ name, db, hears: Object.keys(running.events ?? {}) as EventType[] });
      loops.push(async () => [
        await startRelay({ service: name, databases, db, bus, clock: systemClock, log: serviceLog, metrics }),
        ...(running.events
          ? [
              startConsumer({
                service: name,
                bus,
                db,
                handlers: running.events,
                lockOf: running.lockOf,
                clock: systemClock,
                log: serviceLog,
                metrics,
              }),
            ]
          : []),
        ...((await running.loops?.()) ?? []),
      ]);
    }
    if (config.sandbox) {
      const sandbox = await startSandbox({ databases, app, clock: systemClock, log, config, selfUrl: () => selfUrl });
      loops.push(sandbox.loops);
    }

    const certificate = config.tlsCertFile
      ? started.use(await watchTls({ service: 'core', read: () => loadTls(config, 'core'), log }))
      : undefined;
    const listener = started.use(
      await listen({
        fetch: (request) => app.fetch(request),
        hostname: config.hostname,
        port: config.port,
        ...(certificate ? { tls: certificate.tls } : {}),
      }),
    );
    selfUrl = `${certificate ? 'https' : 'http'}://${config.hostname === '0.0.0.0' ? '127.0.0.1' : config.hostname}:${listener.port}`;
    // Loops call other services, so they begin when everything listens.
    if (config.sandbox) {
      await databases.alone('seed', async () => {
        for (const seed of seeds) await seed();
      });
    }
    for (const start of loops) for (const loop of await start()) started.use(loop);
    started.use(await startHousekeeping({ databases: watched.map(({ db }) => db), clock: systemClock, log }));
    started.use(await startBacklogLoop({ services: watched, bus, metrics, log }));
    complete = true;
    log.info('core.ready', { url: selfUrl, services: config.services });
    return { url: selfUrl, bus, [Symbol.asyncDispose]: () => started.disposeAsync() };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { services: { type: 'string' } } });
  const core = await startCore(coreConfig(process.env, values.services?.split(',') ?? services));
  const stop = (): void => {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    core[Symbol.asyncDispose]().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
}
