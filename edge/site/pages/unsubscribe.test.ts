// The last link of a mail: opened by people and by programs that look at mails, and posted to by mail programs.
import { describe, expect, it } from 'vitest';
import { ProblemError } from '../../../contracts/problem.ts';
import { createWorld } from '../world.testing.ts';

const path = '/unsubscribe?token=a-token';
const unsubscriptions = (world: ReturnType<typeof createWorld>) =>
  world.core.asked.filter(({ id }) => id === 'unsubscribe').map(({ options }) => options.query?.['token']);

describe('the end of mails', () => {
  it('changes nothing when it is opened, and asks', async () => {
    const world = createWorld();
    const page = await (await world.visitor().get(path)).text();
    expect(page).toContain('name="token" value="a-token"');
    expect(unsubscriptions(world)).toEqual([]);
  });

  it('takes a person’s click, without signing in', async () => {
    const world = createWorld();
    const answer = await world.visitor().post('/unsubscribe', { token: 'a-token' });
    expect(await answer.text()).toContain('только письма о деньгах');
    expect(unsubscriptions(world)).toEqual(['a-token']);
    world.core.reply('unsubscribe', () => new ProblemError('invalid-signature').toResponse());
    const invalid = await world.visitor().post('/unsubscribe', { token: 'another' });
    expect(invalid.status).toBe(400);
    expect(await invalid.text()).toContain('Эта ссылка недействительна');
  });

  it('takes the one click of a mail program, which has neither cookies nor an origin', async () => {
    const world = createWorld();
    const elsewhere = { 'sec-fetch-site': 'cross-site', origin: 'https://mail.example' };
    const oneClick = () => world.visitor().post(path, { 'List-Unsubscribe': 'One-Click' }, elsewhere);
    expect((await oneClick()).status).toBe(200);
    expect(unsubscriptions(world)).toEqual(['a-token']);
    world.core.reply('unsubscribe', () => new ProblemError('unavailable').toResponse());
    expect((await oneClick()).status).toBeGreaterThanOrEqual(500);
    // Other forms from elsewhere are refused as everywhere.
    const before = unsubscriptions(world).length;
    expect((await world.visitor().post(path, { token: 'a-token' }, elsewhere)).status).toBe(400);
    expect((await world.visitor().post('/unsubscribe', { token: 'a-token' }, elsewhere)).status).toBe(403);
    expect(unsubscriptions(world)).toHaveLength(before);
  });
});

describe('the profile', () => {
  it('says that mails come back, and lets their owner say that the address works', async () => {
    const world = createWorld();
    const visitor = await world.visitor().signsIn();
    const blocked = { since: '2026-11-20T10:00:00.000Z', reason: '550 5.1.1 no such user' };
    const preferences = { email: true, in_app: true, muted: [], email_blocked: blocked };
    world.core.reply('getPreferences', () => preferences);
    const page = await (await visitor.get('/my/profile')).text();
    expect(page).toContain('550 5.1.1 no such user');
    await visitor.post('/my/email/unblock', {});
    expect(world.core.asked.map(({ id }) => id)).toContain('unblockEmail');
  });
});
