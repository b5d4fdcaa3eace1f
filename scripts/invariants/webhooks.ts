// Invariants of what the provider and the courier tell: it arrives, and is remembered.
import { type RawBuilder, sql } from 'kysely';
import type { Invariant } from './invariant.ts';

const waiting = (books: string, overdueBefore: Date): RawBuilder<unknown> => sql`
  select subject, id as webhook, 'delivered' as expected,
    concat_ws(' ', 'waits since', created_at, 'after', attempts, 'tries', last_error) as found
  from ${sql.table(`${books}.webhooks`)} where delivered_at is null and created_at < ${overdueBefore}`;

/** Companies forget their webhooks after a week, and try to deliver them for three days of it. */
const daysOfWebhooks = 3;

const remembered = (books: string, events: string, at: Date): RawBuilder<unknown> => sql`
  select coalesce(w.id, e.event_id) as webhook, case when w.id is null then 'never sent' else 'heard once' end as expected,
    case when w.id is null then 'heard' else 'not heard' end as found
  from ${sql.table(`${books}.webhooks`)} w
  full join ${sql.table(events)} e on e.event_id = w.id
  where w.id is null and e.received_at > ${at}::timestamptz - make_interval(days => ${daysOfWebhooks})
    or e.event_id is null and w.delivered_at is not null and w.id not in (select id from pg_temp.lost_webhooks)`;

export const webhooks: readonly Invariant[] = [
  {
    name: 'provider-is-heard',
    says: 'What the provider tells arrives soon.',
    why: 'A payment that nobody hears of lets its order run out of time.',
    needs: 'sandbox_psp',
    violations: ({ overdueBefore }) => waiting('sandbox_psp', overdueBefore),
  },
  {
    name: 'provider-is-remembered',
    says: 'Each thing that the provider told is noted once, and nothing is noted that it did not tell.',
    why: 'The note is what makes a repeated webhook harmless, and a forged one visible.',
    needs: 'sandbox_psp',
    violations: ({ at }) => remembered('sandbox_psp', 'payments.provider_events', at),
  },
  {
    name: 'courier-is-heard',
    says: 'What the courier tells arrives soon.',
    why: 'A parcel that nobody hears of is delivered and never paid out.',
    needs: 'sandbox_courier',
    violations: ({ overdueBefore }) => waiting('sandbox_courier', overdueBefore),
  },
  {
    name: 'courier-is-remembered',
    says: 'Each thing that the courier told is noted once, and nothing is noted that it did not tell.',
    why: 'The note is what makes a repeated webhook harmless, and a forged one visible.',
    needs: 'sandbox_courier',
    violations: ({ at }) => remembered('sandbox_courier', 'delivery.courier_events', at),
  },
];
