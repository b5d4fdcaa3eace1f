// `npm run edge:worker`: the edge on workerd, as on Cloudflare but on this machine.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { services } from '../contracts/route.ts';
import { edgeConfig } from '../edge/config.ts';
import { bundleWorker } from './edge-worker-bundle.ts';

export interface RunningWorker extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Resolves when workerd has ended. */
  readonly ended: Promise<number | null>;
}

/** The variables that reach the worker as bindings; nothing else of the environment does. */
const bound = [
  'PRODUCTION',
  'SANDBOX',
  'PUBLIC_URL',
  'CORE_URL',
  'REALTIME_URL',
  'REALTIME_TOKEN',
  'TICKET_SECRET',
  'JWKS_URL',
  'JWT_ISSUER',
  'JWT_AUDIENCE',
  'TRUSTED_PROXIES',
  'TRUSTED_PROXY_HEADER',
  'CORS_ORIGINS',
  'MEDIA_ORIGINS',
  'CACHE_BYTES',
  'UPSTREAM_TIMEOUT_MS',
  'UPSTREAM_CONCURRENCY',
  'RATE_LIMIT_ADDRESS',
  'RATE_LIMIT_USER',
  'RATE_LIMIT_SIGN_IN',
  'RATE_LIMIT_ROUTES',
  'STREAMS_PER_ADDRESS',
  'METRICS_TOKEN',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'LOG_LEVEL',
  ...services.map((service) => `${service.toUpperCase()}_URL`),
];
export const compatibilityDate = '2026-07-01';
export const compatibilityFlags = ['nodejs_compat', 'enable_request_signal'];

export async function startWorker(env: Readonly<Record<string, string | undefined>>): Promise<RunningWorker> {
  return serveWorker(await writeWorker(env), edgeConfig(env).hostname);
}

/** A folder with what workerd needs; `script` is a bundle that is there already. */
export async function writeWorker(env: Readonly<Record<string, string | undefined>>, script?: string): Promise<string> {
  // Read here too, so that a mistake is told at once and not by the first request.
  const { hostname, port } = edgeConfig(env);
  const folder = await mkdtemp(join(tmpdir(), 'lotok-worker-'));
  if (script === undefined) await bundleWorker(join(folder, 'worker.js'));
  else await copyFile(script, join(folder, 'worker.js'));
  const variables = {
    // Isolates share it, so that a ticket of one opens a stream at another.
    TICKET_SECRET: randomBytes(32).toString('base64url'),
    ...Object.fromEntries(Object.entries(env).filter(([name, value]) => bound.includes(name) && value !== undefined)),
  };
  await writeFile(join(folder, 'config.capnp'), capnp(`${hostname}:${port}`, variables), { mode: 0o600 });
  return folder;
}

/** The folder goes when workerd ends. */
export async function serveWorker(folder: string, hostname: string): Promise<RunningWorker> {
  const child = spawn(workerdBinary(), ['serve', '--experimental', '--control-fd=3', join(folder, 'config.capnp')], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  });
  const ended = once(child, 'exit').then(async ([code]) => {
    await rm(folder, { recursive: true, force: true });
    return code as number | null;
  });
  const listening = await Promise.race([
    listeningPort(child),
    ended.then((code) => Promise.reject(new Error(`workerd ended with ${code}`))),
  ]);
  return {
    port: listening,
    url: `http://${hostname}:${listening}`,
    ended,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), 2_000);
      await ended;
      clearTimeout(force);
    },
  };
}

function workerdBinary(): string {
  const { default: path } = createRequire(import.meta.url)('workerd') as { default: string };
  return path;
}

/** workerd tells on its control pipe where it listens. */
async function listeningPort(child: ChildProcess): Promise<number> {
  for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
    const event = JSON.parse(line) as { event: string; socket?: string; port?: number };
    if (event.event === 'listen' && event.socket === 'http' && event.port !== undefined) return event.port;
  }
  return Promise.reject(new Error('workerd does not listen'));
}

function capnp(address: string, variables: Readonly<Record<string, string>>): string {
  const text = (value: string): string => JSON.stringify(value);
  const bindings = Object.entries(variables).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`);
  // Streams need a realtime node to listen to.
  const withHub = variables['REALTIME_URL'] !== undefined;
  if (withHub) bindings.push('(name = "STREAM_HUB", durableObjectNamespace = "StreamHub")');
  bindings.push('(name = "RATE_SHARDS", durableObjectNamespace = "RateShard")');
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "edge", worker = .edge),
    (name = "internet", network = (allow = ["public", "private", "local"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [(name = "http", address = ${text(address)}, http = (), service = "edge")],
);

const edge :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = ${text(compatibilityDate)},
  compatibilityFlags = [${compatibilityFlags.map(text).join(', ')}],
  bindings = [${bindings.join(', ')}],
  durableObjectNamespaces = [(className = "StreamHub", uniqueKey = "lotok-stream-hub"), (className = "RateShard", uniqueKey = "lotok-rate-shard")],
  durableObjectStorage = (inMemory = void),
);
`;
}

if (import.meta.main) {
  const worker = await startWorker(process.env);
  console.log(JSON.stringify({ event: 'ready', url: worker.url }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void worker[Symbol.asyncDispose]());
  process.exitCode = (await worker.ended) ?? 0;
}
