// Orders: from the buyer's click to the completed sale.
import { z } from 'zod';
import {
  AdId,
  Cursor,
  IdempotencyKey,
  Instant,
  Limit,
  Money,
  OrderId,
  PaymentId,
  page,
  ShipmentId,
  UserId,
} from './common.ts';
import { DateRange, DeliveryStage, Destination, deliveryMethods } from './delivery.ts';
import { PaymentStatus } from './payments.ts';
import { route } from './route.ts';

export const orderStatuses = [
  'pending_payment',
  'paid',
  'in_delivery',
  'delivered',
  'completed',
  'cancelling',
  'cancelled',
] as const;
export const OrderStatus = z.enum(orderStatuses);
export type OrderStatus = z.infer<typeof OrderStatus>;

export const cancelReasons = [
  'buyer_cancelled',
  'payment_declined',
  'payment_timeout',
  'courier_refused',
  'parcel_returned',
  'parcel_lost',
  'delivery_timeout',
  'ad_unavailable',
  'payment_error',
  'operator_cancelled',
] as const;
export const CancelReason = z.enum(cancelReasons);
export type CancelReason = z.infer<typeof CancelReason>;

/** What a user can do about an order. */
export const orderActions = ['pay', 'cancel', 'accept', 'review'] as const;

/** One line of the order's story, oldest first. */
export const TimelineEntry = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('order'), status: OrderStatus, reason: CancelReason.nullable(), at: Instant }),
    z.object({ kind: z.literal('payment'), status: PaymentStatus, at: Instant }),
    z.object({ kind: z.literal('delivery'), stage: DeliveryStage, at: Instant }),
  ])
  .meta({ id: 'TimelineEntry' });
export type TimelineEntry = z.infer<typeof TimelineEntry>;

export const Order = z
  .object({
    id: OrderId,
    status: OrderStatus,
    cancel_reason: CancelReason.nullable(),
    buyer_id: UserId,
    seller_id: UserId,
    ad: z.object({ id: AdId, title: z.string(), thumb_url: z.string().nullable() }),
    price: Money,
    delivery_price: Money,
    total: Money,
    payment: z.object({ id: PaymentId, status: PaymentStatus, confirmation_url: z.string().nullable() }),
    delivery: z.object({
      method: z.enum(deliveryMethods),
      address: z.string().nullable(),
      pickup_point: z.string().nullable(),
      shipment_id: ShipmentId.nullable(),
      stage: DeliveryStage.nullable(),
      tracking_number: z.string().nullable(),
      estimated: DateRange.nullable(),
    }),
    /** What the signed-in user may do now. */
    actions: z.array(z.enum(orderActions)),
    created_at: Instant,
    updated_at: Instant,
    version: z.int(),
  })
  .meta({ id: 'Order' });
export type Order = z.infer<typeof Order>;
export const OrderWithTimeline = Order.extend({ timeline: z.array(TimelineEntry) }).meta({ id: 'OrderWithTimeline' });
export type OrderWithTimeline = z.infer<typeof OrderWithTimeline>;

export const NewOrder = z.strictObject({ ad_id: AdId, delivery: Destination }).meta({ id: 'NewOrder' });
export type NewOrder = z.infer<typeof NewOrder>;

const byId = z.object({ id: OrderId });

export const orderRoutes = {
  createOrder: route({
    id: 'createOrder',
    service: 'orders',
    method: 'POST',
    path: '/v1/orders',
    summary: 'Buy an ad: reserves it and starts the payment',
    auth: 'user',
    headers: z.object({ 'idempotency-key': IdempotencyKey }),
    body: NewOrder,
    success: { status: 201, body: Order },
    problems: [
      'not-found',
      'ad-reserved',
      'ad-not-for-sale',
      'own-ad',
      'idempotency-key-reused',
      'payment-unavailable',
      'delivery-unavailable',
      'invalid-field',
    ],
  }),
  listOrders: route({
    id: 'listOrders',
    service: 'orders',
    method: 'GET',
    path: '/v1/orders',
    summary: 'Your purchases, or with `role=seller` your sales',
    auth: 'user',
    query: z.object({
      role: z.enum(['buyer', 'seller']).default('buyer'),
      status: OrderStatus.optional(),
      cursor: Cursor.optional(),
      limit: Limit.default(20),
    }),
    success: { status: 200, body: page(Order) },
  }),
  getOrder: route({
    id: 'getOrder',
    service: 'orders',
    method: 'GET',
    path: '/v1/orders/{id}',
    summary: 'One order with its timeline',
    auth: 'user',
    params: byId,
    success: { status: 200, body: OrderWithTimeline },
    problems: ['not-found'],
  }),
  cancelOrder: route({
    id: 'cancelOrder',
    service: 'orders',
    method: 'POST',
    path: '/v1/orders/{id}/cancel',
    summary: 'Cancel before the courier has the parcel',
    auth: 'user',
    params: byId,
    success: { status: 200, body: Order },
    problems: ['not-found', 'conflict'],
  }),
  acceptOrder: route({
    id: 'acceptOrder',
    service: 'orders',
    method: 'POST',
    path: '/v1/orders/{id}/accept',
    summary: 'Say that the goods are as described; pays the seller',
    auth: 'user',
    params: byId,
    success: { status: 200, body: Order },
    problems: ['not-found', 'conflict'],
  }),
};
