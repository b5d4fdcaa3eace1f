// What sellers, buyers and moderators do with ads: the rules, free of any transport.
import type { Kysely, Transaction } from 'kysely';
import { uuidv7 } from 'uuidv7';
import type { AdChange, AdStatus, Category, NewAd, Photo } from '../../contracts/ads.ts';
import type { AdId, UserId } from '../../contracts/common.ts';
import { type FieldError, ProblemError } from '../../contracts/problem.ts';
import { categories } from '../platform/catalogue/categories.ts';
import { currencyErrors, placementErrors } from './attributes.ts';
import { type Recorder, recordAd } from './changes.ts';
import type { MediaLibrary } from './media.ts';
import {
  type AdRow,
  type AdsTables,
  type AdWithSeller,
  countActiveByCategory,
  findAd,
  findAds,
  lockAd,
} from './store.ts';
import { suspicions } from './suspicion.ts';
import { isPublic, matchesVersion } from './view.ts';

export interface AdsService {
  create(seller: UserId, ad: NewAd): Promise<AdWithSeller>;
  change(seller: UserId, id: AdId, change: AdChange, ifMatch: string | undefined): Promise<AdWithSeller>;
  /** Takes the ad off; what is on its way to a buyer stays. */
  archive(seller: UserId, id: AdId, ifMatch: string | undefined): Promise<void>;
  /** An ad that everybody may read. */
  read(id: AdId): Promise<AdWithSeller>;
  /** Those of them that everybody may read. */
  readMany(ids: readonly AdId[]): Promise<AdWithSeller[]>;
  moderate(id: AdId, decision: 'approve' | 'reject', reason: string | undefined): Promise<AdWithSeller>;
  categories(): Promise<Category[]>;
}

export interface AdsServiceOptions {
  readonly db: Kysely<AdsTables>;
  readonly recorder: Recorder;
  readonly media: MediaLibrary;
}

export function createAdsService({ db, recorder, media }: AdsServiceOptions): AdsService {
  const { clock } = recorder;

  const archive = async (trx: Transaction<AdsTables>, ad: AdRow): Promise<void> => {
    if (ad.status !== 'archived') await recordAd(recorder, trx, ad, { ...ad, status: 'archived' });
  };

  return {
    async create(seller, { draft, photos, price, ...fields }) {
      throwIfAny([...placementErrors(fields, { draft }), ...currencyErrors(price.currency)]);
      const now = clock.now();
      const blank: AdRow = {
        ...fields,
        id: uuidv7() as AdId,
        seller_id: seller,
        price_amount: price.amount,
        price_currency: price.currency,
        photos: await media.photosOf(seller, photos),
        status: 'draft',
        rejection_reason: null,
        suspicions: [],
        order_id: null,
        reserved_until: null,
        given_up_by: [],
        takedown_reason: null,
        approved_at: null,
        created_at: now,
        updated_at: now,
        listed_at: null,
        version: 0,
      };
      const ad = draft ? blank : published(blank);
      return db.transaction().execute((trx) => recordAd(recorder, trx, null, ad));
    },

    async change(seller, id, change, ifMatch) {
      if (change.price) throwIfAny(currencyErrors(change.price.currency));
      // Before the transaction: it may wait for news of a picture that was uploaded a moment ago.
      const photos = change.photos && (await media.photosOf(seller, change.photos, await photosNow(db, id)));
      return db.transaction().execute(async (trx) => {
        const ad = await lockOwnAd(trx, seller, id, ifMatch);
        throwIfTaken(ad);
        const edited = withChange(ad, change, photos);
        const next = changedStatus(edited, ad.status, change.status);
        throwIfAny(placementErrors(next, { draft: next.status === 'draft' || next.status === 'archived' }));
        return recordAd(recorder, trx, ad, next);
      });
    },

    archive: (seller, id, ifMatch) =>
      db.transaction().execute(async (trx) => {
        const ad = await lockOwnAd(trx, seller, id, ifMatch);
        throwIfTaken(ad);
        await archive(trx, ad);
      }),

    async read(id) {
      const ad = await findAd(db, id);
      if (!ad || !isPublic(ad)) throw notFound();
      return ad;
    },

    readMany: async (ids) => (await findAds(db, ids)).filter(isPublic),

    moderate: (id, decision, reason) =>
      db.transaction().execute(async (trx) => {
        const ad = await lockAd(trx, id);
        if (!ad) throw notFound();
        if (ad.status !== 'moderation')
          throw new ProblemError('conflict', { detail: `The ad is ${ad.status}, nobody waits for a decision` });
        const decided: AdRow =
          decision === 'approve'
            ? {
                ...ad,
                status: 'active',
                rejection_reason: null,
                takedown_reason: null,
                approved_at: clock.now(),
                suspicions: [],
              }
            : {
                ...ad,
                status: 'rejected',
                rejection_reason: reason ?? 'Нарушены правила площадки / Against the rules',
              };
        return recordAd(recorder, trx, ad, decided);
      }),

    async categories() {
      const counts = new Map((await countActiveByCategory(db)).map(({ category, ads }) => [category, ads]));
      return categories.map((category) => ({ ...category, ads: counts.get(category.id) ?? 0 }));
    },
  };
}

