// What payments does: takes the money of orders, gives it back, or pays it to sellers.
import type { Money, OrderId, PaymentId, UserId } from '../../contracts/common.ts';
import { ProblemError } from '../../contracts/problem.ts';
import type { Watchers } from '../platform/db/watchers.ts';
import { extractTrace, injectTrace, inSpan } from '../platform/telemetry/tracing.ts';
import { type CarryingOut, carryOut, carryOutPayout, leaseMs } from './carrying-out.ts';
import { applyWord, attend, tell, untried } from './changes.ts';
import { book } from './ledger.ts';
import { type PaymentProvider, ProviderRefusal, ProviderUnavailable } from './providers/provider.ts';
import { type Answer, answerTo, givesPart, isFinal } from './rules.ts';
import { sharesOf } from './shares.ts';
import type { PaymentRow, PayoutRow } from './store.ts';
import * as store from './store.ts';

export interface PaymentsOptions extends CarryingOut {
  readonly watchers: Watchers;
  /** Who gets new payments in a currency. */
  readonly preferred: (currency: string) => string | null;
  /** The platform's fee, in hundredths of a per cent of the price. */
  readonly feeBasisPoints: number;
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
  const other = await store.readPaymentOfOrder(options.db, request.orderId);
  if (other && other.id !== request.paymentId) {
    throw new ProblemError('conflict', { detail: 'This order has another payment' });
  }
  if (!other) await begin(options, request);
  const payment = await read(options, request.paymentId);
  assertSameRequest(payment, request);
  if (payment.confirmation_url || payment.status !== 'in_progress') return payment;
  return (await orUnavailable(carryOut(options, payment))).payment;
}

/** The provider that gets new payments in this currency. */
export function providerFor({ providers, preferred }: PaymentsOptions, currency: string): PaymentProvider {
  const name = preferred(currency);
  const provider = name === null ? undefined : providers.get(name);
  if (!provider) throw new ProblemError('payment-unavailable', { detail: `No payment provider takes ${currency}` });
  return provider;
}

