// The client of the sandbox courier: its HTTP API and its webhooks.
import { z } from 'zod';
import { Money } from '../../../contracts/common.ts';
import { DateRange, DeliveryStage, PickupPoint } from '../../../contracts/delivery.ts';
import { fieldErrors, ProblemError } from '../../../contracts/problem.ts';
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
const PickupPoints = z.object({ items: z.array(PickupPoint).max(10_000) });
const Webhook = z.object({ id: z.string().min(1).max(100), type: z.string(), shipment: Shipment });
const Refusal = z.object({ error: z.string(), message: z.string() });

export function sandboxCourier({ partner, webhookSecret }: SandboxCourierOptions): Courier {
  const base = '/sandbox/courier/v1';
  const ask = async <Schema extends z.ZodType>(
    schema: Schema,
    request: Parameters<Partner>[0],
  ): Promise<z.output<Schema>> => {
    try {
      return schema.parse(await partner(request));
    } catch (error) {
      if (error instanceof PartnerUnavailable) throw new CourierUnavailable(error.message, { cause: error });
      if (!(error instanceof PartnerRefusal)) throw error;
      const { data } = Refusal.safeParse(error.body);
      throw new CourierRefusal(data?.error ?? '', (data?.message ?? error.message).slice(0, 300), { cause: error });
    }
  };

  return {
    name: 'sandbox',
    async quote({ fromCity, method, to, currency }) {
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
      return (await ask(PickupPoints, { operation: 'pickup_points', method: 'GET', path })).items;
    },
    async register({ idempotencyKey, reference, fromCity, to, description, declaredValue }) {
      const body = { reference, from_city: fromCity, to: place(to), description, declared_value: declaredValue };
      const path = `${base}/shipments`;
      return shipment(await ask(Shipment, { operation: 'register', method: 'POST', path, body, idempotencyKey }));
    },
    async cancel(courierId, idempotencyKey) {
      const path = `${base}/shipments/${encodeURIComponent(courierId)}/cancel`;
      return shipment(await ask(Shipment, { operation: 'cancel', method: 'POST', path, body: {}, idempotencyKey }));
    },
    async get(courierId) {
      const path = `${base}/shipments/${encodeURIComponent(courierId)}`;
      return shipment(await ask(Shipment, { operation: 'get', method: 'GET', path }));
    },
    parseWebhook(headers, body, now) {
      verifySignature({ header: headers.get('x-signature'), body, secret: webhookSecret, now });
      let json: unknown;
      try {
        json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
      } catch {
        throw new ProblemError('invalid-json');
      }
      const parsed = Webhook.safeParse(json);
      if (!parsed.success) throw new ProblemError('invalid-field', { errors: fieldErrors(parsed.error) });
      return { eventId: parsed.data.id, shipment: shipment(parsed.data.shipment) };
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
