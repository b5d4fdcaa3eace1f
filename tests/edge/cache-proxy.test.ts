// The cache as a proxy on each runtime: what conformance does not ask, its second level and requests that try to trick it.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheProxyConfig } from '../../edge/cache-proxy/app.ts';
import type { RunningCacheProxy } from '../../edge/cache-proxy/node.ts';
import { cacheRuntimes, startCacheOn } from '../../scripts/edge-cache.ts';
import { freePort } from '../../scripts/free-port.ts';
import { until } from '../until.ts';

/** An origin that tells of each request how it saw it. */
async function startOrigin() {
  const asked: string[] = [];
  let version = 1;
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (request.method !== 'GET') {
      version += 1;
      response.writeHead(204).end();
      return;
    }
    response.writeHead(200, { 'cache-control': 'max-age=600', 'content-type': 'text/plain' });
    response.end(`${request.url} v${version} `.padEnd(2_000, 'x'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What the proxy answers to these bytes before it closes the connection or falls silent. */
function send(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.setTimeout(1_500, () => socket.destroy());
  socket.write(bytes);
  return new Promise((resolve) => socket.once('close', () => resolve(answer)).on('error', () => undefined));
}

describe.each(cacheRuntimes)('the cache proxy on %s', (runtime) => {
  let origin: Awaited<ReturnType<typeof startOrigin>>;
  let proxy: RunningCacheProxy;
  let folder: string;
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(proxy.url + path, { headers });
    const text = (await response.text()).replace(/ x+$/, '');
    return { status: response.status, text, cacheStatus: response.headers.get('cache-status') ?? '' };
  };
  const crowd = async () => {
    for (let page = 0; page < 40; page += 1) await get(`/crowd/${page}`);
  };

  beforeAll(async () => {
    origin = await startOrigin();
    folder = await mkdtemp(join(tmpdir(), 'lotok-cache-'));
    proxy = await startCacheOn(
      runtime,
      cacheProxyConfig({
        ORIGIN: origin.url,
        PORT: String(await freePort()),
        CACHE_BYTES: '40000',
        ...(runtime === 'node' ? { CACHE_FOLDER: folder } : { CACHE_API: '1' }),
      }),
    );
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await origin?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it('keeps on its second level what memory has no room for', async () => {
    await get('/kept');
    await until('it comes from there', async () => {
      await crowd();
      return (await get('/kept')).cacheStatus.includes('detail=second-level');
    });
  });

  it('brings nothing back from there that was changed', async () => {
    const { text } = await get('/changed');
    await crowd();
    expect((await fetch(`${proxy.url}/changed`, { method: 'DELETE' })).status).toBe(204);
    await crowd();
    expect((await get('/changed')).text).not.toBe(text);
  });

  it.each([
    ['two lengths', 'content-length: 4\r\ncontent-length: 5\r\n\r\nabcde'],
    ['a length and chunks', 'content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a coding after chunks', 'transfer-encoding: chunked, x\r\n\r\n0\r\n\r\n'],
    ['a blank before the colon', 'content-length : 4\r\n\r\nabcd'],
  ])('lets no second request slip through by %s', async (_what, framing) => {
    const before = origin.asked.length;
    const answer = await send(
      proxy.url,
      `POST /x HTTP/1.1\r\nhost: a\r\n${framing}GET /smuggled HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
    );
    // Refused, or read by the chunks and then closed (RFC 9112, section 6.3).
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toHaveLength(1);
    expect(origin.asked.slice(before).join()).not.toContain('smuggled');
  });
});
