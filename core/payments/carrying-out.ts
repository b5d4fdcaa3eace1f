// What payments wants from the provider, done outside of transactions and as often as it takes.
import type { Kysely } from 'kysely';
import type { Money } from '../../contracts/common.ts';
import { ProblemError } from '../../contracts/problem.ts';
import type { DatabaseProvider } from '../platform/db/database.ts';
import { type Loop, startLoop } from '../platform/loop.ts';
import { isLate, isOver } from '../platform/patience.ts';
import { redactText } from '../platform/telemetry/redact.ts';
import { extractTrace, inSpan } from '../platform/telemetry/tracing.ts';
import { applyWord, attend, type Changing, moveTo, nextDue, pauseMs } from './changes.ts';
import { book } from './ledger.ts';
import {
  type PaymentProvider,
  type ProviderPayment,
  type ProviderPayout,
  ProviderRefusal,
  ProviderUnavailable,
} from './providers/provider.ts';
import { countsForPayout, type Intent } from './rules.ts';
import {
  lockPayment,
  type PaymentRow,
  type PaymentsTables,
  type PayoutRow,
  readDestination,
  readPayout,
  type Trx,
  takeDuePayments,
  takeDuePayouts,
  updatePayment,
  updatePayout,
  workChannel,
} from './store.ts';

export interface CarryingOut extends Changing {
  readonly db: Kysely<PaymentsTables>;
  readonly databases: DatabaseProvider;
  readonly providers: ReadonlyMap<string, PaymentProvider>;
}

export interface CarriedOut {
  readonly payment: PaymentRow;
  /** What the provider said when it refused what was asked for. */
  readonly refusal: string | null;
}

/** Longer than a caller waits for the provider: until then the worker leaves the payment alone. */
export const leaseMs = 15_000;
const atOnce = 8;

/**
 * Registers the payment where that is not known to have happened, then does what is intended, or just asks how it is.
 * Every call has an idempotency key made of the payment and the step, so doing it again, also from two places at once,
 * comes to the same. Throws `ProviderUnavailable` when there was no answer; the worker tries again.
 */
export async function carryOut(options: CarryingOut, begun: PaymentRow): Promise<CarriedOut> {
  const provider = providerOf(options, begun);
  const payment =
    begun.provider_id && (begun.confirmation_url || begun.status !== 'in_progress')
      ? begun
      : await register(options, provider, begun);
  const { provider_id: providerId } = payment;
  if (providerId === null || (payment !== begun && payment.intent === null)) return { payment, refusal: null };
  let refusal: string | null = null;
  let word: ProviderPayment;
  try {
    word = await ask(provider, providerId, payment);
  } catch (error) {
    if (!(error instanceof ProviderRefusal)) throw error;
    // Most refusals mean that it is in another state than we think.
    refusal = error.message;
    word = await provider.get(providerId);
  }
  return options.db.transaction().execute(async (trx) => {
    const locked = await relock(trx, payment);
    const heard = await applyWord(trx, locked, word, 'answer', options);
    if (refusal === null) return { payment: await answered(trx, heard, options), refusal };
    if (heard.intent === null || heard.intent !== payment.intent) return { payment: heard, refusal };
    options.log.error('payment.refused_by_provider', { payment_id: heard.id, intent: heard.intent, refusal });
    return { payment: await refused(trx, heard, heard.intent, refusal, options), refusal };
  });
}

/** The provider is there and knows the payment: whoever was called because of that may go. */
async function answered(trx: Trx, payment: PaymentRow, options: CarryingOut): Promise<PaymentRow> {
  if (payment.failures === 0 && payment.attention === null) return payment;
  const row = await updatePayment(trx, payment, { failures: 0, tried_since: null });
  // Once the seller is to be paid, a person who is called is called because of that.
  return row.intent === null && !(await readPayout(trx, row.id)) ? attend(trx, row, null, options) : row;
}

async function refused(
  trx: Trx,
  payment: PaymentRow,
  refusedIntent: Intent,
  refusal: string,
  options: CarryingOut,
): Promise<PaymentRow> {
  const now = options.clock.now();
  const failures = payment.failures + 1;
  // A capture that is refused stays refused, and its caller is told. Money that is owed to the buyer stays owed.
  const intent = refusedIntent === 'capture' ? null : refusedIntent;
  const over = intent !== null && isOver({ failures, since: payment.tried_since ?? now }, now, options.patience);
  const row = await updatePayment(trx, payment, {
    intent,
    failures,
    refusals: payment.refusals + 1,
    due_at: over ? null : nextDue({ ...payment, intent }, false, options),
    last_error: refusal,
  });
  return over ? attend(trx, row, `${intent}: ${refusal}`, options) : row;
}

