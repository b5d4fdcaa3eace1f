// The one way in which an ad changes: its row, the event and the purge of cached answers in one transaction.
import type { Transaction } from 'kysely';
import { cacheChannel } from '../../contracts/stream.ts';
import type { Clock } from '../platform/clock.ts';
import type { Outbox } from '../platform/db/outbox.ts';
import { type AdRow, type AdsTables, type AdWithSeller, findAd, insertAds, updateAd } from './store.ts';
import { toAd } from './view.ts';

export interface Recorder {
  readonly outbox: Outbox;
  readonly clock: Clock;
}

/** Writes the ad's next version; `before` is the locked row, or null for a new ad. */
export async function recordAd(
  { outbox, clock }: Recorder,
  trx: Transaction<AdsTables>,
  before: AdRow | null,
  after: AdRow,
): Promise<AdWithSeller> {
  const now = clock.now();
  const next: AdRow = {
    ...after,
    version: (before?.version ?? 0) + 1,
    updated_at: now,
    listed_at: after.listed_at ?? (after.status === 'active' ? now : null),
  };
  await (before ? updateAd(trx, next) : insertAds(trx, [next]));

  const saved = await findAd(trx, next.id);
  if (!saved) throw new Error(`ad ${next.id} is gone from its own transaction`);
  await outbox.add(trx, 'ad.changed', next.id, { ad: toAd(saved), previous_status: before?.status ?? null });
  const groups = staleGroups(before, next);
  if (groups.length > 0) await purge({ outbox, clock }, trx, groups);
  return saved;
}

export const purge = (
  { outbox, clock }: Recorder,
  trx: Transaction<AdsTables>,
  groups: readonly string[],
): Promise<void> =>
  outbox.addRealtime(trx, [cacheChannel], {
    event: 'cache.invalidate',
    data: { groups: [...groups], at: clock.now().toISOString() },
  });

/** The groups (RFC 9875) of the answers that show the ad before or after the change. */
export function staleGroups(before: AdRow | null, after: AdRow): string[] {
  const groups = new Set<string>();
  // Nobody can have cached an ad that was never public.
  if (before && before.listed_at !== null) groups.add(`ad-${after.id}`);
  const wasActive = before?.status === 'active';
  const isActive = after.status === 'active';
  for (const listed of [wasActive ? before : null, isActive ? after : null]) {
    if (!listed) continue;
    for (const group of ['ads', `category-${listed.category}`, `city-${listed.city}`, `user-${listed.seller_id}`])
      groups.add(group);
  }
  if (wasActive !== isActive || (wasActive && before.category !== after.category)) groups.add('categories');
  return [...groups];
}
