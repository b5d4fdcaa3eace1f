// Refunds of a part of a payment, which operators decide.
import type { Money, PaymentId, UserId } from '../../contracts/common.ts';
import type { Refunded } from '../../contracts/payments.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { carryOut, leaseMs } from './carrying-out.ts';
import { untried } from './changes.ts';
import { givesPart } from './rules.ts';
import { orUnavailable, type PaymentsOptions } from './service.ts';
import { sharesOf } from './shares.ts';
import type { PaymentRow } from './store.ts';
import * as store from './store.ts';

export interface PartialRefund {
  readonly key: string;
  readonly amount: Money;
  readonly reason: string;
  readonly operatorId: UserId;
}

/** Gives the buyer a part of the money back, once per key, as long as the seller has not earned it. */
export async function refundPart(options: PaymentsOptions, id: PaymentId, asked: PartialRefund): Promise<Refunded> {
  const decided = await options.db.transaction().execute(async (trx) => {
    const payment = await store.lockPayment(trx, id);
    if (!payment) throw new ProblemError('not-found', { detail: 'There is no such payment' });
    const known = await store.readPartialRefund(trx, id, asked.key);
    if (known) {
      if (known.amount === asked.amount.amount && known.reason === asked.reason) return payment;
      throw new ProblemError('idempotency-key-reused', { detail: 'Use a new Idempotency-Key for a new refund' });
    }
    if (payment.status !== 'captured') {
      throw new ProblemError('conflict', { detail: `The payment is ${payment.status}` });
    }
    if (payment.intent !== null) {
      throw new ProblemError('request-in-progress', { detail: 'An earlier decision is being carried out' });
    }
    if (await store.readPayout(trx, id)) throw new ProblemError('conflict', { detail: 'The seller has been paid' });
    const reaches = payment.refunded_amount + asked.amount.amount;
    assertPart(payment, asked.amount, reaches);
    const now = options.clock.now();
    await store.insertPartialRefund(trx, {
      payment_id: id,
      key: asked.key,
      amount: asked.amount.amount,
      reaches,
      reason: asked.reason,
      asked_by: asked.operatorId,
      asked_at: now,
    });
    const due_at = new Date(now.getTime() + leaseMs);
    const intent = { intent: 'refund', intent_amount: reaches, intent_reason: asked.reason } as const;
    return store.updatePayment(trx, payment, { ...intent, due_at, ...untried });
  });
  const { payment } = givesPart(decided) ? await orUnavailable(carryOut(options, decided)) : { payment: decided };
  const { currency } = payment;
  return {
    payment_id: id,
    refunded: { amount: payment.refunded_amount, currency },
    seller_gets: { amount: sharesOf(payment).seller, currency },
    in_progress: givesPart(payment),
  };
}

function assertPart(payment: PaymentRow, { amount, currency }: Money, reaches: number): void {
  const refuse = (field: string, message: string): never => {
    throw new ProblemError('invalid-field', { errors: [{ field, message }] });
  };
  if (currency !== payment.currency) refuse('amount.currency', `must be ${payment.currency}, as the payment is`);
  if (amount % payment.amount_step !== 0) refuse('amount.amount', `must be a multiple of ${payment.amount_step}`);
  if (reaches >= payment.amount) {
    const most = payment.amount - payment.refunded_amount - payment.amount_step;
    refuse('amount.amount', `must be ${most} or less; to give all of it back, cancel the order`);
  }
}
