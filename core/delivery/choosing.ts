// Which of several couriers: the one whose pick-up point it is, else the first that goes there.
import type { Money, UserId } from '../../contracts/common.ts';
import type { Quote } from '../../contracts/delivery.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { type CarryingOut, recipientOf } from './carrying-out.ts';
import { type Courier, type CourierQuote, CourierRefusal, CourierUnavailable, type To } from './couriers/courier.ts';

/** By name, in the order in which they are asked. */
export type Couriers = ReadonlyMap<string, Courier>;

export type Asked = Parameters<Courier['quote']>[0];

export interface Offer extends CourierQuote {
  readonly courier: string;
}

/** What it costs, of the first courier that says so; what the first one said where none does. */
export async function firstOffer(couriers: Couriers, asked: Asked): Promise<Offer> {
  const { to } = asked;
  const candidates = to.kind === 'pickup_point' ? [courierOfPoint(couriers, to.pickupPoint)] : [...couriers.values()];
  let failure: unknown;
  for (const courier of candidates) {
    try {
      return { ...(await courier.quote(asked)), courier: courier.name };
    } catch (error) {
      if (!(error instanceof CourierRefusal) && !(error instanceof CourierUnavailable)) throw error;
      failure ??= error;
    }
  }
  throw failure ?? none();
}

/** Both ways to a city, as far as anybody offers them. */
export async function offersOf(
  couriers: Couriers,
  { fromCity, toCity, declaredValue }: { fromCity: string; toCity: string; declaredValue: Money },
): Promise<Quote[]> {
  const methods = ['pickup_point', 'courier'] as const;
  const to = { kind: 'city', city: toCity } as const;
  const offers = await Promise.allSettled(
    methods.map(async (method) => ({
      method,
      ...(await firstOffer(couriers, { fromCity, method, to, declaredValue })),
    })),
  );
  const made = offers.flatMap((offer) => (offer.status === 'fulfilled' ? [offer.value] : []));
  if (made.length > 0) return made;
  throw offers.find((offer) => offer.status === 'rejected')?.reason;
}

export const ownerOf = (couriers: Couriers, id: string): Courier | undefined =>
  couriers.values().find((courier) => courier.ownsPickupPoint(id));

function courierOfPoint(couriers: Couriers, id: string): Courier {
  const owner = ownerOf(couriers, id);
  if (owner) return owner;
  if (couriers.size === 0) throw none();
  throw new CourierRefusal('pickup_point', `There is no pick-up point ${id}`);
}

/** Who gets the parcel of an order; `quoted` is whose price it pays. */
export function courierOfParcel(couriers: Couriers, to: To, quoted: string | undefined): Courier {
  if (to.kind === 'pickup_point') return courierOfPoint(couriers, to.pickupPoint);
  const courier = couriers.get(quoted ?? '') ?? [...couriers.values()][0];
  if (!courier) throw none();
  return courier;
}

/** Better said before the order is paid than refused by the courier afterwards. */
export async function checkRecipient(
  options: Pick<CarryingOut, 'users'>,
  courier: Courier | undefined,
  buyerId: UserId,
): Promise<void> {
  if (courier?.needs !== 'phone' || (await recipientOf(options, buyerId)).phone !== null) return;
  throw new ProblemError('invalid-field', {
    detail: 'Add your phone number to your profile: the courier calls it',
    errors: [{ field: 'phone', message: 'Add your phone number to your profile: the courier calls it' }],
  });
}

const none = (): ProblemError => new ProblemError('delivery-unavailable', { detail: 'No courier is configured' });
