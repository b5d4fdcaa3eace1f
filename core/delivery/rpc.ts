// The gRPC methods of delivery: parse, call, answer.
import { z } from 'zod';
import { Money, OrderId, ShipmentId, Slug, UserId } from '../../contracts/common.ts';
import type { DeliveryStage } from '../../contracts/delivery.ts';
import { fieldErrors, ProblemError } from '../../contracts/problem.ts';
import {
  type Attention as AttentionMessage,
  DeliveryServiceService,
  type GetStoryResponse,
  type Shipment as ShipmentMessage,
  type Stage,
} from '../../proto/generated/lotok/delivery/v1/delivery.ts';
import type { RpcServer } from '../platform/rpc/server.ts';
import { traceIdOf } from '../platform/telemetry/tracing.ts';
import { estimatedOf } from './changes.ts';
import type { To } from './couriers/courier.ts';
import {
  type Attention,
  cancelShipment,
  createShipment,
  type DeliveryOptions,
  giveUp,
  quote,
  read,
  retry,
  watch,
} from './service.ts';
import type { ShipmentRow } from './store.ts';
import { type ShipmentStory, tellStory } from './story.ts';

const Destination = z
  .object({ address: z.string().max(300), pickupPoint: z.union([Slug, z.literal('')]) })
  .refine(
    ({ address, pickupPoint }) => (address === '') !== (pickupPoint === ''),
    'must be an address or a pick-up point',
  )
  .transform(
    ({ address, pickupPoint }): To => (address ? { kind: 'address', address } : { kind: 'pickup_point', pickupPoint }),
  );
const Quote = z.object({
  fromCity: Slug,
  destination: Destination,
  declaredValue: Money,
  orderId: z.union([OrderId, z.literal('')]),
  buyerId: z.union([UserId, z.literal('')]),
});
const OneShipment = z.object({ shipmentId: ShipmentId });
const CancelShipment = OneShipment.extend({ reason: z.string().max(300) });
const Watched = OneShipment.extend({ afterVersion: z.int().min(0) });
const AboutAttention = OneShipment.extend({ attentionVersion: z.int().min(0) });
const CreateShipment = OneShipment.extend({
  orderId: OrderId,
  buyerId: UserId,
  sellerId: UserId,
  fromCity: Slug,
  destination: Destination,
  description: z.string().max(500),
  declaredValue: Money,
}).transform(({ destination, ...rest }) => ({ ...rest, to: destination }));

export function deliveryRpc(server: RpcServer, options: DeliveryOptions): void {
  server.add(DeliveryServiceService, {
    async quote(request) {
      const { destination, orderId, buyerId, ...rest } = parse(Quote, request);
      return quote(options, { ...rest, to: destination, orderId: orderId || null, buyerId: buyerId || null });
    },
    createShipment: async (request) => present(await createShipment(options, parse(CreateShipment, request))),
    async cancelShipment(request) {
      const { shipmentId, reason } = parse(CancelShipment, request);
      return present(await cancelShipment(options, shipmentId, reason || null));
    },
    get: async (request) => present(await read(options, parse(OneShipment, request).shipmentId)),
    async *watchShipment(request, { signal }) {
      const { shipmentId, afterVersion } = parse(Watched, request);
      for await (const shipment of watch(options, shipmentId, afterVersion, signal)) yield present(shipment);
    },
    async retry(request) {
      const { shipmentId, attentionVersion } = parse(AboutAttention, request);
      return { attention: presentAttention(await retry(options, shipmentId, attentionVersion)) };
    },
    async giveUp(request) {
      const { shipmentId, attentionVersion } = parse(AboutAttention, request);
      return { attention: presentAttention(await giveUp(options, shipmentId, attentionVersion)) };
    },
    getStory: async (request) => presentStory(await tellStory(options, parse(OneShipment, request).shipmentId)),
  });
}

const codes: Readonly<Record<DeliveryStage, Stage>> = {
  created: 'STAGE_CREATED',
  accepted: 'STAGE_ACCEPTED',
  in_transit: 'STAGE_IN_TRANSIT',
  at_pickup_point: 'STAGE_AT_PICKUP_POINT',
  delivered: 'STAGE_DELIVERED',
  returned: 'STAGE_RETURNED',
  lost: 'STAGE_LOST',
  cancelled: 'STAGE_CANCELLED',
};

function present(shipment: ShipmentRow): { shipment: ShipmentMessage } {
  return {
    shipment: {
      shipmentId: shipment.id,
      orderId: shipment.order_id,
      stage: shipment.stage ? codes[shipment.stage] : 'STAGE_UNSPECIFIED',
      trackingNumber: shipment.tracking_number ?? '',
      estimated: estimatedOf(shipment) ?? undefined,
      reason: shipment.reason ?? '',
      version: shipment.version,
    },
  };
}

const presentAttention = ({ why, version }: Attention): AttentionMessage => ({ why: why ?? '', version });

function presentStory({ shipment, courier, changes, courierEvents }: ShipmentStory): GetStoryResponse {
  const { attempts, failures, last_error, due_at } = shipment;
  return {
    shipmentId: shipment.id,
    courier: shipment.courier,
    courierId: shipment.courier_id ?? '',
    trackingNumber: shipment.tracking_number ?? '',
    stage: shipment.stage ?? '',
    reason: shipment.reason ?? '',
    courierSays: courier.says ?? '',
    courierError: courier.error ?? '',
    cancelling: shipment.cancelling,
    cancelReason: shipment.cancel_reason ?? '',
    estimated: estimatedOf(shipment) ?? undefined,
    work: { attempts, failures, lastError: last_error ?? '', nextTryAt: due_at?.toISOString() ?? '' },
    attention: presentAttention({ why: shipment.attention, version: shipment.attention_version }),
    changes: changes.map(({ version, stage, reason, at }) => ({
      version,
      stage,
      reason: reason ?? '',
      at: at.toISOString(),
    })),
    courierEvents: courierEvents.map(({ event_id: eventId, stage, received_at }) => ({
      eventId,
      stage: stage ?? '',
      at: received_at.toISOString(),
    })),
    traceId: traceIdOf(shipment.trace) ?? '',
  };
}

function parse<Schema extends z.ZodType>(schema: Schema, request: unknown): z.output<Schema> {
  const result = schema.safeParse(request);
  if (result.success) return result.data;
  throw new ProblemError('invalid-field', { errors: fieldErrors(result.error) });
}
