// A new ad, and whose saved searches find it. Each of these people is told once, with all of their searches.
import { sql, type Transaction } from 'kysely';
import type { z } from 'zod';
import type { Ad } from '../../contracts/ads.ts';
import type { UserId } from '../../contracts/common.ts';
import { newsOfAd, type SearchMatchMessage, userChannel } from '../../contracts/stream.ts';
import type { Outbox } from '../platform/db/outbox.ts';
import type { SearchTables } from './store.ts';

export async function tellMatches(trx: Transaction<SearchTables>, outbox: Outbox, ad: Ad): Promise<void> {
  const matches = new Map<UserId, { id: string; name: string }[]>();
  for (const { user_id, id, name } of await findSearches(trx, ad)) {
    const searches = matches.get(user_id) ?? [];
    searches.push({ id, name });
    matches.set(user_id, searches);
  }
  for (const [user, searches] of matches) {
    const data: z.output<typeof SearchMatchMessage> = { ...newsOfAd(ad), searches };
    await outbox.addRealtime(trx, [userChannel(user)], { event: 'search.match', data });
  }
}

/** The same conditions as a search has, asked the other way round. Words match in any form, as whole words. */
const findSearches = (trx: Transaction<SearchTables>, ad: Ad) =>
  trx
    .selectFrom('saved_searches as saved')
    .innerJoin('ads as ad', (join) => join.on('ad.id', '=', ad.id))
    .select(['saved.user_id', 'saved.id', 'saved.name'])
    .whereRef('saved.user_id', '<>', 'ad.seller_id')
    // As an index can answer it: a search of all categories has none.
    .where((or) =>
      or.or([
        sql<boolean>`saved.query ->> 'category' is null`,
        sql<boolean>`saved.query ->> 'category' = ${ad.category}`,
      ]),
    )
    .where(sql<boolean>`coalesce(saved.query ->> 'city', ad.city) = ad.city`)
    .where(sql<boolean>`coalesce((saved.query ->> 'price_min')::bigint, 0) <= ad.price_amount`)
    .where(sql<boolean>`coalesce((saved.query ->> 'price_max')::bigint, ad.price_amount) >= ad.price_amount`)
    .where(
      sql<boolean>`(coalesce(saved.query ->> 'q', '') = '' or ad.words @@ (
        websearch_to_tsquery('russian', saved.query ->> 'q') || websearch_to_tsquery('english', saved.query ->> 'q')
        || websearch_to_tsquery('simple', saved.query ->> 'q')))`,
    )
    .orderBy('saved.user_id')
    .orderBy('saved.created_at')
    .execute();
