// One world of a seed: its services, companies and people, from the first order until all is quiet.
import type { DeliveryStage } from '../../../contracts/delivery.ts';
import { chance as chanceOf } from '../../ads/seed/random.ts';
import type { ProviderStatus } from '../../payments/providers/provider.ts';
import type { Rules } from '../decide.ts';
import { Ads } from './ads.testing.ts';
import { Courier } from './courier.testing.ts';
import type { Coverage } from './coverage.testing.ts';
import { Delivery, type DeliveryEvent } from './delivery.testing.ts';
import { Defect, Engine } from './engine.testing.ts';
import { judgeDecision, judgeEnd, judgeLapse } from './judge.testing.ts';
import { clear, Network } from './network.testing.ts';
import { Notices } from './notices.testing.ts';
import { Orders } from './orders.testing.ts';
import type { PaymentEvent } from './payment-books.testing.ts';
import { Payments } from './payments.testing.ts';
import { People } from './people.testing.ts';
import { type Plan, planOf } from './plan.testing.ts';
import type { Product } from './product.testing.ts';
import { Provider } from './provider.testing.ts';
import { Log, once, Post, Webhooks } from './topics.testing.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly product: Product;
  readonly coverage: Coverage;
  /** Hears each thing that happens, as a line for people. */
  readonly tell?: (line: string) => void;
}

export interface Verdict {
  readonly seed: number;
  /** Null when nothing was wrong. */
  readonly defect: string | null;
  readonly steps: number;
}

const start = Date.UTC(2026, 10, 24, 10);
const mostSteps = 20_000;
/** All that may take time after the last trouble: every timeout and every person, one after another. */
const mostRestMs = 14 * 3_600_000;

/** Runs the world of a seed; the seed alone decides all that happens there. */
export function runWorld(options: WorldOptions): Verdict {
  const { seed, coverage } = options;
  const world = new World(options);
  const { engine } = world;
  let defect: string | null = null;
  try {
    world.run();
  } catch (error) {
    defect = error instanceof Defect ? error.message : `it broke: ${error instanceof Error ? error.stack : error}`;
    if (engine.told) engine.say('judge', defect);
  }
  coverage.worlds += 1;
  coverage.steps += engine.steps;
  return { seed, defect, steps: engine.steps };
}

class World {
  readonly engine: Engine;
  readonly plan: Plan;
  readonly ads: Ads;
  readonly notices: Notices;
  readonly provider: Provider;
  readonly courier: Courier;
  readonly payments: Payments;
  readonly delivery: Delivery;
  readonly orders: Orders;
  readonly people: People;
  readonly #network: Network;
  readonly #post: Post;

