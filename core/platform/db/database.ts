// The database port: one schema per service, reached through Kysely. Adapters: pglite.ts, postgres.ts.
import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';

export interface DatabaseProvider extends AsyncDisposable {
  readonly kind: 'pglite' | 'postgres';
  /**
   * A service's own schema, made and migrated to its newest state.
   * Inside a transaction use only the transaction: the embedded database has one connection,
   * and a query beside an open transaction would wait for it for ever.
   */
  open<Tables>(service: string, migrations: Readonly<Record<string, Migration>>): Promise<Kysely<Tables>>;
  /** Calls `heard` after each transaction that notified `channel` has committed, and after a lost connection came back. */
  listen(channel: string, heard: () => void): Promise<AsyncDisposable>;
  /** Runs `work` while no other process runs work of this name on the same database; others wait for their turn. */
  alone<Result>(name: string, work: () => Promise<Result>): Promise<Result>;
  /** Rejects when the database does not answer. */
  ping(): Promise<void>;
}

/** Brings a schema to its newest state; concurrent processes wait for each other. */
export async function migrate(
  db: Kysely<unknown>,
  schema: string,
  migrations: Readonly<Record<string, Migration>>,
): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => ({ ...migrations }) },
    migrationTableSchema: schema,
  });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined) {
    const failed = results?.find((result) => result.status === 'Error')?.migrationName;
    throw new Error(`migration ${failed ?? ''} of ${schema} failed`, { cause: error });
  }
}

/** Schema and role names come from code, but an identifier that isn't one must never reach SQL. */
export function checkedIdentifier(name: string): string {
  if (!/^[a-z][a-z0-9_]{0,40}$/.test(name)) throw new Error(`not an identifier: ${name}`);
  return name;
}
