import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoModerator, demoOperator, demoPassword, demoUsers } from '../../contracts/demo.ts';
import { cacheChannel, sessionChannel } from '../../contracts/stream.ts';
import type { Tokens } from '../../contracts/users.ts';
import { seedDemoUsers } from './demo.ts';
import { openSession } from './sessions.ts';
import { problem, usersWorld } from './world.testing.ts';

let world: Awaited<ReturnType<typeof usersWorld>>;
beforeAll(async () => {
  world = await usersWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

describe('an account', () => {
  it('is made by registration, which signs in at once', async () => {
    const { call } = world;
    const email = `Vera.${uuidv7()}@Example.test`;
    const made = await call('POST', '/v1/auth/register', {
      body: { email, password: 'correct horse', language: 'en' },
    });
    expect(made).toMatchObject({ status: 201, body: { token_type: 'Bearer', expires_in: 900 } });
    const me = await call('GET', '/v1/me', { token: made.body.access_token });
    expect(me.body).toMatchObject({
      id: made.body.user_id,
      email: email.toLowerCase(),
      name: email.toLowerCase().split('@')[0],
      language: 'en',
      roles: ['user'],
    });
    expect(await world.told(made.body.user_id, 'user.changed')).toEqual([
      { user_id: made.body.user_id, name: me.body.name, rating: null, reviews: 0, language: 'en', version: 1 },
    ]);
  });

  it('belongs to one email, whatever its case, also when two register at once', async () => {
    const { call } = world;
    const email = `${uuidv7()}@example.test`;
    const answers = await Promise.all(
      [email, email.toUpperCase()].map((each) =>
        call('POST', '/v1/auth/register', { body: { email: each, password: 'correct horse' } }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    expect(answers.find(({ status }) => status === 409)?.body).toMatchObject(problem('email-taken'));
  });

  it('names the field that is wrong', async () => {
    const body = { email: 'nobody', password: 'short' };
    const answer = await world.call('POST', '/v1/auth/register', { body });
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map(({ field }: { field: string }) => field)).toEqual(['email', 'password']);
  });

  it('changes its name, which others and edges are told of', async () => {
    const { call, register, told } = world;
    const vera = await register('Вера');
    const changed = await call('PATCH', '/v1/me', {
      token: vera.access_token,
      body: { name: 'Вероника', phone: '+79161234567' },
    });
    expect(changed.body).toMatchObject({ name: 'Вероника', phone: '+79161234567' });
    expect((await told(vera.user_id, 'user.changed')).at(-1)).toMatchObject({ name: 'Вероника', version: 2 });
    expect(await told(cacheChannel, 'cache.invalidate')).toContainEqual({
      event: 'cache.invalidate',
      data: { groups: [`user-${vera.user_id}`], at: expect.any(String) },
    });
  });

  it('is not shown without a valid token', async () => {
    const { call, register } = world;
    const { access_token } = await register();
    const [header, claims, signature] = access_token.split('.');
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims}.`;
    for (const token of [undefined, none, `${header}.${claims}.${signature?.split('').reverse().join('')}`]) {
      const answer = await call('GET', '/v1/me', token === undefined ? {} : { token });
      expect(answer).toMatchObject({ status: 401, body: problem('unauthenticated') });
    }
  });
});

describe('signing in', () => {
  it('says the same to a wrong password and to an email that nobody has', async () => {
    const { call, register } = world;
    const { email } = await register();
    const wrong = await call('POST', '/v1/auth/login', { body: { email, password: 'wrong' } });
    const nobody = await call('POST', '/v1/auth/login', { body: { email: 'nobody@example.test', password: 'wrong' } });
    expect(wrong).toMatchObject({ status: 401, body: problem('invalid-credentials') });
    expect(nobody.body).toEqual(wrong.body);
  });

  it('takes as much work for an email that nobody has', async () => {
    const { passwords } = world.options;
    const time = async (hashed: string | undefined): Promise<number> => {
      const start = performance.now();
      for (let round = 0; round < 5; round += 1) expect(await passwords.verify(hashed, 'a guess')).toBe(false);
      return performance.now() - start;
    };
    const somebodys = await passwords.hash('the password');
    expect(await time(undefined)).toBeGreaterThan((await time(somebodys)) / 4);
  });

  it('slows a guesser down, not the owner at another address, and lets both in again after a while', async () => {
    const { call, register, pass } = world;
    const { email } = await register();
    const signIn = (password: string, from: string) =>
      call('POST', '/v1/auth/login', { body: { email, password }, from });
    const guesses = await Promise.all(Array.from({ length: 14 }, () => signIn('a guess', '203.0.113.7')));
    const refused = guesses.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThanOrEqual(5);
    expect(refused.length).toBeLessThanOrEqual(6);
    expect(refused[0]?.body).toMatchObject(problem('too-many-requests'));
    const retryAfter = Number(refused[0]?.headers.get('retry-after'));
    expect(retryAfter).toBeGreaterThan(0);
    expect(retryAfter).toBeLessThanOrEqual(20);
    expect((await signIn('correct horse', '203.0.113.7')).status).toBe(429);
    expect((await signIn('correct horse', '198.51.100.1')).status).toBe(200);
    pass(retryAfter * 1000);
    expect((await signIn('correct horse', '203.0.113.7')).status).toBe(200);
  });

  it('bounds all addresses together for one account', async () => {
    const { options, register } = world;
    const { email } = await register();
    const { spendTry } = await import('./store.ts');
    const budget = { key: email, capacity: 3, refillSeconds: 4 };
    const now = options.clock.now();
    const answers = [];
    for (let round = 0; round < 4; round += 1) answers.push(await spendTry(options.db, budget, now));
    expect(answers).toEqual([null, null, null, 4]);
    expect(await spendTry(options.db, budget, new Date(now.getTime() + 4_000))).toBeNull();
  });
});

describe('a session', () => {
  it('gives tokens that verify by the published keys', async () => {
    const { register, url } = world;
    const { access_token, user_id } = await register();
    const keys = createRemoteJWKSet(new URL(`${url}/.well-known/jwks.json`));
    const { payload } = await jwtVerify(access_token, keys, { issuer: 'https://lotok.test', audience: 'lotok' });
    expect(payload).toMatchObject({ sub: user_id, roles: ['user'], sid: expect.any(String) });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(900);
  });

  it('goes on with a new refresh token each time', async () => {
    const { call, register } = world;
    const first = await register();
    const second = await call('POST', '/v1/auth/refresh', { body: { refresh_token: first.refresh_token } });
    expect(second.status).toBe(200);
    expect(second.body.refresh_token).not.toBe(first.refresh_token);
    expect(decodeJwt(second.body.access_token)['sid']).toBe(decodeJwt(first.access_token)['sid']);
    const third = await call('POST', '/v1/auth/refresh', { body: { refresh_token: second.body.refresh_token } });
    expect(third.status).toBe(200);
  });

  it('gives the same next token when the answer was lost or two asked at once', async () => {
    const { call, register } = world;
    const { refresh_token } = await register();
    const refresh = () => call('POST', '/v1/auth/refresh', { body: { refresh_token } });
    const answers = await Promise.all([refresh(), refresh(), refresh()]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1);
  });

  it.each([
    ['after the moment of grace', true],
    ['as soon as its successor was used', false],
  ])('ends when a used refresh token comes back %s', async (_when, late) => {
    const { call, register, told, pass } = world;
    const stolen = await register();
    const refresh = (refresh_token: string) => call('POST', '/v1/auth/refresh', { body: { refresh_token } });
    const owners = await refresh(stolen.refresh_token);
    let newest = owners.body.refresh_token;
    if (late) pass(11_000);
    else newest = (await refresh(newest)).body.refresh_token;
    expect(await refresh(stolen.refresh_token)).toMatchObject({ status: 401, body: problem('invalid-credentials') });
    expect((await refresh(newest)).status).toBe(401);
    const { sid } = decodeJwt<{ sid: string }>(stolen.access_token);
    expect(await told(stolen.user_id, 'session.ended')).toMatchObject([{ sid, user_id: stolen.user_id }]);
  });

  it('ends at logout, which edges hear of, once', async () => {
    const { call, register, told } = world;
    const { access_token, refresh_token } = await register();
    const { sid, exp = 0 } = decodeJwt<{ sid: string }>(access_token);
    for (const _ of [1, 2]) {
      expect((await call('POST', '/v1/auth/logout', { body: { refresh_token } })).status).toBe(204);
    }
    expect((await call('POST', '/v1/auth/refresh', { body: { refresh_token } })).status).toBe(401);
    const revoked = (await told(sessionChannel, 'session.revoked')).filter(({ data }) => data.sid === sid);
    expect(revoked).toHaveLength(1);
    expect(revoked[0].data.until).toBeGreaterThanOrEqual(exp);
  });

  const signIn = async (email: string, password = 'correct horse') =>
    (await world.call('POST', '/v1/auth/login', { body: { email, password } })).body as Tokens;
  const isAlive = async ({ access_token: token }: Tokens): Promise<boolean> =>
    (await world.call('GET', '/v1/auth/session', { token })).status === 204;
  const sidOf = ({ access_token }: Tokens): string => decodeJwt<{ sid: string }>(access_token).sid;
  const revoked = async (): Promise<string[]> =>
    (await world.told(sessionChannel, 'session.revoked')).map(({ data }) => data.sid);

  it('ends when the password is changed elsewhere, and nobody signs in with the old one', async () => {
    const { call, register } = world;
    const here = await register();
    const elsewhere = await signIn(here.email);
    const change = (current_password: string, new_password: string) =>
      call('POST', '/v1/me/password', { token: here.access_token, body: { current_password, new_password } });
    const wrong = await change('a guess', 'battery staple');
    expect(wrong).toMatchObject({ status: 422, body: { errors: [{ field: 'current_password' }] } });
    expect((await change('correct horse', 'correct horse')).body.errors).toMatchObject([{ field: 'new_password' }]);
    expect(await isAlive(elsewhere)).toBe(true);
    expect((await change('correct horse', 'battery staple')).status).toBe(204);
    expect([await isAlive(here), await isAlive(elsewhere)]).toEqual([true, false]);
    expect(await revoked()).toContain(sidOf(elsewhere));
    expect(await revoked()).not.toContain(sidOf(here));
    const old = await call('POST', '/v1/auth/login', { body: { email: here.email, password: 'correct horse' } });
    expect(old.status).toBe(401);
    expect(await isAlive(await signIn(here.email, 'battery staple'))).toBe(true);
  });

  it('is not opened by a sign-in that the change of the password overtook', async () => {
    const { db, options, register } = world;
    const { email } = await register();
    const user = await db.selectFrom('users').selectAll().where('email', '=', email).executeTakeFirstOrThrow();
    await db.updateTable('users').set({ password_hash: 'another' }).where('email', '=', email).execute();
    await expect(openSession(options, user)).rejects.toMatchObject({ code: 'invalid-credentials' });
  });

  it('does not let the current password be guessed without end', async () => {
    const { access_token: token } = await world.register();
    const body = { current_password: 'a guess', new_password: 'battery staple' };
    const guesses = await Promise.all(
      Array.from({ length: 12 }, () => world.call('POST', '/v1/me/password', { token, body })),
    );
    expect(guesses.some(({ status }) => status === 429)).toBe(true);
  });

  it('ends everywhere when its owner or an operator says so', async () => {
    const { call, register, options } = world;
    await seedDemoUsers(options);
    const one = await register();
    const other = await signIn(one.email);
    const everywhere = await call('POST', '/v1/me/sign-out', { token: one.access_token });
    expect(everywhere).toMatchObject({ status: 200, body: { sessions: 2 } });
    expect([await isAlive(one), await isAlive(other)]).toEqual([false, false]);
    const again = await signIn(one.email);
    const path = `/v1/operations/users/${one.user_id}/sign-out`;
    expect((await call('POST', path, { token: again.access_token })).status).toBe(403);
    const operator = (await signIn(demoOperator.email, demoPassword)).access_token;
    expect(await call('POST', path, { token: operator })).toMatchObject({ status: 200, body: { sessions: 1 } });
    expect(await isAlive(again)).toBe(false);
    for (const each of [one, other, again]) expect(await revoked()).toContain(sidOf(each));
    const nobody = await call('POST', `/v1/operations/users/${uuidv7()}/sign-out`, { token: operator });
    expect(nobody).toMatchObject({ status: 404, body: problem('not-found') });
  });

  it('keeps no refresh token that could be read from the database', async () => {
    const { db, register } = world;
    const { refresh_token } = await register();
    const rows = await db.selectFrom('refresh_tokens').selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain(refresh_token);
  });
});

describe('demo accounts', () => {
  it('are seeded once, with their roles, and can sign in', async () => {
    const { options, call, told } = world;
    await seedDemoUsers(options);
    await seedDemoUsers(options);
    const body = { email: demoModerator.email, password: demoPassword };
    const { body: tokens } = await call('POST', '/v1/auth/login', { body });
    expect(tokens.user_id).toBe(demoModerator.id);
    expect(decodeJwt(tokens.access_token)['roles']).toContain('moderator');
    for (const { id } of demoUsers) expect(await told(id, 'user.changed')).toHaveLength(1);
  });
});

describe('signing keys', () => {
  it('are published before their use and until their tokens have expired', async () => {
    await using own = await usersWorld();
    const { call, pass, options, register } = own;
    const kids = async (): Promise<string[]> =>
      (await call('GET', '/.well-known/jwks.json')).body.keys.map(({ kid }: { kid: string }) => kid);
    const signedWith = async () => decodeProtectedHeader((await register()).access_token).kid;
    const days = (count: number) => count * 24 * 3_600_000;

    const [first] = await kids();
    expect(await signedWith()).toBe(first);
    pass(days(29) + 1000);
    await options.keys.rotate();
    await options.keys.rotate();
    const both = await kids();
    expect(both).toHaveLength(2);
    expect(await signedWith()).toBe(first);

    pass(days(1));
    expect(await signedWith()).toBe(both[1]);
    await options.keys.rotate();
    expect(await kids()).toEqual(both);
    pass(days(1) + 1000);
    await options.keys.rotate();
    expect(await kids()).toEqual([both[1]]);
  });

  it('are the same for processes that start at once, and unreadable without the secret', async () => {
    await using own = await usersWorld();
    await own.db.deleteFrom('keys').execute();
    const processes = [own.signingKeys(), own.signingKeys(), own.signingKeys()];
    await Promise.all(processes.map((keys) => keys.rotate()));
    const current = await Promise.all(processes.map(async (keys) => (await keys.current()).kid));
    expect(new Set(current).size).toBe(1);
    const [stored] = await own.db.selectFrom('keys').selectAll().execute();
    expect(JSON.stringify(stored?.public_jwk)).not.toContain('"d"');
    expect(stored?.sealed_private_key).not.toContain('{');
    await expect(own.signingKeys('another secret').current()).rejects.toThrow('JWT_KEYS_SECRET');
  });

  it('are public for five minutes', async () => {
    const { headers } = await world.call('GET', '/.well-known/jwks.json');
    expect(headers.get('cache-control')).toBe('public, max-age=300');
  });
});
