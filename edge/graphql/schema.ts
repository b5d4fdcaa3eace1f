// The GraphQL schema: types.ts says what there is, this where it comes from.
import { createSchema } from 'graphql-yoga';
import type { z } from 'zod';
import type { Ad, Category } from '../../contracts/ads.ts';
import type { PickupPoint } from '../../contracts/delivery.ts';
import type { Order, OrderWithTimeline, TimelineEntry } from '../../contracts/orders.ts';
import type { SavedSearch } from '../../contracts/search.ts';
import type { Profile, Review } from '../../contracts/users.ts';
import { invalidArgument } from './errors.ts';
import type { Loads } from './loads.ts';
import { maxFirst, typeDefs } from './types.ts';
import type { OrderUpdate } from './updates.ts';

export interface GraphqlContext {
  readonly loads: Loads;
  readonly updates: (wanted: UpdatesWanted) => Promise<AsyncIterable<OrderUpdate>>;
}
export interface UpdatesWanted {
  readonly order?: string | null;
  readonly after?: string | null;
}

interface Page {
  readonly first: number;
  readonly after?: string | null;
}
type Id = { readonly id: string };

/** GraphQL's `first` and `after` as REST's `limit` and `cursor`. */
const page = ({ first, after }: Page): { limit: number; cursor: string | null | undefined } => ({
  limit: checked(first),
  cursor: after,
});
const checked = (first: number): number => {
  if (first >= 1 && first <= maxFirst) return first;
  throw invalidArgument('first', `must be 1 to ${maxFirst}`);
};
const listOf = <Item>({ items, next_cursor }: { items: readonly Item[]; next_cursor: string | null }) => ({
  items,
  nextCursor: next_cursor,
});
const withoutNulls = (object: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value != null));
const times = {
  createdAt: (of: { created_at: string }) => of.created_at,
  updatedAt: (of: { updated_at: string }) => of.updated_at,
};
const orderPageOf = (update: { orderId: string }, _none: unknown, { loads }: GraphqlContext) =>
  loads.find('getOrder', { params: { id: update.orderId } });

interface SearchArguments extends Page {
  readonly q?: string;
  readonly category?: string;
  readonly city?: string;
  readonly priceMin?: number;
  readonly priceMax?: number;
  readonly near?: { readonly latitude: number; readonly longitude: number } | null;
  readonly radiusKm?: number;
  readonly sort?: string;
}

