// Rows that wake somebody: inserted and told in one statement.
import { type InsertQueryBuilder, sql, type Transaction } from 'kysely';
import { later } from './later.ts';

/**
 * How many rows the insertion has added (`on conflict do nothing` may leave some out). Who listens to the channel
 * (`DatabaseProvider.listen`) hears of them when the transaction commits.
 */
export async function addAndNotify<Tables, Table extends keyof Tables, Output>(
  trx: Transaction<Tables>,
  insert: InsertQueryBuilder<Tables, Table, Output>,
  channel: string,
): Promise<number> {
  const { rows } = await addingAndNotifying(insert, channel).execute(trx);
  return rows.length;
}

/** The same without waiting for it. */
export const addAndNotifyLater = <Tables, Table extends keyof Tables, Output>(
  trx: Transaction<Tables>,
  insert: InsertQueryBuilder<Tables, Table, Output>,
  channel: string,
): Promise<void> => later(trx, addingAndNotifying(insert, channel));

function addingAndNotifying<Tables, Table extends keyof Tables, Output>(
  insert: InsertQueryBuilder<Tables, Table, Output>,
  channel: string,
) {
  const added = insert.returning(sql<number>`1`.as('row'));
  return sql`with added as (${added}) select pg_notify(${channel}, '') from added`;
}
