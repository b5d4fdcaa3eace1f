// What becomes of an ad that is held, sold and given back, decided without a database; reservations.ts writes it down.
import type { OrderId, UserId } from '../../contracts/common.ts';
import { ProblemError } from '../../contracts/problem.ts';
import type { AdRow } from './store.ts';

/** The part of an ad's row that is decided here. */
export type Holdable = Pick<
  AdRow,
  'seller_id' | 'status' | 'order_id' | 'reserved_until' | 'given_up_by' | 'takedown_reason' | 'rejection_reason'
>;

/** Of the orders that gave it up the last ones are remembered: nothing is on its way for longer than that takes. */
const mostGivenUp = 10;

export interface Hold {
  readonly orderId: OrderId;
  readonly buyerId: UserId;
  readonly until: Date;
}

/** Held for the order, also again for longer; the same where it is sold to it. Throws why the order can't have it. */
export function reserved<Ad extends Holdable>(ad: Ad, { orderId, buyerId, until }: Hold, now: Date): Ad {
  if (ad.status === 'sold' && ad.order_id === orderId) return ad; // a late repetition
  refuse(ad, buyerId, orderId, now);
  return { ...ad, status: 'reserved', order_id: orderId, reserved_until: until };
}

/**
 * Without the hold or the sale of this order; the same where it has neither. It gives the ad up for good: a reservation
 * that comes late, since its request was held up on the way, must not take it again.
 */
export function released<Ad extends Holdable>(ad: Ad, orderId: OrderId): Ad {
  if (ad.order_id !== orderId) return ad;
  // Where its hold ran out earlier, the order now also gives up the right to come back to it.
  const free = ad.status === 'reserved' || ad.status === 'sold' ? backOnSale(ad) : ad;
  return { ...free, order_id: null, given_up_by: [...ad.given_up_by, orderId].slice(-mostGivenUp) };
}

/** Sold to the order that holds it, or that held it last when nobody else took it since. Throws where neither is so. */
export function sold<Ad extends Holdable>(ad: Ad, orderId: OrderId): Ad {
  const isMine = ad.order_id === orderId;
  if (ad.status === 'sold' && isMine) return ad;
  if (ad.status === 'reserved' && !isMine) throw new ProblemError('ad-reserved');
  if (!isMine || (ad.status !== 'reserved' && ad.status !== 'active')) throw new ProblemError('ad-not-for-sale');
  return { ...ad, status: 'sold', reserved_until: null };
}

/** For sale again, unless a complaint was accepted meanwhile. */
export const backOnSale = <Ad extends Holdable>(ad: Ad): Ad =>
  ad.takedown_reason === null
    ? { ...ad, status: 'active', reserved_until: null }
    : { ...ad, status: 'archived', rejection_reason: ad.takedown_reason, reserved_until: null };

/** Why this order can't have the ad; a hold that ran out keeps nobody away. */
function refuse(ad: Holdable, buyerId: UserId, orderId: OrderId, now: Date): void {
  if (ad.seller_id === buyerId) throw new ProblemError('own-ad');
  if (ad.takedown_reason !== null || ad.given_up_by.includes(orderId)) throw new ProblemError('ad-not-for-sale');
  if (ad.status === 'active') return;
  if (ad.status !== 'reserved') throw new ProblemError('ad-not-for-sale');
  const isFree = ad.order_id === orderId || ad.reserved_until === null || ad.reserved_until <= now;
  if (!isFree) throw new ProblemError('ad-reserved');
}
