// Invariants of events: what happened is told, what is told happened, and whoever hears it acts on it once.
import { type RawBuilder, sql } from 'kysely';
import { realtimeTopic } from '../../contracts/events.ts';
import { type ServiceName, services } from '../../contracts/route.ts';
import { relayedKeptMs } from '../../core/platform/db/housekeeping.ts';
import { idsKeptMs } from '../../core/platform/db/inbox.ts';
import { hearers } from './hearers.ts';
import type { Invariant } from './invariant.ts';

/** Housekeeping runs once an hour; what it may be about to delete is not asked for. */
const marginMs = 3_600_000;
const keptSince = (at: Date, keptMs: number): Date => new Date(at.getTime() - keptMs + marginMs);

/** One query over all services that hear something: each is asked with its own inbox. */
const ofEachHearer = (
  ask: (service: ServiceName, inbox: RawBuilder<unknown>) => RawBuilder<unknown>,
): RawBuilder<unknown> =>
  sql.join(
    services
      .filter((service) => hearers[service].length > 0)
      .map((service) => ask(service, sql`${sql.table(`${service}.inbox`)}`)),
    sql` union all `,
  );

/** As dead letters name where they came from. */
const placeOfMessage = sql`m.topic || '/' || m.partition || '/' || m."offset"`;