/** A complaint was accepted: the ad goes, at once or when the order that holds it lets go. */
export async function takeDown(
  recorder: Recorder,
  trx: Transaction<AdsTables>,
  id: AdId,
  reason: string,
  decidedAt: Date,
): Promise<void> {
  const ad = await lockAd(trx, id);
  if (!ad || (ad.status === 'archived' && ad.rejection_reason !== null)) return;
  // News that comes late, such as a replayed dead letter: a moderator has looked at the ad since.
  if (ad.approved_at && ad.approved_at > decidedAt) return;
  if (ad.status === 'reserved' || ad.status === 'sold') {
    await trx.updateTable('ads').set({ takedown_reason: reason }).where('id', '=', id).execute();
  } else {
    await recordAd(recorder, trx, ad, { ...ad, status: 'archived', rejection_reason: reason, takedown_reason: reason });
  }
}

const notFound = (): ProblemError => new ProblemError('not-found', { detail: 'There is no such ad' });

function throwIfAny(errors: readonly FieldError[]): void {
  if (errors.length > 0) throw new ProblemError('invalid-field', { errors });
}

/** What an order holds or bought must stay as the buyer saw it. */
function throwIfTaken({ status }: AdRow): void {
  if (status === 'reserved' || status === 'sold') {
    throw new ProblemError('conflict', { detail: `The ad is ${status} and cannot be changed` });
  }
}

async function lockOwnAd(
  trx: Transaction<AdsTables>,
  seller: UserId,
  id: AdId,
  ifMatch: string | undefined,
): Promise<AdRow> {
  const ad = await lockAd(trx, id);
  // Another seller's draft does not exist for you; their public ad does, but isn't yours.
  if (!ad || (ad.seller_id !== seller && !isPublic(ad))) throw notFound();
  if (ad.seller_id !== seller) throw new ProblemError('forbidden', { detail: 'This is not your ad' });
  if (ifMatch !== undefined && !matchesVersion(ifMatch, ad.version)) throw new ProblemError('precondition-failed');
  return ad;
}

const photosNow = async (db: Kysely<AdsTables>, id: AdId): Promise<readonly Photo[]> =>
  (await findAd(db, id))?.photos ?? [];

function withChange(
  ad: AdRow,
  { status: _, photos: __, price, ...fields }: AdChange,
  photos: Photo[] | undefined,
): AdRow {
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  return {
    ...ad,
    ...given,
    ...(price === undefined ? {} : { price_amount: price.amount, price_currency: price.currency }),
    ...(photos === undefined ? {} : { photos }),
  };
}

/** Where a change leads: what the seller asked for, or what an edited text makes necessary. */
function changedStatus(edited: AdRow, was: AdStatus, wanted: AdChange['status']): AdRow {
  switch (wanted) {
    case 'active':
      return was === 'moderation' ? waiting(edited, suspicions(edited)) : published(edited);
    case 'draft':
    case 'archived':
      return { ...edited, status: wanted };
    case undefined:
      // An edit can't bring bad text past the check, and doesn't end a moderator's wait either.
      if (was === 'active') return published(edited);
      return was === 'moderation' ? waiting(edited, suspicions(edited)) : edited;
    default:
      return wanted satisfies never;
  }
}

/** On sale at once, unless its text is suspicious or a moderator has turned it down before. */
function published(ad: AdRow): AdRow {
  const signs = suspicions(ad);
  if (ad.rejection_reason !== null) signs.push(`turned down before: ${ad.rejection_reason}`);
  return signs.length === 0 ? { ...ad, status: 'active', suspicions: [] } : waiting(ad, signs);
}

const waiting = (ad: AdRow, signs: string[]): AdRow => ({
  ...ad,
  status: 'moderation',
  suspicions: signs.length > 0 ? signs : ad.suspicions,
});
