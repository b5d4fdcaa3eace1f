// Listings of ads, page by page.
import type { Kysely } from 'kysely';
import { z } from 'zod';
import type { AdQuery, AdStatus } from '../../contracts/ads.ts';
import { AdId, type UserId } from '../../contracts/common.ts';
import { ProblemError } from '../../contracts/problem.ts';
import type { Clock } from '../platform/clock.ts';
import { type CursorCodec, cursorsOf } from '../platform/http/cursor.ts';
import {
  type AdsTables,
  type AdWithSeller,
  addFavourite,
  findAd,
  listActive,
  listFavourites,
  listOwn,
  listWaiting,
  orders,
  type Place,
  removeFavourite,
} from './store.ts';
import { isPublic } from './view.ts';

export interface Page {
  readonly rows: readonly AdWithSeller[];
  readonly next: string | null;
}

export interface PageQuery {
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export interface Listings {
  active(query: AdQuery): Promise<Page>;
  own(seller: UserId, query: PageQuery & { status?: AdStatus | undefined }): Promise<Page>;
  waiting(query: PageQuery): Promise<Page>;
  favourites(user: UserId, query: PageQuery): Promise<Page>;
  addFavourite(user: UserId, ad: AdId): Promise<void>;
  removeFavourite(user: UserId, ad: AdId): Promise<void>;
}

const timePlace = z.tuple([z.iso.datetime().transform((text) => new Date(text)), AdId]);
const pricePlace = z.tuple([z.int(), AdId]);

export function createListings(db: Kysely<AdsTables>, clock: Clock): Listings {
  return {
    async active({ cursor, limit, sort, ...filter }) {
      const { category, city, seller, q, price_min, price_max } = filter;
      const binding = ['ads', sort, category, city, seller, q, price_min, price_max];
      const order = orders[sort];
      const query = (after: Place | undefined, count: number) => listActive(db, filter, order, after, count);
      return order.column === 'ad.price_amount'
        ? pageOf(cursorsOf(binding, pricePlace), { cursor, limit }, query, (row) => row.price_amount)
        : pageOf(cursorsOf(binding, timePlace), { cursor, limit }, query, (row) => row.listed_at ?? row.created_at);
    },

    own: (seller, { status, ...query }) =>
      pageOf(
        cursorsOf(['own', seller, status], timePlace),
        query,
        (after, count) => listOwn(db, seller, status, after, count),
        (row) => row.created_at,
      ),

    waiting: (query) =>
      pageOf(
        cursorsOf(['waiting'], timePlace),
        query,
        (after, count) => listWaiting(db, after, count),
        (row) => row.updated_at,
      ),

    favourites: (user, query) =>
      pageOf(
        cursorsOf(['favourites', user], timePlace),
        query,
        (after, count) => listFavourites(db, user, after, count),
        (row) => row.marked_at,
      ),

    async addFavourite(user, id) {
      const ad = await findAd(db, id);
      if (!ad || !isPublic(ad)) throw new ProblemError('not-found', { detail: 'There is no such ad' });
      await addFavourite(db, user, id, clock.now());
    },
    removeFavourite: (user, id) => removeFavourite(db, user, id),
  };
}

type Value = Date | number;

/** Asks for one row more than a page has, which tells whether there is a next page. */
async function pageOf<Row extends AdWithSeller, Codec extends CursorCodec<[Value, AdId]>>(
  cursors: Codec,
  { cursor, limit }: PageQuery,
  query: (after: Place | undefined, count: number) => Promise<Row[]>,
  value: (row: Row) => Value,
): Promise<Page> {
  const place = cursors.decode(cursor);
  const found = await query(place && { value: place[0], id: place[1] }, limit + 1);
  const rows = found.slice(0, limit);
  const last = rows.at(-1);
  return { rows, next: found.length > limit && last ? cursors.encode([value(last), last.id]) : null };
}
