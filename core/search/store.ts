// The queries of search; nobody else reads its schema.
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import type { z } from 'zod';
import type { Ad } from '../../contracts/ads.ts';
import type { AdId, UserId } from '../../contracts/common.ts';
import type { SavedQuery } from '../../contracts/search.ts';
import type { Json, NullableTimestamp, Timestamp } from '../platform/db/columns.ts';
import type { ServiceTables } from '../platform/service.ts';

export interface SearchTables extends ServiceTables {
  ads: {
    id: AdId;
    version: number;
    /** Only active ads are found; others are kept for their version. */
    active: boolean;
    seller_id: UserId;
    title: string;
    category: string;
    city: string;
    price_amount: number;
    listed_at: NullableTimestamp;
    document: Json<Ad> | null;
    words: string;
  };
  sellers: { id: UserId; name: string; rating: number | null; reviews: number; version: number };
  saved_searches: {
    id: string;
    user_id: UserId;
    name: string;
    query: Json<z.output<typeof SavedQuery>>;
    created_at: Timestamp;
  };
}
export type Database = Kysely<SearchTables> | Transaction<SearchTables>;

export interface Filter {
  /** Empty finds everything. */
  readonly q: string;
  /** Similar words instead of the same ones. */
  readonly fuzzy: boolean;
  readonly category?: string | undefined;
  readonly city?: string | undefined;
  readonly price_min?: number | undefined;
  readonly price_max?: number | undefined;
  /** Cities in reach, with their distance in kilometres. */
  readonly near?: ReadonlyMap<string, number> | undefined;
}
type Without = 'category' | 'city' | 'price';

const found = (db: Database, filter: Filter, without?: Without) => {
  const { q, fuzzy, category, city, price_min, price_max, near } = filter;
  let ads = db.selectFrom('ads as ad').where('ad.active', '=', true);
  if (q !== '') ads = ads.where(fuzzy ? sql<boolean>`${q} <% ad.title` : sql<boolean>`ad.words @@ ${wordQuery(q)}`);
  if (category !== undefined && without !== 'category') ads = ads.where('ad.category', '=', category);
  if (city !== undefined && without !== 'city') ads = ads.where('ad.city', '=', city);
  if (price_min !== undefined && without !== 'price') ads = ads.where('ad.price_amount', '>=', price_min);
  if (price_max !== undefined && without !== 'price') ads = ads.where('ad.price_amount', '<=', price_max);
  if (near) ads = near.size === 0 ? ads.where(sql<boolean>`false`) : ads.where('ad.city', 'in', [...near.keys()]);
  return ads;
};

/** All words in any form (Russian or English), or as they are with the last one unfinished. */
function wordQuery(q: string): RawBuilder<unknown> {
  const stemmed = sql`websearch_to_tsquery('russian', ${q}) || websearch_to_tsquery('english', ${q})`;
  const words = wordsIn(q);
  return words.length === 0 ? sql`(${stemmed})` : sql`(${stemmed} || ${prefixQuery(words)})`;
}

/** Letters and digits only, so they need no escaping inside a tsquery. */
const wordsIn = (q: string): string[] =>
  q
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu)
    ?.slice(0, 20) ?? [];

/** Words as they are, the last one perhaps unfinished; `weights` as in `A` looks at titles alone. */
function prefixQuery(words: readonly string[], weights = ''): RawBuilder<unknown> {
  const whole = words.slice(0, -1).map((word) => `'${word}':${weights || 'ABCD'}`);
  return sql`to_tsquery('simple', ${[...whole, `'${words.at(-1)}':*${weights}`].join(' & ')})`;
}

/** How alike a title must be to a misspelt word: one wrong letter of eight passes. */
const leastSimilarity = '0.45';

/** Runs queries with `<%` at our own threshold, which the index on titles then uses. */
export const withSimilarity = <Result>(
  db: Kysely<SearchTables>,
  run: (trx: Transaction<SearchTables>) => Promise<Result>,
): Promise<Result> =>
  db.transaction().execute(async (trx) => {
    await sql`select set_config('pg_trgm.word_similarity_threshold', ${leastSimilarity}, true)`.execute(trx);
    return run(trx);
  });

export const orderNames = ['relevance', 'newest', 'price_asc', 'price_desc', 'distance'] as const;
export type OrderName = (typeof orderNames)[number];

