import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { developmentTls, loadTls } from './certificates.ts';
import { callerOf, serviceNames } from './peer.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lotok-ca-'));
});
afterEach(() => rm(folder, { recursive: true }));

const dayMs = 24 * 3_600_000;
const inDays = (days: number): Date => new Date(Date.now() + days * dayMs);

describe('the development CA', () => {
  it('signs certificates that name their service, for its own machine', async () => {
    const { ca, cert } = await developmentTls(folder, 'orders');
    const certificate = new X509Certificate(cert);
    expect(certificate.verify(new X509Certificate(ca).publicKey)).toBe(true);
    expect(certificate.checkHost('orders.lotok.internal')).toBeDefined();
    expect(certificate.checkHost('payments.lotok.internal')).toBeUndefined();
    expect(certificate.checkIP('127.0.0.1')).toBeDefined();
    expect(certificate.checkIP('::1')).toBeDefined();
    expect(callerOf(serviceNames(certificate.subjectAltName), undefined)).toBe('orders');
  });

  it('keeps keys to its owner, and leaves no drafts', async () => {
    await developmentTls(folder, 'orders');
    const files = await readdir(folder);
    expect(files.sort()).toEqual(['ca.crt', 'ca.pem', 'orders.pem']);
    for (const file of files) expect((await stat(join(folder, file))).mode & 0o077).toBe(0);
    expect(await readFile(join(folder, 'ca.crt'), 'utf8')).not.toContain('PRIVATE');
  });

  it('is one, however many begin at once', async () => {
    const all = await Promise.all(
      ['orders', 'payments', 'ads', 'orders'].map((service) => developmentTls(folder, service)),
    );
    const [first] = all;
    for (const { ca, cert } of all) {
      expect(ca).toBe(first?.ca);
      expect(new X509Certificate(cert).verify(new X509Certificate(ca).publicKey)).toBe(true);
    }
  });

  it('goes on with what it has, renews what ends soon, and replaces what another CA signed', async () => {
    const first = await developmentTls(folder, 'orders');
    expect(await developmentTls(folder, 'orders')).toEqual(first);
    const renewed = await developmentTls(folder, 'orders', inDays(70));
    expect(renewed.ca).toBe(first.ca);
    expect(renewed.cert).not.toBe(first.cert);
    expect(new X509Certificate(renewed.cert).validToDate > inDays(150)).toBe(true);

    const other = await developmentTls(join(folder, 'other'), 'orders');
    await writeFile(join(folder, 'orders.pem'), other.key + other.cert);
    expect((await developmentTls(folder, 'orders')).cert).not.toBe(other.cert);
  });

  it('makes no file for what is no name', async () => {
    await expect(developmentTls(folder, '../orders')).rejects.toThrow('not a service');
  });
});

describe('configured certificates', () => {
  const write = async (service: string): Promise<void> => {
    const { ca, cert, key } = await developmentTls(join(folder, 'made'), service);
    await writeFile(join(folder, 'authority.crt'), ca);
    await writeFile(join(folder, `${service}.crt`), cert);
    await writeFile(join(folder, `${service}.key`), key);
  };
  const config = (cert: string, key = cert) => ({
    dataFolder: folder,
    tlsCaFile: join(folder, 'authority.crt'),
    tlsCertFile: join(folder, `${cert}.crt`),
    tlsKeyFile: join(folder, `${key}.key`),
  });

  it('are read as they are, one for each service where the path says so', async () => {
    await write('orders');
    await write('ads');
    expect((await loadTls(config('{service}'), 'orders')).cert).toBe(
      await readFile(join(folder, 'orders.crt'), 'utf8'),
    );
    expect((await loadTls(config('{service}'), 'ads')).cert).toBe(await readFile(join(folder, 'ads.crt'), 'utf8'));
  });

  it('are refused at the start when they cannot work', async () => {
    await write('orders');
    await write('ads');
    await expect(loadTls(config('orders', 'ads'), 'orders')).rejects.toThrow('not the key');
    await expect(loadTls(config('orders'), 'ads')).rejects.toThrow('does not name ads.lotok.internal');
    const { tlsKeyFile: _, ...half } = config('orders');
    await expect(loadTls({ ...half, tlsKeyFile: undefined }, 'orders')).rejects.toThrow('belong together');
  });
});

describe('the caller by its certificate', () => {
  const named = serviceNames;
  const two = named('DNS:orders.lotok.internal, DNS:ads.lotok.internal, DNS:localhost');

  it('is its only service, or the one of several that it says', () => {
    expect(callerOf(named('DNS:orders.lotok.internal, DNS:localhost'), undefined)).toBe('orders');
    expect(callerOf(two, 'ads')).toBe('ads');
    expect(callerOf(two, undefined)).toBeUndefined();
    expect(callerOf(two, 'payments')).toBeUndefined();
  });

  it('is nobody by a name that only looks like one', () => {
    for (const name of [
      'DNS:orders.lotok.internal.example.com',
      'DNS:a.orders.lotok.internal',
      'DNS:*.lotok.internal',
      'URI:orders.lotok.internal',
      'DNS:"x, DNS:orders.lotok.internal, y"',
      '',
    ]) {
      expect(callerOf(named(name), 'orders')).toBeUndefined();
    }
    expect(callerOf(named(undefined), 'orders')).toBeUndefined();
  });
});
