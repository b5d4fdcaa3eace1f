// Only a token that our issuer signed for us, and that still lives, says who asks.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from 'jose';
import { uuidv7 } from 'uuidv7';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ProblemError } from '../../../contracts/problem.ts';
import { type Authenticate, createAuthenticate } from './authenticate.ts';

const issuer = 'https://issuer.test';
const audience = 'lotok';
const userId = uuidv7();

async function makeKey(kid: string, algorithm: 'ES256' | 'EdDSA' | 'RS256' = 'ES256') {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' };
  return { kid, algorithm, privateKey, publicKey, jwk };
}
type Key = Awaited<ReturnType<typeof makeKey>>;

let key: Key;
let edwards: Key;
let stranger: Key;
beforeAll(async () => {
  [key, edwards, stranger] = await Promise.all([makeKey('one'), makeKey('two', 'EdDSA'), makeKey('one')]);
});

/** The issuer's key set over HTTP, which counts who asks and can be ill. */
const jwks = { asked: 0, status: 200, body: '', silent: false };
const server = createServer((_, response) => {
  jwks.asked += 1;
  if (jwks.silent) return;
  response.writeHead(jwks.status, { 'content-type': 'application/json' }).end(jwks.body);
});
let url: string;
let authenticate: Authenticate;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  publish(key, edwards);
  authenticate = createAuthenticate({ jwksUrl: () => url, issuer, audience });
});
afterEach(() => {
  Object.assign(jwks, { asked: 0, status: 200, silent: false });
});
const publish = (...keys: Key[]): void => {
  jwks.body = JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });
};

const claims = { sub: userId, sid: 'session', roles: ['user'] };
const seconds = (fromNow: number): number => Math.floor(Date.now() / 1000) + fromNow;
const sign = (
  by: Key,
  { payload = {}, header = {} }: { payload?: Record<string, unknown>; header?: Record<string, string> } = {},
): Promise<string> =>
  new SignJWT({ ...claims, iss: issuer, aud: audience, exp: seconds(60), ...payload })
    .setProtectedHeader({ alg: by.algorithm, kid: by.kid, ...header })
    .sign(by.privateKey);
const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

const refusal = async (authorization: string | null): Promise<ProblemError> => {
  const error = await authenticate(authorization).then(
    () => new Error('it was let in'),
    (reason: unknown) => reason,
  );
  if (error instanceof ProblemError) return error;
  throw error;
};
const expectRefused = async (token: string): Promise<void> => {
  const problem = await refusal(`Bearer ${token}`);
  expect(problem.code).toBe('unauthenticated');
  expect(problem.extras.headers).toEqual({ 'www-authenticate': 'Bearer error="invalid_token"' });
};

