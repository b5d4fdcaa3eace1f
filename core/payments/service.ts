// What payments does: takes the money of orders, gives it back, or pays it to sellers.
import type { Money, OrderId, PaymentId, UserId } from '../../contracts/common.ts';
import { ProblemError } from '../../contracts/problem.ts';
import type { Watchers } from '../platform/db/watchers.ts';
import { extractTrace, injectTrace, inSpan } from '../platform/telemetry/tracing.ts';
import { type CarryingOut, carryOut, carryOutPayout, leaseMs } from './carrying-out.ts';
import { applyWord, attend, tell, untried } from './changes.ts';
import { book } from './ledger.ts';
import { ProviderRefusal, ProviderUnavailable } from './providers/provider.ts';
import { type Answer, answerTo, isFinal } from './rules.ts';
import type { PaymentRow, PayoutRow } from './store.ts';
import * as store from './store.ts';

export interface PaymentsOptions extends CarryingOut {
  readonly watchers: Watchers;
  /** Who gets new payments. */
  readonly defaultProvider: string | null;
}

export interface NewPayment {
  readonly paymentId: PaymentId;
  readonly orderId: OrderId;
  readonly buyerId: UserId;
  readonly sellerId: UserId;
  readonly amount: Money;
  readonly sellerAmount: Money;
  readonly description: string;
  readonly returnUrl: string;
}

/**
 * The payment with the page to pay on. The row comes first, then the provider is told, then its answer is kept: repeated
 * calls go on from wherever an earlier one ended, since the provider knows the payment by a key made of its id.
 */
export async function startPayment(options: PaymentsOptions, request: NewPayment): Promise<PaymentRow> {
  const { db, clock, outbox, defaultProvider } = options;
  if (defaultProvider === null) {
    throw new ProblemError('payment-unavailable', { detail: 'No payment provider is configured' });
  }
  const trace: Record<string, string> = {};
  injectTrace(trace);
  const now = clock.now();
  const { amount, sellerAmount } = request;
  const fresh = {
    id: request.paymentId,
    order_id: request.orderId,
    buyer_id: request.buyerId,
    seller_id: request.sellerId,
    provider: defaultProvider,
    provider_id: null,
    status: 'in_progress',
    amount: amount.amount,
    seller_amount: sellerAmount.amount,
    currency: amount.currency,
    description: request.description,
    return_url: request.returnUrl,
    confirmation_url: null,
    reason: null,
    intent: null,
    intent_reason: null,
    due_at: new Date(now.getTime() + leaseMs),
    ...untried,
    refusals: 0,
    attention: null,
    attention_version: 0,
    version: 1,
    created_at: now,
    updated_at: now,
  } satisfies Omit<PaymentRow, 'trace'>;
  const other = await store.readPaymentOfOrder(db, request.orderId);
  if (other && other.id !== request.paymentId) {
    throw new ProblemError('conflict', { detail: 'This order has another payment' });
  }
  if (!other) {
    await db.transaction().execute(async (trx) => {
      if (await store.insertPayment(trx, fresh, trace)) await tell(trx, { ...fresh, trace }, null, outbox, now);
    });
  }
  const payment = await read(options, request.paymentId);
  assertSameRequest(payment, fresh);
  if (payment.confirmation_url || payment.status !== 'in_progress') return payment;
  return (await orUnavailable(carryOut(options, payment))).payment;
}

export const capture = (options: PaymentsOptions, id: PaymentId): Promise<PaymentRow> =>
  decide(options, id, 'capture', null);

/** Also of a pending payment: the provider then takes no money for it any more. */
export const voidPayment = (options: PaymentsOptions, id: PaymentId, reason: string | null): Promise<PaymentRow> =>
  decide(options, id, 'void', reason);

export const refund = (options: PaymentsOptions, id: PaymentId, reason: string | null): Promise<PaymentRow> =>
  decide(options, id, 'refund', reason);

