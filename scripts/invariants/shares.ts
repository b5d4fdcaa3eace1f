// What core/payments/shares.ts says of a payment, in SQL, and how much of it went back before the seller had earned it.
import { type RawBuilder, sql } from 'kysely';

/** Each payment with its shares: `payment_id`, `seller`, `fee`, `delivery`, and `back`, which they are taken after. */
export const shares: RawBuilder<unknown> = sql`(
  select parts.*, seller_price - fee as seller, amount - back - seller_price as delivery
  from (
    select p.id as payment_id, p.amount, back, price as seller_price,
      (price * p.fee_basis_points - (price * p.fee_basis_points) % (10000 * p.amount_step)) / 10000 as fee
    from payments.payments p
    left join (
      select t.payment_id, sum(e.amount)::bigint as lost
      from payments.ledger_transactions t join payments.ledger_entries e on e.transaction_id = t.id
      where t.kind = 'refunded' and e.account = 'platform:losses' group by t.payment_id
    ) as losses on losses.payment_id = p.id
    cross join lateral (select p.refunded_amount - coalesce(lost, 0) as back) as given
    cross join lateral (select greatest(p.seller_amount - back, 0) as price) as left_over
  ) as parts) as shares`;
