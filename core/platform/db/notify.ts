// Rows that wake somebody: inserted and told in one statement.
import { type InsertQueryBuilder, sql, type Transaction } from 'kysely';

/**
 * How many rows the insertion has added (`on conflict do nothing` may leave some out). Who listens to the channel
 * (`DatabaseProvider.listen`) hears of them when the transaction commits.
 */
export async function addAndNotify<Tables, Table extends keyof Tables, Output>(
  trx: Transaction<Tables>,
  insert: InsertQueryBuilder<Tables, Table, Output>,
  channel: string,
): Promise<number> {
  const added = insert.returning(sql<number>`1`.as('row'));
  const { rows } = await sql`with added as (${added}) select pg_notify(${channel}, '') from added`.execute(trx);
  return rows.length;
}
