import type { AddressInfo } from 'node:net';
import { Hono } from 'hono';
import { SMTPServer } from 'smtp-server';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestDatabase } from '../../../tests/database.ts';
import { systemClock } from '../clock.ts';
import type { DatabaseProvider } from '../db/database.ts';
import { openMailbox } from './mailbox.ts';
import { type Mail, type Mailer, MailRefused } from './mailer.ts';
import { openSmtp } from './smtp.ts';

const mail = (change: Partial<Mail> = {}): Mail => ({
  id: uuidv7(),
  to: 'anna@example.test',
  subject: 'Заказ оплачен ✓',
  text: 'Велосипед «Аист» <b>едет</b>\n'.repeat(3),
  html: '<p style="color:#123">Велосипед «Аист» &lt;b&gt;едет&lt;/b&gt;</p>',
  ...change,
});

/** A mail server that a test tells what to answer. */
async function mailServer(answer: { recipient?: number; data?: number } = {}) {
  const received: string[] = [];
  const recipients: string[] = [];
  const refusal = (code: number): Error => Object.assign(new Error('not this one'), { responseCode: code });
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo: ({ address }, _session, callback) => {
      recipients.push(address);
      callback(answer.recipient ? refusal(answer.recipient) : null);
    },
    onData: (stream, _session, callback) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (answer.data) return callback(refusal(answer.data));
        received.push(Buffer.concat(chunks).toString());
        callback();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  const mailer = await openSmtp({ url: `smtp://127.0.0.1:${port}`, from: 'Lotok <no-reply@lotok.test>' });
  return {
    answer,
    received,
    recipients,
    mailer,
    port,
    async [Symbol.asyncDispose]() {
      await mailer[Symbol.asyncDispose]();
      await new Promise<void>((resolve) => server.close(resolve));
    },
  };
}

let databases: DatabaseProvider;
beforeAll(async () => {
  databases = await openTestDatabase();
});
afterAll(() => databases[Symbol.asyncDispose]());

async function mailbox(kept?: number) {
  const box = await openMailbox({ databases, clock: systemClock, ...(kept === undefined ? {} : { kept }) });
  const app = new Hono();
  box.pages(app);
  const page = async (path: string, accept = 'text/html') => app.request(path, { headers: { accept } });
  const items = async (to: string) =>
    ((await (await page(`/sandbox/mail?to=${to}`, 'application/json')).json()) as { items: Record<string, string>[] })
      .items;
  return { box, page, items };
}

/** Decodes the parts of a MIME message. */
const partsOf = (message: string): string =>
  message
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

describe.each<
  [string, () => Promise<{ mailer: Mailer; arrived: (sent: Mail) => Promise<string[]> } & AsyncDisposable>]
