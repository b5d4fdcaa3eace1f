// REST routes of notifications.
import { NotificationId } from '../../contracts/common.ts';
import { notificationRoutes as routes } from '../../contracts/notifications.ts';
import { cursorsOf } from '../platform/http/cursor.ts';
import type { Implement } from '../platform/http/implement.ts';
import * as service from './service.ts';

export const notificationHttp =
  (options: service.NotificationsOptions) =>
  (implement: Implement): void => {
    implement(routes.listNotifications, async ({ identity, query }) => {
      const cursors = cursorsOf(['notifications', identity.userId], NotificationId);
      const { items, next, unread } = await service.listNotifications(options, identity.userId, {
        before: cursors.decode(query.cursor),
        limit: query.limit,
      });
      return { body: { items, next_cursor: next && cursors.encode(next), unread } };
    });
    implement(routes.markRead, async ({ identity, body }) => {
      await service.markRead(options, identity.userId, body.up_to);
      return undefined;
    });
    implement(routes.getPreferences, async ({ identity }) => ({
      body: await service.getPreferences(options, identity.userId),
    }));
    implement(routes.unblockEmail, async ({ identity }) => {
      await service.unblockEmail(options, identity.userId);
      return undefined;
    });
    implement(routes.unsubscribe, async ({ query }) => {
      await service.unsubscribe(options, query.token);
      return undefined;
    });
    implement(routes.putPreferences, async ({ identity, body }) => ({
      body: await service.putPreferences(options, identity.userId, body),
    }));
  };
