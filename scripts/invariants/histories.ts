// Invariants of what payments and delivery remember: each change, in order, by ways that there are.
import { type RawBuilder, sql } from 'kysely';
import type { Invariant } from './invariant.ts';

/** Versions that are missing, ways that there are not, and an end that is not the present state. */
const gapsIn = (
  changes: RawBuilder<unknown>,
  present: RawBuilder<unknown>,
  ways: RawBuilder<unknown>,
): RawBuilder<unknown> => sql`
  with steps as (
    select id, version, value, lag(version, 1, 0) over (partition by id order by version) as before,
      coalesce(lag(value) over (partition by id order by version), '') as "from"
    from (${changes}) as changes
  )
  select id, version, 'version ' || before + 1 as expected, 'version ' || version as found from steps where version <> before + 1
  union all
  select id, version, 'a way on from ' || coalesce(nullif("from", ''), 'nothing'), value
  from steps where ("from", value) not in (${ways})
  union all
  select id, coalesce(ending.version, 0), concat_ws(' ', present.value, 'version', present.version),
    concat_ws(' ', ending.value, 'version', ending.version)
  from (${present}) as present
  left join (select distinct on (id) id, version, value from steps order by id, version desc) as ending using (id)
  where (present.value, present.version) is distinct from (ending.value, coalesce(ending.version, 0))`;

export const histories: readonly Invariant[] = [
  {
    name: 'payment-history-is-whole',
    says: 'Each payment’s history has no gap, goes only possible ways, and ends where the payment is.',
    why: 'Disputes are decided by it, and each line is one event that others acted on.',
    violations: () =>
      gapsIn(
        sql`select payment_id as id, version, status as value from payments.payment_changes`,
        sql`select id, version, status as value from payments.payments`,
        sql`values ('', 'in_progress'), ('in_progress', 'authorized'), ('in_progress', 'failed'), ('in_progress', 'voided'),
          ('authorized', 'captured'), ('authorized', 'voided'), ('captured', 'refunded')`,
      ),
  },
  {
    name: 'parcel-history-is-whole',
    says: 'Each parcel’s history has no gap, never goes back, and ends where the parcel is.',
    why: 'A parcel that goes back in time makes orders of what was over.',
    violations: () =>
      gapsIn(
        sql`select shipment_id as id, version, stage as value from delivery.shipment_changes`,
        sql`select id, version, stage as value from delivery.shipments`,
        // Scans may be missing, so each stage may follow any earlier one.
        sql`select a.stage, b.stage from (values ('', 0), ('created', 1), ('accepted', 2), ('in_transit', 3), ('at_pickup_point', 4),
            ('delivered', 5)) as a(stage, rank)
          join (values ('created', 1), ('accepted', 2), ('in_transit', 3), ('at_pickup_point', 4), ('delivered', 5),
            ('returned', 9), ('lost', 9), ('cancelled', 9)) as b(stage, rank)
            on b.rank > a.rank and (a.stage <> '' or b.stage in ('created', 'cancelled'))
            and (a.stage <> 'delivered' or b.stage = 'returned')`,
      ),
  },
];
