// The sandbox provider's HTTP API, and what scripts may do in the buyer's place.
import { randomUUID } from 'node:crypto';
import type { Hono } from 'hono';
import { z } from 'zod';
import { answering, checkApiKey, once, Refusal, readJson } from '../api.ts';
import { createPayment, decide, find, lock, move, type Psp, present, refund } from './psp.ts';

const Amount = z.strictObject({
  amount: z.int().min(1).max(100_000_000_000),
  currency: z.string().regex(/^[A-Z]{3}$/),
});
const NewPayment = z.strictObject({
  reference: z.string().min(1).max(100),
  amount: Amount,
  description: z.string().max(500),
  return_url: z.url({ protocol: /^https?$/ }).max(2_000),
  // Two stages only.
  capture: z.literal(false),
});
const Capture = z.strictObject({ amount: Amount });
const NewRefund = z.strictObject({
  payment_id: z.string(),
  // Rolling updates: the version before this one gives everything back, once.
  reference: z.string().min(1).max(200).optional(),
  amount: Amount,
});
const NewPayout = z.strictObject({
  reference: z.string().min(1).max(100),
  amount: Amount,
  destination: z.string().min(1).max(100),
});

export function pspApi(app: Hono, psp: Psp, apiKey: string): void {
  const { db, clock } = psp;
  const base = '/sandbox/psp/v1';

  app.post(`${base}/payments`, (c) =>
    answering(c, async () => {
      checkApiKey(c, apiKey);
      const body = await readJson(c, NewPayment);
      return once(c, db, clock, body, (trx) => createPayment(psp, trx, body));
    }),
  );
  app.get(`${base}/payments/:id`, (c) =>
    answering(c, async () => {
      checkApiKey(c, apiKey);
      return present(await find(db, c.req.param('id')));
    }),
  );
  app.post(`${base}/payments/:id/capture`, (c) =>
    answering(c, async () => {
      checkApiKey(c, apiKey);
      const body = await readJson(c, Capture);
      return once(c, db, clock, body, async (trx) => {
        const payment = await lock(trx, c.req.param('id'));
        checkWhole(payment, body.amount);
        return present(await move(psp, trx, payment, 'captured'));
      });
    }),
  );
  app.post(`${base}/payments/:id/cancel`, (c) =>
    answering(c, async () => {
      checkApiKey(c, apiKey);
      const body = await readJson(c, z.strictObject({}));
      return once(c, db, clock, body, async (trx) =>
        present(await move(psp, trx, await lock(trx, c.req.param('id')), 'cancelled', 'cancelled_by_shop')),
      );
    }),
  );
  app.post(`${base}/refunds`, (c) =>
    answering(c, async () => {
      checkApiKey(c, apiKey);
      const body = await readJson(c, NewRefund);
      return once(c, db, clock, body, async (trx) => {
        const payment = await lock(trx, body.payment_id);
        checkCurrency(payment, body.amount);
        const part = { reference: body.reference ?? payment.id, amount: body.amount.amount };
        return present(await refund(psp, trx, payment, part));
      });
    }),
  );
  app.get(`${base}/refunds`, (c) =>
    answering(c, async () => {
      checkApiKey(c, apiKey);
      const payment = await find(db, c.req.query('payment_id') ?? '');
      const refunds = await db.selectFrom('refunds').selectAll().where('payment_id', '=', payment.id).execute();
      const { currency } = payment;
      return { items: refunds.map(({ reference, amount }) => ({ reference, amount: { amount, currency } })) };
    }),
  );
  app.post(`${base}/payouts`, (c) =>
    answering(c, async () => {
      checkApiKey(c, apiKey);
      const body = await readJson(c, NewPayout);
      return once(c, db, clock, body, async (trx) => {
        const { reference, destination, amount } = body;
        const id = `out_${randomUUID()}`;
        const inserted = await trx
          .insertInto('payouts')
          .values({ id, reference, destination, ...amount, created_at: clock.now() })
          .onConflict((conflict) => conflict.column('reference').doNothing())
          .returning('id')
          .executeTakeFirst();
        if (!inserted) throw new Refusal(409, 'reference_used', 'Another payout has this reference');
        return { id, status: 'paid' };
      });
    }),
  );
  app.get(`${base}/payouts/:id`, (c) =>
    answering(c, async () => {
      checkApiKey(c, apiKey);
      const id = c.req.param('id');
      const known = await db.selectFrom('payouts').select('id').where('id', '=', id).executeTakeFirst();
      if (!known) throw new Refusal(404, 'not_found', 'There is no such payout');
      return { id, status: 'paid' };
    }),
  );

  // For scripts: what the buyer would do on the page.
  app.post('/sandbox/psp/payments/:id/approve', (c) =>
    answering(c, async () => present(await decide(psp, c.req.param('id'), 'authorized'))),
  );
  app.post('/sandbox/psp/payments/:id/decline', (c) =>
    answering(c, async () => present(await decide(psp, c.req.param('id'), 'declined', 'declined_by_bank'))),
  );
}

function checkWhole(payment: { amount: number; currency: string }, asked: z.output<typeof Amount>): void {
  checkCurrency(payment, asked);
  if (payment.amount !== asked.amount) {
    throw new Refusal(422, 'amount', 'Only the whole amount of a payment can be taken');
  }
}

function checkCurrency(payment: { currency: string }, asked: z.output<typeof Amount>): void {
  if (payment.currency !== asked.currency) throw new Refusal(422, 'amount', `The payment is in ${payment.currency}`);
}
