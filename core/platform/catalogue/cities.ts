// Cities that ads are placed in, with the coordinates of their centres.
import type { City } from '../../../contracts/ads.ts';

const city = (id: string, ru: string, en: string, latitude: number, longitude: number): City => ({
  id,
  name: { ru, en },
  latitude,
  longitude,
});

export const cities: readonly City[] = [
  city('moscow', 'Москва', 'Moscow', 55.7558, 37.6173),
  city('saint-petersburg', 'Санкт-Петербург', 'Saint Petersburg', 59.9343, 30.3351),
  city('novosibirsk', 'Новосибирск', 'Novosibirsk', 55.0302, 82.9204),
  city('yekaterinburg', 'Екатеринбург', 'Yekaterinburg', 56.8389, 60.6057),
  city('kazan', 'Казань', 'Kazan', 55.7961, 49.1064),
  city('nizhny-novgorod', 'Нижний Новгород', 'Nizhny Novgorod', 56.2965, 43.9361),
  city('samara', 'Самара', 'Samara', 53.1959, 50.1002),
  city('krasnodar', 'Краснодар', 'Krasnodar', 45.0355, 38.9753),
  city('voronezh', 'Воронеж', 'Voronezh', 51.672, 39.1843),
  city('sochi', 'Сочи', 'Sochi', 43.5855, 39.7231),
];

const byId: ReadonlyMap<string, City> = new Map(cities.map((place) => [place.id, place]));

export const findCity = (id: string): City | undefined => byId.get(id);

/** The city that an address names; the first where it names several. */
export function cityInText(text: string): City | undefined {
  const lower = text.toLowerCase();
  const placeOf = ({ name }: City): number =>
    Math.min(...[name.ru, name.en].map((each) => (lower.indexOf(each.toLowerCase()) + 1 || Infinity) - 1));
  const [first] = cities
    .map((place) => ({ place, at: placeOf(place) }))
    .filter(({ at }) => at !== Infinity)
    .sort((one, other) => one.at - other.at);
  return first?.place;
}

interface Position {
  readonly latitude: number;
  readonly longitude: number;
}

const earthRadiusKm = 6371;
const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Along the great circle (haversine). */
export function distanceKm(from: Position, to: Position): number {
  const north = radians(to.latitude - from.latitude);
  const east = radians(to.longitude - from.longitude);
  const chord =
    Math.sin(north / 2) ** 2 +
    Math.cos(radians(from.latitude)) * Math.cos(radians(to.latitude)) * Math.sin(east / 2) ** 2;
  return 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(chord)));
}

/** Kilometres on the great circle between a place and each city's centre. */
export const distancesKm = (latitude: number, longitude: number): Map<string, number> =>
  new Map(cities.map((place) => [place.id, distanceKm({ latitude, longitude }, place)]));
