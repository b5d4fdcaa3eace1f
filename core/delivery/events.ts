// What delivery hears: in which currency an ad is sold, so that a quote is in the same. It stays true of a deleted ad.
import type { Handlers } from '../platform/bus/consumer.ts';
import { type DeliveryTables, keepCurrency } from './store.ts';

export const deliveryEvents: Handlers<DeliveryTables> = {
  'ad.changed': ({ data: { ad } }, trx) =>
    keepCurrency(trx, { ad_id: ad.id, currency: ad.price.currency, version: ad.version }),
};
