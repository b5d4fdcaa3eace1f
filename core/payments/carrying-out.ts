// What payments wants from the provider, done outside of transactions and as often as it takes.
import type { Kysely } from 'kysely';
import type { DatabaseProvider } from '../platform/db/database.ts';
import { type Loop, startLoop } from '../platform/loop.ts';
import { extractTrace, inSpan } from '../platform/telemetry/tracing.ts';
import { applyWord, type Changing, moveTo, nextDue, pauseMs } from './changes.ts';
import { book } from './ledger.ts';
import {
  type PaymentProvider,
  type ProviderPayment,
  type ProviderPayout,
  ProviderRefusal,
} from './providers/provider.ts';
import {
  lockPayment,
  type PaymentRow,
  type PaymentsTables,
  type PayoutRow,
  readPayout,
  takeDuePayments,
  takeDuePayouts,
  updatePayment,
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
const attemptsBeforeAttention = 10;

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
    if (refusal === null || heard.intent === null || heard.intent !== payment.intent)
      return { payment: heard, refusal };
    options.log.error('payment.refused_by_provider', { payment_id: heard.id, intent: heard.intent, refusal });
    // A capture that is refused stays refused. Money that is owed to the buyer stays owed.
    const intent = heard.intent === 'capture' ? null : heard.intent;
    const due_at = nextDue({ ...heard, intent }, false, options);
    return { payment: await updatePayment(trx, heard.id, { intent, due_at, last_error: refusal }), refusal };
  });
}

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
      await updatePayment(trx, id, { confirmation_url: created.confirmationUrl });
      return applyWord(trx, { ...locked, confirmation_url: created.confirmationUrl }, created, 'answer', options);
    });
  } catch (error) {
    if (!(error instanceof ProviderRefusal)) throw error;
    const { message } = error;
    return options.db.transaction().execute(async (trx) => {
      const locked = await relock(trx, payment);
      if (locked.status !== 'in_progress') return locked;
      options.log.error('payment.registration_refused', { payment_id: id, refusal: message });
      const failed = await moveTo(trx, locked, 'failed', 'provider_refused', options);
      return updatePayment(trx, failed.id, { intent: null, due_at: null, last_error: message });
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
      return provider.capture(providerId, amount, `${id}:capture`);
    case 'void':
      return provider.void(providerId, `${id}:void`);
    case 'refund':
      return provider.refund(providerId, amount, `${id}:refund`);
    case 'return': {
      // Our news may be old: how is it really?
      const now = await provider.get(providerId);
      if (now.status === 'pending' || now.status === 'authorized')
        return provider.void(providerId, `${id}:return:void`);
      if (now.status === 'captured') return provider.refund(providerId, amount, `${id}:return:refund`);
      return now;
    }
    default:
      return intent satisfies never;
  }
}

/** Pays the seller, or asks how the payout is that the provider has begun. */
export async function carryOutPayout(options: CarryingOut, payment: PaymentRow, payout: PayoutRow): Promise<PayoutRow> {
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
            idempotencyKey: `${id}:payout`,
            reference: id,
            sellerId,
            amount: { amount, currency },
          });
    }
  } catch (error) {
    if (!(error instanceof ProviderRefusal)) throw error;
    refusal = error.message;
  }
  const status = refusal === null ? (word?.status ?? 'paid') : 'failed';
  return options.db.transaction().execute(async (trx) => {
    await lockPayment(trx, id);
    const before = await readPayout(trx, id);
    if (before?.status !== 'pending') return before ?? payout;
    const now = options.clock.now();
    if (status === 'paid') await book(trx, payment, 'paid_out', now);
    if (status === 'failed') options.log.error('payout.failed', { payment_id: id, refusal });
    return trx
      .updateTable('payouts')
      .set({
        status,
        provider_id: word?.payoutId ?? before.provider_id,
        last_error: refusal,
        due_at: status === 'pending' ? new Date(now.getTime() + pauseMs(before.attempts)) : null,
        paid_at: status === 'paid' ? now : null,
      })
      .where('payment_id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow();
  });
}

/** Does what crashed or unanswered calls left, and asks about payments that the provider is silent about. */
export function startWorkLoop(options: CarryingOut): Promise<Loop> {
  const { db, databases, clock, log } = options;

  const attempt = async (
    kind: 'payments' | 'payouts',
    row: PaymentRow,
    attempts: number,
    work: () => Promise<unknown>,
  ) => {
    try {
      await inSpan(`payments ${row.intent ?? 'ask'}`, { parent: extractTrace(row.trace) }, work);
    } catch (error) {
      const fields = { payment_id: row.id, intent: row.intent, attempts, error };
      if (attempts >= attemptsBeforeAttention) log.error('payment.needs_attention', fields);
      else log.warn('payment.postponed', fields);
      const due_at = new Date(clock.now().getTime() + pauseMs(attempts));
      const last_error = error instanceof Error ? error.message : String(error);
      const postponed = { due_at, last_error };
      if (kind === 'payments')
        await db
          .updateTable('payments')
          .set(postponed)
          .where('id', '=', row.id)
          .where('due_at', 'is not', null)
          .execute();
      else
        await db
          .updateTable('payouts')
          .set(postponed)
          .where('payment_id', '=', row.id)
          .where('due_at', 'is not', null)
          .execute();
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
      await Promise.all(payments.map((row) => attempt('payments', row, row.attempts, () => carryOut(options, row))));
      const payouts = await takeDuePayouts(db, now, lease, atOnce);
      await Promise.all(
        payouts.map(async (payout) => {
          const row = await db
            .selectFrom('payments')
            .selectAll()
            .where('id', '=', payout.payment_id)
            .executeTakeFirstOrThrow();
          await attempt('payouts', row, payout.attempts, () => carryOutPayout(options, row, payout));
        }),
      );
      return payments.length === atOnce || payouts.length === atOnce;
    },
  });
}

function providerOf({ providers }: CarryingOut, { provider }: PaymentRow): PaymentProvider {
  const known = providers.get(provider);
  if (!known) throw new Error(`there is no provider ${provider}`);
  return known;
}

async function relock(trx: Parameters<typeof lockPayment>[0], { id }: PaymentRow): Promise<PaymentRow> {
  const locked = await lockPayment(trx, id);
  if (!locked) throw new Error(`payment ${id} vanished`);
  return locked;
}
