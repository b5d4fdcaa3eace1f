import { Hono } from 'hono';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UserId } from '../../contracts/common.ts';
import { ProblemError, problemType } from '../../contracts/problem.ts';
import { openTestDatabase } from '../../tests/database.ts';
import type { DatabaseProvider } from '../platform/db/database.ts';
import { createOutbox } from '../platform/db/outbox.ts';
import { implementOn } from '../platform/http/implement.ts';
import { reportHttp } from './http.ts';
import { migrations } from './migrations/index.ts';
import type { Db, ReportsTables } from './store.ts';

let databases: DatabaseProvider;
let db: Db;
let app: Hono;
let ahead = 0;
const moderator = uuidv7();

beforeAll(async () => {
  databases = await openTestDatabase();
  db = await databases.open<ReportsTables>('reports', migrations);
  const clock = { now: () => new Date(Date.now() + ahead) };
  app = new Hono();
  app.onError((error) => (error instanceof ProblemError ? error : new ProblemError('internal')).toResponse());
  // Who asks is the token itself: tokens are tested where they are made.
  const authenticate = async (authorization: string | null) => {
    const userId = authorization as UserId;
    return { userId, sessionId: '', roles: userId === moderator ? ['user', 'moderator'] : ['user'] };
  };
  reportHttp({ db, clock, outbox: createOutbox('reports', clock) })(implementOn(app, authenticate));
});
afterAll(() => databases[Symbol.asyncDispose]());

async function call(who: string, method: string, path: string, body?: unknown, language?: string) {
  const headers = {
    authorization: who,
    'content-type': 'application/json',
    ...(language === undefined ? {} : { 'accept-language': language }),
  };
  const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
  const response = await app.request(path, init);
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
}
const submit = (who: string, subject = uuidv7(), language?: string) =>
  call(
    who,
    'POST',
    '/v1/reports',
    { subject: { type: 'ad', id: subject }, reason: 'fraud', comment: 'Чужие фото' },
    language,
  );
const resolve = (id: string, decision = 'accept', who = moderator) =>
  call(who, 'POST', `/v1/moderation/reports/${id}`, { decision, resolution: 'Сняли с публикации' });
const told = async (id: string) => {
  const rows = await db.selectFrom('outbox').select(['headers', 'value']).where('key', '=', id).orderBy('id').execute();
  return rows.map(({ headers, value }) => ({ type: headers['ce_type'], ...JSON.parse(value) }));
};

describe('a report', () => {
  it.each([
    ['ru-RU,ru;q=0.9,en;q=0.8', 'Ваша заявка в обработке'],
    ['de, en-GB;q=0.8, ru;q=0.5', 'Your request is being processed'],
    ['ru;q=0, en', 'Your request is being processed'],
    [undefined, 'Ваша заявка в обработке'],
  ])('is taken at once, in the language of “%s”', async (language, message) => {
    const answer = await submit(uuidv7(), uuidv7(), language);
    expect(answer).toMatchObject({ status: 202, body: { status: 'processing', message } });
    expect(answer.headers.get('location')).toBe(`/v1/reports/${answer.body.id}`);
    expect(await told(answer.body.id)).toMatchObject([{ type: 'report.submitted', reason: 'fraud' }]);
  });

  it('is the same while it is in work, however often and fast it is sent', async () => {
    const [who, subject] = [uuidv7(), uuidv7()];
    const answers = await Promise.all([submit(who, subject), submit(who, subject), submit(who, subject)]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
    const other = await submit(uuidv7(), subject);
    expect(other.body.id).not.toBe(answers[0]?.body.id);
    await resolve(answers[0]?.body.id, 'reject');
    expect((await submit(who, subject)).body.id).not.toBe(answers[0]?.body.id);
  });

  it('is read by its reporter and by moderators, and is not there for others', async () => {
    const who = uuidv7();
    const { body } = await submit(who);
    for (const reader of [who, moderator]) {
      expect((await call(reader, 'GET', `/v1/reports/${body.id}`)).body).toMatchObject({
        id: body.id,
        comment: 'Чужие фото',
      });
    }
    expect((await call(uuidv7(), 'GET', `/v1/reports/${body.id}`)).status).toBe(404);
  });

  it('is one of twenty an hour; repeating one costs nothing', async () => {
    const who = uuidv7();
    const subject = uuidv7();
    for (let round = 0; round < 25; round += 1) expect((await submit(who, subject)).status).toBe(202);
    const answers = await Promise.all(Array.from({ length: 21 }, () => submit(who)));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(19);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.body.type).toBe(problemType('too-many-requests'));
    expect(refused?.headers.get('retry-after')).toBe('180');
    ahead += 181_000;
    expect((await submit(who)).status).toBe(202);
    expect((await submit(uuidv7())).status).toBe(202);
  });

  it('names the field that is wrong', async () => {
    const answer = await call(uuidv7(), 'POST', '/v1/reports', { subject: { type: 'ad', id: 'x' }, reason: 'fraud' });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ field: 'subject.id' }] } });
  });
});

describe('the moderators’ queue', () => {
  it('is for moderators only', async () => {
    expect((await call(uuidv7(), 'GET', '/v1/moderation/reports')).status).toBe(403);
    const { body } = await submit(uuidv7());
    expect((await resolve(body.id, 'accept', uuidv7())).status).toBe(403);
    expect(await told(body.id)).toHaveLength(1);
  });

  it('shows who waits longest first, page by page, each once', async () => {
    await db.deleteFrom('reports').execute();
    const made: string[] = [];
    for (let round = 0; round < 5; round += 1) made.push((await submit(uuidv7())).body.id);
    const seen: string[] = [];
    for (let path: string | null = '/v1/moderation/reports?limit=2'; path; ) {
      const { body } = await call(moderator, 'GET', path);
      seen.push(...body.items.map(({ id }: { id: string }) => id));
      path = body.next_cursor && `/v1/moderation/reports?limit=2&cursor=${body.next_cursor}`;
    }
    expect(seen).toEqual(made);
    for (const id of made.slice(0, 3)) await resolve(id);
    const accepted = await call(moderator, 'GET', '/v1/moderation/reports?status=accepted&limit=2');
    expect(accepted.body.items.map(({ id }: { id: string }) => id)).toEqual([made[2], made[1]]);
    const foreign = await call(moderator, 'GET', `/v1/moderation/reports?cursor=${accepted.body.next_cursor}`);
    expect(foreign.status).toBe(400);
  });

  it('lets one moderator decide, and tells of it once', async () => {
    const { body } = await submit(uuidv7());
    const answers = await Promise.all([resolve(body.id), resolve(body.id, 'reject')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    const won = answers.find(({ status }) => status === 200)?.body;
    expect(won).toMatchObject({ id: body.id, resolution: 'Сняли с публикации', resolved_at: expect.any(String) });
    const events = (await told(body.id)).filter(({ type }) => type === 'report.resolved');
    expect(events).toMatchObject([{ decision: won.status === 'accepted' ? 'accept' : 'reject', report_id: body.id }]);
    expect((await resolve(uuidv7())).status).toBe(404);
  });
});
