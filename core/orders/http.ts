// REST routes of orders.
import { OrderId } from '../../contracts/common.ts';
import { operationsRoutes } from '../../contracts/operations.ts';
import { orderRoutes as routes } from '../../contracts/orders.ts';
import { cursorsOf } from '../platform/http/cursor.ts';
import type { Implement } from '../platform/http/implement.ts';
import type { CommandOptions } from './commands.ts';
import { countOrders, decideOnOrder, findOrders } from './operations.ts';
import { acceptOrder, cancelOrder, createOrder, getOrder, listOrders } from './service.ts';
import { tellStory } from './story.ts';

export const orderHttp =
  (options: CommandOptions) =>
  (implement: Implement): void => {
    implement(routes.createOrder, async ({ identity, headers, body }) => {
      const order = await createOrder(options, {
        buyerId: identity.userId,
        key: headers['idempotency-key'],
        request: body,
      });
      return { body: order, headers: { location: `/v1/orders/${order.id}` } };
    });

    implement(routes.listOrders, async ({ identity, query }) => {
      const { role, status, cursor, limit } = query;
      const cursors = cursorsOf(['orders', identity.userId, role, status], OrderId);
      const before = cursors.decode(cursor);
      const { items, next } = await listOrders(options.db, { role, userId: identity.userId, status, before, limit });
      return { body: { items, next_cursor: next && cursors.encode(next) } };
    });

    implement(routes.getOrder, async ({ identity, params }) => ({
      body: await getOrder(options.db, params.id, identity.userId),
    }));
    implement(routes.cancelOrder, async ({ identity, params }) => ({
      body: await cancelOrder(options, params.id, identity.userId),
    }));
    implement(routes.acceptOrder, async ({ identity, params }) => ({
      body: await acceptOrder(options, params.id, identity.userId),
    }));

    implement(operationsRoutes.countOperations, async () => ({ body: await countOrders(options.db) }));
    implement(operationsRoutes.listOperations, async ({ query }) => {
      const { status, needs_attention, q, cursor, limit } = query;
      const cursors = cursorsOf(['operations', status, needs_attention, q], OrderId);
      const { items, next } = await findOrders(options.db, {
        status,
        needsAttention: needs_attention === 'true',
        q,
        after: cursors.decode(cursor),
        limit,
      });
      return { body: { items, next_cursor: next && cursors.encode(next) } };
    });
    implement(operationsRoutes.getOrderStory, async ({ params }) => ({ body: await tellStory(options, params.id) }));
    implement(operationsRoutes.decideOnOrder, async ({ identity, params, body }) => ({
      body: await decideOnOrder(options, { orderId: params.id, operatorId: identity.userId, decision: body }),
    }));
  };
