// The orders service in memory: its decisions as they are (core/orders/decide.ts, answers.ts), and a model of how
// service.ts, commands.ts, timers.ts, events.ts, operations.ts and advance.ts write them down.
import type { ProblemCode } from '../../../contracts/problem.ts';
import { isRefusal } from '../answers.ts';
import { callDeadlineMs, leaseFrom } from '../commands.ts';
import type { Decision, Outcome, Passage, Rules, SagaCommand, SagaState } from '../decide.ts';
import type { SagaEvent, Step } from '../saga.ts';
import type { Ads } from './ads.testing.ts';
import type { Delivery, DeliveryEvent, Wish } from './delivery.testing.ts';
import { Alarm, type Engine, type Life, Process, type Routine } from './engine.testing.ts';
import { done, fails, type Network, type Reply, type Target } from './network.testing.ts';
import type { Notices } from './notices.testing.ts';
import type { PaymentEvent } from './payment-books.testing.ts';
import type { Payments } from './payments.testing.ts';
import type { Product } from './product.testing.ts';

export interface Order {
  readonly id: number;
  readonly purchase: Purchase;
  state: SagaState;
  /** All that were ever owed, as they ended or are, also those that were dropped. */
  readonly commands: Map<number, SagaCommand>;
  version: number;
  /** When it came into its present status, by the world's clock. */
  since: number;
  /** What the outbox tells of it. */
  readonly told: Told[];
  /** Events that were heard. */
  readonly inbox: Set<string>;
  readonly commandsDue: Alarm;
  readonly deadline: Alarm;
}

/** What somebody wants to buy. The key is that of the request. */
export interface Purchase {
  readonly key: number;
  readonly buyer: number;
  readonly ad: number;
  readonly wish: Wish;
}

export interface Told extends Omit<Passage, 'event' | 'from'> {
  readonly event: SagaEvent | null;
  readonly from: Passage['from'] | null;
  readonly version: number;
}

export interface OrdersOptions {
  readonly engine: Engine;
  readonly network: Network;
  readonly product: Product;
  readonly rules: Rules;
  readonly ads: Ads;
  readonly payments: Payments;
  readonly delivery: Delivery;
  readonly notices: Notices;
  /** Sees every decision as it is written. */
  readonly watch: (order: Order, before: SagaState, decision: Decision) => void;
}

const reserveDeadlineMs = 3_000;
const quoteDeadlineMs = 3_000;
const releaseDeadlineMs = 2_000;
const holdMarginSeconds = 600;
/** How long another process is looked for while all are frozen. */
const lookAgainMs = 1_000;

export class Orders implements Target {
  readonly name = 'orders';
  readonly processes: readonly Process[];
  awayUntil = 0;
  readonly all: Order[] = [];
  /** `order_keys`: the order of each request's key. */
  readonly #keys = new Map<number, number>();
  #orders = 0;
  #commands = 0;
  readonly #options: OrdersOptions;

  constructor(options: OrdersOptions) {
    this.#options = options;
    this.processes = [new Process('orders-1'), new Process('orders-2')];
    options.engine.processes.push(...this.processes);
  }

  find(id: number): Order | undefined {
    return this.all.find((order) => order.id === id);
  }

  // service.ts

  /** `createOrder`. */
  *create(life: Life, purchase: Purchase): Routine<Reply<number>> {
    const { key } = purchase;
    const claimed = this.#keys.get(key) ?? this.#orders++;
    this.#keys.set(key, claimed);
    yield;
    if (!this.find(claimed)) {
      const placed = yield* this.#place(life, claimed, purchase);
      if (placed.trouble) return placed;
      const placedOrder = this.find(claimed);
      if (placed.value && placedOrder) yield* this.#try(life, placedOrder, placed.value);
    }
    yield;
    const order = this.find(claimed);
    const command = order && this.#take(life, order, 'start_payment');
    if (order && command) yield* this.#try(life, order, command);
    return { value: claimed };
  }

