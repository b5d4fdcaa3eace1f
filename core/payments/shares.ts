// Who gets what of a payment: the seller, the platform for its service, and the platform for the delivery it arranges.

/** The platform's fee, as it was quoted when the payment began. */
export interface FeeTerms {
  /** Hundredths of a per cent of the price. */
  readonly basisPoints: number;
  /** The smallest amount that the provider moves in this currency, in minor units. */
  readonly step: number;
}

/**
 * The fee for goods of this price, rounded down, in the seller's favour, to what the provider can move. Prices are
 * multiples of the step, so what is left for the seller is one too.
 */
export function feeFor(price: number, { basisPoints, step }: FeeTerms): number {
  const product = price * basisPoints;
  return (product - (product % (10_000 * step))) / 10_000;
}

export interface SharedPayment {
  readonly amount: number;
  /** The price of the goods; the rest is the delivery's. */
  readonly seller_amount: number;
  readonly refunded_amount: number;
  readonly fee_basis_points: number;
  readonly amount_step: number;
}

export interface Shares {
  readonly seller: number;
  readonly fee: number;
  readonly delivery: number;
}

/** What was given back comes off the price first: it is the goods that are not as described. No fee is taken of it. */
export function sharesOf(payment: SharedPayment): Shares {
  const { amount, seller_amount, refunded_amount, fee_basis_points: basisPoints, amount_step: step } = payment;
  const price = Math.max(seller_amount - refunded_amount, 0);
  const fee = feeFor(price, { basisPoints, step });
  return { seller: price - fee, fee, delivery: amount - refunded_amount - price };
}