  constructor({ seed, product, coverage, tell }: WorldOptions) {
    // Neighbouring seeds must not look alike.
    const chance = chanceOf(Math.imul(seed + 1, 0x9e3779b1));
    const plan = planOf(chance);
    const { patience } = plan;
    const engine = new Engine({ chance, coverage, start, weather: plan.weather, tell: tell ?? null });
    const network = new Network(engine, plan.roads);
    const post = new Post(engine, plan.repeats);
    const common = { engine, network, product };

    const moneyNews = logs((order) => new Log<PaymentEvent>(post, (event, id) => this.orders.hear(order, event, id)));
    const parcelNews = logs((order) => new Log<DeliveryEvent>(post, (event, id) => this.orders.hear(order, event, id)));
    const webhooks = <Word>(hear: (order: number, word: Word, id: number) => boolean) =>
      logs((order) => {
        const its = (word: Word, id: number): boolean => hear(order, word, id);
        return plan.webhooksInOrder ? new Log<Word>(post, its) : new Webhooks<Word>(post, its);
      });
    const providerHooks = webhooks<ProviderStatus>((...told) => this.payments.hearWebhook(...told));
    const courierHooks = webhooks<DeliveryStage>((...told) => this.delivery.hearWebhook(...told));
    const isWritten = (): boolean => product.ways.outbox || !engine.strikes('event lost', 0.03);

    const ads = new Ads(engine, product.holds, plan.ads);
    const notices = new Notices(engine);
    const provider = new Provider(engine, product.ways, plan.provider, (order, status) => {
      if (status !== 'pending') providerHooks(order).add(status);
      this.people.atProvider(order, status);
    });
    const courier = new Courier(engine, product.ways, plan.courier, (order, stage) => {
      if (stage !== 'created') courierHooks(order).add(stage);
      this.people.atCourier(order, stage);
    });
    const payments = new Payments({
      ...common,
      provider,
      patience,
      tell: (order, event) => isWritten() && moneyNews(order).add(event),
    });
    const delivery = new Delivery({
      ...common,
      courier,
      patience,
      tell: (order, event) => isWritten() && parcelNews(order).add(event),
    });
    const orders = new Orders({
      ...common,
      rules: rulesOf(plan),
      ads,
      payments,
      delivery,
      notices,
      watch: (order, before, decision) => {
        judgeDecision(this, order, before, decision, engine.now);
        if (decision.passages.length > 0) this.people.sees(order);
        this.people.looksAt(order);
      },
    });
    this.people = new People({
      engine,
      network,
      plan,
      orders,
      payments,
      delivery,
      provider,
      courier,
      lapses: (order, status) => judgeLapse(this, order, status),
    });
    this.engine = engine;
    this.plan = plan;
    this.ads = ads;
    this.notices = notices;
    this.provider = provider;
    this.courier = courier;
    this.payments = payments;
    this.delivery = delivery;
    this.orders = orders;
    this.#network = network;
    this.#post = post;
  }

  /** Until all is quiet. */
  run(): void {
    const { engine, plan, orders } = this;
    let calmAt = Number.POSITIVE_INFINITY;
    this.people.begin();
    this.#planOutages();
    while (engine.step()) {
      if (engine.steps === plan.calmAfterSteps) {
        this.#calm();
        calmAt = engine.now;
      }
      if (engine.steps > mostSteps) throw new Defect('it does not come to rest');
      if (engine.now - calmAt > mostRestMs) throw new Defect('it does not come to rest in time');
    }
    judgeEnd(this);
    for (const order of orders.all)
      for (const { step, state } of order.commands.values()) engine.coverage.end(step, state);
  }

  #planOutages(): void {
    const { engine, plan } = this;
    for (const { who, atMs, forMs } of plan.outages) {
      engine.at(engine.now + atMs, null, () => {
        if (engine.isCalm) return;
        engine.coverage.fault(`${who} away`);
        if (engine.told) engine.say(who, `is away for ${forMs} ms`);
        this[who].awayUntil = engine.now + forMs;
        if (who === 'ads') engine.at(engine.now + forMs, null, () => this.people.comeBack());
      });
    }
  }

  /** Nothing goes wrong any more. */
  #calm(): void {
    const { engine, ads, notices, payments, delivery, provider, courier } = this;
    if (engine.told) engine.say('world', 'is calm from here on');
    engine.calm();
    this.#network.roads = clear;
    this.#post.repeats = once;
    for (const target of [ads, notices, payments, delivery, provider, courier]) target.awayUntil = 0;
    provider.habits = { ...provider.habits, refuses: 0, failedPayouts: 0 };
    courier.habits = { refuses: 0 };
  }
}

const rulesOf = ({ timeoutSeconds, patience }: Plan): Rules => ({
  timeoutSeconds,
  patience,
  pauseMs: (tries) => Math.min(60_000, 200 * 2 ** tries),
});

/** One for each order, made when it is first needed. */
function logs<Of>(make: (order: number) => Of): (order: number) => Of {
  const all: Of[] = [];
  return (order) => {
    all[order] ??= make(order);
    return all[order] as Of;
  };
}
