// Each kind of notification: whether it is also a mail, and whether its reader may turn it off.
import type { NotificationKind } from '../../contracts/notifications.ts';

export interface KindRule {
  /** Beside the list in the app it is a mail. */
  readonly mail: boolean;
  /** About somebody's money: its mail always comes. */
  readonly money: boolean;
  /** In a burst of mails it may wait some minutes, and come together with others. */
  readonly gathers: boolean;
}

const inApp: KindRule = { mail: false, money: false, gathers: false };
const mailed: KindRule = { mail: true, money: false, gathers: true };
const aboutMoney: KindRule = { mail: true, money: true, gathers: false };
/** Somebody who sells a lot gets many of them. */
const aboutSale: KindRule = { ...aboutMoney, gathers: true };

export const kindRules: Readonly<Record<NotificationKind, KindRule>> = {
  order_created: inApp,
  order_paid: aboutMoney,
  payment_failed: aboutMoney,
  order_shipped: mailed,
  order_at_pickup_point: mailed,
  order_delivered: mailed,
  order_completed: mailed,
  order_cancelled: aboutMoney,
  order_refunded: aboutMoney,
  sale_paid: aboutSale,
  sale_completed: aboutSale,
  sale_cancelled: aboutMoney,
  ad_rejected: inApp,
  report_resolved: inApp,
  // It is no news of an order, and comes once until its reader looks.
  messages_unread: { ...mailed, gathers: false },
};
