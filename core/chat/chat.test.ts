// Chat as the two who talk meet it, and what others get to see.
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ad, AdStatus } from '../../contracts/ads.ts';
import { Conversation, Message, ReportedMessage } from '../../contracts/chat.ts';
import type { AdId } from '../../contracts/common.ts';
import type { EventData } from '../../contracts/events.ts';
import type { Problem } from '../../contracts/problem.ts';
import { type Answer, openWorld, type Person, person, type World } from '../../tests/world.ts';
import { createOutbox } from '../platform/db/outbox.ts';
import { chat } from './index.ts';
import { tellUnread } from './notices.ts';
import type { ChatTables } from './store.ts';

let world: World<ChatTables>;
beforeAll(async () => {
  world = await openWorld(chat);
});
afterAll(() => world[Symbol.asyncDispose]());

const adOf = async (seller: Person, status: AdStatus = 'active', change: Partial<Ad> = {}): Promise<Ad> => {
  const ad: Ad = {
    id: uuidv7() as AdId,
    title: 'Велосипед «Аист»',
    description: 'x',
    price: { amount: 1_500_000, currency: 'RUB' },
    category: 'bicycles',
    city: 'kazan',
    attributes: {},
    photos: [],
    status,
    rejection_reason: null,
    seller: { id: seller.id, name: 'Сергей', rating: null, reviews: 0 },
    created_at: '2026-11-24T10:00:00.000Z',
    updated_at: '2026-11-24T10:00:00.000Z',
    version: 1,
    ...change,
  };
  await world.hears('ad.changed', { ad, previous_status: null });
  return ad;
};
const start = (as: Person, ad: { id: string }) =>
  world.ask<Conversation>('POST', '/v1/conversations', { as, body: { ad_id: ad.id } });
const write = (as: Person, id: string, text: string, { key = uuidv7() as string, attachments = [] as string[] } = {}) =>
  world.ask<Message>('POST', `/v1/conversations/${id}/messages`, {
    as,
    body: { text, attachments },
    headers: { 'idempotency-key': key },
  });
const get = async <Body>(as: Person, path: string): Promise<Body> => {
  const { status, body } = await world.ask<Body>('GET', path, { as });
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
};
interface Page<Item> {
  readonly items: Item[];
  readonly next_cursor: string | null;
  readonly unread: number;
}
const conversations = (as: Person) => get<Page<Conversation>>(as, '/v1/conversations');
const texts = async (as: Person, id: string) =>
  (await get<Page<Message>>(as, `/v1/conversations/${id}/messages`)).items.map(({ text }) => text);
const refused = (answer: Answer<unknown>) => [answer.status, (answer.body as Problem).type.split(':').at(-1)];

/** Two people and what they talk about. */
const talk = async () => {
  const [buyer, seller] = [person(), person()];
  await world.hears('user.changed', { user_id: buyer.id, name: 'Анна', rating: null, reviews: 0, version: 1 });
  await world.hears('user.changed', { user_id: seller.id, name: 'Сергей', rating: null, reviews: 0, version: 1 });
  const ad = await adOf(seller);
  const { body } = await start(buyer, ad);
  return { buyer, seller, ad, id: Conversation.parse(body).id };
};

