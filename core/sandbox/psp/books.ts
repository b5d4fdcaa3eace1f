// The sandbox provider's books: payments, payouts, and what it has yet to tell.
import { type Kysely, type Selectable, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Timestamp } from '../../platform/db/columns.ts';
import { createIdempotencyTable, type IdempotencyTables } from '../api.ts';
import { createWebhooksTable, type WebhookTables } from '../webhooks.ts';

export type Status = 'pending' | 'authorized' | 'captured' | 'cancelled' | 'declined' | 'refunded';

export interface PaymentsTable {
  id: string;
  /** The shop's own name of it. */
  reference: string;
  status: Status;
  amount: number;
  currency: string;
  description: string;
  return_url: string;
  reason: string | null;
  /** Of a captured amount. */
  refunded: number;
  /** Asked for by the 3-D Secure page, once the buyer has chosen it. */
  code: string | null;
  wrong_codes: number;
  created_at: Timestamp;
  updated_at: Timestamp;
}
export type PaymentRow = Selectable<PaymentsTable>;

export interface PspTables extends IdempotencyTables, WebhookTables {
  payments: PaymentsTable;
  refunds: {
    /** The shop's own name of it. */
    reference: string;
    payment_id: string;
    amount: number;
    created_at: Timestamp;
  };
  payouts: {
    id: string;
    reference: string;
    destination: string;
    amount: number;
    currency: string;
    created_at: Timestamp;
  };
}

const start: Migration = {
  async up(db: Kysely<unknown>) {
    await createIdempotencyTable(db);
    await createWebhooksTable(db);
    await db.schema
      .createTable('payments')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('reference', 'text', (column) => column.notNull().unique())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('amount', 'bigint', (column) => column.notNull().check(sql`amount > 0`))
      .addColumn('currency', 'text', (column) => column.notNull())
      .addColumn('description', 'text', (column) => column.notNull())
      .addColumn('return_url', 'text', (column) => column.notNull())
      .addColumn('reason', 'text')
      .addColumn('code', 'text')
      .addColumn('wrong_codes', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'timestamptz', (column) => column.notNull())
      .addColumn('updated_at', 'timestamptz', (column) => column.notNull())
      .execute();
    await db.schema
      .createTable('payouts')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('reference', 'text', (column) => column.notNull().unique())
      .addColumn('destination', 'text', (column) => column.notNull())
      .addColumn('amount', 'bigint', (column) => column.notNull().check(sql`amount > 0`))
      .addColumn('currency', 'text', (column) => column.notNull())
      .addColumn('created_at', 'timestamptz', (column) => column.notNull())
      .execute();
  },
};

const refunds: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('payments')
      .addColumn('refunded', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute();
    await sql`update sandbox_psp.payments set refunded = amount where status = 'refunded'`.execute(db);
    await db.schema
      .createTable('refunds')
      .addColumn('reference', 'text', (column) => column.primaryKey())
      .addColumn('payment_id', 'text', (column) => column.notNull().references('payments.id'))
      .addColumn('amount', 'bigint', (column) => column.notNull().check(sql`amount > 0`))
      .addColumn('created_at', 'timestamptz', (column) => column.notNull())
      .execute();
    await sql`
      insert into sandbox_psp.refunds (reference, payment_id, amount, created_at)
      select id, id, amount, updated_at from sandbox_psp.payments where status = 'refunded'`.execute(db);
  },
};

export const migrations: Readonly<Record<string, Migration>> = { '0001-start': start, '0002-refunds': refunds };
