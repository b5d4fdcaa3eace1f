// Invariants of messages: everybody is told what they must know, once.
import { sql } from 'kysely';
import { cancelReasons, orderStatuses } from '../../contracts/orders.ts';
import { newsOfOrder } from '../../core/notifications/events.ts';
import type { Invariant } from './invariant.ts';

/** Whom each status is news for, as `news(status, reason, was_paid, person, kind)`. */
const news = JSON.stringify(
  orderStatuses.flatMap((status) =>
    [null, ...cancelReasons].flatMap((reason) =>
      [true, false].flatMap((wasPaid) =>
        newsOfOrder({ status, cancel_reason: reason }, wasPaid).map(([person, kind]) => ({
          status,
          reason,
          was_paid: wasPaid,
          person,
          kind,
        })),
      ),
    ),
  ),
);

export const messages: readonly Invariant[] = [
  {
    name: 'everybody-is-told',
    says: 'Buyer and seller are told everything about their order that they must know.',
    why: 'Who is not told that the parcel waits lets it go back; who is not told of a refund asks the bank.',
    violations: ({ calmBefore }) => sql`
      with news as (
        select * from jsonb_to_recordset(${news}::text::jsonb) as news(status text, reason text, was_paid boolean, person text, kind text)
      ), paid as (
        select distinct order_id from orders.timeline where kind = 'order' and value = 'paid'
      ), owed(order_id, user_id, kind, at) as (
        select o.id, case news.person when 'buyer' then o.buyer_id else o.seller_id end, news.kind, t.at
        from orders.timeline t join orders.orders o on o.id = t.order_id left join paid on paid.order_id = o.id
        join news on news.status = t.value and coalesce(news.reason, '') = coalesce(t.reason, '')
          and news.was_paid = (paid.order_id is not null)
        where t.kind = 'order'
        union all
        select o.id, o.buyer_id, 'order_paid', c.finished_at
        from orders.commands c join orders.orders o on o.id = c.order_id where c.step = 'notify_paid' and c.state = 'done'
        union all
        select p.order_id, p.buyer_id, 'order_refunded', c.at
        from payments.payment_changes c join payments.payments p on p.id = c.payment_id where c.status = 'refunded'
        union all
        select order_id, user_id, kind, taken_at from payments.notices where taken_at is not null and refusal is null
        union all
        select order_id, user_id, kind, taken_at from delivery.notices where taken_at is not null and refusal is null
      )
      select owed.order_id as "order", owed.user_id as "user", owed.kind, 'told' as expected, 'never told' as found
      from owed left join notifications.notifications n
        on n.order_id = owed.order_id and n.user_id = owed.user_id and n.kind = owed.kind
      where n.id is null and owed.at < ${calmBefore}
        -- Notifications are forgotten after a year.
        and owed.at >= coalesce((select min(created_at) from notifications.notifications), '-infinity')`,
  },
  {
    name: 'told-once-of-each-thing',
    says: 'Nobody is told the same news of an order twice.',
    why: 'Two mails about one payment look like two payments.',
    violations: () => sql`
      select order_id as "order", user_id as "user", kind, 'once' as expected, count(*) || ' times' as found
      from notifications.notifications where order_id is not null
      group by order_id, user_id, kind having count(*) > 1`,
  },
  {
    name: 'notices-are-taken',
    says: 'What payments and delivery have to say to somebody is handed over soon, and not refused.',
    why: 'They know what no event tells: why a payment failed, where the parcel waits.',
    violations: ({ overdueBefore }) => sql`
      select order_id as "order", id as notice, 'taken' as expected, coalesce('refused: ' || refusal, 'waits since ' || at) as found
      from (
        select n.*, coalesce(c.at, n.due_at) as at from payments.notices n
        left join payments.payment_changes c on n.id = c.payment_id || ':payment_failed' and c.status = 'failed'
        union all
        select n.*, coalesce(c.at, n.due_at) from delivery.notices n
        left join delivery.shipment_changes c on n.id = c.shipment_id || ':at_pickup_point' and c.stage = 'at_pickup_point'
      ) as notices
      where refusal is not null or taken_at is null and at < ${overdueBefore}`,
  },
  {
    name: 'mails-leave-in-time',
    says: 'A mail that somebody has to get leaves soon.',
    why: 'A mail that was given up is news that never came.',
    violations: ({ overdueBefore }) => sql`
      select order_id as "order", id as notification, kind, 'sent' as expected,
        concat_ws(' ', mail, 'after', mail_attempts, 'tries', mail_error) as found
      from notifications.notifications
      where mail = 'failed' or mail in ('owed', 'gathered') and created_at < ${overdueBefore}`,
  },
  {
    name: 'one-mail-per-news',
    says: 'Each mail is of one piece of news, and each piece of news has at most one mail.',
    why: 'A crash between the mail’s departure and the note of it must not send it again.',
    needs: 'mailbox',
    violations: () => sql`
      select m.id as mail, n.order_id as "order", 'a notification that has a mail' as expected,
        coalesce('one whose mail is ' || n.mail, 'none') as found
      from mailbox.mails m left join notifications.notifications n on n.id::text = m.id
      where n.id is null or n.mail not in ('sent', 'owed')`,
  },
  {
    name: 'sent-mail-has-arrived',
    says: 'A mail that is called sent is in the mailbox.',
    why: 'The note that it was sent is what keeps it from being sent again.',
    needs: 'mailbox',
    violations: () => sql`
      select n.order_id as "order", n.id as notification, n.kind, 'in the mailbox' as expected, 'not there' as found
      from notifications.notifications n left join mailbox.mails m on m.id = coalesce(n.mailed_with, n.id)::text
      where n.mail = 'sent' and m.id is null
        -- The mailbox keeps the newest ones only.
        and n.created_at >= (select case when min(number) = 1 then '-infinity' else min(sent_at) end from mailbox.mails)`,
  },
];