  /** `placeOrder`: the order's first command, taken, unless somebody else has it. */
  *#place(life: Life, id: number, purchase: Purchase): Routine<Reply<SagaCommand | null>> {
    const { engine, network, rules, ads, delivery } = this.#options;
    const { buyer, ad, key } = purchase;
    const holdSeconds = rules.timeoutSeconds.payment + holdMarginSeconds;
    const reserved = yield* network.ask(life, ads, engine.now + reserveDeadlineMs, () =>
      ads.reserve(ad, id, buyer, holdSeconds),
    );
    let failed = reserved;
    if (!reserved.trouble) {
      failed = yield* network.ask(life, delivery, engine.now + quoteDeadlineMs, () => delivery.quote(purchase.wish));
      const written = failed.trouble ? failed : this.#writeOrder(life, id, purchase);
      if (!written.trouble) return written;
      failed = written;
      yield;
    }
    if (this.find(id)) return { value: null };
    const code = failed.trouble?.code ?? null;
    if (code === null || code === 'refused' || !isRefusal(code)) return failed;
    // abandonKey
    if (this.#keys.get(key) === id) this.#keys.delete(key);
    if (!reserved.trouble) yield* network.ask(life, ads, engine.now + releaseDeadlineMs, () => ads.release(ad, id));
    return failed;
  }

  #writeOrder(life: Life, id: number, purchase: Purchase): Reply<SagaCommand | null> {
    const { engine, product, rules } = this.#options;
    // lockKey
    if (this.#keys.get(purchase.key) !== id) return fails('request-in-progress', 'Another request has just failed');
    if (this.find(id)) return { value: null }; // the same request at the same moment was first
    const now = engine.clock(life.process);
    const fresh = product.decide.opened(now, rules);
    const begun = product.decide.taken(fresh, now, leaseFrom(now));
    const order: Order = {
      id,
      purchase,
      state: { ...fresh, commands: [] },
      commands: new Map(),
      version: 1,
      since: engine.now,
      told: [{ event: null, from: null, to: 'pending_payment', cancelReason: null, version: 1 }],
      inbox: new Set(),
      commandsDue: new Alarm(engine, () => this.#takeDue(order)),
      deadline: new Alarm(engine, () => this.#timer(order)),
    };
    this.all.push(order);
    engine.coverage.orders += 1;
    if (engine.told) engine.say(life.process.name, `order ${id} is placed for ad ${purchase.ad}`);
    this.#store(order, begun?.state ?? fresh);
    return { value: order.state.commands[0] ?? null };
  }

  /** `cancelOrder` and `acceptOrder`; a refusal is the buyer's to read. */
  decide(order: Order, event: 'buyer_cancelled' | 'buyer_accepted'): Reply<null> {
    const { status } = order.state.order;
    const { beAccepted, beCancelledByBuyer } = this.#options.product.orderCan;
    const possible = event === 'buyer_accepted' ? beAccepted(status) : beCancelledByBuyer(status);
    if (!possible) return fails('conflict', `it is ${status}`);
    const { life } = this.#options.network.someone(this);
    if (this.#options.engine.told) this.#options.engine.say('buyer', `order ${order.id}: ${event}`);
    this.#advance(life, order, event);
    return done;
  }

  #advance(life: Life, order: Order, event: SagaEvent): void {
    const { engine, product, rules } = this.#options;
    const now = engine.clock(life.process);
    this.#write(order, product.decide.afterEvent(order.state, event, now, rules));
  }

  // timers.ts

  #timer(order: Order): void {
    const { engine, network } = this.#options;
    const { life, frozenUntil } = network.someone(this);
    const { deadline_at } = order.state.order;
    if (deadline_at === null) return;
    if (!this.#options.product.ways.timerInRow && engine.strikes('timer lost', 0.05)) return;
    if (frozenUntil > engine.now || deadline_at > engine.clock(life.process))
      order.deadline.set(engine.now + lookAgainMs);
    else this.#advance(life, order, 'timeout');
  }

  // events.ts

  /** The consumer: the inbox and the effect in one transaction. */
  hear(id: number, event: PaymentEvent | DeliveryEvent, eventId: number): boolean {
    const { engine, network, product, rules } = this.#options;
    const { life, frozenUntil } = network.someone(this);
    if (frozenUntil > engine.now) return false;
    const order = this.find(id);
    if (!order) return true;
    const name = `${event.type}/${eventId}`;
    if (product.ways.inbox && order.inbox.has(name)) return true;
    order.inbox.add(name);
    const now = engine.clock(life.process);
    const decision = this.#heard(order.state, event, now, rules);
    if (decision) this.#write(order, decision);
    return true;
  }

  #heard(state: SagaState, event: PaymentEvent | DeliveryEvent, now: Date, rules: Rules): Decision | null {
    const { decide } = this.#options.product;
    switch (event.type) {
      case 'payment.status_changed':
        return decide.afterPaymentNews(state, event, now, rules);
      case 'delivery.stage_changed':
        return decide.afterParcelNews(state, event, now, rules);
      case 'payment.attention':
        return decide.afterAttention(state, 'payment', event, now, rules);
      case 'delivery.attention':
        return decide.afterAttention(state, 'delivery', event, now, rules);
      default:
        return event satisfies never;
    }
  }

  // operations.ts

  /** `decideHere`; false where it can't be decided any more. */
  operatorDecides(order: Order, action: 'retry' | 'skip' | 'compensate', commandId: number): boolean {
    const { engine, network, product, rules } = this.#options;
    const now = engine.clock(network.someone(this));
    const { afterRetry, afterSkip, afterCompensation } = product.decide;
    const decision =
      action === 'compensate'
        ? afterCompensation(order.state, now, rules)
        : (action === 'retry' ? afterRetry : afterSkip)(order.state, commandId, now, rules);
    if (!decision) return false;
    this.#write(order, decision);
    return true;
  }

  /** `askOwner`. */
  *operatorAsks(life: Life, order: Order, target: 'payment' | 'delivery', action: 'retry' | 'skip'): Routine<void> {
    const { engine, network, product, rules, payments, delivery } = this.#options;
    const version = order.state.order[`${target}_attention_version`];
    const owner = target === 'payment' ? payments : delivery;
    const said = yield* network.ask(life, owner, engine.now + callDeadlineMs, () =>
      owner.decideOnStuck(network.someone(owner).life, order.id, action, version),
    );
    yield;
    if (said.trouble) return;
    const now = engine.clock(life.process);
    const decision = product.decide.afterAttention(order.state, target, said.value, now, rules);
    if (decision) this.#write(order, decision);
  }

  // commands.ts

  /** The command loop: somebody takes what is due. */
  #takeDue(order: Order): void {
    const { engine, network } = this.#options;
    const { life, frozenUntil } = network.someone(this);
    if (frozenUntil > engine.now) {
      order.commandsDue.set(engine.now + lookAgainMs);
      return;
    }
    const command = this.#take(life, order, null);
    if (command) engine.start(life, this.#tryFrom(life, order, command));
  }

  /** `takeCommand`: begins what is due, or only this step. */
  #take(life: Life, order: Order, only: Step | null): SagaCommand | null {
    const { engine, product } = this.#options;
    const now = engine.clock(life.process);
    const begun = product.decide.taken(order.state, now, leaseFrom(now));
    if (!begun || (only !== null && begun.command.step !== only)) {
      this.#wakeTaker(order, lookAgainMs);
      return null;
    }
    const { step, attempts } = begun.command;
    this.#store(order, begun.state);
    if (engine.told) engine.say(life.process.name, `order ${order.id}: begins ${step}, try ${attempts}`);
    return begun.command;
  }

