// Ads: what people publish, how it is listed, and the categories and cities it is listed under.
import { z } from 'zod';
import {
  AdId,
  Cursor,
  Instant,
  ids,
  Limit,
  LocalisedText,
  MediaId,
  Money,
  Price,
  page,
  Slug,
  text,
  UserId,
} from './common.ts';
import { route } from './route.ts';

export const adStatuses = ['draft', 'moderation', 'active', 'reserved', 'sold', 'archived', 'rejected'] as const;
export const AdStatus = z.enum(adStatuses);
export type AdStatus = z.infer<typeof AdStatus>;

export const Photo = z
  .object({ id: MediaId, url: z.string(), thumb_url: z.string(), width: z.int(), height: z.int() })
  .meta({ id: 'Photo' });
export type Photo = z.infer<typeof Photo>;

export const Seller = z
  .object({ id: UserId, name: z.string(), rating: z.number().min(1).max(5).nullable(), reviews: z.int().min(0) })
  .meta({ id: 'Seller' });
export type Seller = z.infer<typeof Seller>;

export const AttributeValue = z.union([z.string().min(1).max(100), z.number(), z.boolean()]);
export type AttributeValue = z.infer<typeof AttributeValue>;

/** One field of a category's own form, such as a bicycle's wheel size. */
export const Attribute = z.object({
  id: Slug,
  name: LocalisedText,
  type: z.enum(['text', 'number', 'boolean', 'choice']),
  unit: z.string().optional(),
  choices: z.array(z.object({ id: Slug, name: LocalisedText })).optional(),
  required: z.boolean(),
});
export type Attribute = z.infer<typeof Attribute>;

export const Category = z
  .object({
    id: Slug,
    name: LocalisedText,
    attributes: z.array(Attribute),
    ads: z.int().min(0).meta({ description: 'Active ads' }),
  })
  .meta({ id: 'Category' });
export type Category = z.infer<typeof Category>;

export const City = z
  .object({ id: Slug, name: LocalisedText, latitude: z.number(), longitude: z.number() })
  .meta({ id: 'City' });
export type City = z.infer<typeof City>;

export const Ad = z
  .object({
    id: AdId,
    title: z.string(),
    description: z.string(),
    price: Money,
    category: Slug,
    city: Slug,
    attributes: z.record(Slug, AttributeValue),
    photos: z.array(Photo),
    status: AdStatus,
    rejection_reason: z.string().nullable(),
    seller: Seller,
    created_at: Instant,
    updated_at: Instant,
    version: z.int(),
  })
  .meta({ id: 'Ad' });
export type Ad = z.infer<typeof Ad>;

const title = text(3, 120);
const description = text(1, 5000);
const attributes = z
  .record(Slug, AttributeValue)
  .refine((all) => Object.keys(all).length <= 30, 'at most 30 attributes')
  .meta({ maxProperties: 30 });
const photos = z.array(MediaId).max(10);

export const NewAd = z
  .strictObject({
    title,
    description,
    price: Price,
    category: Slug,
    city: Slug,
    attributes: attributes.default({}),
    photos: photos.default([]).meta({ description: 'Ids of media that you uploaded' }),
    draft: z.boolean().default(false),
  })
  .meta({ id: 'NewAd' });
export type NewAd = z.infer<typeof NewAd>;

export const AdChange = z
  .strictObject({
    title: title.optional(),
    description: description.optional(),
    price: Price.optional(),
    category: Slug.optional(),
    city: Slug.optional(),
    attributes: attributes.optional(),
    photos: photos.optional(),
    status: z
      .enum(['draft', 'active', 'archived'])
      .optional()
      .meta({ description: '`active` publishes, `archived` takes off' }),
  })
  .refine((change) => Object.keys(change).length > 0, 'name at least one field to change')
  .meta({ id: 'AdChange', minProperties: 1 });
export type AdChange = z.infer<typeof AdChange>;

export const adSorts = ['newest', 'oldest', 'price_asc', 'price_desc'] as const;
export const AdQuery = z.object({
  category: Slug.optional(),
  q: text(1, 200).optional(),
  city: Slug.optional(),
  seller: UserId.optional(),
  price_min: z.coerce.number().int().min(0).optional().meta({ description: 'Minor units' }),
  price_max: z.coerce.number().int().min(0).optional().meta({ description: 'Minor units' }),
  sort: z.enum(adSorts).default('newest'),
  cursor: Cursor.optional(),
  limit: Limit.default(20),
});
export type AdQuery = z.infer<typeof AdQuery>;

export const AdPage = page(Ad).meta({ id: 'AdPage' });
const byId = z.object({ id: AdId });
const ifMatch = z.object({
  'if-match': z
    .string()
    .max(200)
    .optional()
    .meta({ description: 'The ETag you last saw; a lost update is answered with 412' }),
});

