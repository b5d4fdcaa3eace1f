// The REST routes of payments: sellers' earnings, refunds by operators, and where providers tell what happened.
import { z } from 'zod';
import { paymentRoutes as routes } from '../../contracts/payments.ts';
import { cursorsOf } from '../platform/http/cursor.ts';
import type { Implement } from '../platform/http/implement.ts';
import { listDestinations, quoteFee, readBalance, readStatement, setDestination } from './earnings.ts';
import { refundPart } from './partial-refunds.ts';
import { hearWebhook, type PaymentsOptions } from './service.ts';

export const paymentsHttp =
  (options: PaymentsOptions) =>
  (implement: Implement): void => {
    implement(routes.quoteFee, async ({ query }) => ({
      body: quoteFee(options, { amount: query.price, currency: query.currency }),
    }));
    implement(routes.getBalance, async ({ identity }) => ({
      body: { items: await readBalance(options, identity.userId) },
    }));
    implement(routes.getStatement, async ({ identity, query }) => {
      const { currency, cursor, limit } = query;
      const cursors = cursorsOf(['statement', identity.userId, currency], z.int().min(1));
      const before = cursors.decode(cursor);
      const { items, next } = await readStatement(options, { sellerId: identity.userId, currency, before, limit });
      return { body: { items, next_cursor: next === null ? null : cursors.encode(next) } };
    });
    implement(routes.listPayoutDestinations, async ({ identity }) => ({
      body: { items: await listDestinations(options, identity.userId) },
    }));
    implement(routes.setPayoutDestination, async ({ identity, body }) => ({
      body: { items: await setDestination(options, identity.userId, body) },
    }));
    implement(routes.refundPart, async ({ identity, params, headers, body }) => ({
      body: await refundPart(options, params.id, {
        ...body,
        key: headers['idempotency-key'],
        operatorId: identity.userId,
      }),
    }));
    implement(routes.paymentWebhook, async ({ params, body, raw }) => {
      await hearWebhook(options, params.provider, raw.headers, body);
      return undefined;
    });
  };