>([
  [
    'the mailbox',
    async () => {
      const { box, items } = await mailbox();
      const arrived = async (sent: Mail) => (await items(sent.to)).map(({ text = '' }) => text);
      return { mailer: box, arrived, [Symbol.asyncDispose]: async () => undefined };
    },
  ],
  [
    'smtp',
    async () => {
      const server = await mailServer();
      return {
        mailer: server.mailer,
        arrived: async () => server.received.map(partsOf),
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  ],
])('%s', (_name, open) => {
  it('takes a mail in any language, whole', async () => {
    await using world = await open();
    const sent = mail({ to: `${uuidv7()}@example.test` });
    await world.mailer.send(sent);
    const [text, ...more] = await world.arrived(sent);
    expect(more).toEqual([]);
    expect(text?.replaceAll('\r\n', '\n')).toContain(sent.text.trim());
  });

  it('takes several at once', async () => {
    await using world = await open();
    const to = `${uuidv7()}@example.test`;
    const sent = Array.from({ length: 12 }, (_, index) => mail({ to, text: `number ${index}.` }));
    await Promise.all(sent.map((each) => world.mailer.send(each)));
    const arrived = (await world.arrived(sent[0] as Mail)).join('\n');
    for (const { text } of sent) expect(arrived).toContain(text);
  });
});

describe('the mailbox page', () => {
  it('shows whole texts, newest first, and runs nothing that is in them', async () => {
    const { box, page } = await mailbox();
    const to = `${uuidv7()}@example.test`;
    await box.send(mail({ to, text: 'the first' }));
    await box.send(mail({ to, subject: '<script>alert(1)</script>', text: 'the second <img src=x onerror=alert(2)>' }));
    const response = await page(`/sandbox/mail?to=${to.toUpperCase()}`);
    const body = await response.text();
    expect(body.indexOf('the second')).toBeLessThan(body.indexOf('the first'));
    expect(body).toContain('the second &lt;img src=x onerror=alert(2)&gt;');
    expect(body).not.toContain('<script');
    expect(response.headers.get('content-security-policy')).toMatch(/default-src 'none'; style-src 'sha256-[^']+';/);
    expect(await (await page('/sandbox/mail?to=<b>')).text()).not.toContain('<b>');
  });

  it('shows a mail as its reader sees it, without letting it load or run anything', async () => {
    const { box, page } = await mailbox();
    const sent = mail();
    await box.send(sent);
    const response = await page(`/sandbox/mail/${sent.id}`);
    expect(await response.text()).toBe(sent.html);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect((await page('/sandbox/mail/nothing')).status).toBe(404);
  });

  it('keeps a mail once, and no more mails than it may', async () => {
    const { box, items } = await mailbox(3);
    const to = `${uuidv7()}@example.test`;
    const twice = mail({ to });
    await box.send(twice);
    await box.send({ ...twice, text: 'again' });
    expect((await items(to)).map(({ text }) => text)).toEqual([twice.text]);
    for (const text of ['1', '2', '3', '4']) await box.send(mail({ to, text }));
    expect((await items(to)).map(({ text }) => text)).toEqual(['4', '3', '2']);
  });
});

describe('smtp, in conversation with a server', () => {
  it('says who sends, to whom, and which mail it is', async () => {
    await using server = await mailServer();
    const sent = mail({ headers: { 'X-Order': '42' } });
    await server.mailer.send(sent);
    const [message = ''] = server.received;
    expect(message).toContain('From: Lotok <no-reply@lotok.test>');
    expect(message).toContain('To: anna@example.test');
    expect(message).toContain(`Message-ID: <${sent.id}@lotok.test>`);
    expect(message).toContain('Auto-Submitted: auto-generated');
    expect(message).toContain('X-Order: 42');
    expect(message).toMatch(/Content-Type: multipart\/alternative/);
  });

  it('lets nobody add headers or recipients through a subject or an address', async () => {
    await using server = await mailServer();
    await server.mailer.send(mail({ subject: 'Hello\r\nBcc: mallory@example.test' }));
    expect(server.received[0]).not.toMatch(/^Bcc:/m);
    const failure = await server.mailer
      .send(mail({ to: 'anna@example.test>\r\nRCPT TO:<mallory@example.test' }))
      .catch((error: unknown) => error);
    await server.mailer.send(mail({ to: 'anna@example.test, mallory@example.test' })).catch(() => undefined);
    expect(failure).toBeInstanceOf(MailRefused);
    expect(server.recipients).not.toContain('mallory@example.test');
  });

  it.each([
    [{ recipient: 550 }, true],
    [{ data: 554 }, true],
    [{ recipient: 450 }, false],
    [{ data: 451 }, false],
  ])('tells a final refusal from one that passes: %o', async (answer, final) => {
    await using server = await mailServer(answer);
    const failure = await server.mailer.send(mail()).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(failure instanceof MailRefused).toBe(final);
    expect((failure as Error).message).toContain('not this one');
    server.answer.recipient = 0;
    server.answer.data = 0;
    await server.mailer.send(mail());
    expect(server.received).toHaveLength(1);
  });

  it('will try again when nobody answers', async () => {
    const server = await mailServer();
    const { port } = server;
    await server[Symbol.asyncDispose]();
    await using mailer = await openSmtp({ url: `smtp://127.0.0.1:${port}`, from: 'no-reply@lotok.test' });
    const failure = await mailer.send(mail()).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(failure).not.toBeInstanceOf(MailRefused);
  });
});
