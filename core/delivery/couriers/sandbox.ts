// The client of the sandbox courier: its HTTP API and its webhooks.
import { z } from 'zod';
import { Money, Slug } from '../../../contracts/common.ts';
import { DateRange, DeliveryStage } from '../../../contracts/delivery.ts';
import { cities } from '../../platform/catalogue/cities.ts';
import { parseJsonBody } from '../../platform/http/json-body.ts';
import { type Partner, PartnerRefusal, PartnerUnavailable } from '../../platform/http/partner.ts';
import { verifySignature } from '../../platform/http/webhook-signature.ts';
import { type Courier, CourierRefusal, type CourierShipment, CourierUnavailable } from './courier.ts';

export interface SandboxCourierOptions {
  readonly partner: Partner;
  readonly webhookSecret: string;
}

const Shipment = z.object({
  id: z.string().min(1).max(100),
  reference: z.string().min(1).max(100),
  tracking_number: z.string().min(1).max(100),
  pickup_address: z.string().max(300).nullable(),
  stage: DeliveryStage,
  reason: z.string().max(300).nullable(),
  estimated: DateRange,
});
const Quote = z.object({ price: Money, estimated: DateRange });
const Point = z.object({
  id: Slug,
  city: Slug,
  name: z.string(),
  address: z.string(),
  latitude: z.number(),
  longitude: z.number(),
  hours: z.string(),
});
const Points = z.object({ items: z.array(Point).max(10_000) });
const Webhook = z.object({ id: z.string().min(1).max(100), type: z.string(), shipment: Shipment });
const Refusal = z.object({ error: z.string(), message: z.string() });

export function sandboxCourier({ partner, webhookSecret }: SandboxCourierOptions): Courier {
  const base = '/sandbox/courier/v1';
  const said = async <Answer>(call: Promise<Answer>): Promise<Answer> => {
    try {
      return await call;
    } catch (error) {
      if (error instanceof PartnerUnavailable) throw new CourierUnavailable(error.message, { cause: error });
      if (!(error instanceof PartnerRefusal)) throw error;
      const { data } = Refusal.safeParse(error.body);
      throw new CourierRefusal(data?.error ?? '', (data?.message ?? error.message).slice(0, 300), { cause: error });
    }
  };
  const ask = async <Schema extends z.ZodType>(
    schema: Schema,
    request: Parameters<Partner>[0],
  ): Promise<z.output<Schema>> => schema.parse(await said(partner(request)));
  return {
    name: 'sandbox',
    needs: 'nothing',
    registersAtOnce: true,
    async quote({ fromCity, method, to, declaredValue: { currency } }) {
      const body = {
        from_city: fromCity,
        method: method === 'courier' ? 'door' : 'pickup',
        to: to.kind === 'city' ? { city: to.city } : place(to),
        currency,
      };
      return ask(Quote, { operation: 'quote', method: 'POST', path: `${base}/quotes`, body, readsOnly: true });
    },
    async pickupPoints(city) {
      const path = `${base}/pickup-points?city=${encodeURIComponent(city)}`;
      return (await ask(Points, { operation: 'pickup_points', method: 'GET', path })).items;
    },
    // Named by their city alone: they are older than the other couriers.
    ownsPickupPoint: (id) => cities.some((city) => id.startsWith(`${city.id}-`)),
    async pickupPoint(id) {
      const path = `${base}/pickup-points/${encodeURIComponent(id)}`;
      try {
        return await ask(Point, { operation: 'pickup_point', method: 'GET', path });
      } catch (error) {
        if (error instanceof CourierRefusal && error.about === 'pickup_point') return null;
        throw error;
      }
    },
    async register({ idempotencyKey, reference, fromCity, to, description, declaredValue }) {
      const body = { reference, from_city: fromCity, to: place(to), description, declared_value: declaredValue };
      const path = `${base}/shipments`;
      return shipment(await ask(Shipment, { operation: 'register', method: 'POST', path, body, idempotencyKey }));
    },
    async cancel({ courierId, idempotencyKey }) {
      const path = `${base}/shipments/${encodeURIComponent(courierId)}/cancel`;
      return shipment(await ask(Shipment, { operation: 'cancel', method: 'POST', path, body: {}, idempotencyKey }));
    },
    async get(courierId) {
      const path = `${base}/shipments/${encodeURIComponent(courierId)}`;
      return shipment(await ask(Shipment, { operation: 'get', method: 'GET', path }));
    },
    async label(courierId) {
      const path = `${base}/shipments/${encodeURIComponent(courierId)}/label`;
      return said(partner({ operation: 'label', method: 'GET', path, file: true })) as Promise<Uint8Array<ArrayBuffer>>;
    },
    parseWebhook({ headers, body, now }) {
      verifySignature({ header: headers.get('x-signature'), body, secret: webhookSecret, now });
      const event = parseJsonBody(Webhook, body);
      return { kind: 'word', eventId: event.id, shipment: shipment(event.shipment) };
    },
  };
}

type Place = { address: string } | { pickup_point: string };
const place = (to: { kind: 'address'; address: string } | { kind: 'pickup_point'; pickupPoint: string }): Place =>
  to.kind === 'address' ? { address: to.address } : { pickup_point: to.pickupPoint };

const shipment = (said: z.output<typeof Shipment>): CourierShipment => ({
  courierId: said.id,
  reference: said.reference,
  trackingNumber: said.tracking_number,
  pickupAddress: said.pickup_address,
  stage: said.stage,
  reason: said.reason,
  estimated: said.estimated,
});
