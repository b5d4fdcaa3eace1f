// Partial refunds, the platform's fee, where sellers want their money, and a ledger that only grows.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('payments')
    .addColumn('fee_basis_points', 'integer', (column) =>
      column.notNull().defaultTo(0).check(sql`fee_basis_points between 0 and 10000`),
    )
    .addColumn('amount_step', 'integer', (column) => column.notNull().defaultTo(1).check(sql`amount_step > 0`))
    .addColumn('refunded_amount', 'bigint', (column) => column.notNull().defaultTo(0))
    .addColumn('intent_amount', 'bigint')
    .execute();
  await sql`update payments.payments set refunded_amount = amount where status = 'refunded'`.execute(db);
  await db.schema
    .alterTable('payments')
    .addCheckConstraint('payments_refunded', sql`refunded_amount between 0 and amount`)
    .execute();

  await db.schema
    .createTable('partial_refunds')
    .addColumn('payment_id', 'uuid', (column) => column.notNull().references('payments.id'))
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('amount', 'bigint', (column) => column.notNull().check(sql`amount > 0`))
    .addColumn('reaches', 'bigint', (column) => column.notNull())
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('asked_by', 'uuid', (column) => column.notNull())
    .addColumn('asked_at', 'timestamptz', (column) => column.notNull())
    .addPrimaryKeyConstraint('partial_refunds_pk', ['payment_id', 'key'])
    .execute();

  await db.schema
    .createTable('payout_destinations')
    .addColumn('seller_id', 'uuid', (column) => column.notNull())
    .addColumn('provider', 'text', (column) => column.notNull())
    .addColumn('destination', 'jsonb', (column) => column.notNull())
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull())
    .addPrimaryKeyConstraint('payout_destinations_pk', ['seller_id', 'provider'])
    .execute();
  await db.schema.alterTable('payouts').dropConstraint('payouts_status').execute();
  await db.schema
    .alterTable('payouts')
    .addCheckConstraint('payouts_status', sql`status in ('waiting', 'pending', 'paid', 'failed')`)
    .execute();
  await db.schema
    .createIndex('payouts_waiting')
    .on('payouts')
    .column('seller_id')
    .where('status' as never, '=', 'waiting')
    .execute();

  await growLedger(db);
}

async function growLedger(db: Kysely<unknown>): Promise<void> {
  // Refunds may come in parts: what is refunded in all reaches each sum once.
  await db.schema
    .alterTable('ledger_transactions')
    .addColumn('reaches', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  await sql`
    update payments.ledger_transactions t set reaches = p.amount
    from payments.payments p where p.id = t.payment_id and t.kind = 'refunded'`.execute(db);
  await db.schema.alterTable('ledger_transactions').dropConstraint('ledger_once').execute();
  await db.schema
    .alterTable('ledger_transactions')
    .addUniqueConstraint('ledger_once', ['payment_id', 'kind', 'reaches'])
    .execute();

  // Each provider has books of its own, and the platform earns in more ways than one.
  await sql`
    update payments.ledger_entries e set account = case e.account
        when 'provider' then 'provider:' || p.provider else 'platform:delivery' end
    from payments.ledger_transactions t join payments.payments p on p.id = t.payment_id
    where t.id = e.transaction_id and e.account in ('provider', 'platform')`.execute(db);
  // The check of these changes may not wait for the commit: the table is about to be altered.
  await sql`set constraints payments.ledger_balance immediate`.execute(db);

  // Entries belong to the moment of their booking: none can be added to one that is over.
  await sql`
    alter table payments.ledger_transactions add column written_in xid8 not null default pg_current_xact_id()`.execute(
    db,
  );
  await sql`
    create function payments.keep_ledger() returns trigger language plpgsql as $$
    begin
      raise exception 'the ledger only grows: book the opposite instead' using errcode = 'check_violation';
    end $$`.execute(db);
  await sql`
    create function payments.check_ledger_moment() returns trigger language plpgsql as $$
    begin
      if not exists (
        select 1 from payments.ledger_transactions
        where id = new.transaction_id and written_in = pg_current_xact_id()
      ) then
        raise exception 'ledger transaction % is over', new.transaction_id using errcode = 'check_violation';
      end if;
      return new;
    end $$`.execute(db);
  for (const table of ['ledger_transactions', 'ledger_entries']) {
    const name = sql.table(`payments.${table}`);
    await sql`
      create trigger keep_ledger before update or delete or truncate on ${name}
      for each statement execute function payments.keep_ledger()`.execute(db);
  }
  await sql`
    create trigger ledger_moment before insert on payments.ledger_entries
    for each row execute function payments.check_ledger_moment()`.execute(db);

  // What a seller's statement reads.
  await db.schema.dropIndex('ledger_account').execute();
  await db.schema
    .createIndex('ledger_account')
    .on('ledger_entries')
    .columns(['account', 'currency', 'transaction_id'])
    .execute();
}
