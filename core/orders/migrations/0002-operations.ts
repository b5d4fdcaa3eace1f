// Limits of tries, what is stuck elsewhere, failed tries, operators' decisions, and traces of what happened.
import { type Kysely, sql } from 'kysely';

/** What the data that is there looked like then. */
interface Before {
  orders: { id: string; needs_attention: string | null; attention_since: Date | null; updated_at: Date };
  commands: { order_id: string; step: string; state: string; last_error: string | null; finished_at: Date | null };
}

export async function up(db: Kysely<Before>): Promise<void> {
  await db.schema
    .alterTable('orders')
    .addColumn('payment_attention', 'text')
    .addColumn('payment_attention_version', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('delivery_attention', 'text')
    .addColumn('delivery_attention_version', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('attention_since', 'timestamptz')
    .execute();
  await db.schema
    .createIndex('orders_attention')
    .on('orders')
    .column('id')
    .where(sql.ref('needs_attention'), 'is not', null)
    .execute();
  await db.schema.createIndex('orders_by_status').on('orders').columns(['status', 'id']).execute();
  await db.schema
    .createIndex('orders_tracking')
    .on('orders')
    .expression(sql`upper(tracking_number)`)
    .where(sql.ref('tracking_number'), 'is not', null)
    .execute();
  // What customers are shown as the number of their order.
  await db.schema.createIndex('orders_number').on('orders').expression(sql`right(id::text, 8)`).execute();

  await db.schema
    .alterTable('commands')
    .addColumn('attempts_before', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('failures', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('tried_since', 'timestamptz')
    .execute();
  await db.schema
    .createTable('command_tries')
    .addColumn('command_id', 'bigint', (column) => column.notNull().references('commands.id'))
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('at', 'timestamptz', (column) => column.notNull())
    .addColumn('answered', 'boolean', (column) => column.notNull())
    .addColumn('error', 'text', (column) => column.notNull())
    .addColumn('trace_id', 'text')
    .addPrimaryKeyConstraint('command_tries_pk', ['command_id', 'number'])
    .execute();

  await db.schema.alterTable('timeline').addColumn('trace_id', 'text').addColumn('event_id', 'text').execute();

  await db.schema
    .createTable('operator_decisions')
    .addColumn('id', 'bigint', (column) => column.generatedAlwaysAsIdentity().primaryKey())
    .addColumn('order_id', 'uuid', (column) => column.notNull().references('orders.id'))
    .addColumn('operator_id', 'uuid', (column) => column.notNull())
    .addColumn('action', 'text', (column) => column.notNull())
    .addColumn('target', 'text', (column) => column.notNull())
    .addColumn('command_id', 'bigint', (column) => column.references('commands.id'))
    .addColumn('attention_version', 'integer')
    .addColumn('note', 'text', (column) => column.notNull())
    .addColumn('before', 'jsonb', (column) => column.notNull())
    .addColumn('after', 'jsonb')
    .addColumn('outcome', 'text')
    .addColumn('failure', 'text')
    .addColumn('at', 'timestamptz', (column) => column.notNull())
    .addColumn('trace_id', 'text')
    .addCheckConstraint('operator_decisions_action', sql`action in ('retry', 'skip', 'compensate')`)
    .addCheckConstraint('operator_decisions_target', sql`target in ('command', 'payment', 'delivery', 'order')`)
    .addCheckConstraint('operator_decisions_outcome', sql`outcome in ('done', 'failed')`)
    .execute();
  await db.schema
    .createIndex('operator_decisions_of_order')
    .on('operator_decisions')
    .columns(['order_id', 'id'])
    .execute();

  // Refusals that the saga had no event for ended there. A person has to decide about them.
  const parked = await db
    .updateTable('commands')
    .set({ state: 'parked', finished_at: null })
    .where('state', '=', 'refused')
    .where('step', 'in', ['capture_payment', 'pay_out_seller', 'return_money'])
    .returning(['order_id', 'step', 'last_error'])
    .execute();
  for (const { order_id, step, last_error } of parked) {
    await db
      .updateTable('orders')
      .set({ needs_attention: `${step}: ${last_error ?? ''}` })
      .where('id', '=', order_id)
      .execute();
  }
  await db
    .updateTable('orders')
    .set(({ ref }) => ({ attention_since: ref('updated_at') }))
    .where('needs_attention', 'is not', null)
    .execute();
}
