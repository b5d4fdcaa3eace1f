// The caching reverse proxy on Node.
import { createServer, type OutgoingHttpHeader, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { createLog } from '../log.ts';
import { folderOf } from '../node-folder.ts';
import { createNodeUpstream } from '../node-upstream.ts';
import { type CacheProxyConfig, createCacheProxy } from './app.ts';

export interface RunningCacheProxy extends AsyncDisposable {
  readonly url: string;
}

export async function startCacheProxy(config: CacheProxyConfig): Promise<RunningCacheProxy> {
  const log = createLog('info', (line) => process.stdout.write(`${line}\n`), { part: 'edge-cache' });
  const pool = createNodeUpstream({ timeoutMs: config.timeoutMs, http2: false });
  const proxy = createCacheProxy(config, {
    runtime: 'node',
    fetchUpstream: pool.fetch,
    log,
    ...(await folderOf(config)),
    waitUntil: (work) => {
      work.catch((error: unknown) => log.error('background.failed', { error }));
    },
  });
  const listener = getRequestListener(
    (request, { outgoing }) =>
      proxy.fetch(request, (status, told) => (outgoing as ServerResponse).writeInformation(status, told)),
    { overrideGlobalObjects: false },
  );
  const server = createServer((incoming, outgoing) => {
    const host = incoming.headers.host ?? 'localhost';
    const hit = proxy.hit(incoming.method ?? '', `http://${host}${incoming.url ?? '/'}`, (name) => {
      const value = incoming.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    });
    if (!hit) return void listener(incoming, outgoing);
    outgoing.writeHead(hit.status, hit.headers as unknown as OutgoingHttpHeader[]);
    outgoing.end(hit.body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.hostname, resolve);
  });
  return {
    url: `http://${config.hostname}:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await pool[Symbol.asyncDispose]();
    },
  };
}
