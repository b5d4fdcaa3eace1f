// Signing keys of access tokens: made here, rotated with overlap, shared by all core processes through the database.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import type { Clock } from '../platform/clock.ts';
import type { Db, PublicJwk } from './store.ts';

interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
}

export interface SigningKeys {
  /** The key to sign with now. */
  current(): Promise<SigningKey>;
  /** What verifiers need: the key in use, the next one, and those whose tokens may still live. */
  published(): Promise<PublicJwk[]>;
  /** Makes the next key when it is time, and forgets keys whose tokens have expired. */
  rotate(): Promise<void>;
}

export interface SigningKeyOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly accessTokenSeconds: number;
  /** Private keys are kept encrypted with this; every process needs the same. */
  readonly secret: string;
}

const hourMs = 3_600_000;
const usedForMs = 30 * 24 * hourMs;
/** Longer than anybody keeps a JWKS, so that nobody meets a token of a key they haven't seen. */
const publishedAheadMs = 24 * hourMs;
const rememberedMs = 60_000;

interface Loaded {
  readonly at: number;
  readonly keys: readonly { kid: string; jwk: PublicJwk; activeFrom: number; privateKey: CryptoKey }[];
}

export function createSigningKeys(options: SigningKeyOptions): SigningKeys {
  const { db, clock } = options;
  const sealKey = createHash('sha256').update(options.secret).digest();
  let loaded: Promise<Loaded> | undefined;
  let loadedAt = 0;

  const load = async (): Promise<Loaded> => {
    const at = clock.now().getTime();
    const rows = await db.selectFrom('keys').selectAll().orderBy('generation').execute();
    const keys = await Promise.all(
      rows.map(async (row) => ({
        kid: row.kid,
        jwk: row.public_jwk,
        activeFrom: row.active_from.getTime(),
        privateKey: (await importJWK(unseal(row.sealed_private_key, row.kid, sealKey), 'ES256')) as CryptoKey,
      })),
    );
    return { at, keys };
  };
  const read = async (): Promise<Loaded['keys']> => {
    const now = clock.now().getTime();
    if (!loaded || now - loadedAt > rememberedMs) {
      loadedAt = now;
      loaded = load();
      // A failure is not remembered.
      loaded.catch(() => {
        loaded = undefined;
      });
    }
    return (await loaded).keys;
  };

  /** Of several processes one makes a generation; the others use what it made. */
  const make = async (generation: number, activeFrom: Date): Promise<void> => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const publicJwk = await exportJWK(publicKey);
    const kid = await calculateJwkThumbprint(publicJwk);
    await db
      .insertInto('keys')
      .values({
        generation,
        kid,
        public_jwk: JSON.stringify({ ...publicJwk, kid, alg: 'ES256', use: 'sig' }),
        sealed_private_key: seal(await exportJWK(privateKey), kid, sealKey),
        active_from: activeFrom,
      })
      .onConflict((conflict) => conflict.column('generation').doNothing())
      .execute();
    loaded = undefined;
  };

  const rotate = async (): Promise<void> => {
    const now = clock.now().getTime();
    const newest = await db
      .selectFrom('keys')
      .select(['generation', 'active_from'])
      .orderBy('generation', 'desc')
      .executeTakeFirst();
    if (!newest) return make(1, new Date(now));
    const ends = newest.active_from.getTime() + usedForMs;
    if (now >= ends - publishedAheadMs) {
      await make(newest.generation + 1, new Date(Math.max(ends, now + publishedAheadMs)));
    }
    // A key has served its time once the next one is in use; then its last token must expire.
    const graceMs = Math.max(24 * hourMs, 2000 * options.accessTokenSeconds);
    const succeeded = await db
      .selectFrom('keys')
      .select('generation')
      .where('active_from', '<', new Date(now - graceMs))
      .orderBy('generation', 'desc')
      .executeTakeFirst();
    if (succeeded) {
      const { numDeletedRows } = await db
        .deleteFrom('keys')
        .where('generation', '<', succeeded.generation)
        .executeTakeFirst();
      if (numDeletedRows > 0n) loaded = undefined;
    }
  };

  return {
    async current() {
      const now = clock.now().getTime();
      const key = (await read()).findLast(({ activeFrom }) => activeFrom <= now);
      if (!key) throw new Error('there is no signing key in use');
      return key;
    },
    published: async () => (await read()).map(({ jwk }) => jwk),
    rotate,
  };
}

/** AES-256-GCM; the key id is authenticated with it, so that keys can't be swapped in the table. */
function seal(jwk: JWK, kid: string, key: Buffer): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(kid));
  const sealed = Buffer.concat([cipher.update(JSON.stringify(jwk)), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url');
}

function unseal(text: string, kid: string, key: Buffer): JWK {
  const bytes = Buffer.from(text, 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12)).setAAD(Buffer.from(kid));
  decipher.setAuthTag(bytes.subarray(12, 28));
  try {
    return JSON.parse(Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString()) as JWK;
  } catch (error) {
    throw new Error(
      'a signing key was encrypted with another secret: give every core process the same JWT_KEYS_SECRET',
      {
        cause: error,
      },
    );
  }
}