  /** `runFrom`: what the order owes next is taken with the end of the step before it. */
  *#tryFrom(life: Life, order: Order, first: SagaCommand): Routine<void> {
    let command: SagaCommand | null = first;
    while (command) {
      yield* this.#try(life, order, command);
      command = this.#take(life, order, null);
    }
  }

  /** `runCommand`. */
  *#try(life: Life, order: Order, { id: commandId, step, attempts: attempt }: SagaCommand): Routine<void> {
    const { engine, product, rules } = this.#options;
    const id = commandId as number;
    yield;
    const { trouble } = yield* this.#calls[step](life, order);
    const outcome: Outcome = trouble
      ? product.answers.outcomeOf(step, trouble.code as ProblemCode | null, trouble.why)
      : { result: 'done' };
    yield;
    if (engine.told) engine.say(life.process.name, `order ${order.id}: ${step}, try ${attempt}: ${toldOf(outcome)}`);
    const end = engine.clock(life.process);
    this.#write(order, product.decide.afterTry(order.state, { id, attempt }, outcome, end, rules));
    engine.coverage.happening(`${step} ${outcome.result}`);
  }

  readonly #calls: Readonly<Record<Step, (life: Life, order: Order) => Routine<Reply<unknown>>>> = {
    start_payment: (life, { id }) => this.#pay(life, (payments, at, by) => payments.start(at, id, by)),
    mark_ad_sold: (life, { id, purchase }) => this.#sell(life, (ads) => ads.markSold(purchase.ad, id)),
    create_shipment: (life, { id, purchase }) =>
      this.#send(life, (delivery, at, by) => delivery.create(at, id, purchase.wish, by)),
    notify_paid: (life, { id }) => {
      const { engine, network, notices } = this.#options;
      return network.ask(life, notices, engine.now + callDeadlineMs, () => notices.enqueue(id));
    },
    capture_payment: (life, { id }) => this.#pay(life, (payments, at, by) => payments.decide(at, id, 'capture', by)),
    pay_out_seller: (life, { id }) => this.#pay(life, (payments, at, by) => payments.payOut(at, id, by)),
    cancel_shipment: (life, { id }) => this.#send(life, (delivery, at, by) => delivery.cancel(at, id, by)),
    return_money: (life, order) => this.#returnMoney(life, order),
    release_ad: (life, { id, purchase }) => this.#sell(life, (ads) => ads.release(purchase.ad, id)),
  };

  *#returnMoney(life: Life, { id }: Order): Routine<Reply<unknown>> {
    const voided = yield* this.#pay(life, (payments, at, by) => payments.decide(at, id, 'void', by));
    if (voided.trouble?.code !== 'conflict') return voided;
    return yield* this.#pay(life, (payments, at, by) => payments.decide(at, id, 'refund', by));
  }

  #pay(
    life: Life,
    serve: (payments: Payments, at: Life, deadline: number) => Routine<Reply<unknown>>,
  ): Routine<Reply<unknown>> {
    const { engine, network, payments } = this.#options;
    const deadline = engine.now + callDeadlineMs;
    return network.call(life, payments, deadline, (at) => serve(payments, at, deadline));
  }

  #send(
    life: Life,
    serve: (delivery: Delivery, at: Life, deadline: number) => Routine<Reply<unknown>>,
  ): Routine<Reply<unknown>> {
    const { engine, network, delivery } = this.#options;
    const deadline = engine.now + callDeadlineMs;
    return network.call(life, delivery, deadline, (at) => serve(delivery, at, deadline));
  }

  #sell(life: Life, serve: (ads: Ads) => Reply<unknown>): Routine<Reply<unknown>> {
    const { engine, network, ads } = this.#options;
    return network.ask(life, ads, engine.now + callDeadlineMs, () => serve(ads));
  }

  // advance.ts

  /** A decision, with what it tells: the version grows with each passage, and with any other change. */
  #write(order: Order, decision: Decision): void {
    const before = order.state;
    const { state, passages } = decision;
    const { version } = order;
    if (changed(before.order, state.order)) order.version += Math.max(1, passages.length);
    for (const [index, passage] of passages.entries()) {
      order.told.push({ ...passage, version: version + index + 1 });
      this.#options.engine.coverage.transition(passage.from, passage.event);
      if (this.#options.engine.told) {
        const { from, to, event, cancelReason } = passage;
        this.#options.engine.say('orders', `order ${order.id}: ${from} -> ${to} by ${event}, ${cancelReason ?? ''}`);
      }
    }
    this.#store(order, state);
    this.#options.watch(order, before, decision);
    if (passages.length > 0) order.since = this.#options.engine.now;
  }

  /** What is new gets an id; what was dropped is kept aside, since no decision reads it again. */
  #store(order: Order, { order: row, commands }: SagaState): void {
    const stored = commands
      .filter(({ id, state }) => id !== null || state === 'owed')
      .map((command) => (command.id === null ? { ...command, id: ++this.#commands } : command));
    for (const command of stored) order.commands.set(command.id as number, command);
    order.state = { order: row, commands: stored.filter(({ state }) => state !== 'dropped') };
    this.#wakeTaker(order);
    order.deadline.set(row.deadline_at?.getTime() ?? null);
  }

  #wakeTaker(order: Order, afterMs = 0): void {
    const due = order.state.commands.find(({ state }) => state === 'owed' || state === 'parked');
    const at = due?.state === 'owed' ? Math.max(due.not_before.getTime(), this.#options.engine.now + afterMs) : null;
    order.commandsDue.set(at);
  }
}

const changed = (before: object, after: object): boolean =>
  before !== after &&
  Object.keys(after).some((name) => (before as never)[name as never] !== (after as never)[name as never]);

const toldOf = (outcome: Outcome): string =>
  outcome.result === 'done'
    ? 'done'
    : `${outcome.result} (${outcome.why})${outcome.result === 'failed' && !outcome.answered ? ', no answer' : ''}`;
