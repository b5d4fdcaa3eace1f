// Writes that nobody waits for: PostgreSQL answers them with the commit.
import { type OperationNodeSource, sql, type Transaction } from 'kysely';

/** How a connection knows such a statement (postgres-pool.ts). To the server it is a comment. */
export const laterMark = '/* answered by the commit */ ';

/**
 * Sends a statement of a transaction without waiting for its answer; statements after it see its effect, and the commit
 * fails where it failed. For writes whose result and errors the transaction needs to know only at its end. The embedded
 * database has no round trips to spare, and answers at once.
 */
export async function later<Tables>(trx: Transaction<Tables>, statement: OperationNodeSource): Promise<void> {
  await sql`${sql.raw(laterMark)}${statement}`.execute(trx);
}
