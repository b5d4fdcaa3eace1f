// The sandbox courier's HTTP API, and what scripts may do in its drivers' place.
import type { Hono } from 'hono';
import { z } from 'zod';
import { answering, checkApiKey, once, Refusal, readJson } from '../api.ts';
import { stages } from './books.ts';
import { advance, type Courier, cancel, find, present, register } from './courier.ts';
import { labelOf } from './label.ts';
import { cityOf, estimate, pickupPointOf, pickupPoints, priceOf } from './network.ts';

const City = z.string().min(1).max(64);
const Amount = z.strictObject({ amount: z.int().min(0), currency: z.string().regex(/^[A-Z]{3}$/) });
const oneOf = (names: readonly string[]) => (to: object) =>
  names.filter((name) => (to as Record<string, unknown>)[name] !== undefined).length === 1;
const NewShipment = z.strictObject({
  reference: z.string().min(1).max(100),
  from_city: City,
  to: z
    .strictObject({ address: z.string().min(1).max(300).optional(), pickup_point: z.string().max(64).optional() })
    .refine(oneOf(['address', 'pickup_point']), 'name an address or a pick-up point'),
  description: z.string().max(500),
  declared_value: Amount,
});
const Quote = z.strictObject({
  from_city: City,
  method: z.enum(['door', 'pickup']),
  to: z
    .strictObject({
      address: z.string().max(300).optional(),
      pickup_point: z.string().max(64).optional(),
      city: City.optional(),
    })
    .refine(oneOf(['address', 'pickup_point', 'city']), 'name one destination'),
  currency: z.string().regex(/^[A-Z]{3}$/),
});
const Advance = z.strictObject({ stage: z.enum(stages).optional() });

export function courierApi(app: Hono, courier: Courier, apiKey: string): void {
  const { db, clock } = courier;
  const base = '/sandbox/courier/v1';

  app.post(`${base}/quotes`, (c) =>
    answering(c, async () => {
      checkApiKey(c, apiKey);
      const { from_city, method, to, currency } = await readJson(c, Quote);
      if (to.pickup_point !== undefined) pickupPointOf(to.pickup_point);
      return { price: priceOf(method, currency), estimated: estimate(from_city, to, clock.now()) };
    }),
  );
  app.get(`${base}/pickup-points`, (c) =>
    answering(c, async () => {
      checkApiKey(c, apiKey);
      const { id } = cityOf(c.req.query('city') ?? '');
      return { items: pickupPoints.filter(({ city }) => city === id) };
    }),
  );
  app.get(`${base}/pickup-points/:id`, (c) =>
    answering(c, async () => {
      checkApiKey(c, apiKey);
      return pickupPointOf(c.req.param('id'));
    }),
  );
  app.post(`${base}/shipments`, (c) =>
    answering(c, async () => {
      checkApiKey(c, apiKey);
      const body = await readJson(c, NewShipment);
      return once(c, db, clock, body, async (trx) => present(await register(courier, trx, body)));
    }),
  );
  app.get(`${base}/shipments/:id`, (c) =>
    answering(c, async () => {
      checkApiKey(c, apiKey);
      return present(await find(db, c.req.param('id')));
    }),
  );
  app.get(`${base}/shipments/:id/label`, async (c) => {
    let pdf: Uint8Array<ArrayBuffer> | undefined;
    const answer = await answering(c, async () => {
      checkApiKey(c, apiKey);
      pdf = labelOf(await find(db, c.req.param('id')));
      return {};
    });
    return pdf ? c.body(pdf, 200, { 'content-type': 'application/pdf', 'cache-control': 'no-store' }) : answer;
  });
  app.post(`${base}/shipments/:id/cancel`, (c) =>
    answering(c, async () => {
      checkApiKey(c, apiKey);
      const body = await readJson(c, z.strictObject({}));
      return once(c, db, clock, body, async (trx) => present(await cancel(courier, trx, c.req.param('id'))));
    }),
  );

  // For scripts: what happens to the parcel.
  app.post('/sandbox/courier/shipments/:id/advance', (c) =>
    answering(c, async () => {
      const parsed = await readJson(c, Advance).catch((error: unknown) => {
        if (error instanceof Refusal && error.status === 422) {
          throw new Refusal(422, 'stage', `stage must be one of ${stages.join(', ')}`);
        }
        throw error;
      });
      return present(await advance(courier, c.req.param('id'), parsed.stage));
    }),
  );
}
