// Payments, their changes, the providers' events, payouts, and the ledger.
import { type Kysely, sql } from 'kysely';
import { createInboxTable } from '../../platform/db/inbox.ts';
import { createNoticesTable } from '../../platform/db/notices.ts';
import { createOutboxTables } from '../../platform/db/outbox.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  await createOutboxTables(db);
  await createInboxTable(db);
  await createNoticesTable(db);

  await db.schema
    .createTable('payments')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('order_id', 'uuid', (column) => column.notNull().unique())
    .addColumn('buyer_id', 'uuid', (column) => column.notNull())
    .addColumn('seller_id', 'uuid', (column) => column.notNull())
    .addColumn('provider', 'text', (column) => column.notNull())
    .addColumn('provider_id', 'text')
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('amount', 'bigint', (column) => column.notNull().check(sql`amount > 0`))
    .addColumn('seller_amount', 'bigint', (column) => column.notNull())
    .addColumn('currency', 'text', (column) => column.notNull())
    .addColumn('description', 'text', (column) => column.notNull())
    .addColumn('return_url', 'text', (column) => column.notNull())
    .addColumn('confirmation_url', 'text')
    .addColumn('reason', 'text')
    .addColumn('intent', 'text')
    .addColumn('intent_reason', 'text')
    .addColumn('due_at', 'timestamptz')
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('last_error', 'text')
    .addColumn('trace', 'jsonb', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull())
    .addUniqueConstraint('payments_provider_id', ['provider', 'provider_id'])
    .addCheckConstraint(
      'payments_status',
      sql`status in ('in_progress', 'authorized', 'captured', 'failed', 'voided', 'refunded')`,
    )
    .addCheckConstraint('payments_intent', sql`intent in ('capture', 'void', 'refund', 'return')`)
    .addCheckConstraint('payments_share', sql`seller_amount between 0 and amount`)
    .execute();
  await db.schema
    .createIndex('payments_due')
    .on('payments')
    .column('due_at')
    .where(sql.ref('due_at'), 'is not', null)
    .execute();

  await db.schema
    .createTable('payment_changes')
    .addColumn('payment_id', 'uuid', (column) => column.notNull().references('payments.id'))
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('reason', 'text')
    .addColumn('at', 'timestamptz', (column) => column.notNull())
    .addPrimaryKeyConstraint('payment_changes_pk', ['payment_id', 'version'])
    .execute();

  await db.schema
    .createTable('provider_events')
    .addColumn('provider', 'text', (column) => column.notNull())
    .addColumn('event_id', 'text', (column) => column.notNull())
    .addColumn('payment_id', 'uuid', (column) => column.notNull().references('payments.id'))
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('received_at', 'timestamptz', (column) => column.notNull())
    .addPrimaryKeyConstraint('provider_events_pk', ['provider', 'event_id'])
    .execute();

  await db.schema
    .createTable('payouts')
    .addColumn('payment_id', 'uuid', (column) => column.primaryKey().references('payments.id'))
    .addColumn('seller_id', 'uuid', (column) => column.notNull())
    .addColumn('amount', 'bigint', (column) => column.notNull())
    .addColumn('currency', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('provider_id', 'text')
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('due_at', 'timestamptz')
    .addColumn('last_error', 'text')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('paid_at', 'timestamptz')
    .addCheckConstraint('payouts_status', sql`status in ('pending', 'paid', 'failed')`)
    .execute();

  await db.schema
    .createTable('ledger_transactions')
    .addColumn('id', 'bigint', (column) => column.generatedAlwaysAsIdentity().primaryKey())
    .addColumn('payment_id', 'uuid', (column) => column.notNull().references('payments.id'))
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('at', 'timestamptz', (column) => column.notNull())
    // Each kind happens to a payment once; a second booking is refused.
    .addUniqueConstraint('ledger_once', ['payment_id', 'kind'])
    .execute();
  await db.schema
    .createTable('ledger_entries')
    .addColumn('transaction_id', 'bigint', (column) => column.notNull().references('ledger_transactions.id'))
    .addColumn('account', 'text', (column) => column.notNull())
    .addColumn('amount', 'bigint', (column) => column.notNull().check(sql`amount <> 0`))
    .addColumn('currency', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('ledger_entries_pk', ['transaction_id', 'account'])
    .execute();
  await db.schema.createIndex('ledger_account').on('ledger_entries').column('account').execute();

  // What one account gains others lose. Checked at commit, when all entries of the transaction are there.
  await sql`
    create function payments.check_ledger_balance() returns trigger language plpgsql as $$
    begin
      if exists (
        select 1 from payments.ledger_entries
        where transaction_id = coalesce(new.transaction_id, old.transaction_id)
        group by currency having sum(amount) <> 0
      ) then
        raise exception 'ledger transaction % does not balance', coalesce(new.transaction_id, old.transaction_id)
          using errcode = 'check_violation';
      end if;
      return null;
    end $$`.execute(db);
  await sql`
    create constraint trigger ledger_balance after insert or update or delete on payments.ledger_entries
    deferrable initially deferred for each row execute function payments.check_ledger_balance()`.execute(db);
}
