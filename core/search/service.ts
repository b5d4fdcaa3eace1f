// What searching means: exact words first, similar ones when there are none, facets beside them.
import type { Kysely, Transaction } from 'kysely';
import { z } from 'zod';
import { AdId } from '../../contracts/common.ts';
import { ProblemError } from '../../contracts/problem.ts';
import type { SearchPage, SearchQuery } from '../../contracts/search.ts';
import { categories } from '../platform/catalogue/categories.ts';
import { distancesKm } from '../platform/catalogue/cities.ts';
import { type CursorCodec, cursorsOf } from '../platform/http/cursor.ts';
import {
  completeTitles,
  countBy,
  countByPrice,
  countHits,
  type Filter,
  findHits,
  type Place,
  type SearchTables,
  withSimilarity,
} from './store.ts';

export interface SearchService {
  search(query: SearchQuery): Promise<SearchPage>;
  suggest(typed: string, limit: number): Promise<string[]>;
}

/** Where price buckets begin, in minor units. */
const priceEdges = [0, 100_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000];

const timePlace = z.tuple([z.iso.datetime().transform((text) => new Date(text)), AdId]);
const numberPlace = z.tuple([z.number(), AdId]);

export function createSearchService(db: Kysely<SearchTables>): SearchService {
  return {
    async search(query) {
      const { q, category, city, price_min, price_max, limit } = query;
      const near = citiesInReach(query);
      const order = q === '' && query.sort === 'relevance' ? 'newest' : query.sort;
      const binding = ['search', order, q, category, city, price_min, price_max, query.near, near && query.radius_km];
      // Decoded first: a wrong cursor must not cost a search.
      const cursors: CursorCodec<[number | Date, AdId]> = cursorsOf(
        binding,
        order === 'newest' ? timePlace : numberPlace,
      );
      const place = cursors.decode(query.cursor);
      const after: Place | undefined = place && { value: place[0], id: place[1] };

      return withSimilarity(db, async (trx) => {
        const { filter, total } = await exactOrFuzzy(trx, {
          q,
          fuzzy: false,
          category,
          city,
          price_min,
          price_max,
          near,
        });
        const hits = await findHits(trx, filter, order, after, limit + 1);
        const last = hits.length > limit ? hits[limit - 1]?.place : undefined;
        return {
          items: hits.slice(0, limit).map(({ ad }) => ad),
          total,
          facets: await facetsOf(trx, filter),
          next_cursor: last ? cursors.encode([last.value, last.id]) : null,
        };
      });
    },

    async suggest(typed, limit) {
      const begins = (name: string): boolean => name.toLowerCase().startsWith(typed.toLowerCase());
      const names = categories.flatMap(({ name }) => [name.ru, name.en]).filter(begins);
      const titles = await withSimilarity(db, (trx) => completeTitles(trx, typed, limit));
      return [...new Set([...names, ...titles])].slice(0, limit);
    },
  };
}

/** A misspelt word finds nothing as it is; only then similar titles are as good as it gets. */
async function exactOrFuzzy(
  trx: Transaction<SearchTables>,
  filter: Filter,
): Promise<{ filter: Filter; total: number }> {
  const total = await countHits(trx, filter);
  if (total > 0 || filter.q === '') return { filter, total };
  const fuzzy = { ...filter, fuzzy: true };
  return { filter: fuzzy, total: await countHits(trx, fuzzy) };
}

async function facetsOf(trx: Transaction<SearchTables>, filter: Filter): Promise<SearchPage['facets']> {
  const prices = await countByPrice(trx, filter, priceEdges);
  return {
    category: await countBy(trx, filter, 'category'),
    city: await countBy(trx, filter, 'city'),
    price: priceEdges.map((from, index) => ({
      from,
      to: priceEdges[index + 1] ?? null,
      count: prices.find(({ bucket }) => bucket === index + 1)?.count ?? 0,
    })),
  };
}

function citiesInReach({ near, radius_km, sort }: SearchQuery): ReadonlyMap<string, number> | undefined {
  if (near === undefined) {
    if (sort !== 'distance') return undefined;
    throw new ProblemError('invalid-parameter', {
      errors: [{ field: 'near', message: 'is needed to sort by distance' }],
    });
  }
  const [latitude = Number.NaN, longitude = Number.NaN] = near.split(',').map(Number);
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) {
    throw new ProblemError('invalid-parameter', {
      errors: [{ field: 'near', message: 'must be latitude,longitude in degrees' }],
    });
  }
  return new Map([...distancesKm(latitude, longitude)].filter(([, km]) => km <= radius_km));
}
