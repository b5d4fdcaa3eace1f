// Search: full text with facets and radius, suggestions, saved searches.
import { z } from 'zod';
import { Ad } from './ads.ts';
import { Cursor, Instant, Limit, Slug, text } from './common.ts';
import { route } from './route.ts';

export const searchSorts = ['relevance', 'newest', 'price_asc', 'price_desc', 'distance'] as const;
export const SearchQuery = z.object({
  q: text(0, 200).default(''),
  category: Slug.optional(),
  city: Slug.optional(),
  price_min: z.coerce.number().int().min(0).optional(),
  price_max: z.coerce.number().int().min(0).optional(),
  near: z
    .string()
    .max(50)
    .regex(/^-?(90(\.0+)?|[0-8]?\d(\.\d+)?),-?(180(\.0+)?|(1[0-7]\d|0?\d{1,2})(\.\d+)?)$/, 'must be latitude,longitude')
    .optional(),
  radius_km: z.coerce.number().positive().max(500).default(50),
  sort: z.enum(searchSorts).default('relevance'),
  cursor: Cursor.optional(),
  limit: Limit.default(20),
});
export type SearchQuery = z.infer<typeof SearchQuery>;

export const Facet = z.object({ value: z.string(), count: z.int() });
export const Facets = z
  .object({
    category: z.array(Facet),
    city: z.array(Facet),
    price: z.array(z.object({ from: z.int(), to: z.int().nullable(), count: z.int() })),
  })
  .meta({ id: 'Facets' });
export const SearchPage = z
  .object({ items: z.array(Ad), facets: Facets, total: z.int(), next_cursor: Cursor.nullable() })
  .meta({ id: 'SearchPage' });
export type SearchPage = z.infer<typeof SearchPage>;

/** What is kept of a search: the same filters without paging. */
export const SavedQuery = z.strictObject({
  q: text(0, 200).default(''),
  category: Slug.optional(),
  city: Slug.optional(),
  price_min: z.int().min(0).optional(),
  price_max: z.int().min(0).optional(),
});
export const SavedSearch = z
  .object({ id: z.uuid(), name: z.string(), query: SavedQuery, created_at: Instant })
  .meta({ id: 'SavedSearch' });
export const NewSavedSearch = z.strictObject({ name: text(1, 100), query: SavedQuery });

export const searchRoutes = {
  search: route({
    id: 'search',
    service: 'search',
    method: 'GET',
    path: '/v1/search',
    summary: 'Search active ads in Russian and English',
    auth: 'public',
    query: SearchQuery,
    success: { status: 200, body: SearchPage },
  }),
  suggest: route({
    id: 'suggest',
    service: 'search',
    method: 'GET',
    path: '/v1/search/suggestions',
    summary: 'Complete what is being typed',
    auth: 'public',
    query: z.object({ q: text(1, 100), limit: z.coerce.number().int().min(1).max(20).default(8) }),
    success: { status: 200, body: z.object({ items: z.array(z.string()) }) },
  }),
  listSavedSearches: route({
    id: 'listSavedSearches',
    service: 'search',
    method: 'GET',
    path: '/v1/me/searches',
    summary: 'Your saved searches',
    auth: 'user',
    success: { status: 200, body: z.object({ items: z.array(SavedSearch) }) },
  }),
  saveSearch: route({
    id: 'saveSearch',
    service: 'search',
    method: 'POST',
    path: '/v1/me/searches',
    summary: 'Save a search',
    auth: 'user',
    body: NewSavedSearch,
    success: { status: 201, body: SavedSearch },
    problems: ['conflict'],
  }),
  removeSavedSearch: route({
    id: 'removeSavedSearch',
    service: 'search',
    method: 'DELETE',
    path: '/v1/me/searches/{id}',
    summary: 'Forget a saved search',
    auth: 'user',
    params: z.object({ id: z.uuid() }),
    success: { status: 204 },
    problems: ['not-found'],
  }),
};
