// EasyPost for tests, after https://docs.easypost.com: shipments with rates that are bought, trackers, refunds, signed events.
import { createHmac, randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import { z } from 'zod';
import { type Company, openWay, pdf } from './company.testing.ts';

export const apiKey = 'EZTKthekeyofthistest';
export const webhookSecret = 'the sécret of this test';

const Address = z.object({
  street1: z.string().min(1),
  city: z.string().min(1),
  zip: z.string().min(1),
  country: z.string().length(2),
});
const NewShipment = z.object({
  shipment: z.object({
    reference: z.string().optional(),
    to_address: Address,
    from_address: Address,
    parcel: z.object({ weight: z.number(), length: z.number(), width: z.number(), height: z.number() }),
  }),
});

interface Shipment {
  readonly id: string;
  readonly reference: string | null;
  readonly rates: object[];
  readonly messages: object[];
  tracking_code: string | null;
  refund_status: string | null;
  selected_rate: object | null;
  tracker: { id: string; status: string } | null;
}

export interface EasyPost extends Company {
  /** Answers to requests for a refund. */
  refundStatus: string;
  labelUrl: string | undefined;
  /** What is on our account. */
  hasMoney: boolean;
}

export async function openEasyPost(): Promise<EasyPost> {
  const app = new Hono();
  const shipments = new Map<string, Shipment>();
  const way = await openWay(app);
  let events = 0;
  const failure = (code: string, message: unknown) => ({ error: { code, message, errors: [] } });
  const find = (id: string): Shipment | undefined =>
    shipments.get(id) ?? shipments.values().find(({ reference }) => reference === id);
  const rate = (carrier: string, price: string, days: number | null, currency = 'USD') => ({
    ...{ id: `rate_${randomUUID()}`, object: 'Rate', carrier, service: 'Ground', rate: price, currency },
    ...{ delivery_days: days, est_delivery_days: days, delivery_date: null },
  });

  // Labels lie where no key is needed.
  app.get('/files/:name', (c) => {
    if (c.req.header('authorization')) return c.text('keys have no business here', 400);
    return c.body(pdf, 200, { 'content-type': 'application/pdf' });
  });
  app.use('/v2/*', async (c, next) => {
    const expected = `Basic ${Buffer.from(`${apiKey}:`).toString('base64')}`;
    if (c.req.header('authorization') !== expected)
      return c.json(failure('APIKEY.INACTIVE', 'This key is no key'), 401);
    return next();
  });
  app.post('/v2/shipments', async (c) => {
    const parsed = NewShipment.safeParse(await c.req.json());
    if (!parsed.success) return c.json(failure('SHIPMENT.INVALID_PARAMS', z.prettifyError(parsed.error)), 422);
    const { reference = null, to_address } = parsed.data.shipment;
    const goes = to_address.zip !== '00000';
    const shipment: Shipment = {
      id: `shp_${randomUUID().replaceAll('-', '')}`,
      reference,
      rates: goes
        ? [rate('USPS', '33.10', 2), rate('UPS', '5.93', 3), rate('Slow', '1.00', null), rate('DHL', '2.00', 1, 'CAD')]
        : [],
      messages: goes ? [] : [{ carrier: 'USPS', type: 'rate_error', message: 'No service to this address' }],
      ...{ tracking_code: null, refund_status: null, selected_rate: null, tracker: null },
    };
    shipments.set(shipment.id, shipment);
    return c.json(shipment, 201);
  });
  app.get('/v2/shipments/:id', (c) => {
    const shipment = find(c.req.param('id'));
    return shipment
      ? c.json(shipment)
      : c.json(failure('NOT_FOUND', 'The requested resource could not be found.'), 404);
  });
  app.post('/v2/shipments/:id/buy', async (c) => {
    const shipment = find(c.req.param('id'));
    const { rate: chosen } = (await c.req.json()) as { rate: { id: string } };
    if (!shipment) return c.json(failure('NOT_FOUND', 'The requested resource could not be found.'), 404);
    if (!company.hasMoney) return c.json(failure('PAYMENT_REQUIRED', 'Insufficient funds'), 402);
    if (shipment.tracking_code) return c.json(failure('SHIPMENT.POSTAGE.EXISTS', 'Postage already exists'), 422);
    shipment.selected_rate = shipment.rates.find((each) => 'id' in each && each.id === chosen.id) ?? null;
    if (!shipment.selected_rate) return c.json(failure('RATE.NOT_FOUND', 'No such rate'), 422);
    shipment.tracking_code = `9400${String(shipments.size).padStart(12, '0')}`;
    shipment.tracker = { id: `trk_${randomUUID()}`, status: 'unknown' };
    return c.json({ ...shipment, tracker: { ...shipment.tracker, est_delivery_date: '2026-11-28T00:00:00Z' } });
  });
  app.post('/v2/shipments/:id/refund', (c) => {
    const shipment = find(c.req.param('id'));
    if (!shipment) return c.json(failure('NOT_FOUND', 'The requested resource could not be found.'), 404);
    shipment.refund_status = company.refundStatus;
    return c.json(shipment);
  });
  app.get('/v2/shipments/:id/label', (c) => {
    const shipment = find(c.req.param('id'));
    if (!shipment?.tracking_code) return c.json(failure('SHIPMENT.LABEL.MISSING', 'Buy it first'), 422);
    return c.json({ ...shipment, postage_label: { label_pdf_url: company.labelUrl ?? `${way.url}/files/label.pdf` } });
  });

  const company: EasyPost = {
    ...way,
    refundStatus: 'submitted',
    labelUrl: undefined,
    hasMoney: true,
    words: { in_transit: 'in_transit', delivered: 'delivered', returned: 'return_to_sender' },
    parcels: (reference) =>
      [...shipments.values()].filter((each) => each.reference === reference && each.tracking_code !== null).length,
    async says(courierId, status) {
      const tracker = find(courierId)?.tracker;
      if (!tracker) throw new Error(`nothing is followed as ${courierId}`);
      tracker.status = status;
      events += 1;
    },
    async webhook(courierId) {
      const tracker = find(courierId)?.tracker;
      const event = {
        ...{ id: `evt_${events}`, object: 'Event', description: 'tracker.updated', mode: 'test' },
        result: { ...tracker, object: 'Tracker', shipment_id: courierId },
      };
      const body = new TextEncoder().encode(JSON.stringify(event));
      const signature = createHmac('sha256', webhookSecret.normalize('NFKD')).update(body).digest('hex');
      const headers = new Headers({ 'x-hmac-signature': `hmac-sha256-hex=${signature}` });
      return { headers, query: new URLSearchParams(), body, now: new Date() };
    },
  };
  return company;
}