describe('a token', () => {
  it('of our issuer says who asks, whichever of the two algorithms signed it', async () => {
    for (const by of [key, edwards]) {
      const token = await sign(by, { payload: { roles: ['user', 'moderator'] } });
      for (const scheme of ['Bearer', 'bearer']) {
        expect(await authenticate(`${scheme} ${token}`)).toEqual({
          userId,
          sessionId: 'session',
          roles: ['user', 'moderator'],
        });
      }
    }
    expect(jwks.asked, 'the keys were fetched once').toBe(1);
  });

  it.each([null, '', 'Bearer', 'Bearer ', 'Basic dTpw', 'Bearer a b', 'Bearer ä', 'Bearer not-a-token'])(
    'is asked for instead of %j',
    async (authorization) => {
      expect((await refusal(authorization)).code).toBe('unauthenticated');
    },
  );

  it('without a signature is refused', async () => {
    const payload = { ...claims, iss: issuer, aud: audience, exp: seconds(60) };
    for (const alg of ['none', 'None', 'NONE']) {
      await expectRefused(`${encode({ alg })}.${encode(payload)}.`);
      await expectRefused(`${encode({ alg, kid: key.kid })}.${encode(payload)}.`);
    }
    await expectRefused(`${encode({ alg: 'ES256', kid: key.kid })}.${encode(payload)}.`);
  });

  it('of another key is refused, though it names ours', async () => {
    await expectRefused(await sign(stranger));
    // Nor does a key that the token brings along count.
    const jwk = JSON.stringify(stranger.jwk);
    await expectRefused(await sign(stranger, { header: { jwk, jku: url } }));
  });

  it('that takes the public key for a shared secret is refused', async () => {
    const secrets = [await exportSPKI(key.publicKey), JSON.stringify(key.jwk)];
    for (const secret of secrets) {
      const token = await new SignJWT({ ...claims, iss: issuer, aud: audience, exp: seconds(60) })
        .setProtectedHeader({ alg: 'HS256', kid: key.kid })
        .sign(new TextEncoder().encode(secret));
      await expectRefused(token);
    }
  });

  it('of an algorithm that is not on our list is refused, though the key set offers its key', async () => {
    const rsa = await makeKey('three', 'RS256');
    publish(key, rsa);
    await expectRefused(await sign(rsa));
    await expect(authenticate(`Bearer ${await sign(key)}`)).resolves.toBeDefined();
  });

  it('that was changed is refused', async () => {
    const [header, , signature] = (await sign(key)).split('.');
    const payload = { ...claims, roles: ['moderator'], iss: issuer, aud: audience, exp: seconds(60) };
    await expectRefused(`${header}.${encode(payload)}.${signature}`);
  });

  it.each([
    ['another issuer', { iss: 'https://elsewhere.test' }],
    ['no issuer', { iss: undefined }],
    ['another audience', { aud: 'elsewhere' }],
    ['no audience', { aud: undefined }],
    ['no end', { exp: undefined }],
    ['a time that has not come', { nbf: seconds(60) }],
    ['no subject', { sub: undefined }],
    ['a subject that is no user', { sub: 'root' }],
    ['no session', { sid: undefined }],
    ['no roles', { roles: undefined }],
    ['roles that are no list', { roles: 'moderator' }],
  ])('with %s is refused', async (_, payload) => {
    await expectRefused(await sign(key, { payload }));
  });

  it('that has expired is refused and says so, but for a few seconds of another clock', async () => {
    await expect(authenticate(`Bearer ${await sign(key, { payload: { exp: seconds(-2) } })}`)).resolves.toBeDefined();
    const problem = await refusal(`Bearer ${await sign(key, { payload: { exp: seconds(-10) } })}`);
    expect(problem.code).toBe('unauthenticated');
    expect(problem.message).toContain('expired');
  });

  it('is never repeated in what the refusal says', async () => {
    const token = await sign(stranger);
    const said = JSON.stringify((await refusal(`Bearer ${token}`)).toProblem());
    expect(said).not.toContain(token.slice(0, 20));
    expect(said).not.toContain(userId);
  });
});

describe('the key set', () => {
  it('is not fetched for every stranger key: unknown names fetch it once in a while', async () => {
    for (let index = 0; index < 20; index += 1) {
      await expectRefused(await sign(stranger, { header: { kid: `unknown-${index}` } }));
    }
    expect(jwks.asked).toBe(1);
  });

  it('is fetched once for many who ask at once', async () => {
    const token = await sign(key);
    await Promise.all(Array.from({ length: 20 }, () => authenticate(`Bearer ${token}`)));
    expect(jwks.asked).toBe(1);
  });

  it('that cannot be had is our trouble, not the token', async () => {
    const token = `Bearer ${await sign(key)}`;
    jwks.status = 500;
    expect((await refusal(token)).code).toBe('unavailable');
    Object.assign(jwks, { status: 200, body: '<html>' });
    expect((await refusal(token)).code).toBe('unavailable');
    jwks.body = '{"keys":"none"}';
    expect((await refusal(token)).code).toBe('unavailable');
    publish(key);
    expect(await authenticate(token), 'and over when it is back').toMatchObject({ userId });
  });

  it('of nobody who listens is our trouble too', async () => {
    authenticate = createAuthenticate({ jwksUrl: () => 'http://127.0.0.1:1/jwks.json', issuer, audience });
    expect((await refusal(`Bearer ${await sign(key)}`)).code).toBe('unavailable');
    // What needs no key needs no key set.
    expect((await refusal(null)).code).toBe('unauthenticated');
    expect((await refusal('Bearer nonsense')).code).toBe('unauthenticated');
  });

  it('that does not answer is waited for a few seconds', async () => {
    jwks.silent = true;
    const began = performance.now();
    expect((await refusal(`Bearer ${await sign(key)}`)).code).toBe('unavailable');
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('may lose a key: its tokens count no more in a process that starts then', async () => {
    publish(edwards);
    await expectRefused(await sign(key));
    await expect(authenticate(`Bearer ${await sign(edwards)}`)).resolves.toBeDefined();
  });
});