/** The row, with the provider and the fee of this moment: the payment keeps both, whatever is configured later. */
async function begin(options: PaymentsOptions, request: NewPayment): Promise<void> {
  const { db, clock, outbox } = options;
  const { amount, sellerAmount } = request;
  const provider = providerFor(options, amount.currency);
  const step = provider.step(amount.currency);
  assertMovable({ amount, sellerAmount }, step);
  const trace: Record<string, string> = {};
  injectTrace(trace);
  const now = clock.now();
  const fresh = {
    id: request.paymentId,
    order_id: request.orderId,
    buyer_id: request.buyerId,
    seller_id: request.sellerId,
    provider: provider.name,
    provider_id: null,
    status: 'in_progress',
    amount: amount.amount,
    seller_amount: sellerAmount.amount,
    refunded_amount: 0,
    fee_basis_points: options.feeBasisPoints,
    amount_step: step,
    currency: amount.currency,
    description: request.description,
    return_url: request.returnUrl,
    confirmation_url: null,
    reason: null,
    intent: null,
    intent_reason: null,
    intent_amount: null,
    due_at: new Date(now.getTime() + leaseMs),
    ...untried,
    refusals: 0,
    attention: null,
    attention_version: 0,
    version: 1,
    created_at: now,
    updated_at: now,
  } satisfies Omit<PaymentRow, 'trace'>;
  await db.transaction().execute(async (trx) => {
    if (await store.insertPayment(trx, fresh, trace)) await tell(trx, { ...fresh, trace }, null, outbox, now);
  });
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
      const asked = answerTo[intent](locked.status, locked.intent);
      const answer = asked === 'do' && intent === 'refund' && givesPart(locked) ? 'later' : asked;
      if (answer !== 'do') return { answer, payment: locked };
      if (intent === 'refund' && (await store.readPayout(trx, id))) {
        throw new ProblemError('conflict', { detail: 'The seller has been paid' });
      }
      const due_at = new Date(clock.now().getTime() + leaseMs);
      if (locked.intent === intent) return { answer, payment: await store.updatePayment(trx, locked, { due_at }) };
      const change = { intent, intent_amount: null, intent_reason: reason, due_at, ...untried };
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
    const answer = givesPart(payment) ? 'later' : answerTo.payOut(payment.status, payment.intent);
    if (answer === 'later') {
      throw new ProblemError('request-in-progress', { detail: 'An earlier decision is being carried out' });
    }
    if (answer !== 'do')
      throw new ProblemError('conflict', { detail: `The payment is ${payment.intent ?? payment.status}` });
    const now = clock.now();
    const isNamed = await knowsWhereTo(trx, payment, options);
    const payout = await trx
      .insertInto('payouts')
      .values({
        payment_id: id,
        seller_id: payment.seller_id,
        amount: sharesOf(payment).seller,
        currency: payment.currency,
        status: isNamed ? 'pending' : 'waiting',
        provider_id: null,
        ...untried,
        refusals: 0,
        due_at: isNamed ? new Date(now.getTime() + leaseMs) : null,
        created_at: now,
        paid_at: null,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    await book(trx, payment, { kind: 'earned' }, now);
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

/** Where the provider can't know whom to pay, the money stays with us until the seller says where it goes. */
async function knowsWhereTo(trx: store.Trx, payment: PaymentRow, { providers }: PaymentsOptions): Promise<boolean> {
  const provider = providers.get(payment.provider);
  if (!provider || provider.pays.length === 0) return true;
  return (await store.readDestination(trx, payment.seller_id, provider.name)) !== null;
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
    if (payout && payout.status !== 'paid' && payout.status !== 'waiting')
      await store.updatePayout(trx, id, { ...untried, due_at });
    else await store.updatePayment(trx, payment, { ...untried, due_at });
    await store.wakeWorker(trx);
  });

/** A person takes over: nothing is tried any more. What the ledger says is owed stays owed there. */
export const giveUp = (options: PaymentsOptions, id: PaymentId, version: number): Promise<Attention> =>
  decideOnStuck(options, id, version, async (trx, payment) => {
    const payout = await store.readPayout(trx, id);
    if (payout) await store.updatePayout(trx, id, { due_at: null });
    await store.updatePayment(trx, payment, { intent: null, intent_amount: null, due_at: null });
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
  const event = await orUnavailable(heardBy(provider, headers, body, options.clock.now()));
  if (!event) return;
  const { eventId, payment: word } = event;
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

/** What it tells of may be unknown to its own API: then it is unknown to us, too. */
async function heardBy(provider: PaymentProvider, headers: Headers, body: Uint8Array, now: Date) {
  try {
    return await provider.hearWebhook(headers, body, now);
  } catch (error) {
    if (!(error instanceof ProviderRefusal)) throw error;
    throw new ProblemError('not-found', { detail: 'The provider knows no such payment', cause: error });
  }
}

const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

const unavailable = (cause?: unknown): ProblemError =>
  new ProblemError('payment-unavailable', { cause, headers: { 'retry-after': '2' } });

export async function orUnavailable<Result>(call: Promise<Result>): Promise<Result> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ProviderUnavailable) throw unavailable(error);
    if (!(error instanceof ProviderRefusal)) throw error;
    throw new ProblemError('internal', { detail: `The provider refused: ${error.message}`, cause: error });
  }
}

/** Rounding is nobody's to decide: what the provider can't move exactly is not sold through it. */
function assertMovable(amounts: Readonly<Record<string, Money>>, step: number): void {
  const errors = Object.entries(amounts).flatMap(([field, { amount, currency }]) =>
    amount % step === 0 ? [] : [{ field: `${field}.amount`, message: `must be a multiple of ${step} in ${currency}` }],
  );
  if (errors.length > 0) throw new ProblemError('invalid-field', { errors });
}

/** A payment id belongs to one request for ever. */
function assertSameRequest(payment: PaymentRow, request: NewPayment): void {
  const same =
    payment.order_id === request.orderId &&
    payment.buyer_id === request.buyerId &&
    payment.seller_id === request.sellerId &&
    payment.amount === request.amount.amount &&
    payment.seller_amount === request.sellerAmount.amount &&
    payment.currency === request.amount.currency;
  if (!same) throw new ProblemError('idempotency-key-reused', { detail: 'This payment was started with other values' });
}