export const events: readonly Invariant[] = [
  {
    name: 'outbox-is-relayed',
    says: 'What a service has to tell is told soon.',
    why: 'Nobody acts on an event that nobody hears.',
    violations: ({ overdueBefore }) => sql`
      select service, id as event, 'published' as expected, type || ' waits since ' || created_at as found
      from pg_temp.said where published_at is null and created_at < ${overdueBefore}`,
  },
  {
    name: 'published-event-is-in-its-topic',
    says: 'Every event that an outbox calls published is in its topic, under its key and word for word.',
    why: 'The mark is the only thing that keeps the event from being sent again: set too early, the event is lost.',
    violations: () => sql`
      with lost as materialized (
        select s.service, s.id, s.type, s.key, s.topic
        from pg_temp.said s left join pg_temp.floors f on f.topic = s.topic
        where s.published_at is not null and s.created_at >= coalesce(f.at, '-infinity') and not exists (
          select from pg_temp.messages m
          where m.id = s.id and m.topic = s.topic and m.key = s.key and m.content = s.content)
      )
      select l.service, l.id as event, l.type || ' of ' || l.key || ' in ' || l.topic as expected,
        coalesce(string_agg('other words of ' || m.key || ' in ' || m.topic, ', '), 'nothing') as found
      from lost l left join pg_temp.messages m on m.id = l.id
      group by l.service, l.id, l.type, l.key, l.topic`,
  },
  {
    name: 'topic-holds-no-inventions',
    says: 'Every event in a topic was said by the outbox of its service.',
    why: 'An event without its row tells of something that was rolled back, or comes from somebody else.',
    violations: ({ at }) => sql`
      select m.topic, m.partition, m."offset", 'a row in the outbox of ' || coalesce(m.service, 'a service') as expected,
        concat_ws(' ', m.type, m.id, 'of', m.key) as found
      from pg_temp.messages m
      -- What is not early may have been said since the database was looked at. Rows are forgotten after a day, so a
      -- replay may have none any more.
      where m.early and not m.replay and m.at > ${keptSince(at, relayedKeptMs)} and not exists (
        select from pg_temp.said s where s.id = m.id and s.service = m.service)`,
  },
  {
    name: 'every-change-is-told-once',
    says: 'Every change of an order, a payment, a parcel and an ad is told by exactly one event.',
    why: 'A change without its event leaves everybody else in the past; one with two makes them act twice.',
    violations: ({ calmBefore }) => sql`
      with changes(type, topic, key, number, value, began, at) as (
        select 'order.status_changed', 'orders.v1', t.order_id,
          row_number() over (partition by t.order_id order by t.id), t.value, o.created_at, t.at
        from orders.timeline t join orders.orders o on o.id = t.order_id where t.kind = 'order'
        union all
        select 'payment.status_changed', 'payments.v1', p.order_id, c.version, c.status, p.created_at, c.at
        from payments.payment_changes c join payments.payments p on p.id = c.payment_id
        union all
        select 'delivery.stage_changed', 'deliveries.v1', s.order_id, c.version, c.stage, s.created_at, c.at
        from delivery.shipment_changes c join delivery.shipments s on s.id = c.shipment_id
        union all
        select 'ad.changed', 'ads.v1', id, generate_series(1, version), null, created_at, updated_at from ads.ads
      ), versions as (
        select type, key, version, count(distinct id) as events, min(value) as value from pg_temp.messages
        where version is not null group by type, key, version
      ), told as (
        -- An order's version counts other changes too.
        select type, key, events, value, case type when 'order.status_changed'
          then row_number() over (partition by type, key order by version) else version end as number
        from versions
      )
      select c.type, c.key as aggregate, c.number, 'one event' || coalesce(' of ' || c.value, '') as expected,
        coalesce(t.events || coalesce(' of ' || t.value, ''), 'none') as found
      from changes c left join told t on t.type = c.type and t.key = c.key::text and t.number = c.number
      left join pg_temp.floors f on f.topic = c.topic
      where c.at < ${calmBefore} and c.began >= coalesce(f.at, '-infinity')
        and (t.events, t.value) is distinct from (1::bigint, c.value)`,
  },
  {
    name: 'events-are-in-order',
    says: 'The events of one order, payment, parcel or ad are in its topic in the order in which things happened.',
    why: 'Whoever hears them acts on each as on the newest.',
    violations: () => sql`
      with firsts as (
        -- Repetitions are allowed: they have the same id, and whoever hears them knows it.
        select topic, key, id, min(version) as version, min("offset") as "offset" from pg_temp.messages
        where version is not null group by topic, key, id
      )
      select topic, key, version, 'after version ' || before as expected, 'version ' || version as found
      from (
        select *, lag(version) over (partition by topic, key order by "offset") as before from firsts) as pairs
      where version <= before`,
  },
  {
    name: 'every-event-has-its-effect',
    says: 'Every event has had its effect on everybody who hears it.',
    why: 'A consumer that commits past an event it has not handled never comes back to it.',
    violations: ({ at, calmBefore }) =>
      ofEachHearer(
        (service, inbox) => sql`
          select ${service}::text as service, m.id as event, m.topic, m.partition, m."offset", 'heard' as expected,
            concat_ws(' ', m.type, 'of', m.key, 'is not in the inbox') as found
          from pg_temp.messages m left join pg_temp.group_places g
            on g.service = ${service} and g.topic = m.topic and g.partition = m.partition
          where m.topic <> ${realtimeTopic} and m.type = any(${hearers[service]}) and m.early
            and (m.at < ${calmBefore} or m."offset" < g.next_offset)
            -- Ids are forgotten some time after that.
            and m.at > ${keptSince(at, idsKeptMs)}
            and not exists (select from ${inbox} i where i.event_id = m.id)
            and not exists (
              select from pg_temp.dead_letters d where d.consumer = ${service} and d.origin = ${placeOfMessage})`,
      ),
  },
  {
    name: 'no-event-is-left-among-the-dead',
    says: 'An event of ours that could not be handled was handled later, or somebody decided that it need not be.',
    why: 'A dead letter is an effect that is missing; it waits for somebody to replay it.',
    violations: () =>
      ofEachHearer(
        (service, inbox) => sql`
          select d.place as letter, m.id as event, 'replayed to ' || d.consumer || ' or discarded' as expected,
            concat_ws(' ', m.type, 'of', m.key, d.reason) as found
          from pg_temp.dead_letters d join pg_temp.messages m on d.origin = ${placeOfMessage}
          where d.consumer = ${service} and m.service is not null
            and not exists (select from ${inbox} i where i.event_id = m.id)
            and not exists (
              select from pg_temp.decisions decided where decided.place = d.place and decided.action = 'discarded')`,
      ),
  },
  {
    name: 'dead-letters-are-explained',
    says: 'Each dead letter says who could not handle it, why, and where it came from.',
    why: 'Without that nobody can decide whether to replay it.',
    violations: () => sql`
      select place as letter, 'its consumer, reason and origin' as expected,
        concat_ws(', ', coalesce(consumer, 'no consumer'), coalesce(reason, 'no reason'), coalesce(origin, 'no origin')) as found
      from pg_temp.dead_letters
      where consumer is null or coalesce(reason, '') = '' or origin is null
        or origin !~ ('^' || replace(left(topic, -4), '.', '\\.') || '/[0-9]+/[0-9]+$')`,
  },
  {
    name: 'sales-are-counted-once',
    says: 'A seller’s number of sales is that of their completed orders.',
    why: 'A count is where an event that had its effect twice shows.',
    violations: ({ calmBefore }) => sql`
      with completed as (
        select seller_id, count(*) as sales, max(updated_at) as at from orders.orders where status = 'completed' group by seller_id
      )
      select u.id as "user", coalesce(c.sales, 0) || ' sales' as expected, u.sales || ' sales' as found
      from users.users u left join completed c on c.seller_id = u.id
      where u.sales <> coalesce(c.sales, 0) and coalesce(c.at, '-infinity') < ${calmBefore}`,
  },
];
