// Mails that come back, that are ended by their reader, and that leave together: by real SMTP.
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { uuidv7 } from 'uuidv7';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OrderId, UserId } from '../../contracts/common.ts';
import { openSmtp } from '../platform/mail/smtp.ts';
import { sendDueMails } from './mails.ts';
import { enqueue, getPreferences, putPreferences, unblockEmail, unsubscribe } from './service.ts';
import { notificationsWorld } from './world.testing.ts';

let world: Awaited<ReturnType<typeof notificationsWorld>>;
let smtp: SMTPServer;
/** What the server says to recipients and to messages. */
let answers: { recipient?: string; data?: string } = {};
let recipients: string[] = [];
let arrived: { to: string; message: string }[] = [];

beforeAll(async () => {
  const refusal = (text: string): Error =>
    Object.assign(new Error(text.slice(4)), { responseCode: Number(text.slice(0, 3)) });
  smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo: ({ address }, _session, callback) => {
      recipients.push(address);
      callback(answers.recipient ? refusal(answers.recipient) : null);
    },
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (answers.data) return callback(refusal(answers.data));
        const to = session.envelope.rcptTo[0]?.address ?? '';
        arrived.push({ to, message: Buffer.concat(chunks).toString() });
        callback();
      });
    },
  });
  await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve));
  const { port } = smtp.server.address() as AddressInfo;
  const mailer = await openSmtp({ url: `smtp://127.0.0.1:${port}`, from: 'Lotok <no-reply@lotok.test>' });
  const opened = await notificationsWorld();
  world = { ...opened, options: { ...opened.options, mailer } };
});
afterAll(async () => {
  await world.options.mailer[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
  await new Promise<void>((resolve) => smtp.close(resolve));
});
afterEach(() => {
  answers = {};
  recipients = [];
  arrived = [];
});

const sendAll = async (): Promise<void> => {
  for (let round = 0; round < 20; round += 1) if (!(await sendDueMails(world.options))) return;
};
const mailsTo = ({ email }: { email: string }) => arrived.filter(({ to }) => to === email);
/** A header's value, unfolded. */
const header = (message: string | undefined, name: string): string | undefined =>
  new RegExp(`^${name}:((?:.|\\r\\n[ \\t])*?)\\r\\n(?![ \\t])`, 'mi')
    .exec(message ?? '')?.[1]
    ?.replaceAll(/\r\n(?=[ \t])/g, '')
    .trim();
const decoded = (message: string | undefined): string =>
  (message ?? '')
    .split(/\r\n--/)
    .map((part) => {
      const [head = '', ...body] = part.split('\r\n\r\n');
      const text = body.join('\r\n\r\n');
      if (/base64/i.test(head)) return Buffer.from(text, 'base64').toString();
      const bytes = text
        .replace(/=\r\n/g, '')
        .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
      return Buffer.from(bytes, 'latin1').toString();
    })
    .join('\n');

describe('an address that mails come back from', () => {
  it('gets none any more, its owner sees why, and says when it works', async () => {
    const { buyer, becomes } = await world.sale();
    answers.recipient = '550 5.1.1 no such user here';
    await becomes('in_delivery');
    await sendAll();
    expect(await world.row(buyer.id, 'order_shipped')).toMatchObject({ mail: 'failed', mail_attempts: 1 });
    answers = {};
    await becomes('delivered');
    await sendAll();
    expect(await world.row(buyer.id, 'order_delivered')).toMatchObject({
      mail: 'suppressed',
      mail_error: expect.stringContaining('5.1.1'),
      in_app: true,
    });
    expect(recipients.filter((address) => address === buyer.email)).toHaveLength(1);
    const { email_blocked } = await getPreferences(world.options, buyer.id);
    expect(email_blocked).toMatchObject({ reason: expect.stringContaining('no such user'), since: expect.any(String) });

    await unblockEmail(world.options, buyer.id);
    expect((await getPreferences(world.options, buyer.id)).email_blocked).toBeNull();
    await becomes('completed');
    await sendAll();
    expect(await world.row(buyer.id, 'order_completed')).toMatchObject({ mail: 'sent' });
  });

  it('is forgotten when its owner has another one', async () => {
    const { buyer, becomes } = await world.sale();
    answers.recipient = '550 5.1.1 no such user here';
    await becomes('in_delivery');
    await sendAll();
    answers = {};
    Object.assign(buyer, { email: `new-${buyer.email}` });
    await becomes('delivered');
    await sendAll();
    expect(mailsTo(buyer)).toHaveLength(1);
  });

  it.each([
    ['a full mailbox', { recipient: '452 4.2.2 mailbox full' }, 'owed'],
    ['a server that is busy', { data: '451 4.3.0 later' }, 'owed'],
    ['a policy about us', { recipient: '550 5.7.1 relaying denied' }, 'failed'],
    ['words that it dislikes', { data: '554 5.6.0 looks like spam' }, 'failed'],
  ])('is not what %s is', async (_what, answer, mail) => {
    const { buyer, becomes } = await world.sale();
    answers = answer;
    await becomes('delivered');
    await sendAll();
    expect(await world.row(buyer.id, 'order_delivered')).toMatchObject({ mail });
    expect((await getPreferences(world.options, buyer.id)).email_blocked).toBeNull();
  });
});

describe('a mail’s end', () => {
  const tokenIn = (message: string | undefined): string =>
    URL.parse(header(message, 'List-Unsubscribe')?.slice(1, -1) ?? '')?.searchParams.get('token') ?? '';

  it('is one click away, without signing in, and leaves mails about money', async () => {
    const { id: orderId, buyer, becomes } = await world.sale();
    await becomes('in_delivery');
    await sendAll();
    const [mail] = mailsTo(buyer);
    expect(header(mail?.message, 'List-Unsubscribe')).toMatch(/^<https:\/\/lotok\.test\/unsubscribe\?token=[\w.-]+>$/);
    expect(header(mail?.message, 'List-Unsubscribe-Post')).toBe('List-Unsubscribe=One-Click');
    expect(decoded(mail?.message)).toContain('/unsubscribe?token=');
    const token = tokenIn(mail?.message);
    for (let round = 0; round < 2; round += 1) await unsubscribe(world.options, token);
    expect(await getPreferences(world.options, buyer.id)).toMatchObject({ email: false, in_app: true });
    await becomes('delivered');
    await enqueue(world.options, { userId: buyer.id, kind: 'order_paid', orderId, parameters: {} });
    await sendAll();
    expect(await world.row(buyer.id, 'order_delivered')).toMatchObject({ mail: 'none', in_app: true });
    expect(await world.row(buyer.id, 'order_paid')).toMatchObject({ mail: 'sent' });
    const money = mailsTo(buyer).at(-1)?.message;
    expect(header(money, 'List-Unsubscribe')).toBeUndefined();
    expect(decoded(money)).not.toContain('/unsubscribe');
  });

  it('keeps what its reader had chosen otherwise', async () => {
    const { buyer, becomes } = await world.sale();
    await putPreferences(world.options, buyer.id, { email: true, in_app: false, muted: ['order_created'] });
    await becomes('in_delivery');
    await sendAll();
    await unsubscribe(world.options, tokenIn(mailsTo(buyer)[0]?.message));
    expect(await getPreferences(world.options, buyer.id)).toMatchObject({
      ...{ email: false, in_app: false, muted: ['order_created'] },
    });
  });

  it('is nobody else’s', async () => {
    const { buyer, seller, becomes } = await world.sale();
    await becomes('in_delivery');
    await sendAll();
    const token = tokenIn(mailsTo(buyer)[0]?.message);
    const forged = [token.replace(buyer.id, seller.id), `${seller.id}.`, `${buyer.id}.AAAA`, 'x', ''];
    for (const each of forged) {
      await expect(unsubscribe(world.options, each)).rejects.toMatchObject({ code: 'invalid-signature' });
    }
    expect(await getPreferences(world.options, seller.id)).toMatchObject({ email: true });
  });
});

describe('a burst of mails', () => {
  const burst = { mails: 2, windowMs: 600_000 };
  const delivers = (userId: UserId, orderId: string) =>
    enqueue(world.options, {
      ...{ userId, kind: 'order_delivered', orderId: orderId as OrderId },
      parameters: { ad_title: `Thing ${orderId.slice(-4)}` },
    });
  const send = async (options = { ...world.options, burst }): Promise<void> => {
    for (let round = 0; round < 20; round += 1) if (!(await sendDueMails(options))) return;
  };
  const stateOf = async (userId: UserId) => {
    const rows = await world.db
      .selectFrom('notifications')
      .select(['id', 'mail', 'mailed_with', 'order_id'])
      .where('user_id', '=', userId)
      .orderBy('id')
      .execute();
    return rows;
  };

  it('is the first ones, and then one with all the others when the window has passed', async () => {
    const reader = await world.person('Anna', 'en');
    const orders = Array.from({ length: 6 }, () => uuidv7());
    for (const order of orders) await delivers(reader.id, order);
    await send();
    expect(mailsTo(reader)).toHaveLength(2);
    // What is about money does not wait.
    const paid = uuidv7() as OrderId;
    await enqueue(world.options, { userId: reader.id, kind: 'order_paid', orderId: paid, parameters: {} });
    await send();
    expect(decoded(mailsTo(reader)[2]?.message)).toContain(paid);
    world.pass(burst.windowMs + 1_000);
    await send();
    expect(mailsTo(reader)).toHaveLength(4);
    const digest = decoded(mailsTo(reader)[3]?.message);
    expect(header(mailsTo(reader)[3]?.message, 'Subject')).toBe('4 updates on your orders');
    for (const order of orders.slice(2)) expect(digest).toContain(`/orders/${order}`);
    for (const order of orders.slice(0, 2)) expect(digest).not.toContain(order);
    const rows = await stateOf(reader.id);
    expect(rows.every(({ mail }) => mail === 'sent')).toBe(true);
    // Each piece of news is in one mail.
    const inMails = mailsTo(reader).flatMap(({ message }) =>
      orders.filter((order) => decoded(message).includes(order)),
    );
    expect(inMails.toSorted()).toEqual(orders.toSorted());
  });

  it('that could not be sent is tried again with the same in it, and new news go their own way', async () => {
    const reader = await world.person('Boris', 'en');
    const orders = Array.from({ length: 5 }, () => uuidv7());
    for (const order of orders) await delivers(reader.id, order);
    await send();
    world.pass(burst.windowMs + 1_000);
    answers.data = '451 4.3.0 later';
    await send();
    const lead = (await stateOf(reader.id)).find(({ id, mailed_with }) => id === mailed_with);
    expect((await stateOf(reader.id)).map(({ mail }) => mail)).toEqual([
      'sent',
      'sent',
      'owed',
      'gathered',
      'gathered',
    ]);
    const late = uuidv7();
    await delivers(reader.id, late);
    answers = {};
    world.pass(60_000);
    await send();
    const ids = mailsTo(reader).map(({ message }) => header(message, 'Message-ID'));
    expect(ids).toContain(`<${lead?.id}@lotok.test>`);
    expect(new Set(ids).size).toBe(ids.length);
    const digest = mailsTo(reader).find(({ message }) => header(message, 'Subject') === '3 updates on your orders');
    expect(decoded(digest?.message)).not.toContain(late);
    expect((await stateOf(reader.id)).every(({ mail }) => mail === 'sent')).toBe(true);
  });

  it('is each mail on its own where nobody asked for less', async () => {
    const reader = await world.person('Vera', 'en');
    for (let order = 0; order < 4; order += 1) await delivers(reader.id, uuidv7());
    await sendAll();
    expect(mailsTo(reader)).toHaveLength(4);
  });
});
