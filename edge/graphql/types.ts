// The GraphQL schema's text: what one screen needs, gathered from several of core's REST answers.
import { adSorts, adStatuses } from '../../contracts/ads.ts';
import { deliveryMethods, deliveryStages } from '../../contracts/delivery.ts';
import { notificationKinds } from '../../contracts/notifications.ts';
import { cancelReasons, orderActions, orderStatuses } from '../../contracts/orders.ts';
import { paymentStatuses } from '../../contracts/payments.ts';
import { reportReasons } from '../../contracts/reports.ts';
import { searchSorts } from '../../contracts/search.ts';

export const maxFirst = 50;

const enumOf = (name: string, values: readonly string[]): string => `enum ${name} { ${values.join(' ')} }`;

// A field that is loaded by a call of its own may be null, so that its failure leaves the rest of the screen.
export const typeDefs = /* GraphQL */ `
  """
  How long an answer may be shared, in seconds; the smallest number of an operation's fields counts, and a change of
  what is shown ends it at once. What is PRIVATE is never shared. Fields without the hint have their parent's.
  """
  directive @cacheControl(maxAge: Int!, scope: CacheScope! = PUBLIC) on FIELD_DEFINITION
  enum CacheScope { PUBLIC PRIVATE }

  "Each field is one screen. An argument first is 1 to ${maxFirst}; after is a nextCursor of the same list."
  type Query {
    "What a visitor sees first."
    home: Home! @cacheControl(maxAge: 300)
    adPage(id: ID!): AdPage @cacheControl(maxAge: 300)
    sellerPage(id: ID!): SellerPage! @cacheControl(maxAge: 300)
    "Full text in Russian and English, with facets."
    search(
      q: String
      category: ID
      city: ID
      "Minor units."
      priceMin: Float
      priceMax: Float
      near: Point
      radiusKm: Float
      sort: SearchSort
      first: Int = 20
      after: String
    ): SearchPage @cacheControl(maxAge: 60)
    "Completes what is being typed."
    suggestions(q: String!, first: Int = 8): [String!] @cacheControl(maxAge: 60)
    "Before an order: what delivery to a city costs, and where a parcel can be fetched."
    checkout(ad: ID!, city: ID!): Checkout! @cacheControl(maxAge: 60)
    "An order of yours, as its buyer or its seller."
    orderPage(id: ID!): OrderPage @cacheControl(maxAge: 0, scope: PRIVATE)
    "You. Needs a token."
    me: Me @cacheControl(maxAge: 0, scope: PRIVATE)
  }

  type Mutation {
    "Buys an ad. Repeat it with the same key when you don't know whether it arrived: there is one order."
    placeOrder(idempotencyKey: String!, adId: ID!, delivery: DeliveryInput!): Order
    "Possible before the courier has the parcel."
    cancelOrder(id: ID!): Order
    "The goods are as described; pays the seller."
    acceptOrder(id: ID!): Order
    "Of the seller of your completed order."
    review(orderId: ID!, rating: Int!, text: String): Review
    report(subject: SubjectInput!, reason: ReportReason!, comment: String): ReportReceipt
    addFavourite(adId: ID!): Favourite
    removeFavourite(adId: ID!): Favourite
    saveSearch(name: String!, query: SavedQueryInput!): SavedSearch
    "The id of what was forgotten."
    removeSavedSearch(id: ID!): ID
    "Everything up to this notification; returns its id."
    markRead(upTo: ID!): ID
    changeProfile(name: String, phone: String, language: Language): Me
  }

  type Subscription {
    """
    What happens to your orders and parcels, or to one order. The first update says where you are. Come back with the
    position of the last update that you have, and you get what you missed, once and in order; when history doesn't
    reach back that far there is one Reset. Ends with complete when the token expires: come with a new one.
    """
    orderUpdates(order: ID, after: String): OrderUpdate!
  }

  interface OrderUpdate { "Where to go on from: the same positions as the ids of /v1/stream." position: String! }
  type Opened implements OrderUpdate { position: String! }
  "What was missed is out of reach: read the present state."
  type Reset implements OrderUpdate { position: String! reason: String! at: String! }
  type StatusUpdate implements OrderUpdate {
    position: String!
    orderId: ID!
    status: OrderStatus!
    cancelReason: CancelReason
    at: String!
    "As it is now."
    orderPage: OrderPage
  }
  type DeliveryUpdate implements OrderUpdate {
    position: String!
    orderId: ID!
    stage: DeliveryStage!
    trackingNumber: String
    at: String!
    "As it is now."
    orderPage: OrderPage
  }

  type Home {
    categories: [Category!]
    cities: [City!]
    newest(first: Int = 12, after: String, category: ID, city: ID): AdList
  }
  type AdPage { ad: Ad! seller: SellerProfile similar(first: Int = 6): [Ad!] }
  type SellerPage {
    seller: SellerProfile
    ads(first: Int = 20, after: String, sort: AdSort): AdList
    reviews(first: Int = 20, after: String): ReviewList
  }
  type SearchPage { items: [Ad!]! total: Int! facets: Facets! nextCursor: String }
  type Facets { category: [Facet!]! city: [Facet!]! price: [PriceFacet!]! }
  type Facet { value: ID! count: Int! }
  type PriceFacet { from: Float! to: Float count: Int! }
  type Checkout {
    ad: Ad
    quotes: [Quote!]
    "The nearest to the city's centre first."
    pickupPoints(first: Int = 20, after: String): PickupPointList
  }
  type OrderPage { order: Order! timeline: [TimelineEntry!]! ad: Ad }
  type Me {
    id: ID!
    email: String!
    name: String!
    phone: String
    language: Language!
    roles: [String!]!
    orders(first: Int = 10, after: String, status: OrderStatus): OrderList
    sales(first: Int = 10, after: String, status: OrderStatus): OrderList
    ads(first: Int = 10, after: String, status: AdStatus): AdList
    favourites(first: Int = 10, after: String): AdList
    savedSearches: [SavedSearch!]
    notifications(first: Int = 10, after: String): NotificationList
  }

  type AdList { items: [Ad!]! nextCursor: String }
  type OrderList { items: [Order!]! nextCursor: String }
  type PickupPointList { items: [PickupPoint!]! nextCursor: String }
  type ReviewList { items: [Review!]! nextCursor: String }
  type NotificationList { items: [Notification!]! nextCursor: String "Not read yet, of all." unread: Int! }

  type Text { ru: String! en: String! }
  "In the currency's minor units."
  type Money { amount: Float! currency: String! }
  input Point { latitude: Float! longitude: Float! }
  type Category { id: ID! name: Text! attributes: [CategoryAttribute!]! "Active ones." ads: Int! }
  "One field of a category's own form."
  type CategoryAttribute { id: ID! name: Text! type: String! unit: String choices: [Choice!] required: Boolean! }
  type Choice { id: ID! name: Text! }
  type City { id: ID! name: Text! latitude: Float! longitude: Float! }
  type Photo { id: ID! url: String! thumbUrl: String! width: Int! height: Int! }
  type Seller { id: ID! name: String! rating: Float reviews: Int! profile: SellerProfile }
  type SellerProfile { id: ID! name: String! since: String! rating: Float reviews: Int! sales: Int! }
  type Review { orderId: ID! author: Person! rating: Int! text: String! createdAt: String! }
  type Person { id: ID! name: String! }
  type Attribute { id: ID! value: String! }
  type Ad {
    id: ID!
    title: String!
    description: String!
    price: Money!
    category: ID!
    city: ID!
    status: AdStatus!
    rejectionReason: String
    attributes: [Attribute!]!
    photos: [Photo!]!
    seller: Seller!
    createdAt: String!
    updatedAt: String!
  }
  type OrderAd {
    id: ID!
    title: String!
    thumbUrl: String
    "As it is shown now; null when it no longer is."
    ad: Ad
  }
  type Payment { id: ID! status: PaymentStatus! "Where the buyer pays." confirmationUrl: String }
  type DateRange { from: String! to: String! }
  type Quote { method: DeliveryMethod! courier: String! price: Money! estimated: DateRange! }
  type PickupPoint {
    id: ID!
    city: ID!
    name: String!
    address: String!
    latitude: Float!
    longitude: Float!
    "From the city's centre."
    distanceM: Int!
    "Who hands parcels out there."
    courier: String!
    hours: String!
  }
  "An address for a courier, or the id of a pick-up point."
  input DeliveryInput { method: DeliveryMethod! address: String pickupPoint: ID }
  type Delivery {
    method: DeliveryMethod!
    address: String
    pickupPoint: ID
    stage: DeliveryStage
    trackingNumber: String
    estimated: DateRange
  }
  type TimelineEntry {
    kind: String!
    "Of the order or its payment."
    status: String
    "Of the delivery."
    stage: DeliveryStage
    reason: CancelReason
    at: String!
  }
  type Order {
    id: ID!
    status: OrderStatus!
    cancelReason: CancelReason
    ad: OrderAd!
    price: Money!
    deliveryPrice: Money!
    total: Money!
    payment: Payment!
    delivery: Delivery!
    "What you may do now."
    actions: [OrderAction!]!
    createdAt: String!
    updatedAt: String!
  }
  type Favourite { adId: ID! favourite: Boolean! }
  input SubjectInput { type: SubjectType! id: ID! }
  type ReportReceipt { id: ID! status: String! message: String! }
  input SavedQueryInput { q: String category: ID city: ID priceMin: Float priceMax: Float }
  type SavedQuery { q: String! category: ID city: ID priceMin: Float priceMax: Float }
  type SavedSearch { id: ID! name: String! query: SavedQuery! createdAt: String! }
  type Notification {
    id: ID!
    kind: NotificationKind!
    title: String!
    text: String!
    link: String
    read: Boolean!
    createdAt: String!
  }

  enum Language { ru en }
  enum SubjectType { ad user }
  ${enumOf('AdStatus', adStatuses)}
  ${enumOf('AdSort', adSorts)}
  ${enumOf('SearchSort', searchSorts)}
  ${enumOf('OrderStatus', orderStatuses)}
  ${enumOf('OrderAction', orderActions)}
  ${enumOf('CancelReason', cancelReasons)}
  ${enumOf('PaymentStatus', paymentStatuses)}
  ${enumOf('DeliveryMethod', deliveryMethods)}
  ${enumOf('DeliveryStage', deliveryStages)}
  ${enumOf('NotificationKind', notificationKinds)}
  ${enumOf('ReportReason', reportReasons)}
`;