export const adRoutes = {
  listAds: route({
    id: 'listAds',
    service: 'ads',
    method: 'GET',
    path: '/v1/ads',
    summary: 'List active ads',
    auth: 'public',
    query: AdQuery,
    success: { status: 200, body: AdPage },
  }),
  listAdsById: route({
    id: 'listAdsById',
    service: 'ads',
    method: 'GET',
    path: '/v1/ads/by-id',
    summary: 'Read several ads at once; those that nobody may read are left out',
    auth: 'public',
    query: z.object({ ids: ids(AdId).meta({ description: 'Comma-separated' }) }),
    success: { status: 200, body: z.object({ items: z.array(Ad) }) },
  }),
  getAd: route({
    id: 'getAd',
    service: 'ads',
    method: 'GET',
    path: '/v1/ads/{id}',
    summary: 'Read one ad',
    auth: 'public',
    params: byId,
    success: { status: 200, body: Ad },
    problems: ['not-found'],
  }),
  createAd: route({
    id: 'createAd',
    service: 'ads',
    method: 'POST',
    path: '/v1/ads',
    summary: 'Publish an ad, or keep it as a draft',
    auth: 'user',
    body: NewAd,
    success: { status: 201, body: Ad },
    problems: ['invalid-field'],
  }),
  changeAd: route({
    id: 'changeAd',
    service: 'ads',
    method: 'PATCH',
    path: '/v1/ads/{id}',
    summary: 'Change your ad',
    auth: 'user',
    params: byId,
    headers: ifMatch,
    body: AdChange,
    success: { status: 200, body: Ad },
    problems: ['not-found', 'forbidden', 'conflict', 'precondition-failed', 'invalid-field'],
  }),
  deleteAd: route({
    id: 'deleteAd',
    service: 'ads',
    method: 'DELETE',
    path: '/v1/ads/{id}',
    summary: 'Take your ad off',
    auth: 'user',
    params: byId,
    headers: ifMatch,
    success: { status: 204 },
    problems: ['not-found', 'forbidden', 'conflict', 'precondition-failed'],
  }),
  listMyAds: route({
    id: 'listMyAds',
    service: 'ads',
    method: 'GET',
    path: '/v1/me/ads',
    summary: 'Your own ads in every status',
    auth: 'user',
    query: z.object({ status: AdStatus.optional(), cursor: Cursor.optional(), limit: Limit.default(20) }),
    success: { status: 200, body: AdPage },
  }),
  listCategories: route({
    id: 'listCategories',
    service: 'ads',
    method: 'GET',
    path: '/v1/categories',
    summary: 'Categories with their attribute schemas',
    auth: 'public',
    success: { status: 200, body: z.object({ items: z.array(Category) }) },
  }),
  listCities: route({
    id: 'listCities',
    service: 'ads',
    method: 'GET',
    path: '/v1/cities',
    summary: 'Cities that ads are placed in',
    auth: 'public',
    success: { status: 200, body: z.object({ items: z.array(City) }) },
  }),
  listFavourites: route({
    id: 'listFavourites',
    service: 'ads',
    method: 'GET',
    path: '/v1/me/favourites',
    summary: 'Ads you marked',
    auth: 'user',
    query: z.object({ cursor: Cursor.optional(), limit: Limit.default(20) }),
    success: { status: 200, body: AdPage },
  }),
  addFavourite: route({
    id: 'addFavourite',
    service: 'ads',
    method: 'PUT',
    path: '/v1/me/favourites/{id}',
    summary: 'Mark an ad',
    auth: 'user',
    params: byId,
    success: { status: 204 },
    problems: ['not-found'],
  }),
  removeFavourite: route({
    id: 'removeFavourite',
    service: 'ads',
    method: 'DELETE',
    path: '/v1/me/favourites/{id}',
    summary: 'Unmark an ad',
    auth: 'user',
    params: byId,
    success: { status: 204 },
  }),
  listModeration: route({
    id: 'listModeration',
    service: 'ads',
    method: 'GET',
    path: '/v1/moderation/ads',
    summary: 'Ads that wait for a moderator',
    auth: 'moderator',
    query: z.object({ cursor: Cursor.optional(), limit: Limit.default(20) }),
    success: { status: 200, body: AdPage },
  }),
  moderateAd: route({
    id: 'moderateAd',
    service: 'ads',
    method: 'POST',
    path: '/v1/moderation/ads/{id}',
    summary: 'Approve or reject an ad',
    auth: 'moderator',
    params: byId,
    body: z.strictObject({
      decision: z.enum(['approve', 'reject']),
      reason: text(1, 500).optional(),
    }),
    success: { status: 200, body: Ad },
    problems: ['not-found', 'conflict'],
  }),
};
