// A payment provider as payments sees it: two-stage payments, refunds, payouts to sellers, webhooks.
import type { Money } from '../../../contracts/common.ts';
import type { PayoutDestination } from '../../../contracts/payments.ts';

/**
 * What a provider can say of a payment. `lapsing` answers only a void: it can't be called off, but it ends by itself,
 * and whatever is paid until then is to be given back.
 */
export type ProviderStatus = 'pending' | 'lapsing' | 'authorized' | 'captured' | 'cancelled' | 'declined' | 'refunded';

export interface ProviderPayment {
  readonly providerId: string;
  /** What we called the payment when we registered it: our payment id. */
  readonly reference: string;
  readonly status: ProviderStatus;
  readonly amount: Money;
  /** How much of a captured amount has been given back; refunds that are under way don't count yet. */
  readonly refunded: number;
  /** Why it was declined or cancelled. */
  readonly reason: string | null;
}

export interface CreatedPayment extends ProviderPayment {
  /** Where the buyer pays. */
  readonly confirmationUrl: string;
}

export interface ProviderPayout {
  readonly payoutId: string;
  readonly status: 'pending' | 'paid' | 'failed';
}

/** Something that happened at the provider, told by a webhook that is to be believed. */
export interface ProviderEvent {
  /** The same whenever the same event is sent again. */
  readonly eventId: string;
  readonly payment: ProviderPayment;
}

export interface NewProviderPayment {
  readonly idempotencyKey: string;
  readonly reference: string;
  readonly amount: Money;
  readonly description: string;
  readonly returnUrl: string;
}

export interface NewProviderPayout {
  readonly idempotencyKey: string;
  /** Our payment id, and the provider's, of which this is the seller's share. */
  readonly reference: string;
  readonly providerId: string;
  readonly sellerId: string;
  /** Null where the provider needs none. */
  readonly destination: PayoutDestination | null;
  readonly amount: Money;
}

/** Each call may be repeated with the same idempotency key: it has its effect once and answers as of now. */
export interface PaymentProvider {
  /** As in the webhook's path. */
  readonly name: string;
  /** The smallest amount of a currency that it moves, in our minor units; other amounts are multiples of it. */
  step(currency: string): number;
  /** What it can pay to. Where there is nothing, it needs no destination. */
  readonly pays: readonly PayoutDestination['type'][];
  createPayment(payment: NewProviderPayment): Promise<CreatedPayment>;
  capture(providerId: string, amount: Money, idempotencyKey: string): Promise<ProviderPayment>;
  /** Makes a pending payment unpayable, or lets an authorised amount go. */
  void(providerId: string, idempotencyKey: string): Promise<ProviderPayment>;
  /** Gives a captured amount back, or a part of it. While it is under way the answer is that it is not back yet. */
  refund(providerId: string, amount: Money, idempotencyKey: string): Promise<ProviderPayment>;
  payout(payout: NewProviderPayout): Promise<ProviderPayout>;
  get(providerId: string): Promise<ProviderPayment>;
  getPayout(payoutId: string): Promise<ProviderPayout>;
  /** Throws `invalid-field` where nothing can be paid to it. */
  checkDestination(destination: PayoutDestination): Promise<void>;
  /**
   * Null for an event that is not about a payment of ours. Throws `invalid-signature` for one that need not be the
   * provider's, and `invalid-field` where what it says makes no sense.
   */
  hearWebhook(headers: Headers, body: Uint8Array, now: Date): Promise<ProviderEvent | null>;
}

/** The provider said no; asking again changes nothing. */
export class ProviderRefusal extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ProviderRefusal';
  }
}

/** No answer: whether the call had its effect is unknown until it is repeated. */
export class ProviderUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ProviderUnavailable';
  }
}