/** Writes the decision down, then has the provider do it. From then on it happens, whoever waits for the answer. */
async function decide(
  options: PaymentsOptions,
  id: PaymentId,
  intent: 'capture' | 'void' | 'refund',
  reason: string | null,
): Promise<PaymentRow> {
  const { db, clock } = options;
  const decideOnce = (): Promise<{ answer: Answer; payment: PaymentRow }> =>
    db.transaction().execute(async (trx) => {
      const locked = await store.lockPayment(trx, id);
      if (!locked) throw new ProblemError('not-found', { detail: 'There is no such payment' });
      const answer = answerTo[intent](locked.status, locked.intent);
      if (answer !== 'do') return { answer, payment: locked };
      if (intent === 'refund' && (await store.readPayout(trx, id))) {
        throw new ProblemError('conflict', { detail: 'The seller has been paid' });
      }
      const due_at = new Date(clock.now().getTime() + leaseMs);
      if (locked.intent === intent) return { answer, payment: await store.updatePayment(trx, locked, { due_at }) };
      const change = { intent, intent_reason: reason, due_at, ...untried };
      return { answer, payment: await store.updatePayment(trx, locked, change) };
    });

  let decided = await decideOnce();
  if (decided.answer === 'later') {
    await orUnavailable(carryOut(options, decided.payment));
    decided = await decideOnce();
  }
  if (decided.answer === 'done') return decided.payment;
  if (decided.answer === 'never') {
    throw new ProblemError('conflict', { detail: `The payment is ${decided.payment.status}` });
  }
  if (decided.answer === 'later') {
    throw new ProblemError('request-in-progress', { detail: 'An earlier decision is being carried out' });
  }
  const { payment, refusal } = await orUnavailable(carryOut(options, decided.payment));
  const answer = answerTo[intent](payment.status, payment.intent);
  if (answer === 'done') return payment;
  if (answer === 'never' || (intent === 'capture' && refusal !== null)) {
    throw new ProblemError('conflict', { detail: refusal ?? `The payment is ${payment.status}` });
  }
  // It stays decided, and the worker goes on; but who asked should know that there was an answer.
  throw refusal === null ? unavailable() : new ProblemError('internal', { detail: `The provider refused: ${refusal}` });
}

