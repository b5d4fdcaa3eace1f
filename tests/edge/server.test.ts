// The edge's listener on Node: TLS, HTTP/2, refusing what can't be read, and ending without cutting anybody off.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect as http2Connect } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { connect as tcpConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { edgeConfig } from '../../edge/config.ts';
import { startEdge } from '../../edge/node.ts';
import { readStream } from '../../realtime/world.testing.ts';
import { until } from '../until.ts';
import { type EdgeWorld, startWorld } from './world.ts';

async function certificate(folder: string): Promise<{ TLS_CERT_FILE: string; TLS_KEY_FILE: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=localhost',
    keys,
    signingAlgorithm: algorithm,
    notAfter: new Date(Date.now() + 3_600_000),
  });
  const files = { TLS_CERT_FILE: join(folder, 'cert.pem'), TLS_KEY_FILE: join(folder, 'key.pem') };
  await writeFile(files.TLS_CERT_FILE, made.toString('pem'));
  await writeFile(
    files.TLS_KEY_FILE,
    x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY'),
  );
  return files;
}

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
    await using edge = await startEdge(edgeConfig({ ...world.env, ...(await certificate(folder)) }));
    const session = http2Connect(edge.url, { rejectUnauthorized: false });
    const read = (path: string) =>
      new Promise<{ headers: Record<string, unknown>; body: string }>((resolve, reject) => {
        const stream = session.request({ ':path': path });
        let headers: Record<string, unknown> = {};
        let body = '';
        stream.on('response', (got) => {
          headers = got;
        });
        stream.setEncoding('utf8').on('data', (chunk) => {
          body += chunk;
        });
        stream.on('end', () => resolve({ headers, body }));
        stream.on('error', reject);
      });
    const first = await read('/v1/ads');
    expect(first.headers[':status']).toBe(200);
    expect(first.headers['strict-transport-security']).toContain('max-age=');
    await until('it comes from the cache', async () =>
      String((await read('/v1/ads')).headers['cache-status']).includes('hit'),
    );
    expect((await read('/v1/ads')).body).toBe(first.body);
    session.close();
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
