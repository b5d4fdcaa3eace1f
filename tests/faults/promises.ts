// What clients were told: an answer that the shop gave is a promise, and the books have to keep it.
import type { PurchaseKind } from './purchases.ts';

export interface Ordered {
  readonly orderId: string;
  readonly key: string;
  readonly kind: PurchaseKind;
  readonly buyerId: string;
}

export class Promises {
  readonly #orders = new Map<string, Ordered>();
  /** Orders whose acceptance by the buyer was answered with 200. */
  readonly accepted = new Set<string>();
  readonly #byKey = new Map<string, string>();
  readonly #turnedAway = new Map<string, number>();
  readonly #broken: string[] = [];

  get orders(): readonly Ordered[] {
    return [...this.#orders.values()];
  }

  /** By kind of purchase and answer; null where no answer came. */
  get refusals(): ReadonlyMap<string, number> {
    return this.#turnedAway;
  }

  ordered(order: Ordered): void {
    const known = this.#byKey.get(order.key);
    if (known !== undefined && known !== order.orderId) {
      this.#broken.push(`one Idempotency-Key made two orders: ${known} and ${order.orderId}`);
    }
    this.#byKey.set(order.key, order.orderId);
    this.#orders.set(order.orderId, order);
  }

  acceptance(orderId: string): void {
    this.accepted.add(orderId);
  }

  turnedAway(kind: PurchaseKind, status: number | null): void {
    const name = `${kind} ${status ?? 'no answer'}`;
    this.#turnedAway.set(name, (this.#turnedAway.get(name) ?? 0) + 1);
  }

  /** What was promised and is not so, by the orders' present statuses. */
  brokenBy(statuses: ReadonlyMap<string, string>): string[] {
    const lost = this.orders
      .filter(({ orderId }) => !statuses.has(orderId))
      .map(({ orderId, kind }) => `order ${orderId} (${kind}) was answered with 201 and is not in the books`);
    const undone = [...this.accepted]
      .filter((orderId) => statuses.get(orderId) !== 'completed')
      .map((orderId) => `order ${orderId} was accepted by its buyer and is ${statuses.get(orderId) ?? 'gone'}`);
    return [...this.#broken, ...lost, ...undone];
  }
}
