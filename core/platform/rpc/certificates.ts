// Certificates of services: from files in production, otherwise from a development CA in the data folder.
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CoreConfig } from '../config.ts';
import { hostnameOf } from './definition.ts';
import type { KeyPair } from './development-ca.ts';

/** PEM texts. */
export interface Tls {
  /** Who signs the other side's certificate. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/**
 * The certificate that a service shows to others. In the paths `{service}` stands for its name,
 * for processes that run several services with a certificate each.
 */
export async function loadTls(
  config: Pick<CoreConfig, 'dataFolder' | 'tlsCaFile' | 'tlsCertFile' | 'tlsKeyFile'>,
  service: string,
): Promise<Tls> {
  const { tlsCaFile, tlsCertFile, tlsKeyFile } = config;
  if (!tlsCaFile && !tlsCertFile && !tlsKeyFile) return developmentTls(join(config.dataFolder, 'ca'), service);
  if (!tlsCaFile || !tlsCertFile || !tlsKeyFile) {
    throw new Error('TLS_CA_FILE, TLS_CERT_FILE and TLS_KEY_FILE belong together: set all of them or none');
  }
  const read = (path: string): Promise<string> => readFile(path.replaceAll('{service}', service), 'utf8');
  const tls = { ca: await read(tlsCaFile), cert: await read(tlsCertFile), key: await read(tlsKeyFile) };
  const certificate = new X509Certificate(tls.cert);
  if (!certificate.checkPrivateKey(createPrivateKey(tls.key)))
    throw new Error('TLS_KEY_FILE is not the key of TLS_CERT_FILE');
  if (!certificate.checkHost(hostnameOf(service)))
    throw new Error(`TLS_CERT_FILE does not name ${hostnameOf(service)}`);
  return tls;
}

const dayMs = 24 * 3_600_000;
const renewedBeforeMs = 30 * dayMs;
const serviceLifeMs = 90 * dayMs;
const caLifeMs = 20 * 365 * dayMs;

/**
 * A certificate by the development CA in `folder`, both made when missing; `ca.crt` there is what a browser may trust.
 * Processes may start at once: the CA's key and certificate are one file that appears whole, and only once.
 */
export async function developmentTls(folder: string, service: string, now = new Date()): Promise<Tls> {
  if (!/^[a-z][a-z0-9-]{0,40}$/.test(service)) throw new Error(`not a service: ${service}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const ca = await developmentCa(folder, now);
  const path = join(folder, `${service}.pem`);
  const kept = await readPair(path);
  if (kept && isUsable(kept.cert, ca.cert, service, now)) return { ca: ca.cert, ...kept };
  const { issueCertificate } = await import('./development-ca.ts');
  const pair = await issueCertificate({
    ca,
    names: [hostnameOf(service), ...developmentNames],
    notBefore: new Date(now.getTime() - 3_600_000),
    notAfter: new Date(now.getTime() + serviceLifeMs),
  });
  // Of two processes either certificate is good: each uses its own, the later one stays in the folder.
  await appear(path, pair, rename);
  return { ca: ca.cert, ...pair };
}

/** Everything may also be reached on the developer's own machine. */
const developmentNames = ['localhost', '127.0.0.1', '::1'];

async function developmentCa(folder: string, now: Date): Promise<KeyPair> {
  const path = join(folder, 'ca.pem');
  let pair = await readPair(path);
  if (!pair) {
    const { makeAuthority } = await import('./development-ca.ts');
    const made = await makeAuthority({ notBefore: now, notAfter: new Date(now.getTime() + caLifeMs) });
    try {
      await appear(path, made, link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // another process was first: its CA it is
    }
    pair = await readPair(path);
    if (!pair) throw new Error(`${path} holds no certificate authority`);
  }
  if (new X509Certificate(pair.cert).validToDate <= now)
    throw new Error(`${path} has expired: remove ${folder} to begin anew`);
  const public_ = join(folder, 'ca.crt');
  if ((await readText(public_)) !== pair.cert) await appear(public_, { cert: pair.cert, key: '' }, rename);
  return pair;
}

function isUsable(cert: string, ca: string, service: string, now: Date): boolean {
  const certificate = new X509Certificate(cert);
  return (
    certificate.validToDate.getTime() - now.getTime() > renewedBeforeMs &&
    certificate.validFromDate <= now &&
    certificate.checkHost(hostnameOf(service)) !== undefined &&
    certificate.verify(new X509Certificate(ca).publicKey)
  );
}

/** Writes beside `path` and moves it there, so that nobody reads half a file. */
async function appear(path: string, { cert, key }: KeyPair, move: typeof rename): Promise<void> {
  const draft = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(draft, key + cert, { mode: 0o600, flag: 'wx' });
    await move(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
}

async function readPair(path: string): Promise<KeyPair | undefined> {
  const text = await readText(path);
  const key = text?.match(/-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n/)?.[0];
  const cert = text?.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/)?.[0];
  return key && cert ? { key, cert } : undefined;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
