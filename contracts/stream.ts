// The live stream: what clients receive, and what an edge and a realtime node say to each other.
import { z } from 'zod';
import type { Ad } from './ads.ts';
import { AdId, ConversationId, Instant, list, Money, OrderId, Slug, UserId } from './common.ts';
import { DeliveryStage } from './delivery.ts';
import { Notification } from './notifications.ts';
import { CancelReason, OrderStatus } from './orders.ts';

// Apart, because the client in `client/` carries no schemas.
export { decodeCursor, encodeCursor } from './cursor.ts';

export const topics = ['orders', 'deliveries', 'notifications', 'searches', 'messages'] as const;
export const Topic = z.enum(topics);
export type Topic = z.infer<typeof Topic>;

const publicChannelPattern = 'ad:[0-9a-f-]{36}|ad:[0-9]{1,18}|category:[a-z0-9-]{1,64}';
/** Public channels that anybody may listen to. */
export const PublicChannel = z
  .string()
  .regex(new RegExp(`^(${publicChannelPattern})$`), 'must be ad:ID or category:ID');
export const userChannel = (id: UserId | string): string => `user:${id}`;
/** Edges alone listen here: groups of cached answers that are out of date. */
export const cacheChannel = 'system:cache';
/** Edges alone listen here: sessions that ended before their tokens did. */
export const sessionChannel = 'system:sessions';

export const StreamQuery = z.object({
  topics: list(Topic, { max: topics.length, maxLength: 64, pattern: topics.join('|') })
    .optional()
    .meta({ description: 'Comma-separated; all when not given' }),
  order: OrderId.optional().meta({ description: 'Only what concerns this order' }),
  channels: list(PublicChannel, { max: 20, maxLength: 2048, pattern: publicChannelPattern })
    .optional()
    .meta({ description: 'Public channels to add, such as `ad:ID,category:bicycles`' }),
  ticket: z
    .string()
    .max(2048)
    .optional()
    .meta({ description: 'From POST /v1/stream/tickets, where a header cannot be set' }),
  last_event_id: z.string().max(4096).optional().meta({ description: 'Where `Last-Event-ID` cannot be set' }),
});
export type StreamQuery = z.infer<typeof StreamQuery>;

export const OrderStatusMessage = z
  .object({
    order_id: OrderId,
    status: OrderStatus,
    cancel_reason: CancelReason.nullable(),
    ad_title: z.string(),
    at: Instant,
  })
  .meta({ id: 'OrderStatusMessage' });
export const DeliveryStageMessage = z
  .object({ order_id: OrderId, stage: DeliveryStage, tracking_number: z.string().nullable(), at: Instant })
  .meta({ id: 'DeliveryStageMessage' });
export const NotificationMessage = Notification.extend({ order_id: OrderId.nullable(), at: Instant }).meta({
  id: 'NotificationMessage',
});
export const ResetMessage = z
  .object({ reason: z.enum(['history_gone', 'unknown_position', 'too_slow']), at: Instant })
  .meta({
    id: 'ResetMessage',
    description: 'History no longer reaches back to your position: read the present state again',
  });
export const AdChangedMessage = z
  .object({
    ad_id: z.string(),
    status: z.string(),
    price: z.object({ amount: z.int(), currency: z.string() }),
    version: z.int().optional().meta({ description: 'Of the ad; cached answers may be older for a moment' }),
    at: Instant,
  })
  .meta({ id: 'AdChangedMessage' });
export const AdNews = z
  .object({
    ad_id: AdId,
    title: z.string(),
    price: Money,
    category: Slug,
    city: Slug,
    thumb_url: z.string().nullable(),
    at: Instant,
  })
  .meta({ id: 'AdNews' });
export const newsOfAd = (ad: Ad): z.output<typeof AdNews> => ({
  ad_id: ad.id,
  title: ad.title,
  price: ad.price,
  category: ad.category,
  city: ad.city,
  thumb_url: ad.photos[0]?.thumb_url ?? null,
  at: ad.updated_at,
});
export const SearchMatchMessage = AdNews.extend({
  searches: z.array(z.object({ id: z.uuid(), name: z.string() })).min(1),
}).meta({ id: 'SearchMatchMessage' });
/** `chat.message` is a `Message`; it comes again when moderators took it away. */
export const ChatReadMessage = z
  .object({ conversation_id: ConversationId, reader_id: UserId, up_to: z.int(), at: Instant })
  .meta({ id: 'ChatReadMessage' });
