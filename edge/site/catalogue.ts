// Categories and cities with their names: nearly every page names some.
import type { Category, City } from '../../contracts/ads.ts';
import type { Choice } from './fields.ts';
import type { Visit } from './visit.ts';

export interface Catalogue {
  readonly categories: readonly Category[];
  readonly cities: readonly City[];
  categoryName(slug: string): string;
  cityName(slug: string): string;
}

export async function loadCatalogue({ client, format }: Visit): Promise<Catalogue> {
  const [{ items: categories }, { items: cities }] = await Promise.all([
    client.get('listCategories'),
    client.get('listCities'),
  ]);
  const namer = (items: readonly (Category | City)[]) => {
    const names = new Map<string, string>(items.map(({ id, name }) => [id, format.text(name)]));
    return (slug: string): string => names.get(slug) ?? slug;
  };
  return { categories, cities, categoryName: namer(categories), cityName: namer(cities) };
}

export const cityChoices = ({ cities, cityName }: Catalogue): Choice[] =>
  cities.map(({ id }) => ({ value: id, text: cityName(id) }));
