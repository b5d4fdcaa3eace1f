import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { createLog } from '../log.ts';
import { createKeys } from './keys.ts';
import { createSessions } from './sessions.ts';
import { createTokens, type SessionState } from './tokens.ts';

const issuer = 'https://lotok.internal';
const audience = 'lotok';
const userId = '0192f0c4-0000-7000-8000-00000000000a';
const silentLog = createLog('silent', () => undefined);
type Pair = Awaited<ReturnType<typeof generateKeyPair>>;

describe('an access token', () => {
  let first: Pair;
  let second: Pair;
  beforeAll(async () => {
    [first, second] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('EdDSA')]);
  });

  const start = Date.parse('2026-11-24T10:00:00Z');
  function world() {
    const state = {
      now: start,
      fetches: 0,
      keys: ['first'],
      status: 200,
      asked: 0,
      session: 'alive' as SessionState,
    };
    const pairs = new Map([
      ['first', () => first],
      ['second', () => second],
    ]);
    const background: Promise<unknown>[] = [];
    const clock = () => state.now;
    const sessions = createSessions(clock, 5);
    const keys = createKeys({
      url: 'http://core.internal/.well-known/jwks.json',
      clock,
      log: silentLog,
      waitUntil: (work) => background.push(work),
      async fetch() {
        state.fetches += 1;
        const keys = await Promise.all(
          state.keys.map(async (kid) => ({ ...(await exportJWK((pairs.get(kid) ?? (() => first))().publicKey)), kid })),
        );
        return Response.json({ keys }, { status: state.status });
      },
    });
    const tokens = createTokens({
      keys,
      issuer,
      audience,
      clock,
      sessions,
      log: silentLog,
      async askSession() {
        state.asked += 1;
        return state.session;
      },
    });
    const pass = (seconds: number): void => {
      state.now += seconds * 1000;
    };
    return { state, sessions, tokens, pass, settled: () => Promise.all(background) };
  }
  const sign = (claims: Record<string, unknown> = {}, { pair = first, kid = 'first', alg = 'ES256' } = {}) =>
    new SignJWT({
      sub: userId,
      sid: 's1',
      roles: ['user'],
      iss: issuer,
      aud: audience,
      iat: start / 1000 + 60,
      exp: start / 1000 + 900,
      ...claims,
    })
      .setProtectedHeader({ alg, kid })
      .sign(pair.privateKey);

  it('tells whose it is', async () => {
    expect(await world().tokens.verify(await sign())).toMatchObject({ sub: userId, sid: 's1', roles: ['user'] });
  });

  const bySecond = () => sign({}, { pair: second, kid: 'second', alg: 'EdDSA' });

  it('may be signed by a key that came after the keys were fetched', async () => {
    const { tokens, state, pass } = world();
    await tokens.verify(await sign());
    state.keys = ['first', 'second'];
    pass(5);
    expect(await tokens.verify(await bySecond())).toMatchObject({ sub: userId });
    expect(state.fetches).toBe(2);
  });

  it('with a made-up key id makes us fetch the keys at most once in five seconds', async () => {
    const { tokens, state, pass } = world();
    const tryMadeUp = async (): Promise<void> => {
      for (let count = 0; count < 10; count += 1)
        await expect(tokens.verify(await sign({}, { kid: `made-up-${count}` }))).rejects.toMatchObject({
          code: 'unauthenticated',
        });
    };
    await tryMadeUp();
    expect(state.fetches).toBe(1);
    pass(5);
    await tryMadeUp();
    expect(state.fetches).toBe(2);
  });

  it('ends with its key, also where it was verified before', async () => {
    const { tokens, state, pass, settled } = world();
    const token = await sign();
    await tokens.verify(token);
    state.keys = ['second'];
    pass(301);
    // Requests don't wait for the renewal of keys that are there.
    await tokens.verify(token);
    await settled();
    await expect(tokens.verify(token)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('stays good for a day while the issuer of the keys is away, which is asked once a while', async () => {
    const { tokens, state, pass, settled } = world();
    await tokens.verify(await sign());
    state.status = 500;
    const exp = start / 1000 + 7 * 86_400;
    pass(3_600);
    for (const sid of ['s1', 's2', 's3']) expect(await tokens.verify(await sign({ sid, exp }))).toMatchObject({ sid });
    await settled();
    expect(state.fetches).toBe(2);
    await expect(tokens.verify(await bySecond())).rejects.toMatchObject({ code: 'unauthenticated' });
    pass(86_400);
    await expect(tokens.verify(await sign({ exp }))).rejects.toMatchObject({ code: 'unavailable' });
    state.status = 200;
    pass(1);
    expect(await tokens.verify(await sign({ exp }))).toMatchObject({ sub: userId });
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

  describe('whose session may have ended unheard', () => {
    const old = { iat: start / 1000 - 600 };

    it('is asked about once, when it is older than what we have heard', async () => {
      const { tokens, state, sessions, pass } = world();
      pass(1);
      await Promise.all([await sign(old), await sign({ ...old, roles: ['moderator'] })].map(tokens.verify));
      await tokens.verify(await sign(old));
      expect(state.asked).toBe(1);
      await tokens.verify(await sign({ sid: 'later' }));
      expect(state.asked).toBe(1);
      sessions.newsLost();
      pass(1);
      await tokens.verify(await sign(old));
      expect(state.asked).toBe(2);
    });

    it('is refused when core says that it has', async () => {
      const { tokens, state } = world();
      state.session = 'ended';
      for (const _ of [1, 2])
        await expect(tokens.verify(await sign(old))).rejects.toMatchObject({ code: 'unauthenticated' });
      expect(state.asked).toBe(1);
    });

    it('is asked about every few seconds while news is late', async () => {
      const { tokens, state, sessions, pass } = world();
      const token = await sign();
      sessions.newsBehind();
      pass(2);
      await tokens.verify(token);
      expect(state.asked).toBe(0);
      pass(1);
      await tokens.verify(token);
      await tokens.verify(token);
      expect(state.asked).toBe(1);
      pass(6);
      state.session = 'ended';
      await expect(tokens.verify(token)).rejects.toMatchObject({ code: 'unauthenticated' });
      sessions.newsCaughtUp();
      await tokens.verify(await sign({ sid: 's2' }));
      expect(state.asked).toBe(2);
    });

    it('counts when core can’t be asked, unless it opens more than a user’s own', async () => {
      const { tokens, state } = world();
      state.session = 'unknown';
      expect(await tokens.verify(await sign(old))).toMatchObject({ sub: userId });
      await expect(tokens.verify(await sign({ ...old, roles: ['user', 'operator'] }))).rejects.toMatchObject({
        code: 'unavailable',
      });
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

  it('that may have ended unheard is told so, too', () => {
    const sessions = createSessions(() => 0, 5);
    const watching = sessions.watch('s');
    sessions.newsLost();
    expect([watching.signal.aborted, sessions.hasEnded('s')]).toEqual([true, false]);
  });
});
