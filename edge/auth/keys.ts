// The issuer's public keys: fetched when first needed, renewed behind the requests, kept while the issuer is away.
import { createLocalJWKSet, errors, type JWK, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.ts';
import { readUpTo } from '../cache/body.ts';
import type { Log } from '../log.ts';

export interface KeyOptions {
  readonly url: string;
  readonly fetch: (url: string, signal: AbortSignal) => Promise<Response>;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly waitUntil: (work: Promise<unknown>) => void;
  readonly log: Log;
}

export interface Keys {
  /** Another one after each change of the keys: what was verified under an earlier one has to be verified again. */
  readonly generation: number;
  /** Renews the keys in the background when they are old. */
  tend(): void;
  /** Throws an error of jose's when the token names no key of ours, and `unavailable` when there are none to look at. */
  readonly find: JWTVerifyGetKey;
}

/** A key that was withdrawn counts no longer than this, while the issuer can be reached. */
const renewAfterMs = 5 * 60_000;
/** While it can't be reached, keys are believed for this long. */
const believedForMs = 24 * 3_600_000;
/** Bounds what made-up key ids can make us fetch. */
const unknownKeyPauseMs = 5_000;
/** Between tries while the issuer gives no answer. */
const failurePauseMs = 1_000;
const timeoutMs = 3_000;
const maxBytes = 64 * 1024;

const KeySet = z.object({
  keys: z
    .array(z.looseObject({ kty: z.string() }))
    .min(1)
    .max(100),
});

export function createKeys({ url, fetch, clock, waitUntil, log }: KeyOptions): Keys {
  let known: { readonly find: JWTVerifyGetKey; readonly text: string } | undefined;
  let generation = 0;
  let renewedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let renewing: Promise<void> | undefined;

  async function load(): Promise<void> {
    triedAt = clock();
    const response = await fetch(url, AbortSignal.timeout(timeoutMs));
    const body = response.ok ? await readUpTo(response, maxBytes) : null;
    if (!body || 'rest' in body) {
      await (body?.rest ?? response.body)?.cancel();
      throw new Error(`no key set of at most ${maxBytes} bytes; status ${response.status}`);
    }
    const text = new TextDecoder().decode(body.whole);
    renewedAt = triedAt;
    if (text === known?.text) return;
    const keys = KeySet.parse(JSON.parse(text)).keys as JWK[];
    known = { find: createLocalJWKSet({ keys }), text };
    generation += 1;
  }

  /** Everybody who waits for the keys waits for the same fetch. */
  function renew(): Promise<void> {
    renewing ??= load()
      .catch((error: unknown) => {
        log.warn('keys.unavailable', { error });
        throw error;
      })
      .finally(() => {
        renewing = undefined;
      });
    return renewing;
  }

  const age = (): number => clock() - renewedAt;
  const mayTry = (pauseMs: number): boolean => renewing !== undefined || clock() - triedAt >= pauseMs;

  async function current(): Promise<JWTVerifyGetKey> {
    if (!known || age() > believedForMs) {
      if (!mayTry(failurePauseMs)) throw unavailable();
      await renew().catch((cause: unknown) => {
        throw unavailable(cause);
      });
    }
    if (!known) throw unavailable();
    return known.find;
  }

  return {
    get generation() {
      return generation;
    },
    tend() {
      if (known && age() > renewAfterMs && !renewing && mayTry(unknownKeyPauseMs))
        waitUntil(renew().catch(() => undefined));
    },
    async find(header, token) {
      const find = await current();
      try {
        return await find(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey) || !mayTry(unknownKeyPauseMs)) throw error;
        // Perhaps a key that came after our last look; if the issuer is away, it stays unknown.
        await renew().catch(() => undefined);
        return (await current())(header, token);
      }
    },
  };
}

const unavailable = (cause?: unknown): ProblemError =>
  new ProblemError('unavailable', {
    detail: 'Tokens cannot be verified right now',
    cause,
    headers: { 'retry-after': '2' },
  });
