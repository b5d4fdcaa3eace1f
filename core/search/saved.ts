// Saved searches: a name and the filters behind it, for their owner alone.
import { type Kysely, sql } from 'kysely';
import { uuidv7 } from 'uuidv7';
import type { z } from 'zod';
import type { UserId } from '../../contracts/common.ts';
import { ProblemError } from '../../contracts/problem.ts';
import type { NewSavedSearch, SavedSearch } from '../../contracts/search.ts';
import type { Clock } from '../platform/clock.ts';
import type { SearchTables } from './store.ts';

type Saved = z.output<typeof SavedSearch>;

export interface SavedSearches {
  list(user: UserId): Promise<Saved[]>;
  save(user: UserId, search: z.output<typeof NewSavedSearch>): Promise<Saved>;
  remove(user: UserId, id: string): Promise<void>;
}

const mostSearches = 50;

export function createSavedSearches(db: Kysely<SearchTables>, clock: Clock): SavedSearches {
  return {
    async list(user) {
      const rows = await db
        .selectFrom('saved_searches')
        .selectAll()
        .where('user_id', '=', user)
        .orderBy('created_at', 'desc')
        .execute();
      return rows.map(({ id, name, query, created_at }) => ({ id, name, query, created_at: created_at.toISOString() }));
    },

    save: (user, { name, query }) =>
      db.transaction().execute(async (trx) => {
        // One user's saves follow each other, so that the limit holds.
        await sql`select pg_advisory_xact_lock(hashtextextended(${user}, 0))`.execute(trx);
        const mine = await trx.selectFrom('saved_searches').select('name').where('user_id', '=', user).execute();
        if (mine.some((each) => each.name === name))
          throw new ProblemError('conflict', { detail: 'You have a search of this name' });
        if (mine.length >= mostSearches)
          throw new ProblemError('conflict', { detail: `At most ${mostSearches} searches can be saved` });
        const row = { id: uuidv7(), user_id: user, name, query: JSON.stringify(query), created_at: clock.now() };
        await trx.insertInto('saved_searches').values(row).execute();
        return { id: row.id, name, query, created_at: row.created_at.toISOString() };
      }),

    async remove(user, id) {
      const { numDeletedRows } = await db
        .deleteFrom('saved_searches')
        .where('id', '=', id)
        .where('user_id', '=', user)
        .executeTakeFirst();
      if (numDeletedRows === 0n) throw new ProblemError('not-found', { detail: 'You have no such search' });
    },
  };
}
