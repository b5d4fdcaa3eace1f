// HTTP/3 as deploy/caddy sets it up, in front of the edge, used by a client of another make (aioquic).
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { edgeConfig } from '../../edge/config.ts';
import { startEdge } from '../../edge/node.ts';
import { orderId, userId } from '../../realtime/world.testing.ts';
import { freePort } from '../../scripts/free-port.ts';
import { findProgram } from '../../scripts/services/packages.ts';
import { adId, type EdgeWorld, startWorld } from '../edge/world.ts';
import { pythonWith } from '../python.ts';
import { inCI } from '../services.ts';
import { until } from '../until.ts';

const here = import.meta.dirname;
const caddy = findProgram('caddy');
if (!caddy && inCI()) throw new Error('caddy is missing, and in CI nothing may be left out');
const python = await pythonWith(join(here, 'requirements.txt'));

/** A line of client.py. */
interface Said {
  readonly kind: 'header' | 'data' | 'end' | 'ticket';
  readonly status?: number;
  readonly fields?: Readonly<Record<string, string>>;
  readonly text?: string;
  readonly complete?: boolean;
  readonly early?: boolean;
}

describe.skipIf(!caddy || !python)('HTTP/3 by Caddy', () => {
  const stack = new AsyncDisposableStack();
  let world: EdgeWorld;
  let folder: string;
  let port: number;
  let authority: string;
  let authorization: string;

  beforeAll(async () => {
    world = stack.use(await startWorld());
    const edge = stack.use(await startEdge(edgeConfig({ ...world.env, TRUSTED_PROXIES: '127.0.0.1' })));
    folder = await mkdtemp(join(tmpdir(), 'lotok-http3-'));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    port = await freePort();
    await writeFile(join(folder, 'caddy.json'), JSON.stringify(await configurationOn(port)));
    const env = {
      ...process.env,
      SITE: 'localhost',
      UPSTREAM: `127.0.0.1:${edge.port}`,
      XDG_DATA_HOME: folder,
      XDG_CONFIG_HOME: folder,
    };
    const child = spawn(caddy ?? '', ['run', '--config', join(folder, 'caddy.json')], { env, stdio: 'ignore' });
    stack.defer(() => ended(child));
    authority = join(folder, 'caddy/pki/authorities/local/root.crt');
    await until('Caddy answers', async () => existsSync(authority) && (await overTcp('/readyz')).status === 200, {
      timeoutMs: 30_000,
    });
    authorization = `Bearer ${await world.issuer.token()}`;
  });
  afterAll(() => stack.disposeAsync());

  /** What is deployed, on other ports and without what changes this machine. */
  async function configurationOn(https: number): Promise<unknown> {
    const deployed = JSON.parse(await readFile(join(here, '../../deploy/caddy/caddy.json'), 'utf8'));
    deployed.admin = { disabled: true };
    deployed.apps.http = { ...deployed.apps.http, https_port: https, http_port: await freePort() };
    deployed.apps.http.servers.edge.listen = [`:${https}`];
    deployed.apps.pki = { certificate_authorities: { local: { install_trust: false } } };
    return deployed;
  }

  const overTcp = async (path: string): Promise<{ status: number | undefined; altSvc: string | undefined }> => {
    const ca = await readFile(authority);
    return new Promise((resolve, reject) => {
      request(`https://localhost:${port}${path}`, { ca, agent: false }, (response) => {
        response.resume();
        const altSvc = response.headers['alt-svc'];
        resolve({ status: response.statusCode, altSvc: Array.isArray(altSvc) ? altSvc.join() : altSvc });
      })
        .on('error', reject)
        .end();
    });
  };

  /** A request over HTTP/3; `said` grows as its answer comes. */
  function ask(path: string, ...options: string[]) {
    const child = spawn(
      python ?? '',
      [
        join(here, 'client.py'),
        `https://localhost:${port}${path}`,
        ...['--ca', authority, '--address', '127.0.0.1'],
        ...options,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const said: Said[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => said.push(JSON.parse(line) as Said));
    return {
      said,
      get text(): string {
        return said.map(({ text = '' }) => text).join('');
      },
      header: () => until('there is an answer', () => said.find(({ kind }) => kind === 'header')),
      over: () => once(child, 'close'),
      [Symbol.asyncDispose]: () => ended(child),
    };
  }

  it('is told of to who comes over TCP', async () => {
    expect((await overTcp('/')).altSvc).toMatch(new RegExp(`^h3=":${port}"; ma=\\d+`));
  });

  it('follows an order, each event as it happens, and goes on where it was cut off', async () => {
    const path = `/v1/stream?topics=orders&order=${orderId}`;
    const say = (status: string): void =>
      world.source.publish(`user:${userId}`, 'order.status', {
        order_id: orderId,
        status,
        cancel_reason: null,
        ad_title: 'Bicycle',
        at: new Date().toISOString(),
      });
    await using stream = ask(path, '--header', `authorization: ${authorization}`);
    const header = await stream.header();
    expect([header.status, header.fields?.['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8']);
    // The next is said only when the one before is there: whoever held any back would wait for ever.
    for (const status of ['paid', 'in_delivery']) {
      say(status);
      await until(`${status} is there`, () => stream.text.includes(`"status":"${status}"`));
    }
    const place =
      stream.text
        .match(/^id: ?(.+)$/gm)
        ?.at(-1)
        ?.replace(/^id: ?/, '') ?? '';
    await stream[Symbol.asyncDispose]();
    say('delivered');
    await using again = ask(path, '--header', `authorization: ${authorization}`, '--header', `last-event-id: ${place}`);
    await until('what was missed is there', () => again.text.includes('"status":"delivered"'));
    expect(again.text).not.toContain('"status":"in_delivery"');
    expect(again.text).not.toContain('event: reset');
  });

  it('never takes what changes something as early data, which anybody could send a second time', async () => {
    const session = join(folder, 'session');
    const order = () =>
      ask(
        '/v1/orders',
        ...['--session', session, '--method', 'POST', '--body', JSON.stringify({ ad_id: adId })],
        ...['--header', `authorization: ${authorization}`, '--header', 'content-type: application/json'],
        ...['--header', 'idempotency-key: over-http3'],
      );
    for (const connection of ['first', 'second']) {
      await using asked = order();
      await asked.over();
      expect(asked.said.find(({ kind }) => kind === 'header')?.status, connection).toBe(201);
      expect(asked.said.find(({ kind }) => kind === 'end')).toMatchObject({ complete: true, early: false });
    }
    expect(existsSync(session)).toBe(false);
  });
});

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}
