// What the sandbox provider does with a payment, by its API, by its page, or by a script.
import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import type { Kysely, Transaction } from 'kysely';
import type { Clock } from '../../platform/clock.ts';
import { Refusal } from '../api.ts';
import { addWebhook, type WebhookTables } from '../webhooks.ts';
import type { PaymentRow, PspTables, Status } from './books.ts';

export interface Psp {
  readonly db: Kysely<PspTables>;
  readonly clock: Clock;
  /** Where browsers reach the sandbox. */
  readonly publicUrl: string;
}
type Trx = Transaction<PspTables>;

export interface NewPayment {
  readonly reference: string;
  readonly amount: { readonly amount: number; readonly currency: string };
  readonly description: string;
  readonly return_url: string;
}

/** Which statuses a payment may go to, by any way. */
const next: Readonly<Record<Status, readonly Status[]>> = {
  pending: ['authorized', 'declined', 'cancelled'],
  authorized: ['captured', 'cancelled'],
  captured: ['refunded'],
  cancelled: [],
  declined: [],
  refunded: [],
};
export const mayBecome = (status: Status, to: Status): boolean => next[status].includes(to);
const mostWrongCodes = 3;

export async function createPayment({ clock, publicUrl }: Psp, trx: Trx, payment: NewPayment): Promise<unknown> {
  const now = clock.now();
  const { reference, amount, description, return_url } = payment;
  const row = await trx
    .insertInto('payments')
    .values({
      // Whoever knows the id may pay, so it can't be guessed.
      id: `pay_${randomBytes(18).toString('base64url')}`,
      reference,
      status: 'pending',
      amount: amount.amount,
      currency: amount.currency,
      description,
      return_url,
      reason: null,
      refunded: 0,
      code: null,
      wrong_codes: 0,
      created_at: now,
      updated_at: now,
    })
    .onConflict((conflict) => conflict.column('reference').doNothing())
    .returningAll()
    .executeTakeFirst();
  if (!row) throw new Refusal(409, 'reference_used', 'Another payment has this reference');
  return { ...present(row), confirmation_url: `${publicUrl}/sandbox/psp/pay/${row.id}` };
}

/** Moves a payment on and tells it. Being there already is no change and no error. */
export async function move(
  { clock }: Psp,
  trx: Trx,
  payment: PaymentRow,
  status: Status,
  reason: string | null = null,
): Promise<PaymentRow> {
  if (payment.status === status) return payment;
  if (!mayBecome(payment.status, status)) {
    throw new Refusal(409, 'invalid_state', `The payment is ${payment.status}, it can't become ${status}`);
  }
  const now = clock.now();
  const row = await trx
    .updateTable('payments')
    .set({ status, reason, updated_at: now })
    .where('id', '=', payment.id)
    .returningAll()
    .executeTakeFirstOrThrow();
  await tell(trx, row, `payment.${status}`, now);
  return row;
}

const tell = (trx: Trx, row: PaymentRow, type: string, now: Date): Promise<void> => {
  const event = { type, payment: present(row) };
  return addWebhook(trx as unknown as Transaction<WebhookTables>, 'sandbox_psp', row.id, event, now);
};

/** Gives a captured amount back, or a part of it; with the last part the payment is refunded. */
export async function refund(
  psp: Psp,
  trx: Trx,
  payment: PaymentRow,
  { reference, amount }: { readonly reference: string; readonly amount: number },
): Promise<PaymentRow> {
  if (payment.status !== 'captured') throw new Refusal(409, 'invalid_state', `The payment is ${payment.status}`);
  if (payment.refunded + amount > payment.amount) {
    throw new Refusal(422, 'amount', `Only ${payment.amount - payment.refunded} of it can be given back`);
  }
  const now = psp.clock.now();
  const inserted = await trx
    .insertInto('refunds')
    .values({ reference, payment_id: payment.id, amount, created_at: now })
    .onConflict((conflict) => conflict.column('reference').doNothing())
    .returning('reference')
    .executeTakeFirst();
  if (!inserted) throw new Refusal(409, 'reference_used', 'Another refund has this reference');
  const row = await trx
    .updateTable('payments')
    .set({ refunded: payment.refunded + amount, updated_at: now })
    .where('id', '=', payment.id)
    .returningAll()
    .executeTakeFirstOrThrow();
  if (row.refunded === row.amount) return move(psp, trx, row, 'refunded');
  await tell(trx, row, 'payment.partly_refunded', now);
  return row;
}

/** By the provider's id, or by the shop's reference. */
export async function find(db: Kysely<PspTables>, id: string): Promise<PaymentRow> {
  const row = await db
    .selectFrom('payments')
    .selectAll()
    .where((where) => where.or([where('id', '=', id), where('reference', '=', id)]))
    .executeTakeFirst();
  if (!row) throw new Refusal(404, 'not_found', 'There is no such payment');
  return row;
}

export async function lock(trx: Trx, id: string): Promise<PaymentRow> {
  const { id: known } = await find(trx, id);
  return trx.selectFrom('payments').selectAll().where('id', '=', known).forUpdate().executeTakeFirstOrThrow();
}

export const decide = (psp: Psp, id: string, status: Status, reason: string | null = null): Promise<PaymentRow> =>
  psp.db.transaction().execute(async (trx) => move(psp, trx, await lock(trx, id), status, reason));

/** Begins 3-D Secure: from now on the bank's page asks for a code. */
export const beginCode = ({ db }: Psp, id: string): Promise<PaymentRow> =>
  db.transaction().execute(async (trx) => {
    const payment = await lock(trx, id);
    if (payment.status !== 'pending' || payment.code) return payment;
    const code = String(randomInt(1_000_000)).padStart(6, '0');
    return trx
      .updateTable('payments')
      .set({ code })
      .where('id', '=', payment.id)
      .returningAll()
      .executeTakeFirstOrThrow();
  });

/** The right code authorises, the third wrong one declines. */
export const enterCode = (psp: Psp, id: string, entered: string): Promise<PaymentRow> =>
  psp.db.transaction().execute(async (trx) => {
    const payment = await lock(trx, id);
    if (payment.status !== 'pending' || !payment.code) return payment;
    const given = Buffer.from(entered.replaceAll(/\s/g, ''));
    const expected = Buffer.from(payment.code);
    if (given.length === expected.length && timingSafeEqual(given, expected)) {
      return move(psp, trx, payment, 'authorized');
    }
    const counted = await trx
      .updateTable('payments')
      .set({ wrong_codes: payment.wrong_codes + 1 })
      .where('id', '=', payment.id)
      .returningAll()
      .executeTakeFirstOrThrow();
    return counted.wrong_codes < mostWrongCodes
      ? counted
      : move(psp, trx, counted, 'declined', 'three_d_secure_failed');
  });

export const present = ({ id, reference, status, amount, currency, refunded, reason }: PaymentRow) => ({
  id,
  reference,
  status,
  amount: { amount, currency },
  refunded,
  reason,
});
