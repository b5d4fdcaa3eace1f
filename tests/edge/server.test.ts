// The edge's listener on Node: TLS, HTTP/2, refusing what can't be read, and ending without cutting anybody off.
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { createServer as createHttp2Server, type Http2Session } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { connect as tcpConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { edgeConfig } from '../../edge/config.ts';
import { startEdge } from '../../edge/node.ts';
import { readStream } from '../../realtime/world.testing.ts';
import { until } from '../until.ts';
import { makeCertificate } from './certificate.ts';
import { readOverHttp2 } from './http2.ts';
import { type EdgeWorld, startWorld } from './world.ts';

describe('the edge’s listener', () => {
  let world: EdgeWorld;
  let folder: string;
  beforeAll(async () => {
    world = await startWorld();
    folder = await mkdtemp(join(tmpdir(), 'lotok-edge-'));
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  it('answers a request that offers HTTP/2 in clear as it is, in HTTP/1.1', async () => {
    await using edge = await startEdge(edgeConfig(world.env));
    const status = await new Promise((resolve, reject) => {
      const headers = {
        connection: 'Upgrade, HTTP2-Settings',
        upgrade: 'h2c',
        'http2-settings': 'AAMAAABkAAQCAAAAAAIAAAAA',
        'content-type': 'application/json',
      };
      httpRequest(`${edge.url}/v1/orders`, { method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .once('error', reject)
        .end('{}');
    });
    // A POST without a token, not a GET that nobody offers.
    expect(status).toBe(401);
  });

  it('speaks HTTP/2 and HTTP/1.1 over TLS, and says that it is secure', async () => {
    const { certFile, keyFile } = await makeCertificate(folder);
    await using edge = await startEdge(edgeConfig({ ...world.env, TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile }));
    await using client = await readOverHttp2(edge.url, certFile);
    expect(client.protocol).toBe('h2');
    const first = await client.read('/v1/ads');
    expect(first.headers[':status']).toBe(200);
    expect(first.headers['strict-transport-security']).toContain('max-age=');
    await until('it comes from the cache', async () =>
      String((await client.read('/v1/ads')).headers['cache-status']).includes('hit'),
    );
    expect((await client.read('/v1/ads')).body).toBe(first.body);
    const older = await new Promise<number | undefined>((resolve, reject) => {
      httpsRequest(`${edge.url}/healthz`, { rejectUnauthorized: false, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(older).toBe(200);
  });

  it('asks a core that speaks HTTP/2 in that, over one connection', async () => {
    const versions = new Set<string>();
    const sessions = new Set<Http2Session>();
    const core = createHttp2Server((asked, answer) => {
      versions.add(asked.httpVersion);
      answer.setHeader('content-type', 'application/json');
      answer.end('{}');
    });
    core.on('session', (session) => sessions.add(session));
    await new Promise<void>((resolve) => core.listen(0, '127.0.0.1', resolve));
    const CORE_URL = `http://127.0.0.1:${(core.address() as { port: number }).port}`;
    {
      await using edge = await startEdge(edgeConfig({ ...world.env, CORE_URL }));
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_none, index) => fetch(`${edge.url}/v1/ads?limit=${index + 1}`)),
      );
      expect(answers.every(({ status }) => status === 200)).toBe(true);
    }
    expect([...versions]).toEqual(['2.0']);
    expect(sessions.size).toBe(1);
    for (const session of sessions) session.destroy();
    await new Promise((resolve) => core.close(resolve));
  });

  it('answers what it can’t read with a problem', async () => {
    await using edge = await startEdge(edgeConfig(world.env));
    const answer = (text: string) =>
      new Promise<string>((resolve, reject) => {
        let got = '';
        const socket = tcpConnect(edge.port, '127.0.0.1', () => socket.end(text));
        socket.setEncoding('utf8').on('data', (chunk) => {
          got += chunk;
        });
        socket.on('close', () => resolve(got)).on('error', reject);
      });
    expect(await answer(`GET / HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 431 [\s\S]*urn:lotok:problem:headers-too-large/,
    );
    expect(await answer('NONSENSE\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
  });

  it('ends its streams and finishes what it began when it is told to end', async () => {
    const edge = await startEdge(edgeConfig(world.env));
    const authorization = `Bearer ${await world.issuer.token()}`;
    await until('the edge is ready', async () => (await fetch(`${edge.url}/readyz`)).ok);
    using stream = await readStream(`${edge.url}/v1/stream`, { authorization });
    world.listingMs = 300;
    const before = world.asked('/v1/ads');
    const underWay = new Promise<number | undefined>((resolve, reject) => {
      httpRequest(`${edge.url}/v1/ads?limit=77`, { agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    await until('core was asked', () => world.asked('/v1/ads') > before);
    const ended = edge[Symbol.asyncDispose]();
    await stream.hasEnded();
    expect(await underWay).toBe(200);
    await ended;
    world.listingMs = 0;
    await expect(fetch(`${edge.url}/healthz`)).rejects.toThrow();
  });
});
