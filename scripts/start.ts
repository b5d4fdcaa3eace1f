// `npm start`: edge, core and realtime in one process on embedded ports, with demo data.
import { mkdir } from 'node:fs/promises';
import { demoPassword, demoUsers } from '../contracts/demo.ts';
import { services } from '../contracts/route.ts';
import { startCore } from '../core/main.ts';
import { coreConfig } from '../core/platform/config.ts';
import { folderSecret } from '../core/platform/secrets.ts';
import { edgeConfig } from '../edge/config.ts';
import { startEdge } from '../edge/node.ts';
import { realtimeConfig } from '../realtime/config.ts';
import { startRealtime } from '../realtime/main.ts';

export interface Lotok extends AsyncDisposable {
  /** Where the storefront and the API are. */
  readonly url: string;
  /** Where each part shows its metrics. */
  readonly metrics: readonly string[];
}

/** Real services that a shell may name for other purposes: here everything is embedded. */
const elsewhere = ['DATABASE_URL', 'KAFKA_BROKERS', 'REDIS_URL', 'S3_ENDPOINT', 'SMTP_URL'];

/** A certificate is for the edge's clients; between the parts the development CA does. */
const withoutTls = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !/^TLS_(CA|CERT|KEY)_FILE$/.test(name)));

/** Starts everything on `PORT` (8080) with its data in `LOTOK_DATA` (`.lotok`). */
export async function startAll(env: NodeJS.ProcessEnv): Promise<Lotok> {
  const port = env['PORT'] ?? '8080';
  const dataFolder = env['LOTOK_DATA'] ?? '.lotok';
  const hostname = env['HOST'] ?? '127.0.0.1';
  const scheme = env['TLS_CERT_FILE'] === undefined ? 'http' : 'https';
  const publicUrl = env['PUBLIC_URL'] ?? `${scheme}://${reachableName(hostname)}:${port}`;
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const token = await folderSecret(dataFolder, 'realtime-token');
  const common = {
    ...Object.fromEntries(Object.entries(env).filter(([name]) => !elsewhere.includes(name))),
    LOTOK_DATA: dataFolder,
    LOG_LEVEL: env['LOG_LEVEL'] ?? 'warn',
    SANDBOX: '1',
    REALTIME_TOKEN: token,
  };
  // Between the parts nothing leaves this machine, and free ports disturb nobody.
  const inside = { ...withoutTls(common), HOST: '127.0.0.1', PORT: '0' };

  const started = new AsyncDisposableStack();
  try {
    const core = started.use(
      await startCore(coreConfig({ ...inside, GRPC_PORT: '0', PUBLIC_URL: publicUrl }, services)),
    );
    const realtime = started.use(
      await startRealtime(realtimeConfig({ ...inside, CORE_URL: core.url }), { source: core.bus }),
    );
    const edge = started.use(
      await startEdge(
        edgeConfig({
          ...common,
          HOST: hostname,
          PORT: port,
          ...(port === '0' ? {} : { PUBLIC_URL: publicUrl }),
          CORE_URL: core.url,
          REALTIME_URL: realtime.url,
          TICKET_SECRET: await folderSecret(dataFolder, 'stream-tickets'),
        }),
      ),
    );
    // The printed address is the one that links and payments lead back to.
    return {
      url: port === '0' ? edge.url : publicUrl,
      metrics: [edge, core, realtime].map(({ url }) => `${url}/metrics`),
      [Symbol.asyncDispose]: () => started.disposeAsync(),
    };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

const reachableName = (hostname: string): string => {
  if (hostname === '0.0.0.0' || hostname === '::') return '127.0.0.1';
  return hostname.includes(':') ? `[${hostname}]` : hostname;
};

/** What a newcomer can mend is told in words, without a stack. */
function explain(error: unknown): void {
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')
    console.error(`${error.message}: end what uses the port, or name another one in PORT`);
  else console.error(error);
}

if (import.meta.main) {
  const began = performance.now();
  const lotok = await startAll(process.env).catch((error: unknown) => {
    explain(error);
    process.exit(1);
  });
  const accounts = demoUsers.slice(0, 5).map(({ email }) => `  ${email}  ${demoPassword}`);
  console.log(
    [
      `Lotok  ${lotok.url}`,
      '',
      'Demo accounts (email, password):',
      ...accounts,
      '',
      `API docs  ${lotok.url}/docs`,
      `Mailbox   ${lotok.url}/sandbox/mail`,
      `Metrics   ${lotok.metrics.join('  ')}`,
      '',
      `ready in ${((performance.now() - began) / 1000).toFixed(1)} s`,
    ].join('\n'),
  );
  const stop = (): void => {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    lotok[Symbol.asyncDispose]().then(
      () => process.exit(0),
      (error) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
}
