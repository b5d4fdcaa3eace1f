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
  'messages_unread',
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
export const PreferencesNow = z
  .object({
    ...Preferences.shape,
    email_blocked: z
      .object({ since: Instant, reason: z.string() })
      .nullable()
      .meta({ description: 'Mails to your address came back, so none is sent there until you say that it works' }),
  })
  .meta({ id: 'PreferencesNow' });
export type PreferencesNow = z.infer<typeof PreferencesNow>;

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
    summary: 'What you want to hear, and whether mails reach you',
    auth: 'user',
    success: { status: 200, body: PreferencesNow },
  }),
  unblockEmail: route({
    id: 'unblockEmail',
    service: 'notifications',
    method: 'POST',
    path: '/v1/me/preferences/email/unblock',
    summary: 'Say that your address works again',
    auth: 'user',
    success: { status: 204 },
  }),
  unsubscribe: route({
    id: 'unsubscribe',
    service: 'notifications',
    method: 'POST',
    path: '/v1/notifications/unsubscribe',
    summary: 'Turn off mails that are not about money, by the token of such a mail and without signing in',
    auth: 'signed',
    query: z.object({ token: z.string().min(1).max(300) }),
    success: { status: 204 },
    problems: ['invalid-signature'],
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
