// Checks what a seller filled in against the form of the category.
import type { Attribute, AttributeValue } from '../../contracts/ads.ts';
import type { FieldError } from '../../contracts/problem.ts';
import { findCategory } from '../platform/catalogue/categories.ts';
import { findCity } from '../platform/catalogue/cities.ts';

export interface Placement {
  readonly category: string;
  readonly city: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** Those that can be paid in today: no test code, no precious metal, no currency of the past. */
const currencies = new Set(Intl.supportedValuesOf('currency'));

export const currencyErrors = (currency: string): FieldError[] =>
  currencies.has(currency) ? [] : [{ field: 'price.currency', message: 'is not a currency in use (ISO 4217)' }];

/** What is wrong with where an ad is placed; a draft may leave required attributes for later. */
export function placementErrors(placement: Placement, { draft }: { draft: boolean }): FieldError[] {
  const errors: FieldError[] = [];
  if (!findCity(placement.city)) errors.push({ field: 'city', message: 'is not a known city' });
  const category = findCategory(placement.category);
  if (!category) return [...errors, { field: 'category', message: 'is not a known category' }];

  const known = new Map(category.attributes.map((attribute) => [attribute.id, attribute]));
  for (const [id, value] of Object.entries(placement.attributes)) {
    const attribute = known.get(id);
    const message = attribute ? valueError(attribute, value) : `is not an attribute of ${category.id}`;
    if (message !== undefined) errors.push({ field: `attributes.${id}`, message });
  }
  for (const { id, required } of category.attributes) {
    if (required && !draft && placement.attributes[id] === undefined) {
      errors.push({ field: `attributes.${id}`, message: 'is required' });
    }
  }
  return errors;
}

function valueError({ type, choices }: Attribute, value: AttributeValue): string | undefined {
  switch (type) {
    case 'text':
      return typeof value === 'string' ? undefined : 'must be a text';
    case 'number':
      return typeof value === 'number' && value >= 0 && value <= 1_000_000
        ? undefined
        : 'must be a number from 0 to 1000000';
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'must be true or false';
    case 'choice':
      return choices?.some(({ id }) => id === value)
        ? undefined
        : `must be one of ${choices?.map(({ id }) => id).join(', ')}`;
    default:
      return type satisfies never;
  }
}
