// The people around an order: buyers, drivers, the bank, operators. Nobody tells them when; chance does.
import type { DeliveryStage } from '../../../contracts/delivery.ts';
import type { ProviderStatus } from '../../payments/providers/provider.ts';
import { naturalNext } from '../../sandbox/courier/courier.ts';
import type { SagaCommand } from '../decide.ts';
import type { Step } from '../saga.ts';
import type { Courier } from './courier.testing.ts';
import type { Delivery } from './delivery.testing.ts';
import { Defect, type Engine, spread } from './engine.testing.ts';
import type { Network } from './network.testing.ts';
import type { Order, Orders } from './orders.testing.ts';
import type { Payments } from './payments.testing.ts';
import type { Plan } from './plan.testing.ts';
import type { Provider } from './provider.testing.ts';

export interface PeopleOptions {
  readonly engine: Engine;
  readonly network: Network;
  readonly plan: Plan;
  readonly orders: Orders;
  readonly payments: Payments;
  readonly delivery: Delivery;
  readonly provider: Provider;
  readonly courier: Courier;
  /** Sees a hold, or a page to pay on, whose time is up. */
  readonly lapses: (order: number, status: ProviderStatus) => void;
}

const minute = 60_000;
/** Until a client without an answer asks again. */
const askAgainMs = 8_000;
const mostAsks = 6;
/** Then an operator takes another way than trying again. */
const mostRetries = 2;
/** Their hold has lapsed. */
const mayBeHopeless: readonly Step[] = ['capture_payment', 'pay_out_seller'];
const stallMs = 150 * minute;
const longestHoldMs = 480 * minute;

export class People {
  readonly #options: PeopleOptions;
  readonly #ordered = new Set<number>();
  readonly #visits = new Set<number>();
  readonly #retries = new Map<string, number>();
  /** Orders of which an operator took over the parcel, which strayed: from then on the books are theirs. */
  readonly gaveUp = new Set<number>();

  constructor(options: PeopleOptions) {
    this.#options = options;
  }

  // Buyers

