// A payment provider as payments sees it: two-stage payments, refunds, payouts to sellers, signed webhooks.
import type { Money } from '../../../contracts/common.ts';

/** What a provider can say of a payment. */
export type ProviderStatus = 'pending' | 'authorized' | 'captured' | 'cancelled' | 'declined' | 'refunded';

export interface ProviderPayment {
  readonly providerId: string;
  /** What we called the payment when we registered it: our payment id. */
  readonly reference: string;
  readonly status: ProviderStatus;
  readonly amount: Money;
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

/** Something that happened at the provider, told by a webhook whose signature is right. */
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

/** Each call may be repeated with the same idempotency key: it has its effect once and answers the same. */
export interface PaymentProvider {
  /** As in the webhook's path. */
  readonly name: string;
  createPayment(payment: NewProviderPayment): Promise<CreatedPayment>;
  capture(providerId: string, amount: Money, idempotencyKey: string): Promise<ProviderPayment>;
  /** Makes a pending payment unpayable, or lets an authorised amount go. */
  void(providerId: string, idempotencyKey: string): Promise<ProviderPayment>;
  refund(providerId: string, amount: Money, idempotencyKey: string): Promise<ProviderPayment>;
  payout(payout: {
    readonly idempotencyKey: string;
    readonly reference: string;
    readonly sellerId: string;
    readonly amount: Money;
  }): Promise<ProviderPayout>;
  get(providerId: string): Promise<ProviderPayment>;
  getPayout(payoutId: string): Promise<ProviderPayout>;
  /** Throws `invalid-signature`, or `invalid-field` where what was signed makes no sense. */
  parseWebhook(headers: Headers, body: Uint8Array, now: Date): ProviderEvent;
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
