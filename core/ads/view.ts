// An ad as others see it: the resource of the contract, its entity tag and its cache groups.
import { createHash } from 'node:crypto';
import type { Ad, AdStatus } from '../../contracts/ads.ts';
import type { AdWithSeller } from './store.ts';

/** What everybody may read: from the moment an ad was on sale. */
export const isPublic = (ad: { status: AdStatus; listed_at: Date | null }): boolean =>
  ad.listed_at !== null && ad.status !== 'draft' && ad.status !== 'moderation' && ad.status !== 'rejected';

export function toAd(row: AdWithSeller): Ad {
  const { seller } = row;
  return {
    id: row.id,
    title: row.title,
    description: row.description,
    price: { amount: row.price_amount, currency: row.price_currency },
    category: row.category,
    city: row.city,
    attributes: row.attributes,
    photos: row.photos,
    status: row.status,
    rejection_reason: row.rejection_reason,
    seller: {
      id: row.seller_id,
      name: seller?.name ?? '',
      rating: seller?.rating ?? null,
      reviews: seller?.reviews ?? 0,
    },
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    version: row.version,
  };
}

/** Why a moderator turned an ad down is between them and the seller. */
export const toPublicAd = (row: AdWithSeller): Ad => ({ ...toAd(row), rejection_reason: null });

/** The second number is the seller's: their rating is part of the answer too. */
export const adETag = (row: AdWithSeller): string => `"${row.version}.${row.seller?.version ?? 0}"`;

export function pageETag(rows: readonly AdWithSeller[], more: boolean): string {
  const parts = rows.map((row) => `${row.id}${adETag(row)}`).join();
  return `"${createHash('sha256').update(`${parts};${more}`).digest('base64url').slice(0, 22)}"`;
}

/**
 * Whether `If-Match` names the ad's present version (RFC 9110, section 13.1.1: weak tags never do).
 * Only the ad's own number counts: a review that its seller got meanwhile is no lost update.
 */
export function matchesVersion(ifMatch: string, version: number): boolean {
  if (ifMatch.trim() === '*') return true;
  return ifMatch.split(',').some((tag) => /^"(\d+)(\.\d+)?"$/.exec(tag.trim())?.[1] === String(version));
}
