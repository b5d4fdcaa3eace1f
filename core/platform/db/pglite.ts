// The embedded database: PGlite in the data folder, one connection for everything.
import { PGlite } from '@electric-sql/pglite';
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm';
import { Kysely, PGliteDialect, sql } from 'kysely';
import { checkedIdentifier, type DatabaseProvider, migrate } from './database.ts';
import { lockFolder } from './folder-lock.ts';

/** Opens the database in `folder`, or one in memory when there is none. `template` is a dumped data directory to begin with. */
export async function openPGlite(options: { folder?: string; template?: Blob }): Promise<DatabaseProvider> {
  const lock = options.folder === undefined ? undefined : await lockFolder(options.folder);
  const pglite = await PGlite.create({
    ...(options.folder === undefined ? {} : { dataDir: options.folder }),
    ...(options.template === undefined ? {} : { loadDataDir: options.template }),
    extensions: { pg_trgm },
  }).catch((error: unknown) => {
    lock?.[Symbol.dispose]();
    throw error;
  });
  // One Kysely for all services: its driver holds the lock that keeps transactions apart.
  const root = new Kysely<unknown>({ dialect: new PGliteDialect({ pglite }) });
  await sql`create extension if not exists pg_trgm`.execute(root);
  const queues = new Map<string, Promise<void>>();
  let closing: Promise<void> | undefined;

  return {
    kind: 'pglite',
    async open<Tables>(service: string, migrations: Parameters<DatabaseProvider['open']>[1]) {
      const schema = checkedIdentifier(service);
      await root.schema.createSchema(schema).ifNotExists().execute();
      const db = root.withSchema(schema);
      await migrate(db, schema, migrations);
      return db as unknown as Kysely<Tables>;
    },
    async listen(channel, heard) {
      // A function of its own for each listener: PGlite would take two that share one for the same.
      const stop = await pglite.listen(checkedIdentifier(channel), () => heard());
      return { [Symbol.asyncDispose]: async () => (pglite.closed ? undefined : stop()) };
    },
    async alone(name, work) {
      // The folder's lock keeps other processes out, so the queue is in this one.
      const before = queues.get(name) ?? Promise.resolve();
      const own = before.then(work);
      queues.set(
        name,
        own.then(
          () => undefined,
          () => undefined,
        ),
      );
      return own;
    },
    async ping() {
      await sql`select 1`.execute(root);
    },
    [Symbol.asyncDispose]: () =>
      (closing ??= root
        .destroy()
        .then(() => (pglite.closed ? undefined : pglite.close()))
        .finally(() => lock?.[Symbol.dispose]())),
  };
}
