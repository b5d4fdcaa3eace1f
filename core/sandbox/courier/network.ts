// The sandbox courier's network: the cities it serves, its pick-up points, prices and times.
import type { City } from '../../../contracts/ads.ts';
import { cities } from '../../platform/catalogue/cities.ts';
import { Refusal } from '../api.ts';

export interface PickupPoint {
  readonly id: string;
  readonly city: string;
  readonly name: string;
  readonly address: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly hours: string;
}

/** Streets that every town here has, and how far from the centre each point lies, in degrees. */
const places = [
  ['Центральный', 'ул. Ленина, 12', 0.004, -0.006, 'Ежедневно 09:00–21:00'],
  ['Вокзальный', 'Привокзальная пл., 3', -0.011, 0.014, 'Ежедневно 08:00–22:00'],
  ['Северный', 'ул. Мира, 48', 0.027, 0.009, 'Пн–Сб 10:00–20:00'],
  ['Южный', 'ул. Гагарина, 7', -0.031, -0.018, 'Пн–Сб 10:00–20:00'],
] as const;

export const pickupPoints: readonly PickupPoint[] = cities.flatMap((city) =>
  places.map(([name, address, north, east, hours], index) => ({
    id: `${city.id}-${index + 1}`,
    city: city.id,
    name,
    address: `${city.name.ru}, ${address}`,
    latitude: round(city.latitude + north),
    longitude: round(city.longitude + east),
    hours,
  })),
);

export interface Destination {
  readonly address?: string | undefined;
  readonly pickup_point?: string | undefined;
  readonly city?: string | undefined;
}

/** One price for the whole country, in minor units. */
const prices: Readonly<Record<string, Readonly<Record<'door' | 'pickup', number>>>> = {
  RUB: { door: 399_00, pickup: 199_00 },
  KZT: { door: 2_400_00, pickup: 1_200_00 },
  BYN: { door: 14_00, pickup: 7_00 },
  EUR: { door: 4_90, pickup: 2_90 },
  USD: { door: 4_90, pickup: 2_90 },
};

export function priceOf(method: 'door' | 'pickup', currency: string): { amount: number; currency: string } {
  const price = prices[currency];
  if (!price) throw new Refusal(422, 'currency', `We don't charge in ${currency}`);
  return { amount: price[method], currency };
}

/** Days from and to, by the distance; the farthest where we can't tell the city from the address. */
export function estimate(fromCity: string, destination: Destination, now: Date): { from: string; to: string } {
  const from = cityOf(fromCity);
  const to = cityOfDestination(destination);
  const km = to ? distanceKm(from, to) : 3_000;
  const days = 1 + Math.ceil(km / 500);
  const day = (count: number): string => new Date(now.getTime() + count * 86_400_000).toISOString().slice(0, 10);
  return { from: day(days), to: day(days + 2) };
}

export function cityOf(id: string): City {
  const city = cities.find((each) => each.id === id);
  if (!city) throw new Refusal(422, 'city', `We don't serve ${id}`);
  return city;
}

export function pickupPointOf(id: string): PickupPoint {
  const point = pickupPoints.find((each) => each.id === id);
  if (!point) throw new Refusal(422, 'pickup_point', `There is no pick-up point ${id}`);
  return point;
}

function cityOfDestination({ address, pickup_point, city }: Destination): City | undefined {
  if (city !== undefined) return cityOf(city);
  if (pickup_point !== undefined) return cityOf(pickupPointOf(pickup_point).city);
  const text = (address ?? '').toLowerCase();
  return cities.find(({ name }) => text.includes(name.ru.toLowerCase()) || text.includes(name.en.toLowerCase()));
}

/** Along the great circle (haversine). */
function distanceKm(a: City, b: City): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const half =
    Math.sin(radians(b.latitude - a.latitude) / 2) ** 2 +
    Math.cos(radians(a.latitude)) *
      Math.cos(radians(b.latitude)) *
      Math.sin(radians(b.longitude - a.longitude) / 2) ** 2;
  return 2 * 6_371 * Math.asin(Math.min(1, Math.sqrt(half)));
}

function round(degrees: number): number {
  return Math.round(degrees * 10_000) / 10_000;
}
