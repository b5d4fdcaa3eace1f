// A worker on workerd, as on Cloudflare but on this machine.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { bundleWorker } from './edge-worker-bundle.ts';

export interface RunningWorker extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Resolves when workerd has ended. */
  readonly ended: Promise<number | null>;
}

export interface WorkerToServe {
  /** The worker's entry file, from the repository's root. */
  readonly entry: string;
  readonly hostname: string;
  readonly port: number;
  /** What the worker finds in its environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** Binding and class of each kind. */
  readonly durableObjects: Readonly<Record<string, string>>;
  /** A bundle that is there already. */
  readonly script?: string | undefined;
}

export const compatibilityDate = '2026-07-01';
export const compatibilityFlags = ['nodejs_compat', 'enable_request_signal'];

export async function serveWorker(worker: WorkerToServe): Promise<RunningWorker> {
  const { entry, hostname, script } = worker;
  const folder = await mkdtemp(join(tmpdir(), 'lotok-worker-'));
  if (script === undefined) await bundleWorker(entry, join(folder, 'worker.js'));
  else await copyFile(script, join(folder, 'worker.js'));
  await copyFile(join(import.meta.dirname, 'workerd-cache.mjs'), join(folder, 'cache.js'));
  await writeFile(join(folder, 'config.capnp'), capnp(worker), { mode: 0o600 });

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

function capnp({ hostname, port, variables, durableObjects }: WorkerToServe): string {
  const text = (value: string): string => JSON.stringify(value);
  const bindings = Object.entries(variables).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`);
  const classes = Object.entries(durableObjects).map(([binding, className]) => {
    bindings.push(`(name = ${text(binding)}, durableObjectNamespace = ${text(className)})`);
    return `(className = ${text(className)}, uniqueKey = ${text(`lotok-${className}`)})`;
  });
  const withCache = variables['CACHE_API'] === '1';
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "edge", worker = .edge),
    ${withCache ? `(name = "cache", worker = (modules = [(name = "cache.js", esModule = embed "cache.js")], compatibilityDate = ${text(compatibilityDate)})),` : ''}
    (name = "internet", network = (allow = ["public", "private", "local"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [(name = "http", address = ${text(`${hostname}:${port}`)}, http = (), service = "edge")],
);

const edge :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = ${text(compatibilityDate)},
  compatibilityFlags = [${compatibilityFlags.map(text).join(', ')}],
  ${withCache ? 'cacheApiOutbound = "cache",' : ''}
  bindings = [${bindings.join(', ')}],
  ${classes.length > 0 ? `durableObjectNamespaces = [${classes.join(', ')}], durableObjectStorage = (inMemory = void),` : ''}
);
`;
}
