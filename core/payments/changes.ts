// A change of a payment: its row, its history, its event, the ledger and the notice, in one transaction.

import type { PaymentStatus } from '../../contracts/payments.ts';
import { backoffMs } from '../platform/backoff.ts';
import type { Clock } from '../platform/clock.ts';
import { addNotice } from '../platform/db/notices.ts';
import type { Outbox } from '../platform/db/outbox.ts';
import type { Patience } from '../platform/patience.ts';
import type { Log } from '../platform/telemetry/log.ts';
import { book } from './ledger.ts';
import { type ProviderPayment, ProviderUnavailable } from './providers/provider.ts';
import { hear, type Intent, isFinal, type Source } from './rules.ts';
import { appendChange, type PaymentRow, readPayout, type Trx, updatePayment, wakeWorker } from './store.ts';

export interface Changing {
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Log;
  /** How long the provider may be silent about a payment that nobody has finished, before it is asked. */
  readonly askAfterMs: number;
  readonly patience: Patience;
}

const longestAskMs = 5 * 60_000;
const authorizedAskMs = 10 * 60_000;
const pauses = { firstMs: 200, longestMs: 60_000 };
/** Nothing has been tried yet of what is wanted now. */
export const untried = { attempts: 0, failures: 0, tried_since: null, last_error: null } as const;

/** Applies what the provider says to a locked payment. Old news, and news heard before, change nothing. */
export async function applyWord(
  trx: Trx,
  payment: PaymentRow,
  word: ProviderPayment,
  source: Source,
  changing: Changing,
): Promise<PaymentRow> {
  assertSame(payment, word);
  const { path, intent: heardIntent } = hear(payment.status, payment.intent, word.status, source);
  let row = payment;
  for (const status of path) row = await moveTo(trx, row, status, reasonOf(row, status, word), changing);
  const refund = await bookRefund(trx, row, word.refunded, changing);
  row = refund.payment;
  const isEnough = row.intent_amount !== null && row.refunded_amount >= row.intent_amount;
  const intent = heardIntent === 'refund' && isEnough ? null : heardIntent;
  const isNew = intent !== payment.intent;
  if (isNew && intent) {
    changing.log.warn('payment.unwanted', { payment_id: row.id, status: row.status, provider_status: word.status });
    await wakeWorker(trx);
  }
  const heard = await updatePayment(trx, row, {
    provider_id: word.providerId,
    intent,
    ...(intent === null ? { intent_amount: null } : {}),
    due_at: nextDue({ ...row, intent }, isNew, changing),
    ...(isNew ? untried : {}),
  });
  const over = intent === null && (payment.intent !== null || isFinal(heard.status));
  if (refund.isLoss)
    return attend(trx, heard, 'refund: given back at the provider after the seller earned it', changing);
  return over ? attend(trx, heard, null, changing) : heard;
}

/** The provider's books say how much of a payment is back with the buyer, whoever gave it. It never gets less. */
async function bookRefund(
  trx: Trx,
  payment: PaymentRow,
  refunded: number,
  { clock, log }: Changing,
): Promise<{ readonly payment: PaymentRow; readonly isLoss: boolean }> {
  const { id, status, refunded_amount: before } = payment;
  // What was never captured here is not in our books.
  if (refunded <= before || (status !== 'captured' && status !== 'refunded')) return { payment, isLoss: false };
  const isEarned = (await readPayout(trx, id)) !== undefined;
  const row = await updatePayment(trx, payment, { refunded_amount: refunded, updated_at: clock.now() });
  const booking = { kind: 'refunded', amount: refunded - before, reaches: refunded, isEarned } as const;
  await book(trx, row, booking, clock.now());
  log.info('payment.refunded', { payment_id: id, amount: booking.amount, currency: payment.currency });
  return { payment: row, isLoss: isEarned };
}

/** Calls a person, or says that nobody is needed any more. */
export async function attend(
  trx: Trx,
  payment: PaymentRow,
  why: string | null,
  { outbox, clock, log }: Changing,
): Promise<PaymentRow> {
  if (payment.attention === why) return payment;
  const version = payment.attention_version + 1;
  const row = await updatePayment(trx, payment, { attention: why, attention_version: version });
  const { id: payment_id, order_id } = row;
  const at = clock.now().toISOString();
  await outbox.add(trx, 'payment.attention', order_id, { payment_id, order_id, why, at, version });
  if (why !== null) log.error('payment.needs_attention', { payment_id, order_id, why });
  return row;
}

