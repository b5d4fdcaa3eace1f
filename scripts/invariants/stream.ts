// Invariants of the live stream: what people saw is what happened.
import { sql } from 'kysely';
import { realtimeTopic } from '../../contracts/events.ts';
import { userChannel } from '../../contracts/stream.ts';
import type { Invariant, Moment } from './invariant.ts';

const channelOf = userChannel('');

/** The messages of one kind on each person's channel in their order, repetitions left out, beside what happened. */
const shownAsHappened = (kind: 'order' | 'delivery', event: string, { calmBefore }: Moment) => sql`
  with happened as (
    select t.order_id, string_agg(t.value, ', ' order by t.id) as story, max(t.at) as last
    from orders.timeline t where t.kind = ${kind} group by t.order_id
  ), due as (
    select h.order_id, ${channelOf}::text || person.id as key, h.story, h.last
    from happened h join orders.orders o on o.id = h.order_id
    cross join lateral (values (o.buyer_id), (o.seller_id)) as person(id)
    where o.created_at >= coalesce((select at from pg_temp.floors where topic = ${realtimeTopic}), '-infinity')
  ), shown as (
    select m.order_id, key, string_agg(value, ', ' order by "offset") as story
    from (select distinct on (key, id) * from pg_temp.messages where topic = ${realtimeTopic} and type = ${event}
      order by key, id, "offset") as m
    join orders.orders o on o.id = m.order_id
    where o.created_at >= coalesce((select at from pg_temp.floors where topic = ${realtimeTopic}), '-infinity')
    group by m.order_id, key
  )
  select order_id as "order", key as channel, coalesce(due.story, 'nothing') as expected, coalesce(shown.story, 'nothing') as found
  from due full join shown using (order_id, key)
  where due.story is distinct from shown.story
    and not coalesce(due.last >= ${calmBefore} and starts_with(due.story, coalesce(shown.story, '')), false)`;

export const stream: readonly Invariant[] = [
  {
    name: 'stream-shows-the-order',
    says: 'Buyer and seller see each status of their order live, once, in the order in which it happened, and nobody else does.',
    why: 'The screen is the only thing that a buyer knows of us; it must not skip, repeat or go back.',
    violations: (moment) => shownAsHappened('order', 'order.status', moment),
  },
  {
    name: 'stream-shows-the-parcel',
    says: 'Buyer and seller see each stage of the parcel live, once, in the order in which it happened, and nobody else does.',
    why: 'People leave the house when the screen says that the parcel is there.',
    violations: (moment) => shownAsHappened('delivery', 'delivery.stage', moment),
  },
  {
    name: 'stream-shows-each-notification',
    says: 'Each notification in somebody’s list was shown to them live, once.',
    why: 'A list that fills behind a silent screen is read too late.',
    violations: ({ calmBefore }) => sql`
      with shown as (
        select value, key, count(distinct id) as times from pg_temp.messages
        where topic = ${realtimeTopic} and type = 'notification' group by value, key
      )
      select n.order_id as "order", n.id as notification, 'shown once on the channel of ' || n.user_id as expected,
        coalesce(s.times, 0) || ' times' as found
      from notifications.notifications n
      left join shown s on s.value = n.id::text and s.key = ${channelOf}::text || n.user_id
      where n.in_app and n.created_at < ${calmBefore} and s.times is distinct from 1
        and n.created_at >= coalesce((select at from pg_temp.floors where topic = ${realtimeTopic}), '-infinity')`,
  },
  {
    name: 'watchers-saw-what-happened',
    says: 'Whoever watched an order saw all of its story and nothing else, whatever broke meanwhile.',
    why: 'What the topic holds is only promised; what came out of the connection is what people saw.',
    needs: 'watched',
    violations: ({ calmBefore }) => sql`
      with watching as (select distinct watcher, order_id from pg_temp.watched where kind <> 'reset'),
      happened as (
        select w.watcher, order_id, t.kind, string_agg(t.value, ', ' order by t.id) as story, max(t.at) as last,
          string_agg('<' || t.value || '>', '' order by t.id) as marked
        from watching w join orders.timeline t using (order_id)
        -- Who listened to one topic only can't have seen the other.
        where t.kind in (select kind from pg_temp.watched)
        group by w.watcher, order_id, t.kind
      ), sights as (
        select *, count(*) filter (where kind = 'reset') over (partition by watcher order by line) as resets
        from pg_temp.watched
      ), seen as (
        select watcher, order_id, kind, string_agg(value, ', ' order by line) as story
        from (select distinct on (watcher, order_id, id) * from sights where kind <> 'reset'
          order by watcher, order_id, id, line) as first_sights
        group by watcher, order_id, kind
      ), out_of_turn as (
        select distinct watcher, order_id, kind
        from (
          -- After a reset what was shown before it may be shown again.
          select watcher, order_id, kind, string_agg('<' || value || '>', '%' order by line) as pattern
          from (select distinct on (watcher, order_id, id, resets) * from sights where kind <> 'reset'
            order by watcher, order_id, id, resets, line) as first_sights
          group by watcher, order_id, kind, resets) as stretch
        join happened h using (watcher, order_id, kind)
        where h.marked not like '%' || pattern || '%'
      )
      select order_id as "order", kind, nullif(watcher, '') as "user", coalesce(h.story, 'nothing') as expected,
        coalesce(s.story, 'nothing') as found
      from happened h full join seen s using (watcher, order_id, kind)
      where h.story is distinct from s.story
        and not coalesce(h.last >= ${calmBefore} and starts_with(h.story, coalesce(s.story, '')), false)
        -- Who was told to read the present state again may have missed something, and still saw nothing out of turn.
        and not (h.story is not null and watcher in (select watcher from pg_temp.watched where kind = 'reset')
          and (watcher, order_id, kind) not in (select watcher, order_id, kind from out_of_turn))`,
  },
];
