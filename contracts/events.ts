// Facts on the bus: CloudEvents 1.0 in Kafka's binary mode. The key is the aggregate's id; what happens to an order's
// payment and parcel has the order's, so that one partition has all of an order and one process works on it.
import { z } from 'zod';
import { Ad, AdStatus } from './ads.ts';
import { AdId, ConversationId, Instant, Language, Money, OrderId, PaymentId, ShipmentId, UserId } from './common.ts';
import { DateRange, DeliveryStage } from './delivery.ts';
import { CancelReason, OrderStatus } from './orders.ts';
import { PaymentStatus } from './payments.ts';
import { reportSubjects } from './reports.ts';

/** The whole ad after a change. `version` grows by one with each, so old news is told from new. */
export const AdChanged = z.object({ ad: Ad, previous_status: AdStatus.nullable() });
export const AdDeleted = z.object({ ad_id: AdId, category: z.string(), seller_id: UserId, version: z.int() });

export const UserChanged = z.object({
  user_id: UserId,
  name: z.string(),
  rating: z.number().nullable(),
  reviews: z.int(),
  /** Which language the user wants to be written to in. */
  language: Language.optional(),
  version: z.int(),
});
export const SessionEnded = z.object({ user_id: UserId, sid: z.string(), tokens_until: z.int() });

export const MediaReady = z.object({
  media_id: z.uuid(),
  owner_id: UserId,
  width: z.int(),
  height: z.int(),
  url: z.string(),
  thumb_url: z.string(),
});

export const ReportSubmitted = z.object({
  report_id: z.uuid(),
  subject: z.object({ type: z.enum(reportSubjects), id: z.uuid() }),
  reason: z.string(),
  reporter_id: UserId,
});
export const ReportResolved = ReportSubmitted.extend({
  decision: z.enum(['accept', 'reject']),
  resolution: z.string(),
});

export const OrderStatusChanged = z.object({
  order_id: OrderId,
  status: OrderStatus,
  previous_status: OrderStatus.nullable(),
  cancel_reason: CancelReason.nullable(),
  buyer_id: UserId,
  seller_id: UserId,
  ad: z.object({ id: AdId, title: z.string() }),
  total: Money,
  estimated: DateRange.nullable(),
  at: Instant,
  version: z.int(),
});

export const PaymentStatusChanged = z.object({
  payment_id: PaymentId,
  order_id: OrderId,
  buyer_id: UserId,
  status: PaymentStatus,
  previous_status: PaymentStatus.nullable(),
  amount: Money,
  reason: z.string().nullable(),
  at: Instant,
  version: z.int(),
});

export const DeliveryStageChanged = z.object({
  shipment_id: ShipmentId,
  order_id: OrderId,
  buyer_id: UserId,
  seller_id: UserId,
  stage: DeliveryStage,
  previous_stage: DeliveryStage.nullable(),
  tracking_number: z.string().nullable(),
  estimated: DateRange.nullable(),
  reason: z.string().nullable(),
  at: Instant,
  version: z.int(),
});

/** Work of a service's own, which nobody's call waits for, is stuck: a person has to look. `why` is null when it no longer is. */
const attention = { order_id: OrderId, why: z.string().nullable(), at: Instant, version: z.int() };
export const PaymentAttention = z.object({ payment_id: PaymentId, ...attention });
export const DeliveryAttention = z.object({ shipment_id: ShipmentId, ...attention });

/** Messages that somebody left unread for some time; told once until they look. */
export const ChatUnread = z.object({
  conversation_id: ConversationId,
  user_id: UserId,
  partner_name: z.string(),
  ad: z.object({ id: AdId, title: z.string() }),
  unread: z.int(),
  /** Names this stretch of unread messages. */
  read_up_to: z.int(),
  at: Instant,
});

/** Every event type: the topic it is on and the shape of its data. */
export const eventTypes = {
  'ad.changed': { topic: 'ads.v1', data: AdChanged },
  'ad.deleted': { topic: 'ads.v1', data: AdDeleted },
  'user.changed': { topic: 'users.v1', data: UserChanged },
  'session.ended': { topic: 'users.v1', data: SessionEnded },
  'media.ready': { topic: 'media.v1', data: MediaReady },
  'report.submitted': { topic: 'reports.v1', data: ReportSubmitted },
  'report.resolved': { topic: 'reports.v1', data: ReportResolved },
  'chat.unread': { topic: 'chat.v1', data: ChatUnread },
  'order.status_changed': { topic: 'orders.v1', data: OrderStatusChanged },
  'payment.status_changed': { topic: 'payments.v1', data: PaymentStatusChanged },
  'payment.attention': { topic: 'payments.v1', data: PaymentAttention },
  'delivery.stage_changed': { topic: 'deliveries.v1', data: DeliveryStageChanged },
  'delivery.attention': { topic: 'deliveries.v1', data: DeliveryAttention },
} as const;

export type EventType = keyof typeof eventTypes;
export type EventData<Type extends EventType> = z.output<(typeof eventTypes)[Type]['data']>;
export const realtimeTopic = 'realtime.v1';
export const topicNames = [...new Set(Object.values(eventTypes).map((each) => each.topic)), realtimeTopic] as const;
export type TopicName = (typeof eventTypes)[EventType]['topic'] | typeof realtimeTopic;
