// Reservations: an ad is held for one order at a time, for a bounded time, and sold to the order that held it.
import type { Kysely } from 'kysely';
import type { AdId, OrderId, UserId } from '../../contracts/common.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { type Recorder, recordAd } from './changes.ts';
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
  /** Ends the hold, or takes back the sale, of this order alone; nothing happens when it has neither. */
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
        if (ad.status === 'sold' && ad.order_id === orderId) return ad; // a late repetition
        const now = clock.now();
        refuse(ad, buyerId, orderId, now);
        const reserved_until = new Date(now.getTime() + Math.max(shortestHoldSeconds, ttlSeconds) * 1000);
        const held: AdRow = { ...ad, status: 'reserved', order_id: orderId, reserved_until };
        if (ad.status === 'reserved') {
          // Reserved before and after: nothing that others see has changed.
          await trx.updateTable('ads').set({ order_id: orderId, reserved_until }).where('id', '=', adId).execute();
          return held;
        }
        return recordAd(recorder, trx, ad, held);
      });
    },

    release: (adId, orderId) =>
      db.transaction().execute(async (trx) => {
        const ad = await lockAd(trx, adId);
        if (!ad) throw new ProblemError('not-found', { detail: 'There is no such ad' });
        if (ad.order_id !== orderId) return;
        if (ad.status === 'reserved' || ad.status === 'sold') {
          await recordAd(recorder, trx, ad, { ...backOnSale(ad), order_id: null });
        } else {
          // Its hold ran out earlier; now the order also gives up the right to come back to it.
          await trx.updateTable('ads').set({ order_id: null }).where('id', '=', adId).execute();
        }
      }),

    markSold: (adId, orderId) =>
      db.transaction().execute(async (trx) => {
        const ad = await lockAd(trx, adId);
        if (!ad) throw new ProblemError('not-found', { detail: 'There is no such ad' });
        const isMine = ad.order_id === orderId;
        if (ad.status === 'sold' && isMine) return;
        if (ad.status === 'reserved' && !isMine) throw new ProblemError('ad-reserved');
        if (!isMine || (ad.status !== 'reserved' && ad.status !== 'active')) throw new ProblemError('ad-not-for-sale');
        await recordAd(recorder, trx, ad, { ...ad, status: 'sold', reserved_until: null });
      }),

    expireHolds: () =>
      db.transaction().execute(async (trx) => {
        const expired = await lockExpiredHolds(trx, clock.now(), expiryBatch);
        for (const ad of expired) await recordAd(recorder, trx, ad, backOnSale(ad));
        return expired.length === expiryBatch;
      }),
  };
}

/** Why this order can't have the ad; a hold that ran out keeps nobody away. */
function refuse(ad: AdRow, buyerId: UserId, orderId: OrderId, now: Date): void {
  if (ad.seller_id === buyerId) throw new ProblemError('own-ad');
  if (ad.takedown_reason !== null) throw new ProblemError('ad-not-for-sale');
  if (ad.status === 'active') return;
  if (ad.status !== 'reserved') throw new ProblemError('ad-not-for-sale');
  const isFree = ad.order_id === orderId || ad.reserved_until === null || ad.reserved_until <= now;
  if (!isFree) throw new ProblemError('ad-reserved');
}

/** For sale again, unless a complaint was accepted meanwhile. */
const backOnSale = (ad: AdRow): AdRow =>
  ad.takedown_reason === null
    ? { ...ad, status: 'active', reserved_until: null }
    : { ...ad, status: 'archived', rejection_reason: ad.takedown_reason, reserved_until: null };
