// The payment provider: core/sandbox/psp in memory. It keeps books of its own, which the end is judged by.

import type { ProviderStatus } from '../../payments/providers/provider.ts';
import { mayBecome } from '../../sandbox/psp/psp.ts';
import type { Engine } from './engine.testing.ts';
import { fails, type Reply, type Target } from './network.testing.ts';
import type { Ways } from './product.testing.ts';

/** How it is with this provider. */
export interface ProviderHabits {
  /** It says no to something that is in order, this often. */
  readonly refuses: number;
  /** It answers that a payout is pending, and ends it later. */
  readonly slowPayouts: boolean;
  /** Of payouts that it did not end at once. */
  readonly failedPayouts: number;
}

export interface ProviderPayment {
  status: ProviderStatus;
  /** How often each status was reached: money that moves twice would show here. */
  readonly reached: Map<ProviderStatus, number>;
}

export interface ProviderPayout {
  status: 'pending' | 'paid' | 'failed';
}

export class Provider implements Target {
  readonly name = 'provider';
  readonly processes = [];
  awayUntil = 0;
  /** By order: it has one payment, whose reference it is. */
  readonly payments: (ProviderPayment | undefined)[] = [];
  /** By order: all that were begun. */
  readonly payouts: (ProviderPayout[] | undefined)[] = [];
  readonly #kept = new Map<string, Reply<never>>();
  readonly #refused = new Set<string>();
  readonly #engine: Engine;
  readonly #ways: Ways;
  readonly #tell: (order: number, status: ProviderStatus) => void;
  habits: ProviderHabits;

  constructor(
    engine: Engine,
    ways: Ways,
    habits: ProviderHabits,
    tell: (order: number, status: ProviderStatus) => void,
  ) {
    this.#engine = engine;
    this.#ways = ways;
    this.habits = habits;
    this.#tell = tell;
  }

  create(order: number, key: string): Reply<ProviderStatus> {
    return this.#once(key, () => {
      if (this.payments[order]) return fails('refused', 'reference_used');
      this.payments[order] = { status: 'pending', reached: new Map() };
      this.#note(order, 'registered');
      this.#tell(order, 'pending');
      return { value: 'pending' };
    });
  }

  capture(order: number, key: string): Reply<ProviderStatus> {
    return this.#once(key, () => this.#asked(order, 'captured'));
  }

  void(order: number, key: string): Reply<ProviderStatus> {
    return this.#once(key, () => this.#asked(order, 'cancelled'));
  }

  refund(order: number, key: string): Reply<ProviderStatus> {
    return this.#once(key, () => this.#asked(order, 'refunded'));
  }

  get(order: number): Reply<ProviderStatus> {
    const payment = this.payments[order];
    return payment ? { value: payment.status } : fails('refused', 'not_found');
  }

  payout(order: number, key: string): Reply<{ id: string; status: ProviderPayout['status'] }> {
    // A no to a payout is kept. Were the same request refused and then accepted, and that answer lost, only people who
    // read the provider's books could tell.
    if (this.#refused.has(key)) return fails('refused', 'risk: not now');
    const reply = this.#once(key, () => {
      this.payouts[order] ??= [];
      const payouts = this.payouts[order];
      if (payouts.some(({ status }) => status !== 'failed')) return fails('refused', 'reference_used');
      const id = payouts.length;
      payouts.push({ status: this.habits.slowPayouts ? 'pending' : 'paid' });
      this.#note(order, `pays the seller${this.habits.slowPayouts ? ', later' : ''}`);
      if (this.habits.slowPayouts) {
        const { chance } = this.#engine;
        const ends = chance.next() < this.habits.failedPayouts ? 'failed' : 'paid';
        this.#engine.at(this.#engine.now + chance.whole(0, 600_000), null, () => {
          (payouts[id] as ProviderPayout).status = ends;
          this.#engine.coverage.happening(`payout ${ends} late`);
          this.#note(order, `payout ${ends}`);
        });
      }
      return { value: { id: String(id), status: (payouts[id] as ProviderPayout).status } };
    });
    if (reply.trouble) this.#refused.add(key);
    return reply;
  }

  getPayout(order: number, id: string): Reply<{ id: string; status: ProviderPayout['status'] }> {
    const payout = this.payouts[order]?.[Number(id)];
    return payout ? { value: { id, status: payout.status } } : fails('refused', 'not_found');
  }

  /** What happens there without us: the buyer pays or not, the bank lets a hold lapse. False when it can't be. */
  happens(order: number, status: ProviderStatus): boolean {
    const payment = this.payments[order];
    if (!payment || payment.status === status) return false;
    return this.#move(order, payment, status);
  }

  #asked(order: number, status: ProviderStatus): Reply<ProviderStatus> {
    const payment = this.payments[order];
    if (!payment) return fails('refused', 'not_found');
    if (payment.status === status) return { value: status };
    return this.#move(order, payment, status)
      ? { value: status }
      : fails('refused', `invalid_state: the payment is ${payment.status}, it can't become ${status}`);
  }

  #move(order: number, payment: ProviderPayment, status: ProviderStatus): boolean {
    if (!mayBecome(payment.status as 'pending', status as 'pending')) return false;
    payment.status = status;
    payment.reached.set(status, (payment.reached.get(status) ?? 0) + 1);
    this.#engine.coverage.happening(`provider ${status}`);
    this.#note(order, status);
    this.#tell(order, status);
    return true;
  }

  /** Refusals are not kept, since the next try may find another state (core/sandbox/api.ts, `once`). */
  #once<Value>(key: string, work: () => Reply<Value>): Reply<Value> {
    const kept = this.#ways.companyKeys ? (this.#kept.get(key) as Reply<Value> | undefined) : undefined;
    if (kept) return kept;
    if (this.#engine.strikes('provider refuses', this.habits.refuses)) return fails('refused', 'risk: not now');
    const reply = work();
    if (!reply.trouble) this.#kept.set(key, reply as Reply<never>);
    return reply;
  }

  #note(order: number, what: string): void {
    if (this.#engine.told) this.#engine.say(this.name, `payment of order ${order}: ${what}`);
  }
}
