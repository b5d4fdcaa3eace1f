// A courier as delivery sees it: prices, pick-up points, parcels, signed webhooks.

import type { z } from 'zod';
import type { Money } from '../../../contracts/common.ts';
import type { DateRange, DeliveryStage, PickupPoint } from '../../../contracts/delivery.ts';

export type Days = z.infer<typeof DateRange>;

/** Exactly one of them. */
export type To =
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'pickup_point'; readonly pickupPoint: string };

/** What a courier can say of a parcel. */
export interface CourierShipment {
  readonly courierId: string;
  /** What we called it when we registered it: our shipment id. */
  readonly reference: string;
  readonly trackingNumber: string;
  /** Where the recipient gets it, when that is a pick-up point. */
  readonly pickupAddress: string | null;
  readonly stage: DeliveryStage;
  readonly reason: string | null;
  readonly estimated: Days;
}

/** Something that happened to a parcel, told by a webhook whose signature is right. */
export interface CourierEvent {
  /** The same whenever the same event is sent again. */
  readonly eventId: string;
  readonly shipment: CourierShipment;
}

export interface CourierQuote {
  readonly price: Money;
  readonly estimated: Days;
}

export interface NewCourierShipment {
  readonly idempotencyKey: string;
  readonly reference: string;
  readonly fromCity: string;
  readonly to: To;
  readonly description: string;
  readonly declaredValue: Money;
}

/** Calls with an idempotency key may be repeated: they have their effect once and answer the same. */
export interface Courier {
  /** As in the webhook's path. */
  readonly name: string;
  quote(request: {
    readonly fromCity: string;
    readonly method: 'courier' | 'pickup_point';
    readonly to: To | { readonly kind: 'city'; readonly city: string };
    readonly currency: string;
  }): Promise<CourierQuote>;
  pickupPoints(city: string): Promise<readonly PickupPoint[]>;
  /** Throws `CourierRefusal` when it won't carry the parcel. */
  register(shipment: NewCourierShipment): Promise<CourierShipment>;
  /** Throws `CourierRefusal` once it has the parcel. */
  cancel(courierId: string, idempotencyKey: string): Promise<CourierShipment>;
  get(courierId: string): Promise<CourierShipment>;
  /** Throws `invalid-signature`, or `invalid-field` where what was signed makes no sense. */
  parseWebhook(headers: Headers, body: Uint8Array, now: Date): CourierEvent;
}

/** The courier said no; asking again changes nothing. */
export class CourierRefusal extends Error {
  /** Which part of the request it was about, where the courier says so. */
  readonly about: string;

  constructor(about: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CourierRefusal';
    this.about = about;
  }
}

/** No answer: whether the call had its effect is unknown until it is repeated. */
export class CourierUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CourierUnavailable';
  }
}
