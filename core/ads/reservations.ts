// Reservations: an ad is held for one order at a time, for a bounded time, and sold to the order that held it.
import type { Kysely } from 'kysely';
import type { AdId, OrderId, UserId } from '../../contracts/common.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { type Recorder, recordAd } from './changes.ts';
import { backOnSale, released, reserved, sold } from './holds.ts';
import { type AdRow, type AdsTables, lockAd, lockExpiredHolds } from './store.ts';

export interface Reservation {
  readonly adId: AdId;
  readonly orderId: OrderId;
  readonly buyerId: UserId;
  readonly ttlSeconds: number;
}

export interface Reservations {
  /** Holds the ad for the order and returns it; again for the same order extends the hold. */
  reserve(reservation: Reservation): Promise<AdRow>;
  /** Ends the hold, or takes back the sale, of this order alone and for good; nothing happens when it has neither. */
  release(adId: AdId, orderId: OrderId): Promise<void>;
  /** Sells the ad to the order that holds it, or that held it last when nobody else took it since. */
  markSold(adId: AdId, orderId: OrderId): Promise<void>;
  /** Puts ads whose hold ran out back on sale; true when there are more. */
  expireHolds(): Promise<boolean>;
}

const shortestHoldSeconds = 60;
const longestHoldSeconds = 86_400;
const expiryBatch = 50;

export function createReservations(db: Kysely<AdsTables>, recorder: Recorder): Reservations {
  const { clock } = recorder;

  return {
    async reserve({ adId, orderId, buyerId, ttlSeconds }) {
      if (ttlSeconds > longestHoldSeconds) {
        throw new ProblemError('invalid-field', {
          errors: [{ field: 'ttl_seconds', message: `at most ${longestHoldSeconds}` }],
        });
      }
      return db.transaction().execute(async (trx) => {
        const ad = await lockAd(trx, adId);
        if (!ad || ad.listed_at === null) throw new ProblemError('not-found', { detail: 'There is no such ad' });
        const now = clock.now();
        const until = new Date(now.getTime() + Math.max(shortestHoldSeconds, ttlSeconds) * 1000);
        const held = reserved(ad, { orderId, buyerId, until }, now);
        if (held === ad) return ad;
        if (ad.status === 'reserved') {
          // Reserved before and after: nothing that others see has changed.
          await trx
            .updateTable('ads')
            .set({ order_id: orderId, reserved_until: until })
            .where('id', '=', adId)
            .execute();
          return held;
        }
        return recordAd(recorder, trx, ad, held);
      });
    },

    release: (adId, orderId) =>
      db.transaction().execute(async (trx) => {
        const ad = await lockAd(trx, adId);
        if (!ad) throw new ProblemError('not-found', { detail: 'There is no such ad' });
        const free = released(ad, orderId);
        if (free === ad) return;
        if (free.status !== ad.status) {
          await recordAd(recorder, trx, ad, free);
          return;
        }
        const given_up_by = JSON.stringify(free.given_up_by);
        await trx.updateTable('ads').set({ order_id: null, given_up_by }).where('id', '=', adId).execute();
      }),

    markSold: (adId, orderId) =>
      db.transaction().execute(async (trx) => {
        const ad = await lockAd(trx, adId);
        if (!ad) throw new ProblemError('not-found', { detail: 'There is no such ad' });
        const after = sold(ad, orderId);
        if (after !== ad) await recordAd(recorder, trx, ad, after);
      }),

    expireHolds: () =>
      db.transaction().execute(async (trx) => {
        const expired = await lockExpiredHolds(trx, clock.now(), expiryBatch);
        for (const ad of expired) await recordAd(recorder, trx, ad, backOnSale(ad));
        return expired.length === expiryBatch;
      }),
  };
}