  begin(): void {
    const { engine, plan } = this.#options;
    for (const purchase of plan.purchases) {
      this.#later(purchase.atMs, () => this.#asks(purchase, 1));
      if (this.#chance(plan.people.cancels))
        this.#later(this.#spread(120 * minute), () => this.#cancels(purchase.buyer));
      if (this.#chance(plan.people.operatorMeddles))
        this.#later(this.#spread(120 * minute), () => this.#meddles(engine.chance.whole(0, 2)));
    }
  }

  /** With the same key, until there is an answer; sometimes twice at once. */
  #asks(purchase: Plan['purchases'][number], times: number): void {
    const { engine, network, orders } = this.#options;
    const { life, frozenUntil } = network.someone(orders);
    let answered = false;
    if (frozenUntil <= engine.now)
      engine.start(life, orders.create(life, purchase), ({ trouble }) => {
        if (engine.told) engine.say('buyer', `purchase ${purchase.key}: ${trouble ? trouble.why : 'ordered'}`);
        answered = !trouble;
        if (answered) this.#ordered.add(purchase.key);
      });
    if (times > mostAsks) return;
    const pause = this.#chance(0.1) ? 0 : askAgainMs + this.#spread(20 * minute);
    this.#later(pause, () => {
      if (!answered) this.#asks(purchase, times + 1);
    });
  }

  /** The ads are there again: all who wanted one come at once. */
  comeBack(): void {
    for (const purchase of this.#options.plan.purchases)
      if (!this.#ordered.has(purchase.key)) this.#later(this.#spread(minute), () => this.#asks(purchase, 1));
  }

  #cancels(buyer: number): void {
    const { orders } = this.#options;
    for (const order of orders.all) if (order.purchase.buyer === buyer) orders.decide(order, 'buyer_cancelled');
  }

  /** Sees a new status; may react at once, or when the order is elsewhere already. */
  sees(order: Order): void {
    const { orders, plan, engine } = this.#options;
    const { status } = order.state.order;
    const { people } = plan;
    if (this.#chance(people.cancels))
      this.#later(this.#spread(30 * minute), () => orders.decide(order, 'buyer_cancelled'));
    if (status === 'delivered' && this.#chance(people.accepts))
      this.#later(this.#spread(40 * minute), () => orders.decide(order, 'buyer_accepted'));
    engine.coverage.happening(`sees ${status}`);
  }

  /** At the provider: the buyer's page, and what the bank does later. */
  atProvider(order: number, status: ProviderStatus): void {
    const { plan, provider, lapses } = this.#options;
    const { people } = plan;
    if (status === 'pending') {
      if (this.#chance(people.declines))
        this.#later(this.#spread(20 * minute), () => provider.happens(order, 'declined'));
      if (this.#chance(people.pays))
        this.#later(this.#spread(20 * minute), () => provider.happens(order, 'authorized'));
      if (this.#chance(people.lapses))
        this.#later(this.#spread(40 * minute), () => provider.happens(order, 'cancelled'));
    }
    // Neither a page nor a hold is there for ever.
    if (status === 'pending' || status === 'authorized')
      this.#later(longestHoldMs, () => {
        if (provider.payments[order]?.status !== status) return;
        lapses(order, status);
        provider.happens(order, 'cancelled');
      });
    if (status === 'authorized' && this.#chance(people.lapses))
      this.#later(this.#spread(90 * minute), () => provider.happens(order, 'cancelled'));
  }

  // The courier's drivers

  atCourier(order: number, stage: DeliveryStage): void {
    const { plan, courier, engine } = this.#options;
    const { mishap, stalls } = plan.people;
    const parcel = courier.parcels[order];
    if (!parcel) return;
    if (this.#chance(mishap)) {
      const worst = engine.chance.pick(['returned', 'lost', 'cancelled', 'delivered'] as const);
      this.#later(this.#spread(40 * minute), () => courier.happens(order, worst));
    }
    const to = naturalNext({ stage, method: parcel.method });
    if (!to) return;
    if (this.#chance(stalls)) {
      // For hours nothing is heard of it; then at least the courier knows what it was.
      const end = stage === 'created' ? 'cancelled' : engine.chance.pick(['lost', 'returned', to] as const);
      this.#later(stallMs, () => courier.happens(order, end));
    } else this.#later(this.#spread(30 * minute), () => courier.happens(order, to));
  }

  // Operators

  /** An order may need a person by now. */
  looksAt(order: Order): void {
    const { plan } = this.#options;
    if (!plan.people.operatorComes || order.state.order.needs_attention === null || this.#visits.has(order.id)) return;
    this.#visits.add(order.id);
    this.#later(1_000 + this.#spread(40 * minute), () => {
      this.#visits.delete(order.id);
      this.#decides(order);
    });
  }

  #decides(order: Order): void {
    const { engine, network, orders } = this.#options;
    const { needs_attention: why, payment_attention, delivery_attention } = order.state.order;
    if (why === null) return;
    const parked = order.state.commands.find(({ state }) => state === 'parked');
    if (parked) {
      const action = this.#choice(order, parked);
      this.#decided(order, `${action} ${parked.step}`, action);
      if (!orders.operatorDecides(order, action, parked.id as number))
        orders.operatorDecides(order, 'retry', parked.id as number);
    } else if (payment_attention !== null || delivery_attention !== null) {
      const target = payment_attention !== null ? 'payment' : 'delivery';
      const version = order.state.order[`${target}_attention_version`];
      const owner = this.#options[target === 'payment' ? 'payments' : 'delivery'];
      // What the order has heard may be old; what the owner says now is on the same page.
      const isOld = owner.attentionVersion(order.id) !== version;
      const action = isOld || this.#isWorthARetry(`${order.id}/${target}`) ? 'retry' : 'skip';
      this.#decided(order, `${action} what is stuck of the ${target}`, action);
      if (action === 'skip' && target === 'payment') throw new Defect(`order ${order.id}: nothing helps, ${why}`);
      if (action === 'skip') this.gaveUp.add(order.id);
      const { life } = network.someone(orders);
      engine.start(life, orders.operatorAsks(life, order, target, action), () => {
        // Whatever became of it: as long as it is stuck somebody comes again.
        if (order.state.order[`${target}_attention_version`] >= version) this.looksAt(order);
      });
      this.#later(5 * minute, () => this.looksAt(order));
    }
  }

  #choice(order: Order, { id, step }: SagaCommand): 'retry' | 'skip' | 'compensate' {
    const { plan, engine } = this.#options;
    const { people } = plan;
    if (this.#chance(people.operatorSkips)) return engine.chance.next() < 0.5 ? 'skip' : 'compensate';
    if (this.#isWorthARetry(`${id}`)) return 'retry';
    const { status } = order.state.order;
    if (status !== 'completed' && status !== 'cancelling' && status !== 'cancelled') return 'compensate';
    if (!mayBeHopeless.includes(step) && !(step === 'cancel_shipment' && this.#mayStray()))
      throw new Defect(`order ${order.id}: nothing helps, ${step} can't be done`);
    return 'skip';
  }

  /** Money and parcels are tried again for as long as something goes wrong in the world. */
  #isWorthARetry(what: string): boolean {
    const retries = this.#retries.get(what) ?? 0;
    if (!this.#options.engine.isCalm) return true;
    this.#retries.set(what, retries + 1);
    return retries < mostRetries;
  }

  /** Then a parcel may be made after its order is cancelled, and be taken before anybody has heard of it. */
  #mayStray(): boolean {
    const { weather, roads } = this.#options.plan;
    return weather.freeze + weather.delay + roads.lateRequest > 0;
  }

  #meddles(index: number): void {
    const { orders } = this.#options;
    const order = orders.all[index];
    if (!order) return;
    this.#decided(order, 'takes it back', 'compensate');
    orders.operatorDecides(order, 'compensate', 0);
  }

  #decided({ id }: Order, what: string, action: string): void {
    const { engine } = this.#options;
    engine.coverage.happening(`operator: ${action}`);
    if (engine.told) engine.say('operator', `order ${id}: ${what}`);
  }

  #later(afterMs: number, run: () => void): void {
    const { engine } = this.#options;
    if (afterMs === 0) engine.soon(null, run);
    else engine.at(engine.now + afterMs, null, run);
  }

  #spread(longestMs: number): number {
    return spread(this.#options.engine.chance, longestMs);
  }

  #chance(probability: number): boolean {
    return probability > 0 && this.#options.engine.chance.next() < probability;
  }
}