/** The same for the same request, also from two places at once; another one once the provider has said no. */
const keyOf = (id: string, step: string, { refusals }: { readonly refusals: number }): string =>
  refusals === 0 ? `${id}:${step}` : `${id}:${step}:${refusals}`;

async function register(options: CarryingOut, provider: PaymentProvider, payment: PaymentRow): Promise<PaymentRow> {
  const { id, amount, currency, description, return_url: returnUrl } = payment;
  try {
    const created = await provider.createPayment({
      idempotencyKey: `${id}:create`,
      reference: id,
      amount: { amount, currency },
      description,
      returnUrl,
    });
    return await options.db.transaction().execute(async (trx) => {
      // The buyer may have paid, and the webhook been heard, before we got here.
      const locked = await relock(trx, payment);
      const registered = await updatePayment(trx, locked, { confirmation_url: created.confirmationUrl });
      return applyWord(trx, registered, created, 'answer', options);
    });
  } catch (error) {
    if (!(error instanceof ProviderRefusal)) throw error;
    const { message } = error;
    return options.db.transaction().execute(async (trx) => {
      const locked = await relock(trx, payment);
      if (locked.status !== 'in_progress') return locked;
      options.log.error('payment.registration_refused', { payment_id: id, refusal: message });
      const failed = await moveTo(trx, locked, 'failed', 'provider_refused', options);
      const over = await updatePayment(trx, failed, { intent: null, due_at: null, last_error: message });
      // A final answer: whoever was called because there was none may go.
      return attend(trx, over, null, options);
    });
  }
}

async function ask(provider: PaymentProvider, providerId: string, payment: PaymentRow): Promise<ProviderPayment> {
  const { id, intent } = payment;
  const amount = { amount: payment.amount, currency: payment.currency };
  switch (intent) {
    case null:
      return provider.get(providerId);
    case 'capture':
      return provider.capture(providerId, amount, keyOf(id, 'capture', payment));
    case 'void':
      return provider.void(providerId, keyOf(id, 'void', payment));
    case 'refund': {
      const reaches = payment.intent_amount ?? payment.amount;
      return provider.refund(providerId, left(payment, reaches), refundKey(payment, 'refund', reaches));
    }
    case 'return': {
      // Our news may be old: how is it really?
      const now = await provider.get(providerId);
      if (now.status === 'pending' || now.status === 'authorized')
        return provider.void(providerId, keyOf(id, 'return:void', payment));
      if (now.status === 'captured') {
        const rest = { ...payment, refunded_amount: now.refunded };
        return provider.refund(
          providerId,
          left(rest, payment.amount),
          refundKey(rest, 'return:refund', payment.amount),
        );
      }
      return now;
    }
    default:
      return intent satisfies never;
  }
}

const left = ({ refunded_amount, currency }: PaymentRow, reaches: number): Money => ({
  amount: reaches - refunded_amount,
  currency,
});

/** Another one for each part of the money. */
const refundKey = (payment: PaymentRow, step: string, reaches: number): string =>
  payment.refunded_amount === 0 && reaches === payment.amount
    ? keyOf(payment.id, step, payment)
    : keyOf(payment.id, `${step}:${payment.refunded_amount}-${reaches}`, payment);

/**
 * Pays the seller, or asks how the payout is that the provider has begun. When it has failed a person is called, unless
 * somebody waits for the answer: that is so before anybody was told that it had begun.
 */
export async function carryOutPayout(
  options: CarryingOut,
  payment: PaymentRow,
  payout: PayoutRow,
  { unattended }: { readonly unattended: boolean },
): Promise<PayoutRow> {
  const provider = providerOf(options, payment);
  const { payment_id: id, seller_id: sellerId, amount, currency } = payout;
  let word: ProviderPayout | null = null;
  let refusal: string | null = null;
  try {
    // Nothing to pay is paid.
    if (amount > 0) {
      word = payout.provider_id
        ? await provider.getPayout(payout.provider_id)
        : await provider.payout({
            idempotencyKey: keyOf(id, 'payout', payout),
            reference: id,
            providerId: payment.provider_id ?? '',
            sellerId,
            destination: await readDestination(options.db, sellerId, provider.name),
            amount: { amount, currency },
          });
    }
  } catch (error) {
    // Who won't say how a payout is may have paid it.
    if (!(error instanceof ProviderRefusal) || payout.provider_id !== null) throw error;
    refusal = error.message;
  }
  const status = refusal === null ? (word?.status ?? 'paid') : 'failed';
  return options.db.transaction().execute(async (trx) => {
    const locked = await relock(trx, payment);
    const before = await readPayout(trx, id);
    if (!before || !countsForPayout(payout, before, status)) return before ?? payout;
    const now = options.clock.now();
    const last_error = refusal ?? (status === 'failed' ? 'the provider could not pay it' : null);
    if (status === 'paid') await book(trx, payment, { kind: 'paid_out', amount }, now);
    if (status === 'failed') options.log.error('payout.failed', { payment_id: id, refusal: last_error });
    const isWaitedFor = !unattended && before.provider_id === null;
    if (status === 'failed' && !isWaitedFor) await attend(trx, locked, `payout: ${last_error}`, options);
    else await attend(trx, locked, null, options);
    return updatePayout(trx, id, {
      status,
      provider_id: word?.payoutId ?? before.provider_id,
      // An answer, however long the payout takes: patience begins anew.
      failures: 0,
      tried_since: null,
      refusals: before.refusals + (status === 'failed' ? 1 : 0),
      last_error,
      due_at: status === 'pending' ? new Date(now.getTime() + pauseMs(before.attempts)) : null,
      paid_at: status === 'paid' ? now : null,
    });
  });
}

