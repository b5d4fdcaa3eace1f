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

const earthRadiusKm = 6371;
const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Kilometres on the great circle between a place and each city's centre. */
export function distancesKm(latitude: number, longitude: number): Map<string, number> {
  return new Map(
    cities.map((place) => {
      const north = radians(place.latitude - latitude);
      const east = radians(place.longitude - longitude);
      const chord =
        Math.sin(north / 2) ** 2 +
        Math.cos(radians(latitude)) * Math.cos(radians(place.latitude)) * Math.sin(east / 2) ** 2;
      return [place.id, 2 * earthRadiusKm * Math.asin(Math.sqrt(chord))];
    }),
  );
}
