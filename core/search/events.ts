// What search hears: ads and sellers that changed. The index follows, and cached results with it; a new ad is told to
// those whose saved searches find it.
import type { Transaction } from 'kysely';
import { cacheChannel } from '../../contracts/stream.ts';
import type { Handlers } from '../platform/bus/consumer.ts';
import type { Clock } from '../platform/clock.ts';
import type { Outbox } from '../platform/db/outbox.ts';
import { changeSeller, type IndexChange, indexAd, removeAd } from './index-store.ts';
import { tellMatches } from './matches.ts';
import type { SearchTables } from './store.ts';

/**
 * The cache group of all results. They have one of their own, since the purge that ads send comes before the
 * index knows of the change; and one for all, since facets count beyond the category that was asked for.
 */
export const searchGroup = 'search';

export function searchEvents(outbox: Outbox, clock: Clock): Handlers<SearchTables> {
  const purge = async (trx: Transaction<SearchTables>): Promise<void> => {
    const data = { groups: [searchGroup], at: clock.now().toISOString() };
    await outbox.addRealtime(trx, [cacheChannel], { event: 'cache.invalidate', data });
  };
  const purgeIfFound = async (trx: Transaction<SearchTables>, change: IndexChange | null): Promise<void> => {
    if (change && (change.wasActive || change.isActive)) await purge(trx);
  };

  return {
    'ad.changed': async ({ data }, trx) => {
      const change = await indexAd(trx, data.ad);
      await purgeIfFound(trx, change);
      if (change?.isNew) await tellMatches(trx, outbox, data.ad);
    },
    'ad.deleted': async ({ data }, trx) => purgeIfFound(trx, await removeAd(trx, data)),
    'user.changed': async ({ data }, trx) => {
      const { user_id, name, rating, reviews, version } = data;
      if (await changeSeller(trx, { id: user_id, name, rating, reviews, version })) await purge(trx);
    },
  };
}
