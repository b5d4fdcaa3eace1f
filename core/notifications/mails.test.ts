import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { notificationKinds } from '../../contracts/notifications.ts';
import { ProblemError } from '../../contracts/problem.ts';
import type { NotificationsServiceService } from '../../proto/generated/lotok/notifications/v1/notifications.ts';
import { until } from '../../tests/until.ts';
import { rpcCall } from '../../tests/world.ts';
import { MailRefused } from '../platform/mail/mailer.ts';
import type { RpcHandlers, RpcServer } from '../platform/rpc/server.ts';
import { kindRules } from './kinds.ts';
import { sendDueMails, startMailLoop } from './mails.ts';
import { notificationRpc } from './rpc.ts';
import { enqueue, listNotifications, putPreferences } from './service.ts';
import { formatDays, formatMoney } from './words/facts.ts';
import { mailOf, messageOf } from './words/render.ts';
import { notificationsWorld } from './world.testing.ts';

let world: Awaited<ReturnType<typeof notificationsWorld>>;
beforeAll(async () => {
  world = await notificationsWorld();
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(() => {
  world.trouble.mailer = undefined;
  world.trouble.users = undefined;
});

const sendAll = async (): Promise<void> => {
  while (await sendDueMails(world.options));
};
const plain = (text: string | undefined): string => (text ?? '').replaceAll(/[\u00a0\u202f\u2009]/g, ' ');

describe('a mail', () => {
  it('tells the buyer what was bought, for how much, when it comes, and where to look', async () => {
    const { id: orderId, buyer, becomes } = await world.sale();
    await becomes('paid');
    const parameters = {
      ad_title: 'Велосипед «Аист»',
      total_amount: '1300000',
      total_currency: 'RUB',
      estimated_from: '2026-11-28',
      estimated_to: '2026-12-01',
      tracking_number: 'TRACK-7',
    };
    await enqueue(world.options, { userId: buyer.id, kind: 'order_paid', orderId, parameters });
    await sendAll();
    const [mail, ...more] = world.mailsOf(buyer);
    expect(more).toEqual([]);
    expect(mail?.subject).toBe('Заказ оплачен: Велосипед «Аист»');
    for (const body of [plain(mail?.text), plain(mail?.html)]) {
      expect(body).toContain('Здравствуйте, Анна!');
      expect(body).toContain(orderId);
      expect(body).toContain('Велосипед «Аист»');
      expect(body).toContain('13 000 ₽');
      expect(body).toMatch(/28 ноября\s*–\s*1 декабря/);
      expect(body).toContain('TRACK-7');
      expect(body).toContain(`https://lotok.test/orders/${orderId}`);
    }
    expect(mail?.html).toContain('<html lang="ru">');
  });

  it('tells the seller of the sale, without the buyer’s total', async () => {
    const { id: orderId, seller, becomes } = await world.sale('en', 'Bicycle');
    await becomes('paid');
    await becomes('completed');
    await sendAll();
    const mails = world.mailsOf(seller);
    expect(mails.map(({ subject }) => subject).sort()).toEqual([
      'Sale completed: Bicycle',
      'Your item was bought: Bicycle',
    ]);
    for (const { text } of mails) {
      expect(text).toContain(orderId);
      expect(text).not.toContain('13,000');
    }
  });

  it('gives the reason of a cancellation in words, and tells of the money that comes back', async () => {
    const { id: orderId, buyer, becomes } = await world.sale('en', 'Bicycle');
    await becomes('in_delivery');
    await becomes('cancelled', { cancel_reason: 'parcel_lost' });
    await world.hear('payment.status_changed', {
      payment_id: orderId as never,
      order_id: orderId,
      buyer_id: buyer.id,
      status: 'refunded',
      previous_status: 'captured',
      amount: { amount: 1_300_000, currency: 'RUB' },
      reason: null,
      at: new Date().toISOString(),
      version: 5,
    });
    await sendAll();
    const mails = world.mailsOf(buyer);
    expect(mails.find(({ subject }) => subject.startsWith('Order cancelled'))?.text).toContain(
      'the parcel was lost on its way',
    );
    expect(plain(mails.find(({ subject }) => subject.startsWith('Money returned'))?.text)).toMatch(
      /₽13,000|RUB 13,000/,
    );
  });

  it('says that a payment was declined, once', async () => {
    const { id: orderId, buyer, becomes } = await world.sale('en', 'Bicycle');
    const parameters = { reason: 'insufficient_funds' };
    await enqueue(world.options, { userId: buyer.id, kind: 'payment_failed', orderId, parameters });
    await becomes('cancelled', { cancel_reason: 'payment_declined' });
    await sendAll();
    const mails = world.mailsOf(buyer);
    expect(mails.map(({ subject }) => subject)).toEqual(['Payment failed: Bicycle']);
    expect(mails[0]?.text).toContain('not enough money');
  });

  it.each([
    ['card_velocity_exceeded', 'Reason: the bank declined the payment.'],
    ['Ask your bank!', 'Reason: Ask your bank!'],
    ['', 'nothing was charged.'],
  ])('explains the reason “%s” of a provider', (reason, words) => {
    const failed = { kind: 'payment_failed' as const, order_id: null, parameters: { reason } };
    expect(messageOf(failed, undefined, 'en').text).toMatch(new RegExp(`${words.replace('.', '\\.')}$`));
  });

  it('tells once of messages that somebody left unread, without what was written, unless they want no such mail', async () => {
    const anna = await world.person('Anna', 'en');
    const boris = await world.person('Boris', 'en');
    const unread = (reader: typeof anna, read_up_to: number) =>
      world.hear('chat.unread', {
        conversation_id: '01935b5e-7d3a-7000-8000-000000000009' as never,
        user_id: reader.id,
        partner_name: 'Сергей',
        ad: { id: '01935b5e-7d3a-7000-8000-000000000008' as never, title: 'Bicycle' },
        unread: 3,
        read_up_to,
        at: new Date().toISOString(),
      });
    await putPreferences(world.options, boris.id, { email: true, in_app: true, muted: ['messages_unread'] });
    for (const reader of [anna, boris]) {
      await unread(reader, 4);
      await unread(reader, 4);
    }
    await unread(anna, 7);
    await sendAll();
    const mails = world.mailsOf(anna);
    expect(mails.map(({ subject }) => subject)).toEqual(['Unread messages: Bicycle', 'Unread messages: Bicycle']);
    expect(mails[0]?.text).toContain('Сергей wrote to you about “Bicycle”. Unread messages: 3.');
    expect(mails[0]?.text).toContain(
      'Open the conversation: https://lotok.test/messages/01935b5e-7d3a-7000-8000-000000000009',
    );
    expect(mails[0]?.text).not.toContain('about your order');
    expect(world.mailsOf(boris)).toEqual([]);
    const { items } = await listNotifications(world.options, anna.id, { before: undefined, limit: 5 });
    expect(items.map(({ kind, link }) => [kind, link])).toEqual([
      ['messages_unread', '/messages/01935b5e-7d3a-7000-8000-000000000009'],
      ['messages_unread', '/messages/01935b5e-7d3a-7000-8000-000000000009'],
    ]);
    expect((await listNotifications(world.options, boris.id, { before: undefined, limit: 5 })).items).toEqual([]);
  });

  it('cannot be made to carry somebody’s markup or headers', () => {
    const hostile = '<img src=x onerror=alert(1)>\r\nBcc: everybody@example.test';
    const notification = {
      kind: 'order_paid' as const,
      order_id: null,
      link: null,
      parameters: { ad_title: hostile, reason: hostile },
    };
    const links = { publicUrl: 'https://lotok.test', unsubscribe: null };
    const mail = mailOf(notification, undefined, { name: '<b>Mallory</b>', language: 'en' }, links);
    expect(mail.html).not.toContain('<img');
    expect(mail.html).not.toContain('<b>');
    expect(mail.subject).not.toMatch(/[\r\n]/);
    expect(mail.subject.length).toBeLessThanOrEqual(150);
  });

  it.each(['ru', 'en'] as const)('has words for every kind in %s, with and without facts', (language) => {
    const parameters = { ad_title: 'Thing', reason: 'parcel_lost', total_amount: '100', total_currency: 'RUB' };
    for (const kind of notificationKinds) {
      for (const given of [parameters, {}]) {
        const message = messageOf({ kind, order_id: null, parameters: given }, undefined, language);
        expect(message.title.length).toBeGreaterThan(3);
        expect(message.text).toMatch(/[.!]$/);
        expect(message.text).not.toMatch(/undefined|null|parcel_lost|\s[.,]|\.\./);
      }
    }
  });

  it('writes money and days as its reader does', () => {
    expect(plain(formatMoney({ amount: 1_234_56, currency: 'RUB' }, 'ru'))).toBe('1 234,56 ₽');
    expect(formatMoney({ amount: 5_000, currency: 'JPY' }, 'en')).toContain('5,000');
    expect(formatMoney({ amount: 5_000, currency: 'EUR' }, 'en')).toBe('€50');
    expect(plain(formatDays({ from: '2026-11-27', to: '2026-11-30' }, 'ru'))).toMatch(/^27\s*–\s*30 ноября$/);
    expect(formatDays({ from: '2026-11-27', to: '2026-11-27' }, 'en')).toBe('27 November');
  });
});

describe('the queue of mails', () => {
  it('sends soon after the news, by itself, and each mail once', async () => {
    await using _first = await startMailLoop(world.options);
    await using _second = await startMailLoop(world.options);
    const { buyer, becomes } = await world.sale();
    await becomes('in_delivery');
    await becomes('delivered');
    await until('both mails are sent', () => world.mailsOf(buyer).length === 2);
    await until('and noted', async () => (await world.row(buyer.id, 'order_delivered')).mail === 'sent');
    expect(new Set(world.mailsOf(buyer).map(({ id }) => id)).size).toBe(2);
  });

  it('waits longer and longer while the mail server is away, and sends when it is back', async () => {
    const { buyer, becomes } = await world.sale();
    await becomes('delivered');
    world.trouble.mailer = new Error('connection refused');
    const pauses: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      await sendAll();
      const row = await world.row(buyer.id, 'order_delivered');
      expect(row).toMatchObject({ mail: 'owed', mail_attempts: round + 1, mail_error: 'connection refused' });
      const pauseMs = row.mail_not_before.getTime() - world.options.clock.now().getTime();
      pauses.push(pauseMs);
      world.pass(pauseMs + 10);
    }
    expect(pauses[3]).toBeGreaterThan((pauses[0] ?? 0) * 3);
    world.trouble.mailer = undefined;
    await sendAll();
    expect(world.mailsOf(buyer)).toHaveLength(1);
  });

  it.each([
    ['the mail server refuses the mail', { mailer: new MailRefused('550 no such mailbox') }, '550 no such mailbox'],
    ['nobody has that account', { users: new ProblemError('not-found') }, 'There is no such thing'],
  ])('gives up at once when %s, and says why', async (_what, trouble, reason) => {
    const { buyer, becomes } = await world.sale();
    await becomes('delivered');
    Object.assign(world.trouble, trouble);
    await sendAll();
    expect(await world.row(buyer.id, 'order_delivered')).toMatchObject({
      mail: 'failed',
      mail_attempts: 1,
      mail_error: reason,
    });
  });

  it('gives up after hours of trying', async () => {
    const { buyer, becomes } = await world.sale();
    await becomes('delivered');
    world.trouble.users = new ProblemError('unavailable');
    const start = world.options.clock.now().getTime();
    for (let round = 0; round < 30; round += 1) {
      await sendAll();
      if ((await world.row(buyer.id, 'order_delivered')).mail === 'failed') break;
      world.pass(30 * 60_000);
    }
    expect(await world.row(buyer.id, 'order_delivered')).toMatchObject({ mail: 'failed', mail_attempts: 14 });
    expect(world.options.clock.now().getTime() - start).toBeGreaterThan(2 * 3_600_000);
  });

  it('takes over from a sender that died', async () => {
    const { buyer, becomes } = await world.sale();
    await becomes('delivered');
    let died = (): void => undefined;
    const stuck = new Promise<void>((resolve) => {
      died = resolve;
    });
    const dying = sendDueMails({ ...world.options, mailer: { ...world.options.mailer, send: () => stuck } });
    await until('it was taken', async () => (await world.row(buyer.id, 'order_delivered')).mail_attempts === 1);
    await sendAll();
    expect(world.mailsOf(buyer)).toHaveLength(0);
    world.pass(4 * 60_000);
    await sendAll();
    expect(world.mailsOf(buyer)).toHaveLength(1);
    died();
    await dying;
  });

  it('is only for kinds that are mails', () => {
    expect(notificationKinds.filter((kind) => kindRules[kind].money)).toContain('order_refunded');
    expect(notificationKinds.filter((kind) => kindRules[kind].money && !kindRules[kind].mail)).toEqual([]);
  });
});

describe('what an order’s people were told', () => {
  it('is the same for operators: each notice with its mail, and no address in what went wrong', async () => {
    const { id: orderId, buyer, seller, becomes } = await world.sale();
    await becomes('paid');
    await sendAll();
    world.trouble.mailer = new MailRefused(`550 no mailbox ${buyer.email}`);
    await becomes('in_delivery');
    await sendAll();
    const handlers: Partial<RpcHandlers<NotificationsServiceService>> = {};
    const server = { add: (_definition: unknown, added: typeof handlers) => Object.assign(handlers, added) };
    notificationRpc(world.options)(server as unknown as RpcServer);
    const told = await handlers.getStory?.({ orderId }, rpcCall());
    expect(told?.notices.map(({ kind, userId, mail }) => [kind, userId, mail])).toEqual([
      ['order_shipped', buyer.id, 'failed'],
      ['sale_paid', seller.id, 'sent'],
    ]);
    expect(told?.notices[0]).toMatchObject({ mailError: '550 no mailbox [email]', mailedAt: '', mailAttempts: 1 });
    expect(told?.notices[1]?.mailedAt).toMatch(/^\d{4}-/);
    await expect(handlers.getStory?.({ orderId: 'x' }, rpcCall())).rejects.toMatchObject({ code: 'invalid-field' });
  });
});
