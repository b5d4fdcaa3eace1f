// What the people of a run do: the same for the same seed.
import { between, luckOf, weighted } from './luck.ts';

/** How a purchase is meant to go. Faults and timeouts may have it end otherwise, but never wrongly. */
const kinds = {
  /** Paid, delivered, accepted. */
  happy: 6,
  /** Delivered; the buyer says nothing. */
  silent: 2,
  declined: 1.5,
  /** Never paid. */
  abandoned: 1,
  /** The courier doesn't go there. */
  refused: 1.5,
  /** By the buyer, at any moment. */
  cancelled: 3,
  returned: 1.5,
  lost: 1.5,
  /** Two buyers want the same ad at the same moment. */
  contested: 1.5,
} as const;
export type PurchaseKind = keyof typeof kinds;
export const purchaseKinds = Object.keys(kinds) as PurchaseKind[];

export interface Purchase {
  readonly number: number;
  readonly kind: PurchaseKind;
  readonly buyer: number;
  /** Of a contested purchase: who else wants it. */
  readonly rival: number;
  readonly price: number;
  readonly delivery:
    | { readonly method: 'courier'; readonly address: string }
    | { readonly method: 'pickup_point'; readonly pickup_point: string };
  /** An impatient client, or a proxy on its way, sends the request twice at once. */
  readonly sendsTwice: boolean;
  readonly thinksMs: number;
  /** Since the order was made; it may be paid by then, sent, delivered, or nothing of that. */
  readonly cancelsAfterMs: number;
  /** What the parcel has to be before it is returned or lost. */
  readonly strayFrom: 'accepted' | 'in_transit';
}

/** Few, so that amounts tell payments that were mixed up apart only seldom. */
const prices = [100_000, 250_000] as const;

export function purchaseOf(seed: number, number: number, buyers: number): Purchase {
  const luck = luckOf(seed, 'purchase', number);
  const kind = weighted(luck, kinds);
  const buyer = luck.whole(0, buyers - 1);
  return {
    number,
    kind,
    buyer,
    rival: (buyer + luck.whole(1, buyers - 1)) % buyers,
    price: luck.pick(prices),
    delivery:
      kind === 'refused'
        ? { method: 'courier', address: 'Москва, улица Отказная, 1 (refuse)' }
        : luck.next() < 0.6
          ? { method: 'courier', address: 'Москва, Тверская, 1' }
          : { method: 'pickup_point', pickup_point: 'moscow-1' },
    sendsTwice: luck.next() < 0.15,
    thinksMs: between(luck, 0, 1_500),
    cancelsAfterMs: between(luck, 0, 9_000),
    strayFrom: luck.pick(['accepted', 'in_transit']),
  };
}

/** Pauses between one purchase and the next, as of people who don't know each other. */
export const pauseMsBefore = (seed: number, number: number, ordersPerSecond: number): number =>
  (-Math.log(1 - luckOf(seed, 'pause', number).next()) / ordersPerSecond) * 1000;
