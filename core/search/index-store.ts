// The index: what is written when ads and sellers change.
import { type Selectable, sql, type Transaction } from 'kysely';
import type { Ad } from '../../contracts/ads.ts';
import type { AdId, UserId } from '../../contracts/common.ts';
import { findCategory } from '../platform/catalogue/categories.ts';
import { findCity } from '../platform/catalogue/cities.ts';
import type { SearchTables } from './store.ts';

/** Whether an ad was and is found; null when the event told nothing new. */
export interface IndexChange {
  readonly wasActive: boolean;
  readonly isActive: boolean;
  /** It is listed for the first time. */
  readonly isNew: boolean;
}

/** Puts a version of an ad into the index, or takes it out; older versions than the one there change nothing. */
export async function indexAd(trx: Transaction<SearchTables>, ad: Ad): Promise<IndexChange | null> {
  const known = await lockEntry(trx, ad.id);
  if (known && known.version >= ad.version) return null;
  const active = ad.status === 'active';
  const seller = await trx.selectFrom('sellers').selectAll().where('id', '=', ad.seller.id).executeTakeFirst();
  const document: Ad = { ...ad, rejection_reason: null, ...(seller ? { seller: shownSeller(seller) } : {}) };
  const entry = {
    version: ad.version,
    active,
    seller_id: ad.seller.id,
    title: ad.title,
    category: ad.category,
    city: ad.city,
    price_amount: ad.price.amount,
    listed_at: known?.listed_at ?? (active ? new Date(ad.updated_at) : null),
    document: JSON.stringify(document),
    words: wordsOf(ad),
  };
  await trx
    .insertInto('ads')
    .values({ id: ad.id, ...entry })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(entry))
    .execute();
  return { wasActive: known?.active ?? false, isActive: active, isNew: active && !known?.listed_at };
}

/** The entry stays as a mark, so that an older event that comes late doesn't bring the ad back. */
export async function removeAd(
  trx: Transaction<SearchTables>,
  ad: { ad_id: AdId; category: string; seller_id: UserId; version: number },
): Promise<IndexChange | null> {
  const known = await lockEntry(trx, ad.ad_id);
  if (known && known.version >= ad.version) return null;
  const entry = { version: ad.version, active: false, document: null };
  const rest = {
    seller_id: ad.seller_id,
    category: ad.category,
    title: '',
    city: '',
    price_amount: 0,
    listed_at: null,
  };
  await trx
    .insertInto('ads')
    .values({ id: ad.ad_id, ...entry, ...rest, words: sql<string>`''::tsvector` })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(entry))
    .execute();
  return { wasActive: known?.active ?? false, isActive: false, isNew: false };
}

const lockEntry = (trx: Transaction<SearchTables>, id: AdId) =>
  trx.selectFrom('ads').select(['version', 'active', 'listed_at']).where('id', '=', id).forUpdate().executeTakeFirst();

type SellerRow = Selectable<SearchTables['sellers']>;
const shownSeller = ({ version: _, ...seller }: SellerRow): Ad['seller'] => seller;

/** Shows a seller's news on their ads; false when nothing that is found shows it. */
export async function changeSeller(trx: Transaction<SearchTables>, seller: SellerRow): Promise<boolean> {
  const { id, ...news } = seller;
  const { numInsertedOrUpdatedRows } = await trx
    .insertInto('sellers')
    .values(seller)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(news).where('sellers.version', '<', seller.version))
    .executeTakeFirst();
  if (!numInsertedOrUpdatedRows) return false;
  const shown = await trx
    .updateTable('ads')
    .set({ document: sql<string>`jsonb_set(document, '{seller}', ${JSON.stringify(shownSeller(seller))}::jsonb)` })
    .where('seller_id', '=', id)
    .where('document', 'is not', null)
    .returning('active')
    .execute();
  return shown.some(({ active }) => active);
}

/**
 * Words by weight: the title first, then what the seller chose (brand, category, city), then the description.
 * The `russian` configuration stems Latin words as English; `simple` keeps whole words for completion.
 * Names of category and city are there in both languages, so "bicycle in Kazan" finds «Велосипед, Казань».
 */
function wordsOf(ad: Ad) {
  const category = findCategory(ad.category)?.name;
  const city = findCity(ad.city)?.name;
  const chosen = Object.values(ad.attributes).filter((value) => typeof value === 'string');
  const labels = [category?.ru, category?.en, city?.ru, city?.en, ...chosen].join(' ');
  return sql<string>`
    setweight(to_tsvector('russian', ${ad.title}::text), 'A') || setweight(to_tsvector('english', ${ad.title}::text), 'A') ||
    setweight(to_tsvector('simple', ${ad.title}::text), 'A') || setweight(to_tsvector('russian', ${labels}::text), 'B') ||
    setweight(to_tsvector('simple', ${labels}::text), 'C') || setweight(to_tsvector('russian', ${ad.description}::text), 'D')`;
}
