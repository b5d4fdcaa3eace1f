// The certificate that a service shows, read again while it runs: a renewed one is used from the next connection on.
import type { experimental } from '@grpc/grpc-js';
import { startLoop } from '../loop.ts';
import type { Log } from '../telemetry/log.ts';
import type { Tls } from './certificates.ts';

type CaListener = Parameters<experimental.CertificateProvider['addCaCertificateListener']>[0];
type IdentityListener = Parameters<experimental.CertificateProvider['addIdentityCertificateListener']>[0];

/** Tells grpc-js, and whoever else serves TLS, what to show now and after each change. */
export class TlsSource implements experimental.CertificateProvider {
  #current: Tls;
  readonly #caListeners = new Set<CaListener>();
  readonly #identityListeners = new Set<IdentityListener>();
  readonly #others = new Set<(tls: Tls) => void>();

  constructor(tls: Tls) {
    this.#current = tls;
  }

  get current(): Tls {
    return this.#current;
  }

  /** False when it is the same. */
  replace(tls: Tls): boolean {
    const { ca, cert, key } = this.#current;
    if (ca === tls.ca && cert === tls.cert && key === tls.key) return false;
    this.#current = tls;
    for (const listener of this.#caListeners) listener(this.#ca);
    for (const listener of this.#identityListeners) listener(this.#identity);
    for (const listener of this.#others) listener(tls);
    return true;
  }

  onChange(listener: (tls: Tls) => void): void {
    this.#others.add(listener);
  }

  addCaCertificateListener(listener: CaListener): void {
    this.#caListeners.add(listener);
    // Not at once: grpc-js isn't ready to hear before it has subscribed.
    queueMicrotask(() => listener(this.#ca));
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#caListeners.delete(listener);
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.add(listener);
    queueMicrotask(() => listener(this.#identity));
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.delete(listener);
  }

  get #ca(): { caCertificate: Buffer } {
    return { caCertificate: Buffer.from(this.#current.ca) };
  }

  get #identity(): { certificate: Buffer; privateKey: Buffer } {
    return { certificate: Buffer.from(this.#current.cert), privateKey: Buffer.from(this.#current.key) };
  }
}

export interface WatchTlsOptions {
  readonly service: string;
  /** Throws where the files don't belong together, as while they are being written: the last good ones stay. */
  readonly read: () => Promise<Tls>;
  readonly log: Log;
  readonly everyMs?: number;
}

export async function watchTls({
  service,
  read,
  log,
  everyMs = 30_000,
}: WatchTlsOptions): Promise<{ readonly tls: TlsSource } & AsyncDisposable> {
  const tls = new TlsSource(await read());
  const loop = await startLoop({
    name: `certificates.${service}`,
    pollMs: everyMs,
    log,
    run: async () => {
      if (tls.replace(await read())) log.info('tls.replaced', { service });
      return false;
    },
  });
  return { tls, [Symbol.asyncDispose]: () => loop[Symbol.asyncDispose]() };
}
