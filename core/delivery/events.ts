// What delivery hears: in which currency an ad is sold, so that a quote is in the same.
import type { Handlers } from '../platform/bus/consumer.ts';
import { type DeliveryTables, keepCurrency } from './store.ts';

export const deliveryEvents: Handlers<DeliveryTables> = {
  'ad.changed': ({ data: { ad } }, trx) =>
    keepCurrency(trx, { ad_id: ad.id, currency: ad.price.currency, version: ad.version }),
  async 'ad.deleted'({ data }, trx) {
    await trx.deleteFrom('ad_currencies').where('ad_id', '=', data.ad_id).execute();
  },
};
