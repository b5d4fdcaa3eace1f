// The gRPC methods of ads: parse, call, answer.
import { z } from 'zod';
import { AdId, OrderId, UserId } from '../../contracts/common.ts';
import { fieldErrors, ProblemError } from '../../contracts/problem.ts';
import { AdsServiceService } from '../../proto/generated/lotok/ads/v1/ads.ts';
import type { RpcServer } from '../platform/rpc/server.ts';
import type { Reservations } from './reservations.ts';

const Hold = z.object({ adId: AdId, orderId: OrderId });
const NewHold = Hold.extend({ buyerId: UserId, ttlSeconds: z.int().min(1) });

export function adsRpc(server: RpcServer, reservations: Reservations): void {
  server.add(AdsServiceService, {
    async reserve(request) {
      const ad = await reservations.reserve(parse(NewHold, request));
      return {
        adId: ad.id,
        sellerId: ad.seller_id,
        title: ad.title,
        thumbUrl: ad.photos[0]?.thumb_url ?? '',
        price: { amount: ad.price_amount, currency: ad.price_currency },
        city: ad.city,
        category: ad.category,
      };
    },
    async release(request) {
      const { adId, orderId } = parse(Hold, request);
      await reservations.release(adId, orderId);
      return {};
    },
    async markSold(request) {
      const { adId, orderId } = parse(Hold, request);
      await reservations.markSold(adId, orderId);
      return {};
    },
  });
}

function parse<Schema extends z.ZodType>(schema: Schema, request: unknown): z.output<Schema> {
  const result = schema.safeParse(request);
  if (result.success) return result.data;
  throw new ProblemError('invalid-field', { errors: fieldErrors(result.error) });
}
