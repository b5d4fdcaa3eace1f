// Invariants of the ledger and of payouts: where the money is, and that all of it is somewhere.
import { sql } from 'kysely';
import type { Invariant } from './invariant.ts';
import { wasSkipped } from './saga-table.ts';
import { shares } from './shares.ts';

export const ledger: readonly Invariant[] = [
  {
    name: 'ledger-balances',
    says: 'What one account gains others lose: each booking sums to zero.',
    why: 'A booking that does not balance makes money out of nothing, or loses it.',
    violations: () => sql`
      select t.payment_id as payment, t.kind as booking, '0' as expected, sum(e.amount) || ' ' || e.currency as found
      from payments.ledger_transactions t join payments.ledger_entries e on e.transaction_id = t.id
      group by t.id, t.payment_id, t.kind, e.currency having sum(e.amount) <> 0`,
  },
  {
    name: 'ledger-tells-all',
    says: 'Each capture, refund, earning and payout is booked once, with its amount on its accounts, and nothing else is.',
    why: 'The ledger answers whose the money is; an answer that is made up or missing is worse than none.',
    violations: () => sql`
      with owed as (
        select p.id as payment_id, entry.kind, entry.account, entry.amount || ' ' || p.currency as booked
        from payments.payments p join ${shares} on shares.payment_id = p.id left join payments.payouts o on o.payment_id = p.id
        join lateral (values
          (p.status in ('captured', 'refunded'), 'captured', 'provider:' || p.provider, p.amount),
          (p.status in ('captured', 'refunded'), 'captured', 'held:' || p.order_id, -p.amount),
          (true, 'refunded', 'held:' || p.order_id, p.refunded_amount),
          (true, 'refunded', 'provider:' || p.provider, -p.refunded_amount),
          (o.status is not null, 'earned', 'held:' || p.order_id, p.amount - shares.back),
          (o.status is not null, 'earned', 'seller:' || p.seller_id, -shares.seller),
          (o.status is not null, 'earned', 'platform:fees', -shares.fee),
          (o.status is not null, 'earned', 'platform:delivery', -shares.delivery),
          (o.status = 'paid', 'paid_out', 'seller:' || p.seller_id, o.amount),
          (o.status = 'paid', 'paid_out', 'provider:' || p.provider, -o.amount)
        ) as entry(has_happened, kind, account, amount) on entry.has_happened and entry.amount <> 0
      ), booked as (
        -- What went back after the seller had earned it is the platform's loss, and the same money.
        select t.payment_id, t.kind, entry.account, sum(e.amount) || ' ' || e.currency as booked
        from payments.ledger_transactions t join payments.ledger_entries e on e.transaction_id = t.id
        join payments.payments p on p.id = t.payment_id
        cross join lateral (
          select case when t.kind = 'refunded' and e.account = 'platform:losses' then 'held:' || p.order_id else e.account end
            as account) as entry
        where t.kind in ('captured', 'refunded', 'earned', 'paid_out')
        group by t.payment_id, t.kind, entry.account, e.currency
      )
      select payment_id as payment, kind as booking, account, coalesce(o.booked, 'nothing') as expected,
        coalesce(b.booked, 'nothing') as found
      from owed o full join booked b using (payment_id, kind, account)
      where o.booked is distinct from b.booked`,
  },
  {
    name: 'held-money-is-of-open-sales',
    says: 'What is held for an order is what was captured and not given back, until the seller has earned it.',
    why: 'Money that stays held after an order’s end is nobody’s, and somebody misses it.',
    violations: () => sql`
      with held as (
        select e.account, e.currency, -sum(e.amount) as amount
        from payments.ledger_entries e where e.account like 'held:%' group by e.account, e.currency
      ), owed as (
        select 'held:' || p.order_id as account, p.currency,
          case when p.status = 'captured' and o.payment_id is null then p.amount - p.refunded_amount else 0 end as amount
        from payments.payments p left join payments.payouts o on o.payment_id = p.id
      )
      select account, coalesce(o.amount, 0) || ' ' || currency as expected, coalesce(h.amount, 0) || ' ' || currency as found
      from held h full join owed o using (account, currency)
      where coalesce(h.amount, 0) <> coalesce(o.amount, 0)`,
  },
  {
    name: 'sellers-are-owed-what-is-not-paid-out',
    says: 'The balance of each seller is the sum of their payouts that are not paid yet.',
    why: 'It is what sellers see as theirs; a balance that nobody will pay out is a promise that is broken.',
    violations: () => sql`
      with owed as (
        select substr(e.account, 8) as seller, e.currency, -sum(e.amount) as amount
        from payments.ledger_entries e where e.account like 'seller:%' group by e.account, e.currency
      ), unpaid as (
        select o.seller_id::text as seller, o.currency, sum(o.amount) as amount
        from payments.payouts o where o.status <> 'paid' group by o.seller_id, o.currency
      )
      select seller, coalesce(u.amount, 0) || ' ' || currency as expected, coalesce(o.amount, 0) || ' ' || currency as found
      from owed o full join unpaid u using (seller, currency)
      where coalesce(o.amount, 0) <> coalesce(u.amount, 0)`,
  },
  {
    name: 'money-adds-up',
    says: 'Money in = payouts + refunds + what is held: the provider’s books and our ledger come to the same sums.',
    why: 'The sum over everything finds what was forgotten in each single place.',
    needs: 'sandbox_psp',
    violations: ({ calmBefore }) => sql`
      with moving as (
        -- Its two books may differ for a moment.
        select p.id::text as reference from payments.payments p
        left join sandbox_psp.payments s on s.reference = p.id::text
        left join payments.payouts o on o.payment_id = p.id
        left join sandbox_psp.payouts t on t.reference = p.id::text
        where greatest(p.updated_at, s.updated_at, o.created_at, o.paid_at, t.created_at) >= ${calmBefore}
      ), provider as (
        select reference, currency, amount as taken, refunded, 0 as paid_out
        from sandbox_psp.payments where status in ('captured', 'refunded')
        union all select reference, currency, 0, 0, amount from sandbox_psp.payouts
      ), there as (
        select currency, sum(taken) as taken, sum(refunded) as refunded, sum(paid_out) as paid_out
        from provider where reference not in (select reference from moving) group by currency
      ), here as (
        select e.currency, -sum(e.amount) as held
        from payments.ledger_transactions t join payments.ledger_entries e on e.transaction_id = t.id
        where e.account not like 'provider:%' and t.payment_id in (select id from payments.payments where provider = 'sandbox') and t.payment_id::text not in (select reference from moving) group by e.currency
      )
      select currency,
        concat_ws(' ', coalesce(taken, 0), 'in =', coalesce(paid_out, 0), 'paid out +', coalesce(refunded, 0), 'refunded + held')
          as expected,
        coalesce(held, 0) || ' held' as found
      from there full join here using (currency)
      where coalesce(taken, 0) <> coalesce(paid_out, 0) + coalesce(refunded, 0) + coalesce(held, 0)`,
  },
  {
    name: 'completed-sale-is-paid-out',
    says: 'The seller of a completed order gets its price, less the fee and what was given back.',
    why: 'It is what sellers come for, and the last step, where nobody looks any more.',
    violations: ({ calmBefore }) => sql`
      select o.id as "order", o.payment_id as payment, shares.seller || ' ' || o.currency || ' paid' as expected,
        case when p.payment_id is null then 'no payout'
          else concat_ws(' ', p.amount, p.currency, p.status, p.last_error) end as found
      from orders.orders o left join ${shares} on shares.payment_id = o.payment_id
      left join payments.payouts p on p.payment_id = o.payment_id
      where o.status = 'completed' and o.updated_at < ${calmBefore}
        -- What waits is on the seller's balance, and the seller has to say where to.
        and (p.status in ('paid', 'waiting') and p.amount = shares.seller and p.currency = o.currency) is not true
        and not ${wasSkipped(sql`o.id`, 'pay_out_seller')}`,
  },
  {
    name: 'only-sellers-of-completed-orders-are-paid',
    says: 'A payout goes to the order’s seller, once the order is completed.',
    why: 'What was paid out cannot be given back to a buyer whose parcel then turns out lost.',
    violations: () => sql`
      select p.payment_id as payment, o.id as "order", 'a completed order of seller ' || p.seller_id as expected,
        coalesce(o.status || ' of seller ' || o.seller_id, 'no order') as found
      from payments.payouts p left join orders.orders o on o.payment_id = p.payment_id
      where (o.status, o.seller_id) is distinct from ('completed', p.seller_id)`,
  },
  {
    name: 'provider-paid-out-the-same',
    says: 'The provider has made each payout once, to the seller, with its amount, and none that we know nothing of.',
    why: 'A payout whose answer was lost is repeated; without its key the seller is paid twice.',
    needs: 'sandbox_psp',
    violations: ({ calmBefore }) => sql`
      with ours as (
        select p.payment_id::text as reference, concat_ws(' ', p.amount, p.currency, 'to', p.seller_id) as payout
        from payments.payouts p join payments.payments of on of.id = p.payment_id
        where p.status = 'paid' and p.amount > 0 and of.provider = 'sandbox'
      ), theirs as (
        select reference, string_agg(concat_ws(' ', amount, currency, 'to', destination), ' and ') as payout, max(created_at) as at
        from sandbox_psp.payouts group by reference
      )
      select reference as payment, coalesce(o.payout, 'no payout') as expected, coalesce(t.payout, 'no payout') as found
      from ours o full join theirs t using (reference)
      where o.payout is distinct from t.payout and (o.payout is not null or t.at < ${calmBefore})`,
  },
];