/** The seller's share of a captured payment, once. It is theirs from here on, however long the payout takes. */
export async function payOut(options: PaymentsOptions, id: PaymentId): Promise<PaymentRow> {
  const { db, clock } = options;
  const owed = await db.transaction().execute(async (trx) => {
    const payment = await store.lockPayment(trx, id);
    if (!payment) throw new ProblemError('not-found', { detail: 'There is no such payment' });
    const known = await store.readPayout(trx, id);
    if (known) return { payment, payout: known.status === 'failed' ? await payAgain(trx, known, options) : known };
    const answer = answerTo.payOut(payment.status, payment.intent);
    if (answer === 'later') throw new ProblemError('request-in-progress', { detail: 'The capture is under way' });
    if (answer !== 'do')
      throw new ProblemError('conflict', { detail: `The payment is ${payment.intent ?? payment.status}` });
    const now = clock.now();
    const payout = await trx
      .insertInto('payouts')
      .values({
        payment_id: id,
        seller_id: payment.seller_id,
        amount: payment.seller_amount,
        currency: payment.currency,
        status: 'pending',
        provider_id: null,
        ...untried,
        refusals: 0,
        due_at: new Date(now.getTime() + leaseMs),
        created_at: now,
        paid_at: null,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    await book(trx, payment, 'earned', now);
    return { payment, payout };
  });
  const { payment, payout } = owed;
  const carried =
    payout.status === 'pending'
      ? await orUnavailable(carryOutPayout(options, payment, payout, { unattended: false }))
      : payout;
  if (carried.status === 'failed') {
    throw new ProblemError('conflict', { detail: `The provider refused the payout: ${carried.last_error ?? ''}` });
  }
  return payment;
}

/** A payout that the provider has refused is begun anew by whoever asks for it once more. */
const payAgain = (trx: store.Trx, { payment_id }: PayoutRow, { clock }: PaymentsOptions): Promise<PayoutRow> =>
  store.updatePayout(trx, payment_id, {
    status: 'pending',
    provider_id: null,
    ...untried,
    due_at: new Date(clock.now().getTime() + leaseMs),
  });

export interface Attention {
  readonly why: string | null;
  readonly version: number;
}

/** Tries again what is stuck, as if for the first time. */
export const retry = (options: PaymentsOptions, id: PaymentId, version: number): Promise<Attention> =>
  decideOnStuck(options, id, version, async (trx, payment) => {
    const due_at = options.clock.now();
    const payout = await store.readPayout(trx, id);
    if (payout?.status === 'failed') await payAgain(trx, payout, options);
    if (payout && payout.status !== 'paid') await store.updatePayout(trx, id, { ...untried, due_at });
    else await store.updatePayment(trx, payment, { ...untried, due_at });
    await store.wakeWorker(trx);
  });

/** A person takes over: nothing is tried any more. What the ledger says is owed stays owed there. */
export const giveUp = (options: PaymentsOptions, id: PaymentId, version: number): Promise<Attention> =>
  decideOnStuck(options, id, version, async (trx, payment) => {
    const payout = await store.readPayout(trx, id);
    if (payout) await store.updatePayout(trx, id, { due_at: null });
    await store.updatePayment(trx, payment, { intent: null, due_at: null });
  });

/** A decision about one call for a person; once that is over, deciding about it is no error and changes nothing. */
async function decideOnStuck(
  options: PaymentsOptions,
  id: PaymentId,
  version: number,
  decision: (trx: store.Trx, payment: PaymentRow) => Promise<void>,
): Promise<Attention> {
  return options.db.transaction().execute(async (trx) => {
    const payment = await store.lockPayment(trx, id);
    if (!payment) throw new ProblemError('not-found', { detail: 'There is no such payment' });
    if (payment.attention === null) return attentionOf(payment);
    if (payment.attention_version !== version) {
      throw new ProblemError('conflict', { detail: `It is stuck for another reason now: ${payment.attention}` });
    }
    await decision(trx, payment);
    return attentionOf(await attend(trx, payment, null, options));
  });
}

const attentionOf = ({ attention, attention_version }: PaymentRow): Attention => ({
  why: attention,
  version: attention_version,
});

export async function read({ db }: Pick<PaymentsOptions, 'db'>, id: PaymentId): Promise<PaymentRow> {
  const payment = await store.readPayment(db, id);
  if (!payment) throw new ProblemError('not-found', { detail: 'There is no such payment' });
  return payment;
}

/** The present state (with `after` 0), then each change in order, until nothing can follow. */
export async function* watch(
  options: PaymentsOptions,
  id: PaymentId,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<PaymentRow> {
  let present = await read(options, id);
  let version = after;
  if (after === 0) {
    version = present.version;
    yield present;
  }
  while (!(isFinal(present.status) && present.version <= version)) {
    await options.watchers.changed(id, version, signal);
    present = await read(options, id);
    for (const change of await store.readChanges(options.db, id, version)) {
      version = change.version;
      yield { ...present, ...change };
    }
  }
}

/**
 * What a provider tells. An unknown payment is refused with 404, so that the provider tells it again: rows are written
 * before the provider hears of them, but a copy of the database may lag, and a wrong address should be noticed.
 */
export async function hearWebhook(
  options: PaymentsOptions,
  name: string,
  headers: Headers,
  body: Uint8Array,
): Promise<void> {
  const provider = options.providers.get(name);
  if (!provider) throw new ProblemError('not-found', { detail: 'There is no such provider' });
  const { eventId, payment: word } = provider.parseWebhook(headers, body, options.clock.now());
  const known = isUuid(word.reference) ? await store.readPayment(options.db, word.reference) : undefined;
  if (!known || known.provider !== name) throw new ProblemError('not-found', { detail: 'There is no such payment' });
  // Webhooks carry no trace, the purchase does.
  await inSpan('payments webhook', { parent: extractTrace(known.trace) }, () =>
    options.db.transaction().execute(async (trx) => {
      const payment = await store.lockPayment(trx, known.id);
      if (!payment) throw new Error(`payment ${known.id} vanished`);
      const isNews = await store.recordProviderEvent(trx, {
        provider: name,
        event_id: eventId,
        payment_id: payment.id,
        status: word.status,
        received_at: options.clock.now(),
      });
      if (isNews) await applyWord(trx, payment, word, 'webhook', options);
    }),
  );
}

const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

const unavailable = (cause?: unknown): ProblemError =>
  new ProblemError('payment-unavailable', { cause, headers: { 'retry-after': '2' } });

async function orUnavailable<Result>(call: Promise<Result>): Promise<Result> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ProviderUnavailable) throw unavailable(error);
    if (!(error instanceof ProviderRefusal)) throw error;
    throw new ProblemError('internal', { detail: `The provider refused: ${error.message}`, cause: error });
  }
}

/** A payment id belongs to one request for ever. */
function assertSameRequest(payment: PaymentRow, asked: Omit<PaymentRow, 'trace'>): void {
  const same = (['order_id', 'buyer_id', 'seller_id', 'amount', 'seller_amount', 'currency'] as const).every(
    (field) => payment[field] === asked[field],
  );
  if (!same) throw new ProblemError('idempotency-key-reused', { detail: 'This payment was started with other values' });
}
