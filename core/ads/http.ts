// The REST routes of ads: parse, call, answer.
import { type AdQuery, adRoutes } from '../../contracts/ads.ts';
import { cities } from '../platform/catalogue/cities.ts';
import { cacheable } from '../platform/http/cacheable.ts';
import type { Implement } from '../platform/http/implement.ts';
import type { Listings, Page } from './listings.ts';
import type { AdsService } from './service.ts';
import type { AdWithSeller } from './store.ts';
import { adETag, pageETag, toAd, toPublicAd } from './view.ts';

export function adsHttp(implement: Implement, service: AdsService, listings: Listings): void {
  implement(adRoutes.listAds, async ({ query }) => {
    const page = await listings.active(query);
    const headers = cacheable({ groups: listingGroups(query), etag: pageETag(page.rows, page.next !== null) });
    return { headers, body: { items: page.rows.map(toPublicAd), next_cursor: page.next } };
  });
  // Before the route with an id, which would take `by-id` for one.
  implement(adRoutes.listAdsById, async ({ query }) => {
    const rows = await service.readMany(query.ids);
    // Those left out, too: they may come to be public.
    const groups = new Set([...query.ids.map((id) => `ad-${id}`), ...rows.map((row) => `user-${row.seller_id}`)]);
    const headers = cacheable({ groups: [...groups], etag: pageETag(rows, false) });
    return { headers, body: { items: rows.map(toPublicAd) } };
  });
  implement(adRoutes.getAd, async ({ params }) => {
    const ad = await service.read(params.id);
    const groups = [`ad-${ad.id}`, `user-${ad.seller_id}`];
    return { headers: cacheable({ groups, etag: adETag(ad), lastModified: ad.updated_at }), body: toPublicAd(ad) };
  });
  implement(adRoutes.listCategories, async () => {
    const items = await service.categories();
    return { headers: cacheable({ groups: ['categories'], of: items }), body: { items } };
  });
  implement(adRoutes.listCities, async () => ({
    headers: cacheable({ groups: ['cities'], of: cities }),
    body: { items: [...cities] },
  }));

  implement(adRoutes.createAd, async ({ identity, body }) => {
    const ad = await service.create(identity.userId, body);
    return { headers: { etag: adETag(ad), location: `/v1/ads/${ad.id}` }, body: toAd(ad) };
  });
  implement(adRoutes.changeAd, async ({ identity, params, headers, body }) =>
    withETag(await service.change(identity.userId, params.id, body, headers['if-match'])),
  );
  implement(adRoutes.deleteAd, async ({ identity, params, headers }) => {
    await service.archive(identity.userId, params.id, headers['if-match']);
    return undefined;
  });
  implement(adRoutes.listMyAds, async ({ identity, query }) => ownPage(await listings.own(identity.userId, query)));

  implement(adRoutes.listFavourites, async ({ identity, query }) => {
    const page = await listings.favourites(identity.userId, query);
    return { body: { items: page.rows.map(toPublicAd), next_cursor: page.next } };
  });
  implement(adRoutes.addFavourite, async ({ identity, params }) => {
    await listings.addFavourite(identity.userId, params.id);
    return undefined;
  });
  implement(adRoutes.removeFavourite, async ({ identity, params }) => {
    await listings.removeFavourite(identity.userId, params.id);
    return undefined;
  });

  implement(adRoutes.listModeration, async ({ query }) => ownPage(await listings.waiting(query)));
  implement(adRoutes.moderateAd, async ({ params, body }) =>
    withETag(await service.moderate(params.id, body.decision, body.reason)),
  );
}

const withETag = (ad: AdWithSeller) => ({ headers: { etag: adETag(ad) }, body: toAd(ad) });
const ownPage = ({ rows, next }: Page) => ({ body: { items: rows.map(toAd), next_cursor: next } });

/**
 * The one group whose ads a listing can show. An ad's change names its categories, cities and seller,
 * before and after, so a listing of bicycles stays fresh when a phone is sold.
 */
function listingGroups({ seller, category, city }: AdQuery): string[] {
  if (seller !== undefined) return [`user-${seller}`];
  if (category !== undefined) return [`category-${category}`];
  if (city !== undefined) return [`city-${city}`];
  return ['ads'];
}