describe('a conversation', () => {
  it('is one for a buyer and an ad, and the seller sees it with its first message', async () => {
    const { buyer, seller, ad, id } = await talk();
    expect((await start(buyer, ad)).body.id).toBe(id);
    expect((await conversations(seller)).items).toEqual([]);
    await write(buyer, id, ' Ещё продаёте? ');
    const [mine] = (await conversations(seller)).items;
    expect(mine).toMatchObject({
      id,
      role: 'seller',
      partner: { id: buyer.id, name: 'Анна' },
      ad: { id: ad.id, title: ad.title, price: ad.price, status: 'active' },
      last_message: { text: 'Ещё продаёте?', number: 1, sender_id: buyer.id },
      unread: 1,
      can_write: true,
    });
    const many = await Promise.all([1, 2, 3].map(() => start(buyer, ad)));
    expect(new Set(many.map(({ body }) => body.id))).toEqual(new Set([id]));
  });

  it('begins once, however many requests come at the same moment', async () => {
    const buyer = person();
    const ad = await adOf(person());
    const all = await Promise.all([1, 2, 3, 4].map(() => start(buyer, ad)));
    expect(new Set(all.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
  });

  it('is listed with the others in pages, the newest message first', async () => {
    const buyer = person();
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      const { id } = (await start(buyer, await adOf(person()))).body;
      await write(buyer, id, `${n}`);
      ids.unshift(id);
      // Two of them at the same moment.
      if (n !== 2) world.clock.advance(60);
    }
    const walked: string[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '' : `&cursor=${cursor}`;
      const page: Page<Conversation> = await get(buyer, `/v1/conversations?limit=2${query}`);
      walked.push(...page.items.map(({ id }) => id));
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(walked.toSorted()).toEqual(ids.toSorted());
    expect([walked[0], walked.at(-1)]).toEqual([ids[0], ids.at(-1)]);
  });

  it('is never with oneself, nor about an ad that is not public', async () => {
    const seller = person();
    expect(refused(await start(seller, await adOf(seller)))).toEqual([409, 'own-ad']);
    for (const status of ['draft', 'moderation', 'archived', 'rejected'] as const)
      expect(refused(await start(person(), await adOf(seller, status)))).toEqual([404, 'not-found']);
    expect(refused(await start(person(), { id: uuidv7() }))).toEqual([404, 'not-found']);
  });

  it('stays when the ad is taken off', async () => {
    const { buyer, seller, ad, id } = await talk();
    await write(buyer, id, 'Беру');
    await world.hears('ad.changed', { ad: { ...ad, version: 2, status: 'archived' }, previous_status: 'active' });
    expect((await write(seller, id, 'Снял с продажи для вас')).status).toBe(201);
    expect((await start(buyer, ad)).body).toMatchObject({ id, ad: { status: 'archived', title: ad.title } });
    expect(await texts(buyer, id)).toEqual(['Снял с продажи для вас', 'Беру']);
  });

  it('is nobody else’s business', async () => {
    const { buyer, id } = await talk();
    const { body: message } = await write(buyer, id, 'Между нами');
    for (const stranger of [person(), person('moderator')]) {
      const asked = await Promise.all([
        world.ask('GET', `/v1/conversations/${id}`, { as: stranger }),
        world.ask('GET', `/v1/conversations/${id}/messages`, { as: stranger }),
        write(stranger, id, 'Я тоже тут'),
        world.ask('POST', `/v1/conversations/${id}/read`, { as: stranger, body: { up_to: 1 } }),
        world.ask('PUT', `/v1/conversations/${id}/block`, { as: stranger }),
        world.ask('DELETE', `/v1/conversations/${id}/block`, { as: stranger }),
      ]);
      for (const answer of asked) expect(refused(answer)).toEqual([404, 'not-found']);
      expect((await conversations(stranger)).items).toEqual([]);
    }
    expect((await world.ask('GET', `/v1/conversations/${id}`)).status).toBe(401);
    const moderator = person('moderator');
    expect(refused(await world.ask('GET', `/v1/moderation/messages/${message.id}`, { as: moderator }))[0]).toBe(404);
  });
});

describe('a message', () => {
  it('is told to both at once, in the order of its number', async () => {
    const { buyer, seller, id } = await talk();
    await world.said();
    await Promise.all(['раз', 'два', 'три'].map((text) => write(buyer, id, text)));
    await write(seller, id, 'четыре');
    const told = (await world.said()).filter(({ type }) => type === 'chat.message');
    for (const channel of [`user:${buyer.id}`, `user:${seller.id}`]) {
      const heard = told.filter(({ key }) => key === channel);
      const numbers = heard.map(({ data }) => Message.parse((data as { data: unknown }).data).number);
      expect(numbers).toEqual([1, 2, 3, 4]);
    }
    expect(told).toHaveLength(8);
  });

  it('is one for its key, also when it is sent twice at the same moment, and another text needs another key', async () => {
    const { buyer, id } = await talk();
    const key = uuidv7();
    const all = await Promise.all([1, 2, 3].map(() => write(buyer, id, 'Один раз', { key })));
    expect(new Set(all.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
    expect(await texts(buyer, id)).toEqual(['Один раз']);
    expect(refused(await write(buyer, id, 'Другое', { key }))).toEqual([422, 'idempotency-key-reused']);
    const without = await world.ask('POST', `/v1/conversations/${id}/messages`, { as: buyer, body: { text: 'x' } });
    expect(without.status).toBe(400);
  });

  it('has text or pictures of its sender, and neither too much', async () => {
    const { buyer, seller, id } = await talk();
    const picture = uuidv7();
    const foreign = uuidv7();
    const ready = (media_id: string, owner: Person) =>
      world.hears('media.ready', {
        media_id,
        owner_id: owner.id,
        ...{ width: 100, height: 80, url: `/media/${media_id}/full.webp`, thumb_url: `/media/${media_id}/thumb.webp` },
      });
    await ready(foreign, seller);
    // The picture becomes known while the message waits for it.
    const [sent] = await Promise.all([write(buyer, id, '', { attachments: [picture] }), ready(picture, buyer)]);
    expect(sent.body.attachments).toEqual([
      {
        id: picture,
        width: 100,
        height: 80,
        url: `/media/${picture}/full.webp`,
        thumb_url: `/media/${picture}/thumb.webp`,
      },
    ]);
    const wrong = await write(buyer, id, '', { attachments: [foreign] });
    expect(wrong).toMatchObject({ status: 422, body: { errors: [{ field: 'attachments.0' }] } });
    for (const body of [{ text: '   ' }, { text: 'x'.repeat(4001) }, { attachments: Array(6).fill(picture) }]) {
      const answer = await world.ask('POST', `/v1/conversations/${id}/messages`, {
        as: buyer,
        body,
        headers: { 'idempotency-key': uuidv7() },
      });
      expect(refused(answer)).toEqual([422, 'invalid-field']);
    }
    expect(await texts(seller, id)).toHaveLength(1);
  }, 20_000);

  it('is one of thirty a minute', async () => {
    const { buyer, id } = await talk();
    for (let n = 0; n < 30; n += 1) expect((await write(buyer, id, `${n}`)).status).toBe(201);
    const over = await write(buyer, id, 'ещё');
    expect(refused(over)).toEqual([429, 'too-many-requests']);
    expect(Number(over.headers.get('retry-after'))).toBeGreaterThan(0);
    world.clock.advance(4);
    expect((await write(buyer, id, 'и ещё')).status).toBe(201);
  });

  it('is listed with the others in pages, newest first', async () => {
    const { buyer, seller, id } = await talk();
    for (let n = 1; n <= 5; n += 1) await write(n % 2 ? buyer : seller, id, `${n}`);
    const walked: string[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '' : `&cursor=${cursor}`;
      const page: Page<Message> = await get(buyer, `/v1/conversations/${id}/messages?limit=2${query}`);
      walked.push(...page.items.map(({ text }) => text));
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(walked).toEqual(['5', '4', '3', '2', '1']);
  });
});

describe('reading', () => {
  const read = (as: Person, id: string, up_to: number) =>
    world.ask('POST', `/v1/conversations/${id}/read`, { as, body: { up_to } });

  it('counts down what is unread, and the other one hears of it', async () => {
    const { buyer, seller, id } = await talk();
    for (const text of ['раз', 'два', 'три']) await write(buyer, id, text);
    expect(await conversations(seller)).toMatchObject({ unread: 3, items: [{ unread: 3, read_up_to: 0 }] });
    await world.said();
    expect((await read(seller, id, 2)).status).toBe(204);
    expect(await conversations(seller)).toMatchObject({ unread: 1, items: [{ unread: 1, read_up_to: 2 }] });
    expect((await conversations(buyer)).items[0]).toMatchObject({ unread: 0, partner_read_up_to: 2 });
    const told = (await world.said()).map(({ key, data }) => [key, (data as { data: object }).data]);
    const news = expect.objectContaining({ conversation_id: id, reader_id: seller.id, up_to: 2 });
    expect(told).toEqual([
      [`user:${seller.id}`, news],
      [`user:${buyer.id}`, news],
    ]);
    // Reading less than before changes nothing, and nobody reads what isn't there.
    expect((await read(seller, id, 1)).status).toBe(204);
    expect(await world.said()).toEqual([]);
    expect(refused(await read(seller, id, 4))).toEqual([422, 'invalid-field']);
    // Who answers has read.
    await write(seller, id, 'ответ');
    expect(await conversations(seller)).toMatchObject({ unread: 0, items: [{ read_up_to: 4 }] });
  });

  it('that does not happen for some time is told of once, until somebody looks', async () => {
    const { buyer, seller, ad, id } = await talk();
    const options = { db: world.db, clock: world.clock, outbox: createOutbox('chat', world.clock), afterMs: 600_000 };
    const tell = async (): Promise<EventData<'chat.unread'>[]> => {
      await tellUnread(options);
      return (await world.said())
        .filter(({ type }) => type === 'chat.unread')
        .map(({ data }) => data as EventData<'chat.unread'>)
        .filter(({ conversation_id }) => conversation_id === id);
    };
    await write(buyer, id, 'Здравствуйте');
    world.clock.advance(300);
    await write(buyer, id, 'Ау');
    expect(await tell()).toEqual([]);
    world.clock.advance(301);
    expect(await tell()).toMatchObject([
      { user_id: seller.id, partner_name: 'Анна', ad: { id: ad.id, title: ad.title }, unread: 2, read_up_to: 0 },
    ]);
    world.clock.advance(3600);
    await write(buyer, id, 'Ну что?');
    expect(await tell()).toEqual([]);
    await read(seller, id, 3);
    await write(buyer, id, 'Ещё вопрос');
    world.clock.advance(601);
    expect(await tell()).toMatchObject([{ unread: 1, read_up_to: 3 }]);
  });
});

describe('a block', () => {
  it('ends the writing of both, in other conversations too, until it is taken back', async () => {
    const { buyer, seller, id } = await talk();
    await write(buyer, id, 'Дёшево отдадите?');
    const block = (method: 'PUT' | 'DELETE') => world.ask(method, `/v1/conversations/${id}/block`, { as: seller });
    expect((await block('PUT')).status).toBe(204);
    expect((await block('PUT')).status).toBe(204);
    expect(refused(await write(buyer, id, 'Почему?'))).toEqual([403, 'blocked']);
    expect(refused(await write(seller, id, 'Потому'))).toEqual([403, 'blocked']);
    expect(refused(await start(buyer, await adOf(seller)))).toEqual([403, 'blocked']);
    expect((await conversations(seller)).items[0]).toMatchObject({ blocked: true, can_write: false });
    // Who was blocked isn't told by whom.
    expect((await conversations(buyer)).items[0]).toMatchObject({ blocked: false, can_write: false });
    expect((await block('DELETE')).status).toBe(204);
    expect((await write(buyer, id, 'Спасибо')).status).toBe(201);
  });
});

describe('a complaint about a message', () => {
  it('lets moderators read that message, and an accepted one takes it from both screens', async () => {
    const { buyer, seller, id } = await talk();
    const { body: message } = await write(buyer, id, 'Переведите на карту');
    const moderator = person('moderator');
    const look = () => world.ask('GET', `/v1/moderation/messages/${message.id}`, { as: moderator });
    const report = (reporter: Person) => ({
      report_id: uuidv7(),
      subject: { type: 'message' as const, id: message.id },
      reason: 'fraud',
      reporter_id: reporter.id,
    });
    // A stranger who guessed the id opens nothing.
    await world.hears('report.submitted', report(person()));
    expect((await look()).status).toBe(404);
    await world.hears('report.submitted', report(seller));
    expect(ReportedMessage.parse((await look()).body)).toMatchObject({
      message: { text: 'Переведите на карту' },
      sender: 'Анна',
    });
    expect((await world.ask('GET', `/v1/moderation/messages/${message.id}`, { as: seller })).status).toBe(403);

    await world.said();
    await world.hears('report.resolved', { ...report(seller), decision: 'reject', resolution: 'ok' });
    expect(await texts(buyer, id)).toEqual(['Переведите на карту']);
    await world.hears('report.resolved', { ...report(seller), decision: 'accept', resolution: 'fraud' });
    const [shown] = (await get<Page<Message>>(buyer, `/v1/conversations/${id}/messages`)).items;
    expect(shown).toMatchObject({ text: '', removed: true, number: 1 });
    const told = (await world.said()).map(({ key, data }) => [key, (data as { data: object }).data]);
    expect(told.map(([key]) => key).toSorted()).toEqual([`user:${buyer.id}`, `user:${seller.id}`].toSorted());
    expect(told[0]?.[1]).toMatchObject({ id: message.id, removed: true, text: '' });
    expect(ReportedMessage.parse((await look()).body).message).toMatchObject({
      text: 'Переведите на карту',
      removed: true,
    });
  });
});
