// Delivery: quotes, pick-up points, stages of a parcel, and the couriers' webhook.
import { z } from 'zod';
import { AdId, Cursor, Limit, Money, page, ShipmentId, Slug, text } from './common.ts';
import { route } from './route.ts';

export const deliveryStages = [
  'created',
  'accepted',
  'in_transit',
  'at_pickup_point',
  'delivered',
  'returned',
  'lost',
  'cancelled',
] as const;
export const DeliveryStage = z.enum(deliveryStages);
export type DeliveryStage = z.infer<typeof DeliveryStage>;
export const deliveryMethods = ['courier', 'pickup_point'] as const;

/** Where a parcel goes: an address for a courier, or a pick-up point. */
export const Destination = z
  .discriminatedUnion('method', [
    z.strictObject({ method: z.literal('courier'), address: text(5, 300) }),
    z.strictObject({ method: z.literal('pickup_point'), pickup_point: Slug }),
  ])
  .meta({ id: 'Destination' });
export type Destination = z.infer<typeof Destination>;

export const DateRange = z.object({ from: z.iso.date(), to: z.iso.date() }).meta({ id: 'DateRange' });
export const Quote = z
  .object({ method: z.enum(deliveryMethods), courier: z.string(), price: Money, estimated: DateRange })
  .meta({ id: 'Quote' });
export type Quote = z.infer<typeof Quote>;
export const PickupPoint = z
  .object({
    id: Slug,
    city: Slug,
    name: z.string(),
    address: z.string(),
    latitude: z.number(),
    longitude: z.number(),
    hours: z.string(),
    courier: z.string().meta({ description: 'Who hands parcels out there' }),
    distance_m: z
      .int()
      .meta({ description: 'From the position that was asked about, else from the centre of the city' }),
  })
  .meta({ id: 'PickupPoint' });
export type PickupPoint = z.infer<typeof PickupPoint>;

export const deliveryRoutes = {
  quote: route({
    id: 'quote',
    service: 'delivery',
    method: 'GET',
    path: '/v1/deliveries/quotes',
    summary: 'What delivery costs and when it comes',
    auth: 'public',
    query: z.object({ from_city: Slug, to_city: Slug, ad_id: AdId.optional() }),
    success: { status: 200, body: z.object({ items: z.array(Quote) }) },
    problems: ['delivery-unavailable'],
  }),
  listPickupPoints: route({
    id: 'listPickupPoints',
    service: 'delivery',
    method: 'GET',
    path: '/v1/deliveries/pickup-points',
    summary: 'Pick-up points of a city, the nearest first',
    auth: 'public',
    query: z
      .object({
        city: Slug.optional().meta({ description: 'The one nearest to the position when not given' }),
        latitude: z.coerce.number().min(-90).max(90).optional(),
        longitude: z.coerce.number().min(-180).max(180).optional(),
        cursor: Cursor.optional(),
        limit: Limit.default(100),
      })
      .refine(({ latitude, longitude }) => (latitude === undefined) === (longitude === undefined), {
        path: ['longitude'],
        message: 'goes together with latitude',
      })
      .refine(({ city, latitude }) => city !== undefined || latitude !== undefined, {
        path: ['city'],
        message: 'is needed, or else a position',
      }),
    success: { status: 200, body: page(PickupPoint) },
    problems: ['delivery-unavailable'],
  }),
  getPickupPoint: route({
    id: 'getPickupPoint',
    service: 'delivery',
    method: 'GET',
    path: '/v1/deliveries/pickup-points/{id}',
    summary: 'One pick-up point',
    auth: 'public',
    params: z.object({ id: Slug }),
    success: { status: 200, body: PickupPoint },
    problems: ['not-found', 'delivery-unavailable'],
  }),
  getLabel: route({
    id: 'getLabel',
    service: 'delivery',
    method: 'GET',
    path: '/v1/deliveries/shipments/{id}/label',
    summary:
      'What the seller sticks on the parcel, as PDF. Only for the seller, from the registration until the courier has it',
    auth: 'user',
    params: z.object({ id: ShipmentId }),
    success: { status: 200, contentType: 'application/pdf' },
    problems: ['not-found', 'conflict', 'delivery-unavailable'],
  }),
  courierWebhook: route({
    id: 'courierWebhook',
    service: 'delivery',
    method: 'POST',
    path: '/v1/deliveries/webhooks/{courier}',
    summary: 'A courier tells where a parcel is',
    auth: 'signed',
    params: z.object({ courier: Slug }),
    rawBody: true,
    success: { status: 204 },
    problems: ['invalid-signature', 'not-found', 'invalid-field'],
  }),
};
