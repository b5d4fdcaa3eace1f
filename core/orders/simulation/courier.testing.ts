// The courier: core/sandbox/courier in memory. It keeps books of its own, which the end is judged by.
import type { DeliveryStage } from '../../../contracts/delivery.ts';
import { canBecome } from '../../sandbox/courier/courier.ts';
import type { Engine } from './engine.testing.ts';
import { fails, type Reply, type Target } from './network.testing.ts';
import type { Ways } from './product.testing.ts';

export interface CourierHabits {
  /** It says no to something that is in order, this often. */
  readonly refuses: number;
}

export interface Parcel {
  stage: DeliveryStage;
  readonly method: 'door' | 'pickup';
}

export class Courier implements Target {
  readonly name = 'courier';
  readonly processes = [];
  awayUntil = 0;
  /** By order: it has one parcel, whose reference it is. */
  readonly parcels: (Parcel | undefined)[] = [];
  readonly #kept = new Map<string, Reply<DeliveryStage>>();
  readonly #engine: Engine;
  readonly #ways: Ways;
  readonly #moved: (order: number, stage: DeliveryStage) => void;
  habits: CourierHabits;

  /** @param moved hears of each stage, also of `created`, which no webhook tells */
  constructor(engine: Engine, ways: Ways, habits: CourierHabits, moved: (order: number, stage: DeliveryStage) => void) {
    this.#engine = engine;
    this.#ways = ways;
    this.habits = habits;
    this.#moved = moved;
  }

  register(
    order: number,
    key: string,
    wish: { readonly method: Parcel['method']; readonly refused: boolean },
  ): Reply<DeliveryStage> {
    return this.#once(key, () => {
      if (wish.refused) return fails('refused', "address_refused: We don't deliver there");
      if (this.parcels[order]) return fails('refused', 'reference_used');
      this.parcels[order] = { stage: 'created', method: wish.method };
      this.#note(order, 'registered');
      this.#moved(order, 'created');
      return { value: 'created' };
    });
  }

  cancel(order: number, key: string): Reply<DeliveryStage> {
    return this.#once(key, () => {
      const parcel = this.parcels[order];
      if (!parcel) return fails('refused', 'not_found');
      if (parcel.stage !== 'created' && parcel.stage !== 'cancelled') {
        return fails('refused', `under_way: The parcel is ${parcel.stage}`);
      }
      this.happens(order, 'cancelled');
      return { value: 'cancelled' };
    });
  }

  get(order: number): Reply<DeliveryStage> {
    const parcel = this.parcels[order];
    return parcel ? { value: parcel.stage } : fails('refused', 'not_found');
  }

  /** A parcel moves on; false when it can't. */
  happens(order: number, stage: DeliveryStage): boolean {
    const parcel = this.parcels[order];
    if (!parcel || parcel.stage === stage || !canBecome(parcel, stage)) return false;
    parcel.stage = stage;
    this.#engine.coverage.happening(`courier ${stage}`);
    this.#note(order, stage);
    this.#moved(order, stage);
    return true;
  }

  /** As the provider does it. */
  #once(key: string, work: () => Reply<DeliveryStage>): Reply<DeliveryStage> {
    const kept = this.#ways.companyKeys ? this.#kept.get(key) : undefined;
    if (kept) return kept;
    if (this.#engine.strikes('courier refuses', this.habits.refuses)) return fails('refused', 'no: not now');
    const reply = work();
    if (!reply.trouble) this.#kept.set(key, reply);
    return reply;
  }

  #note(order: number, what: string): void {
    if (this.#engine.told) this.#engine.say(this.name, `parcel of order ${order}: ${what}`);
  }
}