export const CacheInvalidation = z.object({ groups: z.array(z.string()).min(1), at: Instant });
export const SessionRevoked = z.object({
  sid: z.string(),
  until: z.int().meta({ description: 'Unix seconds after which no token of it lives' }),
});

/** Which topic of the stream an event belongs to; events of public channels belong to none. */
export const topicOfEvent: Readonly<Record<string, Topic>> = {
  'order.status': 'orders',
  'delivery.stage': 'deliveries',
  notification: 'notifications',
  'search.match': 'searches',
  'chat.message': 'messages',
  'chat.read': 'messages',
};

/** The value of a message on the Kafka topic `realtime.v1`; its key is the channel. */
export const RealtimeMessage = z.object({ event: z.string().min(1).max(64), data: z.looseObject({}) });
export type RealtimeMessage = z.infer<typeof RealtimeMessage>;

/**
 * A place in a channel. `epoch` names one life of the history; `offset` grows within it and is the bus
 * offset plus one, so that zero is the place before all messages; at `time` (ms) this was the end of
 * the channel, which tells a forgotten place from one before the beginning.
 */
export const Position = z.object({
  epoch: z.string().regex(/^[a-z0-9]{1,16}$/),
  offset: z.int().min(0),
  time: z.int().min(0),
});
export type Position = z.infer<typeof Position>;

/** One message as it travels from a realtime node to its subscribers. */
export const ChannelMessage = z.object({
  channel: z.string(),
  position: Position,
  /** Offset of the channel's message before this one; a subscriber that saw another one has a gap. Null for the first. */
  previous: z.int().nullable(),
  event: z.string(),
  data: z.unknown(),
  traceparent: z.string().optional(),
});
export type ChannelMessage = z.infer<typeof ChannelMessage>;

/** Edge → realtime, on the multiplexed WebSocket `/v1/mux` (authenticated with a service token). */
export const MuxRequest = z.discriminatedUnion('op', [
  // `request` comes back in the answer, so that after a quick change of mind none to an earlier request passes for it.
  z.object({
    op: z.literal('subscribe'),
    request: z.int().optional(),
    channel: z.string().max(200),
    since: Position.optional(),
  }),
  z.object({ op: z.literal('unsubscribe'), channel: z.string().max(200) }),
  z.object({ op: z.literal('replay'), request: z.int(), channel: z.string().max(200), since: Position }),
  z.object({ op: z.literal('ping'), at: z.int() }),
]);
export type MuxRequest = z.infer<typeof MuxRequest>;

/** How an edge that can't set headers authenticates on `/v1/mux`: this subprotocol and `bearer.` with the token in base64url. */
export const muxSubprotocol = 'lotok.mux.v1';

/**
 * Realtime → edge. `head` is the place that the messages given reach to; what comes after follows as `message`.
 * `gap`: `since` is out of reach, and no messages are given. `lost`: the same happened to a live subscription.
 */
export const MuxReply = z.discriminatedUnion('op', [
  z.object({
    op: z.literal('subscribed'),
    request: z.int().optional(),
    channel: z.string(),
    head: Position,
    messages: z.array(ChannelMessage),
    gap: z.boolean(),
  }),
  z.object({
    op: z.literal('replayed'),
    request: z.int(),
    channel: z.string(),
    head: Position,
    messages: z.array(ChannelMessage),
    gap: z.boolean(),
  }),
  z.object({ op: z.literal('message'), message: ChannelMessage }),
  z.object({ op: z.literal('lost'), channel: z.string(), head: Position }),
  z.object({ op: z.literal('drain') }),
  // `ageMs`: how old the node's own knowledge is at most; null when it can't tell. Nodes of the previous version say nothing.
  z.object({ op: z.literal('pong'), at: z.int(), ageMs: z.int().min(0).nullable().optional() }),
]);
export type MuxReply = z.infer<typeof MuxReply>;