/** What rows are ordered by, and which way; the id breaks ties. */
function orderOf(
  name: OrderName,
  { q, fuzzy, near }: Filter,
): { value: RawBuilder<number | Date>; direction: 'asc' | 'desc' } {
  switch (name) {
    case 'relevance': {
      // Rounded, so that the number survives the way through a cursor.
      const rank = fuzzy
        ? sql`word_similarity(${q}, ad.title)`
        : sql`ts_rank_cd('{0.1, 0.2, 0.5, 1.0}'::real[], ad.words, ${wordQuery(q)}, 1)`;
      return { value: sql`round((${rank})::numeric, 6)::double precision`, direction: 'desc' };
    }
    case 'newest':
      return { value: sql`ad.listed_at`, direction: 'desc' };
    case 'price_asc':
      return { value: sql`ad.price_amount`, direction: 'asc' };
    case 'price_desc':
      return { value: sql`ad.price_amount`, direction: 'desc' };
    case 'distance': {
      const places = [...(near ?? [])].map(([city, km]) => sql`when ${city} then ${km}::double precision`);
      if (places.length === 0) return { value: sql`0::double precision`, direction: 'asc' };
      return { value: sql`case ad.city ${sql.join(places, sql` `)} end`, direction: 'asc' };
    }
    default:
      return name satisfies never;
  }
}

export interface Place {
  readonly value: number | Date;
  readonly id: AdId;
}
export interface Hit {
  readonly ad: Ad;
  readonly place: Place;
}

export async function findHits(
  db: Database,
  filter: Filter,
  order: OrderName,
  after: Place | undefined,
  limit: number,
): Promise<Hit[]> {
  const { value, direction } = orderOf(order, filter);
  let query = found(db, filter).select(['ad.id', 'ad.document', value.as('place')]);
  if (after) {
    const than = sql.raw(direction === 'asc' ? '>' : '<');
    query = query.where(sql<boolean>`(${value}, ad.id) ${than} (${after.value}, ${after.id})`);
  }
  const rows = await query.orderBy(value, direction).orderBy('ad.id', direction).limit(limit).execute();
  return rows.flatMap(({ id, document, place }) => (document ? [{ ad: document, place: { value: place, id } }] : []));
}

export async function countHits(db: Database, filter: Filter): Promise<number> {
  const { count } = await found(db, filter)
    .select(sql<number>`count(*)::integer`.as('count'))
    .executeTakeFirstOrThrow();
  return count;
}

/** Counts by value, as if this filter were not set: what choosing another value would give. */
export function countBy(
  db: Database,
  filter: Filter,
  facet: 'category' | 'city',
): Promise<{ value: string; count: number }[]> {
  return found(db, filter, facet)
    .select([`ad.${facet} as value`, sql<number>`count(*)::integer`.as('count')])
    .groupBy(`ad.${facet}`)
    .orderBy('count', 'desc')
    .orderBy('value')
    .execute();
}

/** Counts by the bucket that `edges` begin: 1 for the first. */
export function countByPrice(
  db: Database,
  filter: Filter,
  edges: readonly number[],
): Promise<{ bucket: number; count: number }[]> {
  const bucket = sql<number>`width_bucket(ad.price_amount, ${sql.lit(`{${edges.join()}}`)}::bigint[])`;
  return found(db, filter, 'price')
    .select([bucket.as('bucket'), sql<number>`count(*)::integer`.as('count')])
    .groupBy('bucket')
    .execute();
}

/** Titles in which a word goes on from what was typed, those that begin with it first. */
export async function completeTitles(db: Database, typed: string, limit: number): Promise<string[]> {
  const words = wordsIn(typed);
  if (words.length === 0) return [];
  const begins = sql`ad.title ilike ${`${typed.replaceAll(/[\\%_]/g, '\\$&')}%`}`;
  const rows = await db
    .selectFrom('ads as ad')
    .select('ad.title')
    .where('ad.active', '=', true)
    .where(sql<boolean>`(ad.words @@ ${prefixQuery(words, 'A')} or ${typed} <% ad.title)`)
    .groupBy('ad.title')
    .orderBy(
      sql`case when ${begins} then 0 when ad.title ilike ${`%${typed.replaceAll(/[\\%_]/g, '\\$&')}%`} then 1 else 2 end`,
    )
    .orderBy(sql`count(*)`, 'desc')
    .orderBy('ad.title')
    .limit(limit)
    .execute();
  return rows.map(({ title }) => title);
}
