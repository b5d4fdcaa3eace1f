// Deno with a certificate: HTTP/2 to clients, and to a core that has one too.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createSecureServer } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CertificateFiles, makeCertificate } from './certificate.ts';
import { readOverHttp2 } from './http2.ts';
import { startDenoTask } from './processes.ts';
import { type EdgeWorld, startWorld } from './world.ts';

describe('the edge on Deno with a certificate', () => {
  let world: EdgeWorld;
  let folder: string;
  let files: CertificateFiles;
  beforeAll(async () => {
    world = await startWorld();
    folder = await mkdtemp(join(tmpdir(), 'lotok-deno-'));
    files = await makeCertificate(folder);
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  it('speaks HTTP/2 to clients and to core', async () => {
    const versions = new Set<string>();
    const { certFile, keyFile } = files;
    const tls = { cert: await readFile(certFile), key: await readFile(keyFile), allowHTTP1: true };
    const core = createSecureServer(tls, (asked, answer) => {
      versions.add(asked.httpVersion);
      answer.setHeader('content-type', 'application/json');
      answer.end('{"items":[]}');
    });
    await new Promise<void>((resolve) => core.listen(0, '127.0.0.1', resolve));
    {
      await using edge = await startDenoTask('edge:tls', {
        ...world.env,
        CORE_URL: `https://localhost:${(core.address() as { port: number }).port}`,
        TLS_CERT_FILE: certFile,
        TLS_KEY_FILE: keyFile,
        DENO_CERT: certFile,
      });
      await using client = await readOverHttp2(edge.url, certFile);
      expect(client.protocol).toBe('h2');
      const listing = await client.read('/v1/ads');
      expect([listing.headers[':status'], listing.body]).toEqual([200, '{"items":[]}']);
      expect(listing.headers['strict-transport-security']).toContain('max-age=');
    }
    await new Promise((resolve) => core.close(resolve));
    expect([...versions]).toEqual(['2.0']);
  });
});
