// Invariants of ads: one buyer for each, and nobody kept away without reason.
import { sql } from 'kysely';
import type { Invariant } from './invariant.ts';
import { wasSkipped } from './saga-table.ts';

/** Orders that have bought their ad: `sales(id, ad_id, status)`. Being paid is not enough, the ad may still be refused. */
const sales = sql`(
  select o.id, o.ad_id, o.status from orders.orders o
  where o.status in ('in_delivery', 'delivered', 'completed')
    or o.status = 'paid' and exists (
      select from orders.commands c where c.order_id = o.id and c.step = 'mark_ad_sold' and c.state = 'done'))`;

export const ads: readonly Invariant[] = [
  {
    name: 'ad-is-sold-once',
    says: 'An ad is sold at most once.',
    why: 'There is one bicycle; the second buyer pays for nothing.',
    violations: () => sql`
      select ad_id as ad, string_agg(id::text, ' and ' order by id) as orders, 'one sale' as expected,
        count(*) || ' sales' as found
      from ${sales} as sales group by ad_id having count(*) > 1`,
  },
  {
    name: 'sold-ad-is-off-sale',
    says: 'An ad that was bought is marked as sold, to an order that bought it.',
    why: 'Else it is offered on, and the next buyer waits for what is gone.',
    violations: () => sql`
      select sales.ad_id as ad, sales.id as "order", 'sold' as expected,
        coalesce(concat_ws(' ', a.status, 'to order', a.order_id), 'no such ad') as found
      from ${sales} as sales left join ads.ads a on a.id = sales.ad_id
      where not ${wasSkipped(sql`sales.id`, 'mark_ad_sold')} and (a.status is distinct from 'sold'
        or not exists (select from ${sales} as others where others.id = a.order_id and others.ad_id = a.id))`,
  },
  {
    name: 'sold-ad-has-its-buyer',
    says: 'An ad is marked as sold only when somebody has paid for it.',
    why: 'An ad that is off sale without a sale costs its seller every buyer to come.',
    violations: () => sql`
      select a.id as ad, a.order_id as "order", 'a paid order of this ad' as expected,
        coalesce(o.status || ' order of ad ' || o.ad_id, 'no such order') as found
      from ads.ads a left join orders.orders o on o.id = a.order_id
      where a.status = 'sold' and (o.id is null or o.ad_id <> a.id or o.status = 'pending_payment')`,
  },
  {
    name: 'ad-is-held-for-who-is-paying',
    says: 'While somebody is about to pay, the ad is held for them.',
    why: 'Else two people pay for the same thing, and one of them is sent away after it.',
    violations: ({ at }) => sql`
      select o.id as "order", o.ad_id as ad, 'reserved for this order' as expected,
        coalesce(concat_ws(' ', a.status, 'for order', a.order_id), 'no such ad') as found
      from orders.orders o left join ads.ads a on a.id = o.ad_id
      where o.status = 'pending_payment' and o.deadline_at > ${at}
        and (a.status, a.order_id) is distinct from ('reserved', o.id)`,
  },
  {
    name: 'holds-end-in-time',
    says: 'No ad is held for longer than its hold lasts.',
    why: 'A hold is a loan of the seller’s ad; one that nothing ends takes it off sale for ever.',
    violations: ({ overdueBefore }) => sql`
      select id as ad, order_id as "order", 'on sale again since ' || reserved_until as expected, status as found
      from ads.ads where status = 'reserved' and reserved_until < ${overdueBefore}`,
  },
  {
    name: 'cancelled-order-frees-its-ad',
    says: 'A cancelled order that had to give its ad back no longer has it.',
    why: 'Else the seller can neither sell it nor change it.',
    violations: () => sql`
      select o.id as "order", a.id as ad, 'free of this order' as expected, a.status || ' for it' as found
      from orders.orders o join ads.ads a on a.id = o.ad_id and a.order_id = o.id
      where o.status = 'cancelled' and exists (
        select from orders.commands c where c.order_id = o.id and c.step = 'release_ad' and c.state = 'done')`,
  },
  {
    name: 'search-shows-what-is-on-sale',
    says: 'Search finds the ads that are on sale, as they are now, and no others.',
    why: 'The index is an effect of events; what it has missed stays hidden, or is offered after it is sold.',
    violations: ({ calmBefore }) => sql`
      select id as ad, coalesce(a.status || ', version ' || a.version, 'no ad') as expected,
        coalesce(case when s.active then 'found' else 'hidden' end || ', version ' || s.version, 'never heard of') as found
      from ads.ads a full join search.ads s using (id)
      where coalesce(a.updated_at, '-infinity') < ${calmBefore}
        and (a.status = 'active', a.version) is distinct from (s.active, s.version)
        and not (a.id is null and not s.active)`,
  },
];
