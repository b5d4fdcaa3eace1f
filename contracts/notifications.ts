// Notifications: the in-app list and what a user wants to hear by which way.
import { z } from 'zod';
import { Cursor, Instant, Limit, NotificationId, page } from './common.ts';
import { route } from './route.ts';

export const notificationKinds = [
  'order_created',
  'order_paid',
  'payment_failed',
  'order_shipped',
  'order_at_pickup_point',
  'order_delivered',
  'order_completed',
  'order_cancelled',
  'order_refunded',
  'sale_paid',
  'sale_completed',
  'sale_cancelled',
  'ad_rejected',
  'report_resolved',
] as const;
export const NotificationKind = z.enum(notificationKinds);
export type NotificationKind = z.infer<typeof NotificationKind>;

export const Notification = z
  .object({
    id: NotificationId,
    kind: NotificationKind,
    title: z.string(),
    text: z.string(),
    link: z.string().nullable(),
    read: z.boolean(),
    created_at: Instant,
  })
  .meta({ id: 'Notification' });
export type Notification = z.infer<typeof Notification>;
export const Preferences = z
  .strictObject({
    email: z.boolean(),
    in_app: z.boolean(),
    muted: z.array(NotificationKind).max(notificationKinds.length),
  })
  .meta({ id: 'Preferences', description: 'Mails about money always come' });
export type Preferences = z.infer<typeof Preferences>;

export const notificationRoutes = {
  listNotifications: route({
    id: 'listNotifications',
    service: 'notifications',
    method: 'GET',
    path: '/v1/notifications',
    summary: 'What happened that concerns you, newest first',
    auth: 'user',
    query: z.object({ cursor: Cursor.optional(), limit: Limit.default(20) }),
    success: { status: 200, body: page(Notification).extend({ unread: z.int() }) },
  }),
  markRead: route({
    id: 'markRead',
    service: 'notifications',
    method: 'POST',
    path: '/v1/notifications/read',
    summary: 'Mark everything up to a notification as read',
    auth: 'user',
    body: z.strictObject({ up_to: NotificationId }),
    success: { status: 204 },
  }),
  getPreferences: route({
    id: 'getPreferences',
    service: 'notifications',
    method: 'GET',
    path: '/v1/me/preferences',
    summary: 'What you want to hear',
    auth: 'user',
    success: { status: 200, body: Preferences },
  }),
  putPreferences: route({
    id: 'putPreferences',
    service: 'notifications',
    method: 'PUT',
    path: '/v1/me/preferences',
    summary: 'Set what you want to hear',
    auth: 'user',
    body: Preferences,
    success: { status: 200, body: Preferences },
  }),
};
