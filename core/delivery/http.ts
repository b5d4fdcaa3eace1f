// The REST routes of delivery: quotes, pick-up points, and where couriers tell what happened.
import { z } from 'zod';
import { Slug } from '../../contracts/common.ts';
import { deliveryRoutes } from '../../contracts/delivery.ts';
import { cacheable } from '../platform/http/cacheable.ts';
import { cursorsOf } from '../platform/http/cursor.ts';
import type { Implement } from '../platform/http/implement.ts';
import { type DeliveryOptions, hearWebhook, label, quoteBoth } from './service.ts';

const Place = z.strictObject({ distance_m: z.int(), id: Slug });

export const deliveryHttp =
  (options: DeliveryOptions) =>
  (implement: Implement): void => {
    implement(deliveryRoutes.quote, async ({ query }) => {
      const { from_city: fromCity, to_city: toCity, ad_id: adId } = query;
      const body = { items: await quoteBoth(options, { fromCity, toCity, adId }) };
      const groups = [`city-${fromCity}`, `city-${toCity}`, ...(adId ? [`ad-${adId}`] : [])];
      return { body, headers: cacheable({ groups, of: body }) };
    });
    implement(deliveryRoutes.listPickupPoints, async ({ query }) => {
      const { city, latitude, longitude, limit } = query;
      const position = latitude === undefined || longitude === undefined ? undefined : { latitude, longitude };
      const cursors = cursorsOf(['pickup_points', city, position], Place);
      const after = cursors.decode(query.cursor);
      const { city: found, items, more } = await options.pickupPoints.list({ city, position, after, limit });
      const last = items.at(-1);
      const next_cursor = more && last ? cursors.encode({ distance_m: last.distance_m, id: last.id }) : null;
      const body = { items, next_cursor };
      return { body, headers: cacheable({ groups: [`city-${found}`], of: body }) };
    });
    implement(deliveryRoutes.getPickupPoint, async ({ params }) => {
      const body = await options.pickupPoints.find(params.id);
      return { body, headers: cacheable({ groups: [`city-${body.city}`], of: body }) };
    });
    implement(deliveryRoutes.getLabel, async ({ params, identity }) => ({
      bytes: await label(options, params.id, identity.userId),
      headers: {
        'cache-control': 'private, no-store',
        'content-disposition': `inline; filename="${params.id}.pdf"`,
        'content-security-policy': "default-src 'none'",
        'x-content-type-options': 'nosniff',
      },
    }));
    implement(deliveryRoutes.courierWebhook, async ({ params, body, raw }) => {
      await hearWebhook(options, params.courier, {
        headers: raw.headers,
        query: new URL(raw.url).searchParams,
        body,
      });
      return undefined;
    });
  };
