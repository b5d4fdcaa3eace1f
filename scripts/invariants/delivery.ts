// Invariants of parcels: orders, delivery and the courier's own books tell of the same ones.
import { sql } from 'kysely';
import type { Invariant } from './invariant.ts';
import { wasSkipped } from './saga-table.ts';

export const delivery: readonly Invariant[] = [
  {
    name: 'one-parcel-per-order',
    says: 'A paid order has one parcel, and each parcel is of one order.',
    why: 'A second parcel sends the courier twice; one without an order goes to nobody.',
    violations: () => sql`
      select o.id as "order", o.shipment_id as shipment, 'delivery to know it' as expected,
        case when s.id is null then 'no such shipment' else 'a shipment of order ' || s.order_id end as found
      from orders.orders o left join delivery.shipments s on s.id = o.shipment_id
      where s.order_id <> o.id or s.id is null and (
        o.status in ('in_delivery', 'delivered', 'completed')
        or exists (
          select from orders.commands c where c.order_id = o.id and c.step = 'create_shipment' and c.state = 'done'))
      union all
      select s.order_id, s.id, 'an order with this shipment', 'none'
      from delivery.shipments s left join orders.orders o on o.shipment_id = s.id where o.id is null`,
  },
  {
    name: 'courier-agrees',
    says: 'The courier and we say the same of each parcel, and neither knows one that the other does not.',
    why: 'Money is taken and paid out by where the parcel is.',
    needs: 'sandbox_courier',
    violations: ({ calmBefore }) => sql`
      select s.id::text as shipment, s.courier_id as courier_shipment,
        concat_ws(' ', 'what we have:', s.stage, s.tracking_number) as expected,
        coalesce(c.stage || ' ' || c.tracking_number, 'no such parcel') as found
      from delivery.shipments s left join sandbox_courier.shipments c on c.id = s.courier_id
      where s.courier = 'sandbox' and s.courier_id is not null and greatest(s.updated_at, c.updated_at) < ${calmBefore}
        and (s.stage, s.tracking_number) is distinct from (c.stage, c.tracking_number)
      union all
      select c.reference, c.id, 'a shipment of ours',
        case when s.id is null then 'no such shipment' else 'one that has not heard of it' end
      from sandbox_courier.shipments c left join delivery.shipments s on s.id::text = c.reference
      where s.courier_id is null and c.updated_at < ${calmBefore}`,
  },
  {
    name: 'order-goes-with-its-parcel',
    says: 'An order is on its way when its parcel is, and delivered when its parcel is.',
    why: 'The buyer accepts and the seller is paid by the order’s word, which is only as good as the parcel’s.',
    violations: ({ calmBefore }) => sql`
      select o.id as "order", s.id as shipment, 'a parcel as for an order that is ' || o.status as expected,
        coalesce(s.stage, 'no parcel') as found
      from orders.orders o left join delivery.shipments s on s.id = o.shipment_id
      where o.status not in ('cancelling', 'cancelled') and greatest(o.updated_at, s.updated_at) < ${calmBefore}
        and (o.status, coalesce(s.stage, 'none')) not in (
          ('pending_payment', 'none'), ('paid', 'none'), ('paid', 'created'), ('in_delivery', 'accepted'),
          ('in_delivery', 'in_transit'), ('in_delivery', 'at_pickup_point'), ('delivered', 'delivered'),
          ('completed', 'delivered'), ('completed', 'returned'))
        -- Without a parcel: see one-parcel-per-order.
        and (s.id is not null or o.status not in ('in_delivery', 'delivered', 'completed'))`,
  },
  {
    name: 'cancelled-parcel-is-stopped',
    says: 'An order that was cancelled before the courier had the parcel has no parcel under way.',
    why: 'The money went back; goods that still come are the seller’s loss.',
    violations: () => sql`
      select o.id as "order", s.id as shipment, 'cancelled' as expected, coalesce(s.stage, 'being registered') as found
      from orders.orders o join delivery.shipments s on s.id = o.shipment_id
      where o.status = 'cancelled' and s.stage is distinct from 'cancelled' and not exists (
        select from orders.timeline t where t.order_id = o.id and t.kind = 'order' and t.value = 'in_delivery')
        and not ${wasSkipped(sql`o.id`, 'cancel_shipment')}`,
  },
  {
    name: 'order-shows-its-parcel',
    says: 'What an order shows of its parcel is what delivery says.',
    why: 'The order decides by what it has heard; what it has missed it will never act on.',
    violations: ({ calmBefore }) => sql`
      select o.id as "order", s.id as shipment, concat_ws(' ', s.stage, 'version', s.version, s.tracking_number) as expected,
        concat_ws(' ', o.delivery_stage, 'version', o.delivery_version, o.tracking_number) as found
      from orders.orders o join delivery.shipments s on s.id = o.shipment_id
      where s.updated_at < ${calmBefore}
        and (o.delivery_stage, o.delivery_version, o.tracking_number) is distinct from (s.stage, s.version, s.tracking_number)`,
  },
  {
    name: 'decisions-about-parcels-are-carried-out',
    says: 'What was decided about a parcel is done, or being done right now.',
    why: 'A cancellation that is written down and forgotten sends goods that nobody pays.',
    violations: ({ overdueBefore }) => sql`
      select id as shipment,
        case when stage is null then 'register' when cancelling then 'cancel' else 'ask the courier' end as decision,
        'done' as expected, concat_ws(' ', attempts, 'tries, next', due_at, last_error) as found
      from delivery.shipments
      where due_at < ${overdueBefore} or (stage is null or cancelling) and due_at is null`,
  },
];
