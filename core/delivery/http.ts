// The REST routes of delivery: quotes, pick-up points, and where couriers tell what happened.
import { deliveryRoutes } from '../../contracts/delivery.ts';
import { cacheable } from '../platform/http/cacheable.ts';
import type { Implement } from '../platform/http/implement.ts';
import { type DeliveryOptions, hearWebhook, listPickupPoints, quoteBoth } from './service.ts';

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
      const body = { items: [...(await listPickupPoints(options, query.city))] };
      return { body, headers: cacheable({ groups: [`city-${query.city}`], of: body }) };
    });
    implement(deliveryRoutes.courierWebhook, async ({ params, body, raw }) => {
      await hearWebhook(options, params.courier, raw.headers, body);
      return undefined;
    });
  };
