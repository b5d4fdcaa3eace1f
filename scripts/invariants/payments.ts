// Invariants of payments: orders, payments and the provider's own books tell of the same money.
import { sql } from 'kysely';
import type { Invariant } from './invariant.ts';
import { wasSkipped } from './saga-table.ts';

export const payments: readonly Invariant[] = [
  {
    name: 'one-payment-per-order',
    says: 'Each order has one payment, and each payment is of one order.',
    why: 'A payment without its order is money that nobody can explain; a second one is a second charge.',
    violations: () => sql`
      select o.id as "order", o.payment_id as payment, 'payments to know it' as expected,
        case when p.id is null then 'no such payment' else 'a payment of order ' || p.order_id end as found
      from orders.orders o left join payments.payments p on p.id = o.payment_id
      where p.order_id <> o.id or p.id is null and (
        o.status in ('paid', 'in_delivery', 'delivered', 'completed')
        or exists (
          select from orders.commands c where c.order_id = o.id and c.step = 'start_payment' and c.state = 'done'))
      union all
      select p.order_id, p.id, 'an order with this payment', 'none'
      from payments.payments p left join orders.orders o on o.payment_id = p.id where o.id is null`,
  },
  {
    name: 'payment-is-the-orders-total',
    says: 'A payment is for what its order costs, in its currency, from its buyer, with its price for its seller.',
    why: 'Whoever pays another sum than the one they agreed to was robbed, or robs.',
    violations: () => sql`
      select o.id as "order", p.id as payment,
        concat_ws(' ', o.price + o.delivery_price, o.currency, 'with', o.price, 'for the seller', o.seller_id, 'from', o.buyer_id)
          as expected,
        concat_ws(' ', p.amount, p.currency, 'with', p.seller_amount, 'for the seller', p.seller_id, 'from', p.buyer_id)
          as found
      from orders.orders o join payments.payments p on p.id = o.payment_id
      where (o.price + o.delivery_price, o.price, o.currency, o.buyer_id, o.seller_id)
        is distinct from (p.amount, p.seller_amount, p.currency, p.buyer_id, p.seller_id)`,
  },
  {
    name: 'provider-charges-the-same',
    says: 'The provider charges exactly the amount that we asked for.',
    why: 'Our rows are only our wish; what the provider has written down is what the buyer pays.',
    needs: 'sandbox_psp',
    violations: () => sql`
      select p.id as payment, s.id as provider_payment, concat_ws(' ', p.amount, p.currency) as expected,
        concat_ws(' ', s.amount, s.currency) as found
      from payments.payments p join sandbox_psp.payments s on s.id = p.provider_id
      where (p.amount, p.currency) is distinct from (s.amount, s.currency)`,
  },
  {
    name: 'provider-agrees',
    says: 'The provider and we say the same of each payment, and neither knows one that the other does not.',
    why: 'A captured payment that we take for open gets cancelled without a refund; a lost webhook looks like that.',
    needs: 'sandbox_psp',
    violations: ({ calmBefore }) => sql`
      select p.id::text as payment, p.provider_id as provider_payment, 'what we have: ' || p.status as expected,
        coalesce(s.status, 'no such payment') as found
      from payments.payments p left join sandbox_psp.payments s on s.id = p.provider_id
      where p.provider = 'sandbox' and p.provider_id is not null
        and greatest(p.updated_at, s.updated_at) < ${calmBefore}
        and (s.status is null or (p.status, s.status) not in (
          ('in_progress', 'pending'), ('authorized', 'authorized'), ('captured', 'captured'), ('refunded', 'refunded'),
          ('failed', 'declined'), ('failed', 'cancelled'), ('voided', 'cancelled')))
      union all
      select s.reference, s.id, 'a payment of ours',
        case when p.id is null then 'no such payment' else 'one that has not heard of it' end
      from sandbox_psp.payments s left join payments.payments p on p.id::text = s.reference
      where p.provider_id is null and s.updated_at < ${calmBefore}`,
  },
  {
    name: 'provider-gave-back-the-same',
    says: 'The provider has given back of each payment what our books say.',
    why: 'A part that is back and not in our books is paid out to the seller as well.',
    needs: 'sandbox_psp',
    violations: ({ calmBefore }) => sql`
      select p.id as payment, s.id as provider_payment, p.refunded_amount || ' given back' as expected, s.refunded as found
      from payments.payments p join sandbox_psp.payments s on s.id = p.provider_id
      where p.status in ('captured', 'refunded') and s.status in ('captured', 'refunded')
        and greatest(p.updated_at, s.updated_at) < ${calmBefore} and p.refunded_amount <> s.refunded`,
  },
  {
    name: 'nothing-is-charged-twice',
    says: 'No order is charged twice.',
    why: 'The failure that buyers forgive least, and the one that retries lead to.',
    needs: 'sandbox_psp',
    violations: () => sql`
      select p.order_id as "order", string_agg(s.id, ' and ' order by s.id) as provider_payments, 'one charge' as expected,
        count(*) || ' charges' as found
      from sandbox_psp.payments s join payments.payments p on p.id::text = s.reference
      where s.status in ('authorized', 'captured', 'refunded')
      group by p.order_id having count(*) > 1`,
  },
  {
    name: 'captured-money-is-of-a-sale',
    says: 'Money that was taken belongs to an order that is on its way or completed, or was given back in full.',
    why: 'Money is taken when the courier takes the parcel; taken at any other time it is a charge for nothing.',
    violations: ({ calmBefore }) => sql`
      select o.id as "order", p.id as payment, 'an order on its way, delivered or completed' as expected, o.status as found
      from payments.payments p join orders.orders o on o.payment_id = p.id
      where p.status = 'captured' and greatest(p.updated_at, o.updated_at) < ${calmBefore}
        and o.status not in ('in_delivery', 'delivered', 'completed', 'cancelling')
        and not ${wasSkipped(sql`o.id`, 'return_money')}`,
  },
  {
    name: 'cancelled-order-holds-no-money',
    says: 'Of a cancelled order no money is held, and nobody can pay it any more.',
    why: 'A hold that is left blocks the buyer’s card for a week; a page that is left takes money for nothing.',
    violations: ({ calmBefore }) => sql`
      select o.id as "order", p.id as payment, 'failed, voided or refunded' as expected, p.status as found
      from payments.payments p join orders.orders o on o.payment_id = p.id
      where o.status = 'cancelled' and p.status in ('in_progress', 'authorized')
        and greatest(p.updated_at, o.updated_at) < ${calmBefore} and not ${wasSkipped(sql`o.id`, 'return_money')}`,
  },
  {
    name: 'goods-are-paid',
    says: 'No parcel is sent without the money held for it, and none arrives without it taken.',
    why: 'Else the seller gives the goods away.',
    violations: ({ calmBefore }) => sql`
      select o.id as "order", p.id as payment, case o.status when 'paid' then 'authorized' else 'captured' end as expected,
        p.status || ' while the order is ' || o.status as found
      from payments.payments p join orders.orders o on o.payment_id = p.id
      where greatest(p.updated_at, o.updated_at) < ${calmBefore} and (
        o.status = 'paid' and p.status = 'in_progress'
        or o.status in ('in_delivery', 'delivered', 'completed') and p.status in ('in_progress', 'authorized'))
        and not ${wasSkipped(sql`o.id`, 'capture_payment')}`,
  },
  {
    name: 'money-goes-back-only-when-cancelled',
    says: 'A payment that failed or was given back is of an order that is cancelled or being cancelled.',
    why: 'A refund of a sale that goes on leaves the seller without both money and goods.',
    violations: ({ calmBefore }) => sql`
      select o.id as "order", p.id as payment, 'cancelled' as expected, o.status || ', its payment ' || p.status as found
      from payments.payments p join orders.orders o on o.payment_id = p.id
      where p.status in ('failed', 'voided', 'refunded') and o.status not in ('cancelling', 'cancelled')
        and greatest(p.updated_at, o.updated_at) < ${calmBefore}`,
  },
  {
    name: 'order-shows-its-payment',
    says: 'What an order shows of its payment is what payments says.',
    why: 'The order decides by what it has heard; what it has missed it will never act on.',
    violations: ({ calmBefore }) => sql`
      select o.id as "order", p.id as payment, p.status || ', version ' || p.version as expected,
        o.payment_status || ', version ' || o.payment_version as found
      from orders.orders o join payments.payments p on p.id = o.payment_id
      where p.updated_at < ${calmBefore} and (o.payment_status, o.payment_version) is distinct from (p.status, p.version)`,
  },
  {
    name: 'decisions-about-money-are-carried-out',
    says: 'What was decided about a payment or a payout is done, or being done right now.',
    why: 'A capture or refund that is written down and forgotten is one that never happens.',
    violations: ({ overdueBefore }) => sql`
      select id as payment, coalesce(intent, 'ask the provider') as decision, 'done' as expected,
        concat_ws(' ', attempts, 'tries, next', due_at, last_error) as found
      from payments.payments
      where due_at < ${overdueBefore} or intent is not null and due_at is null
      union all
      select payment_id, 'payout', 'done', concat_ws(' ', attempts, 'tries, next', due_at, last_error)
      from payments.payouts
      where status = 'pending' and (due_at is null or due_at < ${overdueBefore})`,
  },
];
