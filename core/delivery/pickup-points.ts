// Pick-up points: of one city, the nearest first, page by page. Couriers' lists are kept for some minutes.
import { LRUCache } from 'lru-cache';
import type { PickupPoint } from '../../contracts/delivery.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { cities, distanceKm } from '../platform/catalogue/cities.ts';
import { type Couriers, ownerOf } from './choosing.ts';
import { type Courier, type CourierPoint, CourierRefusal } from './couriers/courier.ts';

export interface PointSearch {
  /** The one nearest to the position when not given. */
  readonly city: string | undefined;
  readonly position: Position | undefined;
  readonly after: PointPlace | undefined;
  readonly limit: number;
}

interface Position {
  readonly latitude: number;
  readonly longitude: number;
}

/** Where a page ended. */
export interface PointPlace {
  readonly distance_m: number;
  readonly id: string;
}

export interface PickupPoints {
  list(search: PointSearch): Promise<{ readonly city: string; readonly items: PickupPoint[]; readonly more: boolean }>;
  find(id: string): Promise<PickupPoint>;
}

/** Farther away there is no city of ours. */
const nearbyKm = 100;
const keptMs = 10 * 60_000;

export function createPickupPoints(couriers: Couriers): PickupPoints {
  // An old list is better than none.
  const lists = new LRUCache<string, readonly CourierPoint[], { readonly courier: Courier; readonly city: string }>({
    max: 1_000,
    ttl: keptMs,
    allowStaleOnFetchRejection: true,
    fetchMethod: (_key, _old, { context: { courier, city } }) => unlessRefused(courier.pickupPoints(city), []),
  });
  const single = new LRUCache<string, { readonly point: CourierPoint | null }, Courier>({
    max: 10_000,
    ttl: keptMs,
    allowStaleOnFetchRejection: true,
    fetchMethod: async (id, _old, { context: courier }) => ({
      point: await unlessRefused(courier.pickupPoint(id), null),
    }),
  });

  /** Of the first courier that has any there: its price is the one that was quoted. */
  const pointsIn = async (
    city: string,
  ): Promise<{ readonly courier: string; readonly points: readonly CourierPoint[] }> => {
    let silent = couriers.size === 0;
    for (const courier of couriers.values()) {
      const points = await lists.fetch(`${courier.name}/${city}`, { context: { courier, city } });
      if (points && points.length > 0) return { courier: courier.name, points };
      silent ||= points === undefined; // no answer, and none from earlier either
    }
    if (silent) throw unavailable();
    return { courier: '', points: [] };
  };

  return {
    async list({ city, position, after, limit }) {
      const place = city === undefined ? nearestCity(position) : cities.find(({ id }) => id === city);
      if (!place)
        throw new ProblemError('invalid-parameter', { errors: [{ field: 'city', message: 'There is no such city' }] });
      const { courier, points } = await pointsIn(place.id);
      const sorted = points
        .map((point) => ({ ...point, courier, distance_m: metres(position ?? place, point) }))
        .sort(byDistance);
      const rest = after ? sorted.filter((point) => byDistance(point, after) > 0) : sorted;
      return { city: place.id, items: rest.slice(0, limit), more: rest.length > limit };
    },
    async find(id) {
      const courier = ownerOf(couriers, id);
      const found = courier ? await single.fetch(id, { context: courier }) : { point: null };
      if (!found) throw unavailable();
      const { point } = found;
      if (!courier || !point) throw new ProblemError('not-found', { detail: 'There is no such pick-up point' });
      const centre = cities.find((each) => each.id === point.city);
      return { ...point, courier: courier.name, distance_m: centre ? metres(centre, point) : 0 };
    },
  };
}

/** Where a courier doesn't go there is nothing of it. */
async function unlessRefused<Result>(call: Promise<Result>, otherwise: Result): Promise<Result> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof CourierRefusal) return otherwise;
    throw error;
  }
}

const unavailable = (): ProblemError => new ProblemError('delivery-unavailable', { headers: { 'retry-after': '2' } });

function nearestCity(position: Position | undefined) {
  if (!position) return undefined;
  const [nearest] = cities
    .map((place) => ({ place, km: distanceKm(position, place) }))
    .sort((one, other) => one.km - other.km);
  return nearest && nearest.km <= nearbyKm ? nearest.place : undefined;
}

const metres = (from: Position, to: Position): number => Math.round(distanceKm(from, to) * 1_000);

const byDistance = (one: PointPlace, other: PointPlace): number =>
  one.distance_m - other.distance_m || (one.id < other.id ? -1 : one.id > other.id ? 1 : 0);
