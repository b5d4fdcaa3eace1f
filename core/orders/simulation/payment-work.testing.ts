// What payments wants from the provider: a model of core/payments/carrying-out.ts, function by function.

import { leaseMs } from '../../payments/carrying-out.ts';
import type { ProviderStatus } from '../../payments/providers/provider.ts';
import type { Intent } from '../../payments/rules.ts';
import { isLate, isOver } from '../../platform/patience.ts';
import { Alarm, type Life, type Process, type Routine } from './engine.testing.ts';
import type { Reply, Target, Trouble } from './network.testing.ts';
import {
  nextDue,
  PaymentBooks,
  type PaymentRow,
  type PaymentsOptions,
  type PayoutRow,
  pauseMs,
} from './payment-books.testing.ts';
import type { Provider } from './provider.testing.ts';

export interface CarriedOut {
  readonly payment: PaymentRow;
  readonly refusal: string | null;
}

/** The provider's client waits so long for one answer. */
const askMs = 3_000;
/** Nobody waits for what the worker asks. */
const never = Number.POSITIVE_INFINITY;

export class PaymentWork {
  readonly books: PaymentBooks;
  readonly #service: Target;
  readonly #options: PaymentsOptions;
  readonly #alarms = new Map<string, Alarm>();

  constructor(service: Target, options: PaymentsOptions) {
    this.#service = service;
    this.#options = options;
    this.books = new PaymentBooks(options, (order, what, at) => this.#alarm(order, what).set(at));
  }

  *carryOut(life: Life, begun: PaymentRow, deadline: number): Routine<Reply<CarriedOut>> {
    const { order } = begun;
    let payment = begun;
    if (!begun.registered || !(begun.page || begun.status !== 'in_progress')) {
      const registered = yield* this.#register(life, begun, deadline);
      if (registered.trouble) return registered;
      payment = registered.value;
    }
    if (!payment.registered || (payment !== begun && payment.intent === null))
      return { value: { payment, refusal: null } };
    let refusal: string | null = null;
    let word = yield* this.#ask(life, payment, deadline);
    if (word.trouble?.code === 'refused') {
      refusal = word.trouble.why;
      word = yield* this.#provider(life, deadline, (provider) => provider.get(order));
    }
    if (word.trouble) return word;
    const heard = this.books.applyWord(order, word.value, 'answer', this.now(life.process));
    if (refusal === null) return { value: { payment: this.#answered(heard), refusal } };
    if (heard.intent === null || heard.intent !== payment.intent) return { value: { payment: heard, refusal } };
    return { value: { payment: this.#refused(heard, heard.intent, this.now(life.process)), refusal } };
  }

  #answered(payment: PaymentRow): PaymentRow {
    const { order, failures, attention } = payment;
    if (failures === 0 && attention === null) return payment;
    const row = this.books.update(order, { failures: 0, triedSince: null });
    return row.intent === null && !this.books.payouts[order] ? this.books.attend(order, null) : row;
  }

  #refused(payment: PaymentRow, refusedIntent: Intent, now: number): PaymentRow {
    const failures = payment.failures + 1;
    const intent = refusedIntent === 'capture' ? null : refusedIntent;
    const since = new Date(payment.triedSince ?? now);
    const over = intent !== null && isOver({ failures, since }, new Date(now), this.#options.patience);
    const due = over ? null : nextDue({ ...payment, intent }, false, now);
    const row = this.books.update(payment.order, { intent, failures, refusals: payment.refusals + 1, due });
    return over ? this.books.attend(row.order, `${intent}: refused`) : row;
  }

  *#register(life: Life, { order }: PaymentRow, deadline: number): Routine<Reply<PaymentRow>> {
    const created = yield* this.#provider(life, deadline, (provider) => provider.create(order, `${order}:create`));
    if (created.trouble && created.trouble.code !== 'refused') return created;
    const { books } = this;
    if (created.trouble) {
      const locked = books.read(order);
      if (locked.status !== 'in_progress') return { value: locked };
      books.moveTo(locked, 'failed');
      books.update(order, { intent: null, due: null });
      return { value: books.attend(order, null) };
    }
    books.update(order, { page: true });
    return { value: books.applyWord(order, created.value, 'answer', this.now(life.process)) };
  }

  *#ask(life: Life, payment: PaymentRow, deadline: number): Routine<Reply<ProviderStatus>> {
    const { order, intent } = payment;
    const ask = (work: (provider: Provider) => Reply<ProviderStatus>) => this.#provider(life, deadline, work);
    switch (intent) {
      case null:
        return yield* ask((provider) => provider.get(order));
      case 'capture':
        return yield* ask((provider) => provider.capture(order, keyOf(order, 'capture', payment)));
      case 'void':
        return yield* ask((provider) => provider.void(order, keyOf(order, 'void', payment)));
      case 'refund':
        return yield* ask((provider) => provider.refund(order, keyOf(order, 'refund', payment)));
      case 'return': {
        const now = yield* ask((provider) => provider.get(order));
        if (now.trouble) return now;
        if (now.value === 'pending' || now.value === 'authorized')
          return yield* ask((provider) => provider.void(order, keyOf(order, 'return:void', payment)));
        if (now.value === 'captured')
          return yield* ask((provider) => provider.refund(order, keyOf(order, 'return:refund', payment)));
        return now;
      }
      default:
        return intent satisfies never;
    }
  }

  *carryOutPayout(
    life: Life,
    order: number,
    payout: PayoutRow,
    deadline: number,
    { unattended }: { readonly unattended: boolean },
  ): Routine<Reply<PayoutRow>> {
    const { provider_id } = payout;
    const word = yield* this.#provider(life, deadline, (provider) =>
      provider_id === null
        ? provider.payout(order, keyOf(order, 'payout', payout))
        : provider.getPayout(order, provider_id),
    );
    if (word.trouble && (word.trouble.code !== 'refused' || provider_id !== null)) return word;
    const status = word.trouble ? 'failed' : word.value.status;
    const { books } = this;
    const before = books.readPayout(order);
    if (!this.#options.product.payments.countsForPayout(payout, before, status)) return { value: before };
    if (status === 'paid') books.book(order, 'paid_out');
    const isWaitedFor = !unattended && before.provider_id === null;
    books.attend(order, status === 'failed' && !isWaitedFor ? 'payout: the provider could not pay it' : null);
    return {
      value: books.updatePayout(order, {
        status,
        provider_id: word.trouble ? before.provider_id : word.value.id,
        failures: 0,
        triedSince: null,
        refusals: before.refusals + (status === 'failed' ? 1 : 0),
        due: status === 'pending' ? this.now(life.process) + pauseMs(before.attempts) : null,
      }),
    };
  }

  /** The work loop: what is due is taken under a lease. */
  #takeDue(order: number, what: 'payment' | 'payout'): void {
    const { engine, network } = this.#options;
    const row = what === 'payment' ? this.books.rows[order] : this.books.payouts[order];
    if (!row || row.due === null) return;
    const { life, frozenUntil } = network.someone(this.#service);
    const now = this.now(life.process);
    const lookAt = Math.max(frozenUntil, this.#service.awayUntil, row.due > now ? engine.now + row.due - now : 0);
    if (lookAt > engine.now) {
      this.#alarm(order, what).set(lookAt);
      return;
    }
    const taken = { due: now + leaseMs, attempts: row.attempts + 1, triedSince: row.triedSince ?? now };
    if (what === 'payment') {
      const payment = this.books.update(order, taken);
      engine.start(life, this.#attempt(life, order, what, this.carryOut(life, payment, never)));
    } else {
      const payout = this.books.updatePayout(order, taken);
      const work = this.carryOutPayout(life, order, payout, never, { unattended: true });
      engine.start(life, this.#attempt(life, order, what, work));
    }
  }

  *#attempt(life: Life, order: number, what: 'payment' | 'payout', work: Routine<Reply<unknown>>): Routine<void> {
    const { trouble } = yield* work;
    if (!trouble) return;
    yield;
    this.#postpone(order, what, trouble, this.now(life.process));
  }

  #postpone(order: number, what: 'payment' | 'payout', { code, why }: Trouble, now: number): void {
    const { books } = this;
    const { patience } = this.#options;
    const payment = books.read(order);
    const work = what === 'payout' ? books.readPayout(order) : payment;
    if (work.due === null) return;
    const failures = work.failures + (code === 'unavailable' || code === 'timeout' ? 0 : 1);
    const trying = { failures, since: new Date(work.triedSince ?? now) };
    const isOwed = what === 'payout' || payment.intent !== null;
    const over = isOwed ? isOver(trying, new Date(now), patience) : failures >= patience.failures;
    const late = payment.intent === 'return' && isLate(trying, new Date(now), patience);
    const change = { failures, due: over ? null : now + pauseMs(work.attempts) };
    if (what === 'payout') books.updatePayout(order, change);
    else books.update(order, change);
    const about = what === 'payout' ? 'payout' : (payment.intent ?? 'ask');
    if (over || late) books.attend(order, `${about}: ${why}`);
  }

  #alarm(order: number, what: 'payment' | 'payout'): Alarm {
    const name = `${order}/${what}`;
    const known = this.#alarms.get(name);
    if (known) return known;
    const alarm = new Alarm(this.#options.engine, () => this.#takeDue(order, what));
    this.#alarms.set(name, alarm);
    return alarm;
  }

  #provider<Value>(life: Life, deadline: number, work: (provider: Provider) => Reply<Value>): Routine<Reply<Value>> {
    const { engine, network, provider } = this.#options;
    return network.ask(life, provider, Math.min(deadline, engine.now + askMs), () => work(provider));
  }

  now(process: Process): number {
    return this.#options.engine.now + process.skewMs;
  }
}

const keyOf = (order: number, step: string, { refusals }: { readonly refusals: number }): string =>
  refusals === 0 ? `${order}:${step}` : `${order}:${step}:${refusals}`;