export const schema = createSchema<GraphqlContext>({
  typeDefs,
  resolvers: {
    Query: {
      home: () => ({}),
      adPage: (_root, { id }: Id, { loads }) => loads.ad(id),
      sellerPage: (_root, { id }: Id) => ({ id }),
      search: (_root, { q, category, city, near, radiusKm, sort, ...rest }: SearchArguments, { loads }) =>
        loads.get('search', {
          query: {
            ...{ q, category, city, sort, ...page(rest) },
            price_min: rest.priceMin,
            price_max: rest.priceMax,
            near: near && `${near.latitude},${near.longitude}`,
            radius_km: radiusKm,
          },
        }),
      suggestions: async (_root, { q, first }: Page & { q: string }, { loads }) =>
        (await loads.get('suggest', { query: { q, limit: first } })).items,
      checkout: (_root, wanted: { ad: string; city: string }) => wanted,
      orderPage: (_root, { id }: Id, { loads }) => loads.find('getOrder', { params: { id } }),
      me: (_root, _none, { loads }) => loads.get('me'),
    },

    Mutation: {
      placeOrder: (_root, { idempotencyKey, adId, delivery }: PlaceOrder, { loads }): Promise<Order> =>
        loads.change('createOrder', {
          headers: { 'idempotency-key': idempotencyKey },
          body: {
            ad_id: adId,
            delivery: withoutNulls({
              method: delivery.method,
              address: delivery.address,
              pickup_point: delivery.pickupPoint,
            }),
          },
        }),
      cancelOrder: (_root, { id }: Id, { loads }) => loads.change('cancelOrder', { params: { id } }),
      acceptOrder: (_root, { id }: Id, { loads }) => loads.change('acceptOrder', { params: { id } }),
      review: (_root, { orderId, rating, text }: { orderId: string; rating: number; text?: string }, { loads }) =>
        loads.change('createReview', { body: withoutNulls({ order_id: orderId, rating, text }) }),
      report: (_root, complaint: { subject: object; reason: string; comment?: string }, { loads }) =>
        loads.change('createReport', {
          body: { ...withoutNulls(complaint), subject: { ...complaint.subject } },
        }),
      addFavourite: async (_root, { adId }: { adId: string }, { loads }) => {
        await loads.change('addFavourite', { params: { id: adId } });
        return { adId, favourite: true };
      },
      removeFavourite: async (_root, { adId }: { adId: string }, { loads }) => {
        await loads.change('removeFavourite', { params: { id: adId } });
        return { adId, favourite: false };
      },
      saveSearch: (_root, { name, query }: { name: string; query: SavedQueryInput }, { loads }) => {
        const { priceMin, priceMax, ...rest } = query;
        return loads.change('saveSearch', {
          body: { name, query: withoutNulls({ ...rest, price_min: priceMin, price_max: priceMax }) },
        });
      },
      removeSavedSearch: async (_root, { id }: Id, { loads }) => {
        await loads.change('removeSavedSearch', { params: { id } });
        return id;
      },
      markRead: async (_root, { upTo }: { upTo: string }, { loads }) => {
        await loads.change('markRead', { body: { up_to: upTo } });
        return upTo;
      },
      // A phone that is null is taken away; one that isn't named stays.
      changeProfile: (_root, change: object, { loads }) => loads.change('changeMe', { body: change }),
    },

    Subscription: {
      orderUpdates: {
        subscribe: async (_root: unknown, wanted: UpdatesWanted, { updates }: GraphqlContext) => updates(wanted),
        resolve: (update: OrderUpdate) => update,
      },
    },
    StatusUpdate: { orderPage: orderPageOf },
    DeliveryUpdate: { orderPage: orderPageOf },

    Home: {
      categories: async (_home, _none, { loads }): Promise<Category[]> => (await loads.get('listCategories')).items,
      cities: async (_home, _none, { loads }) => (await loads.get('listCities')).items,
      newest: async (_home, { category, city, ...rest }: Page & { category?: string; city?: string }, { loads }) =>
        listOf(await loads.get('listAds', { query: { ...page(rest), category, city, sort: 'newest' } })),
    },
    AdPage: {
      ad: (ad: Ad) => ad,
      seller: ({ seller }: Ad, _none, { loads }) => loads.seller(seller.id),
      async similar({ id, category }: Ad, { first }: { first: number }, { loads }) {
        const { items } = await loads.get('listAds', { query: { category, limit: checked(first) + 1 } });
        return items.filter((each) => each.id !== id).slice(0, first);
      },
    },
    SellerPage: {
      seller: ({ id }: Id, _none, { loads }) => loads.seller(id),
      ads: async ({ id }: Id, { sort, ...rest }: Page & { sort?: string }, { loads }) =>
        listOf(await loads.get('listAds', { query: { ...page(rest), seller: id, sort } })),
      reviews: async ({ id }: Id, wanted: Page, { loads }) => {
        const found = await loads.find('listReviews', { params: { id }, query: page(wanted) });
        return found && listOf(found);
      },
    },
    SearchPage: { nextCursor: ({ next_cursor }: { next_cursor: string | null }) => next_cursor },
    Checkout: {
      ad: ({ ad }: { ad: string }, _none, { loads }) => loads.ad(ad),
      quotes: async ({ ad: id, city }: { ad: string; city: string }, _none, { loads }) => {
        const ad = await loads.ad(id);
        if (!ad) return null;
        return (await loads.get('quote', { query: { from_city: ad.city, to_city: city, ad_id: ad.id } })).items;
      },
      pickupPoints: async ({ city }: { city: string }, wanted: Page, { loads }) =>
        listOf(await loads.get('listPickupPoints', { query: { ...page(wanted), city } })),
    },
    PickupPoint: { distanceM: (point: PickupPoint) => point.distance_m },
    OrderPage: {
      order: (order: OrderWithTimeline) => order,
      ad: ({ ad }: OrderWithTimeline, _none, { loads }) => loads.ad(ad.id),
    },
    Me: {
      orders: async (_me: Profile, { status, ...rest }: Page & { status?: string }, { loads }) =>
        listOf(await loads.get('listOrders', { query: { ...page(rest), role: 'buyer', status } })),
      sales: async (_me: Profile, { status, ...rest }: Page & { status?: string }, { loads }) =>
        listOf(await loads.get('listOrders', { query: { ...page(rest), role: 'seller', status } })),
      ads: async (_me: Profile, { status, ...rest }: Page & { status?: string }, { loads }) =>
        listOf(await loads.get('listMyAds', { query: { ...page(rest), status } })),
      favourites: async (_me: Profile, wanted: Page, { loads }) =>
        listOf(await loads.get('listFavourites', { query: page(wanted) })),
      savedSearches: async (_me: Profile, _none, { loads }) => (await loads.get('listSavedSearches')).items,
      notifications: async (_me: Profile, wanted: Page, { loads }) => {
        const found = await loads.get('listNotifications', { query: page(wanted) });
        return { ...listOf(found), unread: found.unread };
      },
    },

    Ad: {
      rejectionReason: (ad: Ad) => ad.rejection_reason,
      attributes: ({ attributes }: Ad) =>
        Object.entries(attributes).map(([id, value]) => ({ id, value: String(value) })),
      ...times,
    },
    Photo: { thumbUrl: (photo: Ad['photos'][number]) => photo.thumb_url },
    Seller: { profile: ({ id }: Id, _none, { loads }) => loads.seller(id) },
    Review: {
      orderId: (review: z.output<typeof Review>) => review.order_id,
      createdAt: times.createdAt,
    },
    Order: {
      cancelReason: (order: Order) => order.cancel_reason,
      deliveryPrice: (order: Order) => order.delivery_price,
      ...times,
    },
    OrderAd: {
      thumbUrl: (ad: Order['ad']) => ad.thumb_url,
      ad: ({ id }: Order['ad'], _none, { loads }) => loads.ad(id),
    },
    Payment: { confirmationUrl: (payment: Order['payment']) => payment.confirmation_url },
    Delivery: {
      pickupPoint: (delivery: Order['delivery']) => delivery.pickup_point,
      trackingNumber: (delivery: Order['delivery']) => delivery.tracking_number,
    },
    TimelineEntry: {
      status: (entry: TimelineEntry) => (entry.kind === 'delivery' ? null : entry.status),
      stage: (entry: TimelineEntry) => (entry.kind === 'delivery' ? entry.stage : null),
      reason: (entry: TimelineEntry) => (entry.kind === 'order' ? entry.reason : null),
    },
    SavedSearch: { createdAt: times.createdAt },
    SavedQuery: {
      priceMin: ({ price_min }: z.output<typeof SavedSearch>['query']) => price_min,
      priceMax: ({ price_max }: z.output<typeof SavedSearch>['query']) => price_max,
    },
    Notification: { createdAt: times.createdAt },
  },
});

interface PlaceOrder {
  readonly idempotencyKey: string;
  readonly adId: string;
  readonly delivery: {
    readonly method: string;
    readonly address?: string | null;
    readonly pickupPoint?: string | null;
  };
}
interface SavedQueryInput {
  readonly q?: string | null;
  readonly category?: string | null;
  readonly city?: string | null;
  readonly priceMin?: number | null;
  readonly priceMax?: number | null;
}
