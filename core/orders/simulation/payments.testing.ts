// The payments service in memory: a model of core/payments/service.ts, function by function, over the rules as they are.
import { leaseMs } from '../../payments/carrying-out.ts';
import type { ProviderStatus } from '../../payments/providers/provider.ts';
import { type Life, Process, type Routine } from './engine.testing.ts';
import { fails, type Reply, type Target } from './network.testing.ts';
import { type PaymentBooks, type PaymentRow, type PaymentsOptions, untried } from './payment-books.testing.ts';
import { PaymentWork } from './payment-work.testing.ts';

export class Payments implements Target {
  readonly name = 'payments';
  readonly processes: readonly Process[] = [new Process('payments-1'), new Process('payments-2')];
  awayUntil = 0;
  readonly #events = new Set<string>();
  readonly #work: PaymentWork;
  readonly #options: PaymentsOptions;

  constructor(options: PaymentsOptions) {
    this.#options = options;
    this.#work = new PaymentWork(this, options);
    options.engine.processes.push(...this.processes);
  }

  get books(): PaymentBooks {
    return this.#work.books;
  }

  *start(life: Life, order: number, deadline: number): Routine<Reply<PaymentRow>> {
    const { books } = this;
    if (!books.rows[order]) {
      yield;
      // insertPayment: on conflict do nothing.
      if (!books.rows[order]) {
        const fresh = { registered: false, page: false, status: 'in_progress', intent: null, refusals: 0 } as const;
        const due = this.#work.now(life.process) + leaseMs;
        books.write({ order, ...fresh, due, ...untried, attention: null, attentionVersion: 0, version: 1 });
        books.tellStatus(order);
      }
    }
    yield;
    const payment = books.read(order);
    if (payment.page || payment.status !== 'in_progress') return { value: payment };
    const carried = orUnavailable(yield* this.#work.carryOut(life, payment, deadline));
    return carried.trouble ? carried : { value: carried.value.payment };
  }

  /** `decide`: capture, void and refund. */
  *decide(
    life: Life,
    order: number,
    intent: 'capture' | 'void' | 'refund',
    deadline: number,
  ): Routine<Reply<PaymentRow>> {
    const answerTo = this.#options.product.payments.answerTo[intent];
    if (!this.books.rows[order]) return fails('not-found', 'There is no such payment');
    let decided = this.#decideOnce(life, order, intent);
    if (decided.answer === 'later') {
      const earlier = orUnavailable(yield* this.#work.carryOut(life, decided.payment, deadline));
      if (earlier.trouble) return earlier;
      decided = this.#decideOnce(life, order, intent);
    }
    if (decided.answer === 'done') return { value: decided.payment };
    if (decided.answer === 'paid out') return fails('conflict', 'The seller has been paid');
    if (decided.answer === 'never') return fails('conflict', `The payment is ${decided.payment.status}`);
    if (decided.answer === 'later') return fails('request-in-progress', 'An earlier decision is being carried out');
    yield;
    const carried = orUnavailable(yield* this.#work.carryOut(life, decided.payment, deadline));
    if (carried.trouble) return carried;
    const { payment, refusal } = carried.value;
    const answer = answerTo(payment.status, payment.intent);
    if (answer === 'done') return { value: payment };
    if (answer === 'never' || (intent === 'capture' && refusal !== null))
      return fails('conflict', refusal ?? `The payment is ${payment.status}`);
    return refusal === null
      ? fails('payment-unavailable', 'not yet')
      : fails('internal', `The provider refused: ${refusal}`);
  }

  #decideOnce(
    life: Life,
    order: number,
    intent: 'capture' | 'void' | 'refund',
  ): { readonly answer: 'do' | 'done' | 'later' | 'never' | 'paid out'; readonly payment: PaymentRow } {
    const { books } = this;
    const locked = books.read(order);
    const answer = this.#options.product.payments.answerTo[intent](locked.status, locked.intent);
    if (answer !== 'do') return { answer, payment: locked };
    if (intent === 'refund' && books.payouts[order]) return { answer: 'paid out', payment: locked };
    const due = this.#work.now(life.process) + leaseMs;
    const change = locked.intent === intent ? { due } : { intent, due, ...untried };
    return { answer, payment: books.update(order, change) };
  }

  *payOut(life: Life, order: number, deadline: number): Routine<Reply<PaymentRow>> {
    const { books } = this;
    const payment = books.rows[order];
    if (!payment) return fails('not-found', 'There is no such payment');
    const known = books.payouts[order];
    if (known?.status === 'failed') this.#payAgain(life, order);
    if (!known) {
      const answer = this.#options.product.payments.answerTo.payOut(payment.status, payment.intent);
      if (answer === 'later') return fails('request-in-progress', 'The capture is under way');
      if (answer !== 'do') return fails('conflict', `The payment is ${payment.intent ?? payment.status}`);
      const due = this.#work.now(life.process) + leaseMs;
      books.writePayout(order, { status: 'pending', provider_id: null, ...untried, refusals: 0, due });
      books.book(order, 'earned');
    }
    const payout = books.readPayout(order);
    if (payout.status !== 'pending') return { value: payment };
    yield;
    const carried = orUnavailable(
      yield* this.#work.carryOutPayout(life, order, payout, deadline, { unattended: false }),
    );
    if (carried.trouble) return carried;
    return carried.value.status === 'failed'
      ? fails('conflict', 'The provider refused the payout')
      : { value: payment };
  }

  #payAgain(life: Life, order: number): void {
    const due = this.#work.now(life.process) + leaseMs;
    this.books.updatePayout(order, { status: 'pending', provider_id: null, ...untried, due });
  }

  attentionVersion(order: number): number {
    return this.books.read(order).attentionVersion;
  }

  /** `retry` and `giveUp`: what a person decides about work of its own that is stuck. */
  decideOnStuck(
    life: Life,
    order: number,
    action: 'retry' | 'skip',
    version: number,
  ): Reply<{ why: string | null; version: number }> {
    const { books } = this;
    const payment = books.rows[order];
    if (!payment) return fails('not-found', 'There is no such payment');
    if (payment.attention !== null) {
      if (payment.attentionVersion !== version) return fails('conflict', 'It is stuck for another reason now');
      const due = this.#work.now(life.process);
      const payout = books.payouts[order];
      if (action === 'skip') {
        if (payout) books.updatePayout(order, { due: null });
        books.update(order, { intent: null, due: null });
      } else {
        if (payout?.status === 'failed') this.#payAgain(life, order);
        if (payout && payout.status !== 'paid') books.updatePayout(order, { ...untried, due });
        else books.update(order, { ...untried, due });
      }
      books.attend(order, null);
    }
    const { attention: why, attentionVersion } = books.read(order);
    return { value: { why, version: attentionVersion } };
  }

  /** False where it is refused with 404, or nobody is there: the provider tells it again. */
  hearWebhook(order: number, status: ProviderStatus, eventId: number): boolean {
    const { engine, network, product } = this.#options;
    const process = network.someone(this);
    if (Math.max(this.awayUntil, process.frozenUntil) > engine.now || !this.books.rows[order]) return false;
    const event = `${order}/${eventId}`;
    if (product.ways.inbox && this.#events.has(event)) return true;
    this.#events.add(event);
    this.books.applyWord(order, status, 'webhook', this.#work.now(process));
    return true;
  }
}

/** The provider was not there; or it said no where nothing follows from that. */
function orUnavailable<Value>(reply: Reply<Value>): Reply<Value> {
  if (reply.trouble?.code === 'unavailable') return fails('payment-unavailable', reply.trouble.why);
  if (reply.trouble?.code === 'refused') return fails('internal', reply.trouble.why);
  return reply;
}
