// Invariants of orders: their life follows the saga's table, in time, and what it owes to others is done.
import { sql } from 'kysely';
import type { Invariant } from './invariant.ts';
import { orderHistory, sagaTable, timedStatuses, wasUnwantedAtOnce } from './saga-table.ts';

const daysOfKeys = 6;

export const orders: readonly Invariant[] = [
  {
    name: 'order-follows-the-table',
    says: 'An order only goes ways that the saga’s table has, and is where its history ends.',
    why: 'A status that nothing led to was written by an accident, and everything after it builds on that.',
    violations: () => sql`
      select history.order_id as "order", 'a step of the saga’s table' as expected,
        concat_ws(' ', nullif(history."from", ''), 'to', history."to", history.reason) as found
      from ${orderHistory} left join ${sagaTable}
        on saga."from" = history."from" and saga."to" = history."to"
        and (saga.reason is null or saga.reason = history.reason)
      where saga."to" is null
      union all
      select o.id, coalesce(concat_ws(' ', ending.value, ending.reason), 'a history'), concat_ws(' ', o.status, o.cancel_reason)
      from orders.orders o left join (
        select distinct on (order_id) order_id, value, reason from orders.timeline where kind = 'order'
        order by order_id, id desc) as ending on ending.order_id = o.id
      where (o.status, o.cancel_reason) is distinct from (ending.value, ending.reason)`,
  },
  {
    name: 'order-moves-on-in-time',
    says: 'No order stays in a state beyond its time.',
    why: 'An order that nothing wakes any more is lost, with the buyer’s money and the seller’s ad.',
    violations: ({ overdueBefore }) => sql`
      select id as "order", 'to leave ' || status || ' by ' || deadline_at as expected, 'still there' as found
      from orders.orders where deadline_at < ${overdueBefore}
      union all
      select id, 'a deadline for ' || status, 'none' from orders.orders
      where deadline_at is null and status = any(${timedStatuses})
      union all
      select o.id, 'to be cancelled soon', 'cancelling since ' || max(t.at)
      from orders.orders o join orders.timeline t on t.order_id = o.id and t.kind = 'order' and t.value = 'cancelling'
      where o.status = 'cancelling' and o.needs_attention is null
      group by o.id having max(t.at) < ${overdueBefore}`,
  },
  {
    name: 'no-order-waits-for-a-person',
    says: 'No order waits for an operator.',
    why: 'What was given up after many tries is on a list, and a list that nobody looks at is a place to get lost.',
    violations: () => sql`
      select id as "order", 'nothing to decide' as expected, needs_attention as found
      from orders.orders where needs_attention is not null
      union all
      select c.order_id, 'nothing to decide', concat_ws(' ', c.step, 'is parked:', c.last_error)
      from orders.commands c join orders.orders o on o.id = c.order_id
      where c.state = 'parked' and o.needs_attention is null`,
  },
  {
    name: 'one-order-per-key',
    says: 'A buyer who repeats a request gets the same order, not a second one.',
    why: 'A click that is sent twice must not buy twice.',
    violations: ({ at }) => sql`
      select order_id as "order", 'one key' as expected, count(*) || ' keys' as found
      from orders.order_keys group by order_id having count(*) > 1
      union all
      select k.order_id, 'a key of its buyer ' || o.buyer_id, 'one of ' || k.buyer_id
      from orders.order_keys k join orders.orders o on o.id = k.order_id where o.buyer_id <> k.buyer_id
      union all
      select k.order_id, 'an answer about it', 'one about ' || coalesce(k.response->>'id', 'nothing')
      from orders.order_keys k where k.response <> 'null' and k.response->>'id' is distinct from k.order_id::text
      union all
      select o.id, 'the key that it was made with', 'none'
      from orders.orders o left join orders.order_keys k on k.order_id = o.id
      -- Keys are forgotten after a week.
      where k.order_id is null and o.created_at > ${at}::timestamptz - make_interval(days => ${daysOfKeys})`,
  },
  {
    name: 'order-owes-what-the-table-says',
    says: 'Each step of an order owes the calls that the saga’s table names, and no others.',
    why: 'A call that was never written down is never made, however good the retries are.',
    violations: () => sql`
      with owed as (
        select distinct history.order_id, step.name as step
        from ${orderHistory} join ${sagaTable}
          on saga."from" = history."from" and saga."to" = history."to"
          and (saga.reason is null or saga.reason = history.reason)
        cross join lateral jsonb_array_elements_text(saga.steps) as step(name)
        where not ${wasUnwantedAtOnce(sql`step.name`)}
      ), known as (select distinct order_id, step from orders.commands)
      select order_id as "order", step, case when o.step is null then 'not owed' else 'owed' end as expected,
        case when k.step is null then 'not written down' else 'written down' end as found
      from owed o full join known k using (order_id, step)
      where o.step is null or k.step is null`,
  },
  {
    name: 'what-an-order-owes-is-done-in-time',
    says: 'What an order owes to others is done soon, once each.',
    why: 'Owed calls are retried until they succeed; one that waits for long shows that nobody tries.',
    violations: ({ overdueBefore }) => sql`
      select order_id as "order", step, 'done' as expected,
        concat_ws(' ', 'owed since', created_at, 'after', attempts, 'tries', last_error) as found
      from orders.commands where state = 'owed' and created_at < ${overdueBefore}
      union all
      select order_id, step, 'owed once', count(*) || ' times'
      from orders.commands where state <> 'dropped' group by order_id, step having count(*) > 1`,
  },
  {
    name: 'every-compensation-is-made',
    says: 'A cancelled order has undone all that it had to undo.',
    why: 'Cancelled means that the parcel was stopped, the money returned and the ad freed, not that it was meant to.',
    violations: () => sql`
      with last_way as (
        select distinct on (history.order_id) history.order_id, saga.steps
        from ${orderHistory} join ${sagaTable}
          on saga."from" = history."from" and saga."to" = history."to" and saga.reason = history.reason
        where history."to" = 'cancelling' order by history.order_id, history.id desc
      )
      select o.id as "order", step.name as step, 'done' as expected,
        coalesce((
          select string_agg(concat_ws(' ', c.state, c.last_error), ', ') from orders.commands c
          where c.order_id = o.id and c.step = step.name and c.state <> 'dropped'), 'given up') as found
      from orders.orders o join last_way on last_way.order_id = o.id
      cross join lateral jsonb_array_elements_text(last_way.steps) as step(name)
      where o.status = 'cancelled' and not exists (
        select from orders.commands c
        where c.order_id = o.id and c.step = step.name and c.state in ('done', 'skipped'))`,
  },
  {
    name: 'order-history-is-whole',
    says: 'An order’s history tells each step of its payment and of its parcel, once and in order.',
    why: 'It is the effect of events: a line that is missing was never heard, one that is there twice was heard twice.',
    violations: () => sql`
      with happened as (
        select o.id as order_id, 'payment' as kind, c.version::bigint as number, c.status as value
        from orders.orders o join payments.payment_changes c on c.payment_id = o.payment_id
        where c.version <= o.payment_version
        union all
        select o.id, 'delivery', c.version, c.stage
        from orders.orders o join delivery.shipment_changes c on c.shipment_id = o.shipment_id
        where c.version <= o.delivery_version
      ), told as (
        select order_id, kind, row_number() over (partition by order_id, kind order by id) as number, value
        from orders.timeline where kind <> 'order'
      )
      select order_id as "order", kind, number, coalesce(h.value, 'nothing') as expected, coalesce(t.value, 'nothing') as found
      from happened h full join told t using (order_id, kind, number)
      where h.value is distinct from t.value`,
  },
];
