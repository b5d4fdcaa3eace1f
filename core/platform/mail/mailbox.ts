// The embedded mailer: keeps mails in the database and shows them at /sandbox/mail.
import type { Hono } from 'hono';
import { type Generated, type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Clock } from '../clock.ts';
import type { Timestamp } from '../db/columns.ts';
import type { DatabaseProvider } from '../db/database.ts';
import { type KeptMail, mailPage, mailPageHeaders, mailViewHeaders } from './mailbox-page.ts';
import type { Mailer } from './mailer.ts';

export interface Mailbox extends Mailer {
  /** Puts the mailbox's pages on an app. */
  pages(app: Hono): void;
}

export interface MailboxOptions {
  readonly databases: DatabaseProvider;
  readonly clock: Clock;
  /** Older mails are thrown away, some at a time. */
  readonly kept?: number;
}

interface MailboxTables {
  mails: {
    number: Generated<number>;
    id: string;
    recipient: string;
    subject: string;
    text: string;
    html: string;
    sent_at: Timestamp;
  };
}

const shownAtMost = 200;

export async function openMailbox({ databases, clock, kept = 2_000 }: MailboxOptions): Promise<Mailbox> {
  const db = await databases.open<MailboxTables>('mailbox', migrations);
  let sent = 0;
  return {
    longestTryMs: 20_000, // as long as a statement may take
    async send({ id, to, subject, text, html }) {
      await db
        .insertInto('mails')
        .values({ id, recipient: to, subject, text, html, sent_at: clock.now() })
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute();
      sent += 1;
      if (sent % Math.ceil(kept / 10) !== 0) return;
      await db
        .deleteFrom('mails')
        .where('number', '<=', (select) =>
          select.selectFrom('mails').select('number').orderBy('number', 'desc').offset(kept).limit(1),
        )
        .execute();
    },
    pages(app) {
      app.get('/sandbox/mail', async (c) => {
        const to = c.req.query('to')?.trim().toLowerCase().slice(0, 254) || undefined;
        const mails = await newest(db, to);
        if (c.req.header('accept')?.includes('application/json')) {
          return c.json({ items: mails }, 200, { 'cache-control': 'no-store' });
        }
        return c.body(mailPage(mails, to), 200, mailPageHeaders);
      });
      app.get('/sandbox/mail/:id', async (c) => {
        const mail = await db.selectFrom('mails').select('html').where('id', '=', c.req.param('id')).executeTakeFirst();
        return mail ? c.body(mail.html, 200, mailViewHeaders) : c.notFound();
      });
    },
    // The database is not ours to close.
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function newest(db: Kysely<MailboxTables>, to: string | undefined): Promise<KeptMail[]> {
  let query = db
    .selectFrom('mails')
    .select(['id', 'recipient', 'subject', 'text', 'sent_at'])
    .orderBy('number', 'desc')
    .limit(shownAtMost);
  if (to !== undefined) query = query.where(sql`lower(recipient)`, '=', to);
  const rows = await query.execute();
  return rows.map(({ recipient, sent_at, ...mail }) => ({ ...mail, to: recipient, sent_at: sent_at.toISOString() }));
}

const migrations: Readonly<Record<string, Migration>> = {
  '0001-start': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('mails')
        .addColumn('number', 'bigint', (column) => column.generatedAlwaysAsIdentity().primaryKey())
        .addColumn('id', 'text', (column) => column.notNull().unique())
        .addColumn('recipient', 'text', (column) => column.notNull())
        .addColumn('subject', 'text', (column) => column.notNull())
        .addColumn('text', 'text', (column) => column.notNull())
        .addColumn('html', 'text', (column) => column.notNull())
        .addColumn('sent_at', 'timestamptz', (column) => column.notNull())
        .execute();
    },
  },
};
