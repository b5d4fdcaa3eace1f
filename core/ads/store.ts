// The queries of ads; nobody else reads its schema.

import { type Insertable, type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { AdQuery, AdStatus, AttributeValue, Photo } from '../../contracts/ads.ts';
import type { AdId, MediaId, OrderId, UserId } from '../../contracts/common.ts';
import type { Json, NullableTimestamp, Timestamp } from '../platform/db/columns.ts';
import { later } from '../platform/db/later.ts';
import type { ServiceTables } from '../platform/service.ts';

interface AdTable {
  id: AdId;
  seller_id: UserId;
  title: string;
  description: string;
  price_amount: number;
  price_currency: string;
  category: string;
  city: string;
  attributes: Json<Record<string, AttributeValue>>;
  photos: Json<Photo[]>;
  status: AdStatus;
  rejection_reason: string | null;
  /** Why a moderator should look at it. */
  suspicions: Json<string[]>;
  /** The order that holds or bought the ad; kept after its hold expired, until another takes the ad. */
  order_id: OrderId | null;
  reserved_until: NullableTimestamp;
  /** The last orders that gave it back: what still comes of them comes late. */
  given_up_by: Json<OrderId[]>;
  /** Set when a complaint was accepted while an order held the ad: it is archived instead of going back on sale. */
  takedown_reason: string | null;
  /** When a moderator last let it on sale: complaints that were decided before are settled by that. */
  approved_at: NullableTimestamp;
  created_at: Timestamp;
  updated_at: Timestamp;
  /** When it first came on sale; null when buyers have never seen it. */
  listed_at: NullableTimestamp;
  version: number;
}

export interface AdsTables extends ServiceTables {
  ads: AdTable;
  sellers: { id: UserId; name: string; rating: number | null; reviews: number; version: number };
  media: { id: MediaId; owner_id: UserId; width: number; height: number; url: string; thumb_url: string };
  favourites: { user_id: UserId; ad_id: AdId; created_at: Timestamp };
}

export type Database = Kysely<AdsTables> | Transaction<AdsTables>;
export type AdRow = Selectable<AdTable>;
export type SellerRow = Selectable<AdsTables['sellers']>;
/** An ad together with what is known of its seller. */
export type AdWithSeller = AdRow & { seller: SellerRow | null };

const adColumns = [
  'ad.id',
  'ad.seller_id',
  'ad.title',
  'ad.description',
  'ad.price_amount',
  'ad.price_currency',
  'ad.category',
  'ad.city',
  'ad.attributes',
  'ad.photos',
  'ad.status',
  'ad.rejection_reason',
  'ad.suspicions',
  'ad.order_id',
  'ad.reserved_until',
  'ad.given_up_by',
  'ad.takedown_reason',
  'ad.approved_at',
  'ad.created_at',
  'ad.updated_at',
  'ad.listed_at',
  'ad.version',
] as const;

const adsWithSellers = (db: Database) =>
  db
    .selectFrom('ads as ad')
    .leftJoin('sellers as seller', 'seller.id', 'ad.seller_id')
    .select([...adColumns, 'seller.name as seller_name', 'seller.rating as seller_rating'])
    .select(['seller.reviews as seller_reviews', 'seller.version as seller_version']);

type JoinedRow = AdRow & {
  seller_name: string | null;
  seller_rating: number | null;
  seller_reviews: number | null;
  seller_version: number | null;
};

function withSeller({ seller_name, seller_rating, seller_reviews, seller_version, ...ad }: JoinedRow): AdWithSeller {
  const known = seller_name !== null && seller_reviews !== null && seller_version !== null;
  const seller = {
    id: ad.seller_id,
    name: seller_name ?? '',
    rating: seller_rating,
    reviews: seller_reviews ?? 0,
    version: seller_version ?? 0,
  };
  return { ...ad, seller: known ? seller : null };
}

export async function findAd(db: Database, id: AdId): Promise<AdWithSeller | undefined> {
  const row = await adsWithSellers(db).where('ad.id', '=', id).executeTakeFirst();
  return row && withSeller(row);
}

export async function findAds(db: Database, ids: readonly AdId[]): Promise<AdWithSeller[]> {
  if (ids.length === 0) return [];
  return (
    await adsWithSellers(db)
      .where('ad.id', 'in', [...ids])
      .orderBy('ad.id')
      .execute()
  ).map(withSeller);
}

/** The row lock makes changes of one ad follow each other: two buyers, a buyer and an editing seller. */
export const lockAd = (trx: Transaction<AdsTables>, id: AdId): Promise<AdRow | undefined> =>
  trx.selectFrom('ads as ad').select(adColumns).where('ad.id', '=', id).forUpdate().executeTakeFirst();

const toInsert = (ad: AdRow): Insertable<AdTable> => ({
  ...ad,
  attributes: JSON.stringify(ad.attributes),
  photos: JSON.stringify(ad.photos),
  suspicions: JSON.stringify(ad.suspicions),
  given_up_by: JSON.stringify(ad.given_up_by),
});

export async function insertAds(trx: Transaction<AdsTables>, ads: readonly AdRow[]): Promise<void> {
  await trx.insertInto('ads').values(ads.map(toInsert)).execute();
}

export const updateAd = (trx: Transaction<AdsTables>, ad: AdRow): Promise<void> =>
  later(trx, trx.updateTable('ads').set(toInsert(ad)).where('id', '=', ad.id));

/** Holds that have run out, without those that somebody works on right now. */
export const lockExpiredHolds = (trx: Transaction<AdsTables>, now: Date, limit: number): Promise<AdRow[]> =>
  trx
    .selectFrom('ads as ad')
    .select(adColumns)
    .where('ad.status', '=', 'reserved')
    .where('ad.reserved_until', '<=', now)
    .orderBy('ad.reserved_until')
    .limit(limit)
    .forUpdate()
    .skipLocked()
    .execute();

export interface Place {
  readonly value: Date | number;
  readonly id: AdId;
}
type Column = 'ad.listed_at' | 'ad.created_at' | 'ad.updated_at' | 'ad.price_amount';
export interface Order {
  readonly column: Column;
  readonly direction: 'asc' | 'desc';
}

export const orders: Readonly<Record<AdQuery['sort'], Order>> = {
  newest: { column: 'ad.listed_at', direction: 'desc' },
  oldest: { column: 'ad.listed_at', direction: 'asc' },
  price_asc: { column: 'ad.price_amount', direction: 'asc' },
  price_desc: { column: 'ad.price_amount', direction: 'desc' },
};

type AdSelection = ReturnType<typeof adsWithSellers>;

/** Rows after a place: the id breaks ties, so that equal prices are neither repeated nor left out. */
async function pageOf(
  ads: AdSelection,
  { column, direction }: Order,
  after: Place | undefined,
  limit: number,
): Promise<AdWithSeller[]> {
  const rows = await ads
    .$if(after !== undefined, (query) => {
      const { value, id } = after as Place;
      return query.where(
        sql<boolean>`(${sql.ref(column)}, ${sql.ref('ad.id')}) ${sql.raw(direction === 'asc' ? '>' : '<')} (${value}, ${id})`,
      );
    })
    .orderBy(column, direction)
    .orderBy('ad.id', direction)
    .limit(limit)
    .execute();
  return rows.map(withSeller);
}

export type ListFilter = Pick<AdQuery, 'category' | 'city' | 'seller' | 'q' | 'price_min' | 'price_max'>;

export function listActive(
  db: Database,
  filter: ListFilter,
  order: Order,
  after: Place | undefined,
  limit: number,
): Promise<AdWithSeller[]> {
  let ads = adsWithSellers(db).where('ad.status', '=', 'active');
  if (filter.category !== undefined) ads = ads.where('ad.category', '=', filter.category);
  if (filter.city !== undefined) ads = ads.where('ad.city', '=', filter.city);
  if (filter.seller !== undefined) ads = ads.where('ad.seller_id', '=', filter.seller);
  if (filter.price_min !== undefined) ads = ads.where('ad.price_amount', '>=', filter.price_min);
  if (filter.price_max !== undefined) ads = ads.where('ad.price_amount', '<=', filter.price_max);
  if (filter.q !== undefined) ads = ads.where(matchesWords(filter.q));
  return pageOf(ads, order, after, limit);
}

/** Word forms in Russian and English (the `russian` dictionary stems Latin words as English), or a part of the title. */
const matchesWords = (words: string) =>
  sql<boolean>`(ad.words @@ websearch_to_tsquery('russian', ${words}) or ad.title ilike ${`%${words.replaceAll(/[\\%_]/g, '\\$&')}%`})`;

export function listOwn(
  db: Database,
  seller: UserId,
  status: AdStatus | undefined,
  after: Place | undefined,
  limit: number,
): Promise<AdWithSeller[]> {
  let ads = adsWithSellers(db).where('ad.seller_id', '=', seller);
  if (status !== undefined) ads = ads.where('ad.status', '=', status);
  return pageOf(ads, { column: 'ad.created_at', direction: 'desc' }, after, limit);
}

export const listWaiting = (db: Database, after: Place | undefined, limit: number): Promise<AdWithSeller[]> =>
  pageOf(
    adsWithSellers(db).where('ad.status', '=', 'moderation'),
    { column: 'ad.updated_at', direction: 'asc' },
    after,
    limit,
  );

export const countActiveByCategory = (db: Database): Promise<{ category: string; ads: number }[]> =>
  db
    .selectFrom('ads')
    .select(['category', sql<number>`count(*)::integer`.as('ads')])
    .where('status', '=', 'active')
    .groupBy('category')
    .execute();

export const hasAds = async (db: Database): Promise<boolean> =>
  (await db.selectFrom('ads').select('id').limit(1).executeTakeFirst()) !== undefined;

/** What a user marked and everybody may still read, newest mark first. */
export async function listFavourites(
  db: Database,
  user: UserId,
  after: Place | undefined,
  limit: number,
): Promise<(AdWithSeller & { marked_at: Date })[]> {
  let ads = adsWithSellers(db)
    .innerJoin('favourites as favourite', 'favourite.ad_id', 'ad.id')
    .select('favourite.created_at as marked_at')
    .where('favourite.user_id', '=', user)
    .where('ad.listed_at', 'is not', null)
    .where('ad.status', 'not in', ['draft', 'moderation', 'rejected']);
  if (after) ads = ads.where(sql<boolean>`(favourite.created_at, favourite.ad_id) < (${after.value}, ${after.id})`);
  const rows = await ads
    .orderBy('favourite.created_at', 'desc')
    .orderBy('favourite.ad_id', 'desc')
    .limit(limit)
    .execute();
  return rows.map(({ marked_at, ...row }) => ({ ...withSeller(row), marked_at }));
}

export async function addFavourite(db: Database, user: UserId, ad: AdId, at: Date): Promise<void> {
  await db
    .insertInto('favourites')
    .values({ user_id: user, ad_id: ad, created_at: at })
    .onConflict((conflict) => conflict.columns(['user_id', 'ad_id']).doNothing())
    .execute();
}

export async function removeFavourite(db: Database, user: UserId, ad: AdId): Promise<void> {
  await db.deleteFrom('favourites').where('user_id', '=', user).where('ad_id', '=', ad).execute();
}

/** False when what is known is as new already. */
export async function saveSeller(trx: Database, seller: SellerRow): Promise<boolean> {
  const { id: _, ...news } = seller;
  const result = await trx
    .insertInto('sellers')
    .values(seller)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(news).where('sellers.version', '<', seller.version))
    .executeTakeFirst();
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

/** Where the active ads of a seller are listed. */
export const placesOfSeller = (db: Database, seller: UserId): Promise<{ category: string; city: string }[]> =>
  db
    .selectFrom('ads')
    .select(['category', 'city'])
    .distinct()
    .where('seller_id', '=', seller)
    .where('status', '=', 'active')
    .execute();

export async function saveMedia(trx: Database, media: Selectable<AdsTables['media']>): Promise<void> {
  await trx
    .insertInto('media')
    .values(media)
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
}
