// The GraphQL schema: what one screen needs, gathered from several of core's REST answers.
import { createSchema } from 'graphql-yoga';
import type { Ad } from '../../contracts/ads.ts';
import type { Order, OrderWithTimeline, TimelineEntry } from '../../contracts/orders.ts';
import type { Profile } from '../../contracts/users.ts';
import type { Loads } from './loads.ts';

export interface GraphqlContext {
  readonly loads: Loads;
}

const typeDefs = /* GraphQL */ `
  "The four screens of a marketplace. Everything else is REST."
  type Query {
    "What a visitor sees first."
    home(newest: Int = 12): Home!
    adPage(id: ID!): AdPage
    "An order of yours, as its buyer or its seller."
    orderPage(id: ID!): OrderPage
    "You. Needs a token."
    me: Me
  }

  type Home { categories: [Category!]! newest: [Ad!]! }
  type AdPage { ad: Ad! seller: SellerPage similar(first: Int = 6): [Ad!]! }
  type OrderPage { order: Order! ad: Ad }
  type Me {
    id: ID!
    email: String!
    name: String!
    phone: String
    language: String!
    roles: [String!]!
    orders(first: Int = 10): [Order!]!
    sales(first: Int = 10): [Order!]!
    "Notifications that you have not read."
    unread: Int!
  }

  type Text { ru: String! en: String! }
  "In the currency's minor units."
  type Money { amount: Float! currency: String! }
  type Category { id: ID! name: Text! ads: Int! }
  type Photo { id: ID! url: String! thumbUrl: String! width: Int! height: Int! }
  type Seller { id: ID! name: String! rating: Float reviews: Int! }
  type SellerPage { id: ID! name: String! since: String! rating: Float reviews: Int! sales: Int! }
  type Attribute { id: ID! value: String! }
  type Ad {
    id: ID!
    title: String!
    description: String!
    price: Money!
    category: ID!
    city: ID!
    status: String!
    attributes: [Attribute!]!
    photos: [Photo!]!
    seller: Seller!
    createdAt: String!
    updatedAt: String!
  }
  type OrderAd { id: ID! title: String! thumbUrl: String }
  type Payment { id: ID! status: String! confirmationUrl: String }
  type DateRange { from: String! to: String! }
  type Delivery { method: String! address: String pickupPoint: String stage: String trackingNumber: String estimated: DateRange }
  type TimelineEntry { kind: String! "Of the order or its payment." status: String "Of the delivery." stage: String reason: String at: String! }
  type Order {
    id: ID!
    status: String!
    cancelReason: String
    ad: OrderAd!
    price: Money!
    deliveryPrice: Money!
    total: Money!
    payment: Payment!
    delivery: Delivery!
    "What you may do now."
    actions: [String!]!
    "Oldest first."
    timeline: [TimelineEntry!]!
    createdAt: String!
    updatedAt: String!
  }
`;

const page = (value: number): number => Math.min(Math.max(1, value), 50);

export const schema = createSchema<GraphqlContext>({
  typeDefs,
  resolvers: {
    Query: {
      home: (_root, { newest }: { newest: number }) => ({ newestCount: page(newest) }),
      adPage: (_root, { id }: { id: string }, { loads }) => loads.ad(id),
      orderPage: (_root, { id }: { id: string }, { loads }) => loads.order(id),
      me: (_root, _none, { loads }) => loads.me(),
    },
    Home: {
      categories: (_home, _none, { loads }) => loads.categories(),
      newest: ({ newestCount }: { newestCount: number }, _none, { loads }) =>
        loads.ads({ sort: 'newest', limit: newestCount }),
    },
    AdPage: {
      ad: (ad: Ad) => ad,
      seller: ({ seller }: Ad, _none, { loads }) => loads.seller(seller.id),
      async similar({ id, category }: Ad, { first }: { first: number }, { loads }) {
        const found = await loads.ads({ category, limit: page(first) + 1 });
        return found.filter((each) => each.id !== id).slice(0, page(first));
      },
    },
    OrderPage: {
      order: (order: OrderWithTimeline) => order,
      ad: ({ ad }: OrderWithTimeline, _none, { loads }) => loads.ad(ad.id),
    },
    Me: {
      orders: (_me: Profile, { first }: { first: number }, { loads }) => loads.orders('buyer', page(first)),
      sales: (_me: Profile, { first }: { first: number }, { loads }) => loads.orders('seller', page(first)),
      unread: (_me: Profile, _none, { loads }) => loads.unread(),
    },
    Ad: {
      attributes: ({ attributes }: Ad) =>
        Object.entries(attributes).map(([id, value]) => ({ id, value: String(value) })),
      createdAt: (ad: Ad) => ad.created_at,
      updatedAt: (ad: Ad) => ad.updated_at,
    },
    Photo: { thumbUrl: (photo: Ad['photos'][number]) => photo.thumb_url },
    Order: {
      cancelReason: (order: Order) => order.cancel_reason,
      deliveryPrice: (order: Order) => order.delivery_price,
      timeline: async (order: Order | OrderWithTimeline, _none, { loads }) =>
        'timeline' in order ? order.timeline : ((await loads.order(order.id))?.timeline ?? []),
      createdAt: (order: Order) => order.created_at,
      updatedAt: (order: Order) => order.updated_at,
    },
    OrderAd: { thumbUrl: (ad: Order['ad']) => ad.thumb_url },
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
  },
});
