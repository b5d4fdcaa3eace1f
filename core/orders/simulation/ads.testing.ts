// The ads service: core/ads/reservations.ts in memory, over the same rules.
import type { OrderId, UserId } from '../../../contracts/common.ts';
import { ProblemError } from '../../../contracts/problem.ts';
import type { Holdable } from '../../ads/holds.ts';
import { Alarm, type Engine, Process } from './engine.testing.ts';
import { done, fails, type Reply, type Target } from './network.testing.ts';
import type { Product } from './product.testing.ts';

const fresh: Holdable = {
  seller_id: 'seller' as UserId,
  status: 'active',
  order_id: null,
  reserved_until: null,
  given_up_by: [],
  takedown_reason: null,
  rejection_reason: null,
};

/** In rows and calls an order is a string; here it is a number. */
export const orderId = (order: number): OrderId => String(order) as OrderId;

export class Ads implements Target {
  readonly name = 'ads';
  readonly processes: readonly Process[];
  awayUntil = 0;
  readonly rows: Holdable[] = [];
  readonly #expiries: Alarm[] = [];
  readonly #engine: Engine;
  readonly #rules: Product['holds'];

  constructor(engine: Engine, rules: Product['holds'], ads: number) {
    this.#engine = engine;
    this.#rules = rules;
    const process = new Process('ads');
    engine.processes.push(process);
    this.processes = [process];
    for (let ad = 0; ad < ads; ad += 1) {
      this.rows.push(fresh);
      this.#expiries.push(new Alarm(engine, () => this.#expire(ad)));
    }
  }

  reserve(ad: number, order: number, buyer: number, ttlSeconds: number): Reply<null> {
    const now = this.#now();
    const until = new Date(now.getTime() + ttlSeconds * 1000);
    const hold = { orderId: orderId(order), buyerId: String(buyer) as UserId, until };
    return this.#change(ad, (row) => this.#rules.reserved(row, hold, now));
  }

  markSold(ad: number, order: number): Reply<null> {
    return this.#change(ad, (row) => this.#rules.sold(row, orderId(order)));
  }

  release(ad: number, order: number): Reply<null> {
    return this.#change(ad, (row) => this.#rules.released(row, orderId(order)));
  }

  #change(ad: number, rule: (row: Holdable) => Holdable): Reply<null> {
    try {
      this.#write(ad, rule(this.rows[ad] as Holdable));
      return done;
    } catch (error) {
      if (error instanceof ProblemError) return fails(error.code, error.message);
      throw error;
    }
  }

  #write(ad: number, row: Holdable): void {
    const before = this.rows[ad];
    if (row === before) return;
    this.rows[ad] = row;
    if (this.#engine.told) this.#engine.say(this.name, `ad ${ad} is ${row.status}, of order ${row.order_id ?? 'none'}`);
    this.#expiries[ad]?.set(row.status === 'reserved' ? (row.reserved_until?.getTime() ?? null) : null);
  }

  #expire(ad: number): void {
    const row = this.rows[ad] as Holdable;
    if (row.status !== 'reserved' || row.reserved_until === null) return;
    if (this.awayUntil > this.#engine.now) this.#expiries[ad]?.set(this.awayUntil);
    else if (row.reserved_until > this.#now()) this.#expiries[ad]?.set(this.#engine.now + 1_000);
    else {
      this.#engine.coverage.happening('hold expired');
      this.#write(ad, this.#rules.backOnSale(row));
    }
  }

  #now(): Date {
    return this.#engine.clock(this.processes[0] as Process);
  }
}