/** One change, told once: the version is part of the event. */
export async function moveTo(
  trx: Trx,
  payment: PaymentRow,
  status: PaymentStatus,
  reason: string | null,
  { outbox, clock, log }: Changing,
): Promise<PaymentRow> {
  const now = clock.now();
  const changed = await updatePayment(trx, payment, {
    status,
    reason,
    attempts: 0,
    failures: 0,
    tried_since: null,
    updated_at: now,
    version: payment.version + 1,
  });
  await tell(trx, changed, payment.status, outbox, now);
  if (status === 'captured') await book(trx, changed, { kind: status }, now);
  if (status === 'failed') {
    const parameters = {
      ad_title: changed.description,
      total_amount: String(changed.amount),
      total_currency: changed.currency,
      reason: reason ?? '',
    };
    const id = `${changed.id}:payment_failed`;
    const kind = 'payment_failed';
    await addNotice(
      trx,
      'payments',
      { id, userId: changed.buyer_id, kind, orderId: changed.order_id, parameters },
      now,
    );
  }
  log.info('payment.status_changed', { payment_id: changed.id, from: payment.status, to: status, reason });
  return changed;
}

/** The history's line and the event of the payment's present status. */
export async function tell(
  trx: Trx,
  payment: PaymentRow,
  previous: PaymentStatus | null,
  outbox: Outbox,
  at: Date,
): Promise<void> {
  await appendChange(trx, payment, at);
  await outbox.add(trx, 'payment.status_changed', payment.order_id, {
    payment_id: payment.id,
    order_id: payment.order_id,
    buyer_id: payment.buyer_id,
    status: payment.status,
    previous_status: previous,
    amount: { amount: payment.amount, currency: payment.currency },
    reason: payment.reason,
    at: at.toISOString(),
    version: payment.version,
  });
}

/** When the worker looks again, or null when nothing can follow. */
export function nextDue(
  { status, intent, attempts }: { status: PaymentStatus; intent: Intent | null; attempts: number },
  atOnce: boolean,
  { clock, askAfterMs }: Pick<Changing, 'clock' | 'askAfterMs'>,
): Date | null {
  const after = (ms: number): Date => new Date(clock.now().getTime() + ms);
  if (intent) return after(atOnce ? 0 : pauseMs(attempts));
  // Webhooks get lost, and an authorisation may run out without one.
  if (status === 'in_progress') return after(Math.min(longestAskMs, askAfterMs * 1.5 ** Math.min(attempts, 20)));
  if (status === 'authorized') return after(authorizedAskMs);
  return null;
}

/** Between tries. */
export const pauseMs = (attempts: number): number => backoffMs(attempts, pauses);

function reasonOf(payment: PaymentRow, status: PaymentStatus, word: ProviderPayment): string | null {
  switch (status) {
    case 'failed':
      return word.reason ?? word.status;
    case 'voided':
      return payment.intent_reason ?? word.reason ?? 'expired';
    case 'refunded':
      return payment.intent_reason ?? word.reason;
    case 'in_progress':
    case 'authorized':
    case 'captured':
      return null;
    default:
      return status satisfies never;
  }
}

/** A word about other money, or about another registration, is no word about this payment. */
function assertSame(payment: PaymentRow, word: ProviderPayment): void {
  const { amount, currency } = word.amount;
  // Were it believed, this payment would be registered as another one, and captured or given back in its place.
  if (word.reference !== payment.id) {
    throw new ProviderUnavailable(`asked about payment ${payment.id} the provider answers about ${word.reference}`);
  }
  if (payment.provider_id !== null && payment.provider_id !== word.providerId) {
    throw new Error(`payment ${payment.id} is registered as ${payment.provider_id}, not ${word.providerId}`);
  }
  if (amount !== payment.amount || currency !== payment.currency) {
    throw new Error(`the provider says ${amount} ${currency} of payment ${payment.id}`);
  }
}
