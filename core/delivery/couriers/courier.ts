// A courier as delivery sees it: prices, pick-up points, parcels, labels, webhooks.

import type { z } from 'zod';
import type { Money } from '../../../contracts/common.ts';
import type { DateRange, DeliveryStage, PickupPoint } from '../../../contracts/delivery.ts';

export type Days = z.infer<typeof DateRange>;

/** Exactly one of them. */
export type To =
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'pickup_point'; readonly pickupPoint: string };

/**
 * Where the courier says that a parcel is. `refused`: it took the registration and said no to it afterwards. Null: it
 * has yet to decide about the registration, or says something that we don't know and that changes nothing.
 */
export type CourierStage = DeliveryStage | 'refused' | null;

/** What a courier can say of a parcel. */
export interface CourierShipment {
  readonly courierId: string;
  /** What we called it when we registered it: our shipment id. */
  readonly reference: string;
  readonly trackingNumber: string | null;
  /** Where the recipient gets it, when that is a pick-up point. */
  readonly pickupAddress: string | null;
  readonly stage: CourierStage;
  readonly reason: string | null;
  readonly estimated: Days | null;
}

/**
 * What a webhook is about. A `word` says all of the parcel. A `hint` says only that something happened to it, or could
 * have been sent by anybody: the courier is asked. `nothing` is about no parcel.
 */
export type CourierNews =
  | { readonly kind: 'word'; readonly eventId: string; readonly shipment: CourierShipment }
  | { readonly kind: 'hint'; readonly eventId: string; readonly courierId: string; readonly stage: CourierStage }
  | { readonly kind: 'nothing' };

export interface CourierWebhook {
  readonly headers: Headers;
  readonly query: URLSearchParams;
  readonly body: Uint8Array;
  readonly now: Date;
}

export interface CourierQuote {
  readonly price: Money;
  readonly estimated: Days;
}

/** Who gets the parcel. */
export interface Recipient {
  readonly name: string;
  readonly phone: string | null;
  readonly email: string;
}

export interface NewCourierShipment {
  readonly idempotencyKey: string;
  readonly reference: string;
  readonly fromCity: string;
  readonly to: To;
  /** Null for couriers that don't ask for it. */
  readonly recipient: Recipient | null;
  readonly description: string;
  readonly declaredValue: Money;
}

/** The parcel that prices are asked for and couriers are told of: nobody has weighed what is sold. */
export interface Parcel {
  readonly grams: number;
  readonly lengthCm: number;
  readonly widthCm: number;
  readonly heightCm: number;
}

/** A pick-up point as the courier tells of it. */
export type CourierPoint = Omit<PickupPoint, 'courier' | 'distance_m'>;

/** What calls that change something may do twice has one effect: each says how it is known again. */
export interface Courier {
  /** As in the webhook's path, and before the `-` in ids of pick-up points. */
  readonly name: string;
  /** What it must know of the recipient before it takes a parcel; `phone` means a name, too. */
  readonly needs: 'nothing' | 'contacts' | 'phone';
  /** False where two registrations of one parcel at the same moment could become two parcels. */
  readonly registersAtOnce: boolean;
  /** Throws `CourierRefusal` where it doesn't go, or offers no such method. */
  quote(request: {
    readonly fromCity: string;
    readonly method: 'courier' | 'pickup_point';
    readonly to: To | { readonly kind: 'city'; readonly city: string };
    readonly declaredValue: Money;
  }): Promise<CourierQuote>;
  /** Of one city, in no order; none where it has none. */
  pickupPoints(city: string): Promise<readonly CourierPoint[]>;
  /** Whether a pick-up point is one of this courier's, by the look of its id. */
  ownsPickupPoint(id: string): boolean;
  pickupPoint(id: string): Promise<CourierPoint | null>;
  /** Throws `CourierRefusal` when it won't carry the parcel. By the reference it finds a parcel that it has already. */
  register(shipment: NewCourierShipment): Promise<CourierShipment>;
  /** Throws `CourierRefusal` once it has the parcel. What is cancelled already is no error. */
  cancel(parcel: {
    readonly courierId: string;
    readonly reference: string;
    readonly idempotencyKey: string;
  }): Promise<CourierShipment>;
  get(courierId: string): Promise<CourierShipment>;
  /** What is stuck on the parcel, as PDF. Throws `CourierUnavailable` while it is being made. */
  label(courierId: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Throws `invalid-signature`, or `invalid-field` where what was signed makes no sense. */
  parseWebhook(webhook: CourierWebhook): CourierNews;
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
