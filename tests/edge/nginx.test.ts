// Streams behind nginx with nothing set but `proxy_pass`: it buffers answers, and speaks HTTP/1.0 to us.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { edgeConfig } from '../../edge/config.ts';
import { startEdge } from '../../edge/node.ts';
import { orderId, readStream, userId } from '../../realtime/world.testing.ts';
import { freePort } from '../../scripts/free-port.ts';
import { inCI } from '../services.ts';
import { until } from '../until.ts';
import { type EdgeWorld, startWorld } from './world.ts';

const hasNginx = spawnSync('nginx', ['-v']).status === 0;

describe.runIf(hasNginx || inCI())('a stream behind nginx as it comes', () => {
  let world: EdgeWorld;
  let proxied: Record<'edge' | 'realtime', string>;
  let bearer: Record<string, string>;
  const started = new AsyncDisposableStack();

  beforeAll(async () => {
    world = started.use(await startWorld());
    const edge = started.use(await startEdge(edgeConfig({ ...world.env, PORT: '0' })));
    await until('the edge is ready', async () => (await fetch(`${edge.url}/readyz`)).ok);
    const folder = await mkdtemp(join(tmpdir(), 'lotok-nginx-'));
    started.defer(() => rm(folder, { recursive: true, force: true }));
    const ports = { edge: await freePort(), realtime: await freePort() };
    const targets = { edge: edge.url, realtime: world.env['REALTIME_URL'] ?? '' };
    const servers = (['edge', 'realtime'] as const).map(
      (part) => `server { listen 127.0.0.1:${ports[part]}; location / { proxy_pass ${targets[part]}; } }`,
    );
    await writeFile(join(folder, 'nginx.conf'), nginxConfig(folder, servers));
    const nginx = spawn('nginx', ['-c', join(folder, 'nginx.conf'), '-e', 'stderr', '-g', 'daemon off;'], {
      stdio: 'ignore',
    });
    started.defer(async () => {
      const ended = once(nginx, 'exit');
      nginx.kill('SIGTERM');
      await ended;
    });
    proxied = { edge: `http://127.0.0.1:${ports.edge}`, realtime: `http://127.0.0.1:${ports.realtime}` };
    bearer = { authorization: `Bearer ${await world.issuer.token()}`, 'accept-encoding': 'gzip' };
    for (const url of Object.values(proxied))
      await until('nginx answers', async () => (await fetch(`${url}/healthz`)).ok);
  }, 60_000);
  afterAll(() => started.disposeAsync());

  it.each(['edge', 'realtime'] as const)('of the %s brings each event before the next one happens', async (part) => {
    using stream = await readStream(`${proxied[part]}/v1/stream`, bearer);
    expect(stream.status).toBe(200);
    expect(stream.headers.get('content-encoding')).toBeNull();
    await until('the opening came', () => stream.lastId);
    for (let count = 1; count <= 5; count += 1) {
      world.source.publish(`user:${userId}`, 'order.status', { order_id: orderId, status: `${part} ${count}` });
      expect((await stream.has(count)).at(-1)?.data['status']).toBe(`${part} ${count}`);
    }
  });
});

/** As Debian's file has it, in a folder of its own; nothing is set about proxying. */
const nginxConfig = (folder: string, servers: readonly string[]): string => `
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${folder}/nginx.pid;
events {}
http {
  access_log off;
  gzip on;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  ${servers.join('\n  ')}
}
`;
