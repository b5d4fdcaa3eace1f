import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { createSessions } from './sessions.ts';
import { createTokens } from './tokens.ts';

const issuer = 'https://lotok.internal';
const audience = 'lotok';
const userId = '0192f0c4-0000-7000-8000-00000000000a';
type Pair = Awaited<ReturnType<typeof generateKeyPair>>;

describe('an access token', () => {
  let first: Pair;
  let second: Pair;
  beforeAll(async () => {
    [first, second] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('EdDSA')]);
  });

  const start = Date.parse('2026-11-24T10:00:00Z');
  function world() {
    const state = { now: start, fetches: 0, keys: ['first'], status: 200 };
    const pairs = new Map([
      ['first', () => first],
      ['second', () => second],
    ]);
    const sessions = createSessions(() => state.now, 5);
    const tokens = createTokens({
      jwksUrl: 'http://core.internal/.well-known/jwks.json',
      issuer,
      audience,
      clock: () => state.now,
      sessions,
      async fetch() {
        state.fetches += 1;
        const keys = await Promise.all(
          state.keys.map(async (kid) => ({ ...(await exportJWK((pairs.get(kid) ?? (() => first))().publicKey)), kid })),
        );
        return Response.json({ keys }, { status: state.status });
      },
    });
    return { state, sessions, tokens };
  }
  const sign = (claims: Record<string, unknown> = {}, { pair = first, kid = 'first', alg = 'ES256' } = {}) =>
    new SignJWT({
      sub: userId,
      sid: 's1',
      roles: ['user'],
      iss: issuer,
      aud: audience,
      exp: start / 1000 + 900,
      ...claims,
    })
      .setProtectedHeader({ alg, kid })
      .sign(pair.privateKey);

  it('tells whose it is', async () => {
    expect(await world().tokens.verify(await sign())).toMatchObject({ sub: userId, sid: 's1', roles: ['user'] });
  });

  it('may be signed by a key that came later', async () => {
    const { tokens, state } = world();
    await tokens.verify(await sign());
    state.keys = ['first', 'second'];
    // jose measures its cooldown by the real clock, so the first unknown key within it is refused.
    const fresh = world();
    fresh.state.keys = ['first', 'second'];
    expect(await fresh.tokens.verify(await sign({}, { pair: second, kid: 'second', alg: 'EdDSA' }))).toMatchObject({
      sub: userId,
    });
  });

  it('with a made-up key id makes us fetch the keys once, not each time', async () => {
    const { tokens, state } = world();
    for (let count = 0; count < 10; count += 1) {
      await expect(tokens.verify(await sign({}, { kid: `made-up-${count}` }))).rejects.toMatchObject({
        code: 'unauthenticated',
      });
    }
    expect(state.fetches).toBe(1);
  });

  it.each([
    ['of another issuer', { iss: 'https://evil.example' }],
    ['for another audience', { aud: 'other' }],
    ['that has expired', { exp: start / 1000 - 6 }],
    ['that is not valid yet', { nbf: start / 1000 + 60 }],
    ['of nobody', { sub: 'root' }],
    ['without a session', { sid: undefined }],
  ])('%s is refused', async (_what, claims) => {
    await expect(world().tokens.verify(await sign(claims))).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('signed by another key, unsigned or changed is refused', async () => {
    const { tokens } = world();
    const stranger = await generateKeyPair('ES256');
    const good = await sign();
    const [header, , signature] = good.split('.');
    const other = btoa(
      JSON.stringify({
        sub: userId,
        sid: 's1',
        roles: ['moderator'],
        iss: issuer,
        aud: audience,
        exp: start / 1000 + 900,
      }),
    ).replaceAll('=', '');
    const none = btoa(JSON.stringify({ alg: 'none' })).replaceAll('=', '');
    const symmetric = await new SignJWT({ sub: userId, sid: 's1', roles: [] })
      .setProtectedHeader({ alg: 'HS256', kid: 'first' })
      .setIssuer(issuer)
      .setAudience(audience)
      .setExpirationTime(start / 1000 + 900)
      .sign(new Uint8Array(32));
    for (const token of [
      await sign({}, { pair: stranger }),
      `${header}.${other}.${signature}`,
      `${none}.${other}.`,
      symmetric,
      'x'.repeat(9_000),
      '..',
    ]) {
      await expect(tokens.verify(token)).rejects.toMatchObject({ code: 'unauthenticated' });
    }
  });

  it('that was good stops being so when it expires or its session ends', async () => {
    const { tokens, state, sessions } = world();
    const token = await sign();
    await tokens.verify(token);
    sessions.end('s1', start / 1000 + 900);
    await expect(tokens.verify(token)).rejects.toMatchObject({ code: 'unauthenticated' });
    const other = await sign({ sid: 's2' });
    await tokens.verify(other);
    state.now += 906_000;
    await expect(tokens.verify(other)).rejects.toMatchObject({
      code: 'unauthenticated',
      extras: { detail: 'The access token has expired' },
    });
  });

  it('is neither good nor bad while the keys are out of reach', async () => {
    const { tokens, state } = world();
    state.status = 500;
    await expect(tokens.verify(await sign())).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('a session', () => {
  it('that ends is told to who waits for it, and to nobody who has left', () => {
    const sessions = createSessions(() => 0, 5);
    const staying = sessions.watch('s');
    const left = sessions.watch('s');
    left[Symbol.dispose]();
    sessions.end('s', 100);
    expect([staying.signal.aborted, left.signal.aborted]).toEqual([true, false]);
  });
});