/** Does what crashed or unanswered calls left, and asks about payments that the provider is silent about. */
export function startWorkLoop(options: CarryingOut): Promise<Loop> {
  const { db, databases, clock, log } = options;

  const attempt = async (row: PaymentRow, payout: PayoutRow | null, work: () => Promise<unknown>): Promise<void> => {
    try {
      await inSpan(`payments ${row.intent ?? 'ask'}`, { parent: extractTrace(row.trace) }, work);
    } catch (error) {
      const { attempts } = payout ?? row;
      log.warn('payment.postponed', { payment_id: row.id, intent: row.intent, attempts, error });
      await postpone(options, row, payout !== null, error);
    }
  };

  return startLoop({
    name: 'payments.work',
    pollMs: 1_000,
    log,
    wake: (heard) => databases.listen(workChannel, heard),
    run: async () => {
      const now = clock.now();
      const lease = new Date(now.getTime() + leaseMs);
      const payments = await takeDuePayments(db, now, lease, atOnce);
      await Promise.all(payments.map((row) => attempt(row, null, () => carryOut(options, row))));
      const payouts = await takeDuePayouts(db, now, lease, atOnce);
      await Promise.all(
        payouts.map(async (payout) => {
          const row = await db
            .selectFrom('payments')
            .selectAll()
            .where('id', '=', payout.payment_id)
            .executeTakeFirstOrThrow();
          await attempt(row, payout, () => carryOutPayout(options, row, payout, { unattended: true }));
        }),
      );
      return payments.length === atOnce || payouts.length === atOnce;
    },
  });
}

/** After a try by the worker that failed: when the next one is, or that there is none and a person has to look. */
async function postpone(options: CarryingOut, row: PaymentRow, isPayout: boolean, error: unknown): Promise<void> {
  const { db, clock, patience } = options;
  const now = clock.now();
  const message = redactText(error instanceof Error ? error.message : String(error)).slice(0, 300);
  await db.transaction().execute(async (trx) => {
    const payment = await relock(trx, row);
    const work = isPayout ? await readPayout(trx, row.id) : payment;
    if (!work?.due_at) return;
    const failures = work.failures + (isSilence(error) ? 0 : 1);
    const trying = { failures, since: work.tried_since ?? now };
    // A question that nobody answers waits for better times; what is owed to people does not.
    const isOwed = isPayout || payment.intent !== null;
    const over = isOwed ? isOver(trying, now, patience) : failures >= patience.failures;
    // Orders waits for the rest of it, and calls somebody itself.
    const late = payment.intent === 'return' && isLate(trying, now, patience);
    const due_at = over ? null : new Date(now.getTime() + pauseMs(work.attempts));
    const change = { failures, due_at, last_error: message };
    const postponed = isPayout ? payment : await updatePayment(trx, payment, change);
    if (isPayout) await updatePayout(trx, row.id, change);
    const about = isPayout ? 'payout' : (payment.intent ?? 'ask');
    if (over || late) await attend(trx, postponed, `${about}: ${message}`, options);
  });
}

/** The provider was not there, or had no time. Anything else is an answer, also a bad one. */
const isSilence = (error: unknown): boolean =>
  error instanceof ProviderUnavailable || (error instanceof ProblemError && error.code === 'timeout');

function providerOf({ providers }: CarryingOut, { provider }: PaymentRow): PaymentProvider {
  const known = providers.get(provider);
  if (!known) throw new Error(`there is no provider ${provider}`);
  return known;
}

async function relock(trx: Trx, { id }: PaymentRow): Promise<PaymentRow> {
  const locked = await lockPayment(trx, id);
  if (!locked) throw new Error(`payment ${id} vanished`);
  return locked;
}
