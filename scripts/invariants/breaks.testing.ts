// Each invariant broken by hand, in a way that no other one notices.
import { randomUUID } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import { uuidv7 } from 'uuidv7';
import {
  forget,
  orderBecomes,
  orderIn,
  parcelBecomes,
  paymentBecomes,
  putIntoTopic,
  rewrite,
  tell,
  uncapture,
} from './forge.testing.ts';
import { shares } from './shares.ts';

export interface Break {
  readonly invariant: string;
  readonly when: string;
  readonly make: (db: Transaction<unknown>) => Promise<unknown>;
  /** What watchers saw, where that is what is wrong. */
  readonly watched?: (db: Transaction<unknown>) => Promise<readonly object[]>;
}

const longAgo = sql`now() - interval '2 hours'`;

export const breaks: readonly Break[] = [
  // Payments
  {
    invariant: 'one-payment-per-order',
    when: 'there is a payment that no order has',
    make: async (db) => {
      const [id, order_id] = [randomUUID(), randomUUID()];
      await sql`
        insert into payments.payments (id, order_id, buyer_id, seller_id, provider, status, amount, seller_amount, currency,
          description, return_url, attempts, trace, version, created_at, updated_at)
        select ${id}, ${order_id}, buyer_id, seller_id, provider, 'in_progress', amount, seller_amount, currency,
          description, return_url, 0, '{}', 1, now(), now()
        from payments.payments where status = 'in_progress'`.execute(db);
      await sql`insert into payments.payment_changes (payment_id, version, status, at) values (${id}, 1, 'in_progress', now())`.execute(
        db,
      );
      const data = { order_id, status: 'in_progress', version: 1 };
      await tell(db, {
        service: 'payments',
        topic: 'payments.v1',
        type: 'payment.status_changed',
        key: order_id,
        data,
      });
    },
  },
  {
    invariant: 'payment-is-the-orders-total',
    when: 'an order costs more than its payment',
    make: (db) => sql`update orders.orders set delivery_price = delivery_price + 1 where status = 'paid'`.execute(db),
  },
  {
    invariant: 'provider-charges-the-same',
    when: 'the provider charges a little more',
    make: (db) => sql`update sandbox_psp.payments set amount = amount + 1 where status = 'authorized'`.execute(db),
  },
  {
    invariant: 'provider-agrees',
    when: 'the provider has declined a payment that we wait for',
    make: (db) => sql`update sandbox_psp.payments set status = 'declined' where status = 'pending'`.execute(db),
  },
  {
    invariant: 'provider-agrees',
    when: 'the provider has a payment that we have never heard of',
    make: (db) =>
      sql`
      insert into sandbox_psp.payments
      select 'pay_stray', 'nobody', status, amount, currency, description, return_url, reason, code, wrong_codes, created_at, updated_at
      from sandbox_psp.payments where status = 'pending'`.execute(db),
  },
  {
    invariant: 'provider-gave-back-the-same',
    when: 'the provider has given a part back that we do not know of',
    make: async (db) => {
      const { payment_id } = await orderIn(db, 'delivered');
      await sql`update sandbox_psp.payments set refunded = 100 where reference = ${payment_id}`.execute(db);
      // As if it had been taken from somewhere else, so that the sums are right.
      await correct(db, [
        ['provider:sandbox', -100],
        ['platform:losses', 100],
      ]);
    },
  },
  {
    invariant: 'nothing-is-charged-twice',
    when: 'the provider holds the money of an order twice',
    make: async (db) => {
      await sql`alter table sandbox_psp.payments drop constraint payments_reference_key`.execute(db);
      const { payment_id } = await orderIn(db, 'paid');
      await sql`
        insert into sandbox_psp.payments
        select 'pay_twice', reference, status, amount, currency, description, return_url, reason, code, wrong_codes, created_at, updated_at
        from sandbox_psp.payments where reference = ${payment_id}`.execute(db);
    },
  },
  {
    invariant: 'captured-money-is-of-a-sale',
    when: 'money is taken before the courier has the parcel',
    make: async (db) => paymentBecomes(db, await orderIn(db, 'paid'), 'captured'),
  },
  {
    invariant: 'cancelled-order-holds-no-money',
    when: 'a cancelled order’s money is still held',
    make: async (db) =>
      rewrite(
        db,
        await orderIn(db, 'cancelled', 'buyer_cancelled', false),
        'payment',
        'voided',
        'authorized',
        'authorized',
      ),
  },
  {
    invariant: 'goods-are-paid',
    when: 'a parcel was delivered and nobody took the money',
    make: async (db) => uncapture(db, await orderIn(db, 'delivered')),
  },
  {
    invariant: 'money-goes-back-only-when-cancelled',
    when: 'the money of a delivered order is given back',
    make: async (db) => {
      const order = await orderIn(db, 'delivered');
      await paymentBecomes(db, order, 'refunded');
      await sql`
        insert into notifications.notifications
        select ${randomUUID()}, ${`${order.id}:order_refunded:${order.buyer_id}`}, user_id, 'order_refunded', order_id, link, parameters,
          false, read_at, 'none', 0, mail_not_before, null, headers, created_at
        from notifications.notifications where order_id = ${order.id} and kind = 'order_created'`.execute(db);
    },
  },
  {
    invariant: 'order-shows-its-payment',
    when: 'an order has not heard of its capture',
    make: (db) => sql`update orders.orders set payment_status = 'authorized' where status = 'delivered'`.execute(db),
  },
  {
    invariant: 'decisions-about-money-are-carried-out',
    when: 'nobody looks at a payment any more',
    make: (db) => sql`update payments.payments set due_at = ${longAgo} where status = 'authorized'`.execute(db),
  },
  {
    invariant: 'decisions-about-money-are-carried-out',
    when: 'a refund was decided and forgotten',
    make: (db) =>
      sql`
      update payments.payments set intent = 'refund', due_at = null
      where id = (select payment_id from orders.orders where status = 'delivered')`.execute(db),
  },
  // Ledger and payouts
  {
    invariant: 'ledger-balances',
    when: 'a booking makes money out of nothing',
    make: async (db) => correct(db, [['provider:sandbox', 100]]),
  },
  {
    invariant: 'ledger-tells-all',
    when: 'what a seller earned was booked as something else',
    make: (db) => sql`update payments.ledger_transactions set kind = 'correction' where kind = 'earned'`.execute(db),
  },
  {
    invariant: 'ledger-tells-all',
    when: 'what a seller earned was booked twice, and corrected',
    make: async (db) => {
      const { payment_id } = await orderIn(db, 'completed');
      for (const [kind, sign] of [
        ['earned', 1],
        ['correction', -1],
      ] as const) {
        await sql`
          with again as (
            insert into payments.ledger_transactions (payment_id, kind, reaches, at)
            values (${payment_id}, ${kind}, 1, now()) returning id
          )
          insert into payments.ledger_entries
          select again.id, e.account, ${sign}::int * e.amount, e.currency
          from again, payments.ledger_entries e join payments.ledger_transactions t on t.id = e.transaction_id
          where t.payment_id = ${payment_id} and t.kind = 'earned' and t.reaches = 0`.execute(db);
      }
    },
  },
  {
    invariant: 'ledger-tells-all',
    when: 'the platform kept more than its fee',
    make: async (db) => {
      const { payment_id } = await orderIn(db, 'completed');
      const earned = sql`select id from payments.ledger_transactions where payment_id = ${payment_id} and kind = 'earned'`;
      await sql`update payments.ledger_entries set amount = amount - 1 where account = 'platform:fees' and transaction_id in (${earned})`.execute(
        db,
      );
      await sql`update payments.ledger_entries set amount = amount + 1 where account = 'platform:delivery' and transaction_id in (${earned})`.execute(
        db,
      );
    },
  },
  {
    invariant: 'held-money-is-of-open-sales',
    when: 'money stays held for an order that is over',
    make: async (db) => {
      const { id } = await orderIn(db, 'completed');
      await correct(db, [
        [`held:${id}`, -100],
        ['platform:losses', 100],
      ]);
    },
  },
  {
    invariant: 'sellers-are-owed-what-is-not-paid-out',
    when: 'a seller’s balance has more than anybody pays out',
    make: async (db) => {
      const { seller_id } = await orderIn(db, 'completed');
      await correct(db, [
        [`seller:${seller_id}`, -100],
        ['platform:fees', 100],
      ]);
    },
  },
  {
    invariant: 'money-adds-up',
    when: 'a correction of the ledger has nothing to do with the provider’s books',
    make: async (db) =>
      correct(db, [
        ['provider:sandbox', 100],
        ['platform:losses', -100],
      ]),
  },
  {
    invariant: 'completed-sale-is-paid-out',
    when: 'a completed order’s seller was never paid',
    make: async (db) => {
      const { payment_id } = await orderIn(db, 'completed');
      await sql`delete from payments.payouts where payment_id = ${payment_id}`.execute(db);
      await sql`delete from sandbox_psp.payouts where reference = ${payment_id}`.execute(db);
      const bookings = sql`select id from payments.ledger_transactions where payment_id = ${payment_id} and kind in ('earned', 'paid_out')`;
      await sql`delete from payments.ledger_entries where transaction_id in (${bookings})`.execute(db);
    },
  },
  {
    invariant: 'only-sellers-of-completed-orders-are-paid',
    when: 'a seller is to be paid before the buyer has accepted',
    make: async (db) => {
      const { id, payment_id, seller_id } = await orderIn(db, 'delivered');
      await sql`
        insert into payments.payouts (payment_id, seller_id, amount, currency, status, attempts, due_at, created_at)
        select id, seller_id, shares.seller, currency, 'pending', 0, now() + interval '1 hour', now()
        from payments.payments p join ${shares} on shares.payment_id = p.id where id = ${payment_id}`.execute(db);
      await sql`
        with booking as (
          insert into payments.ledger_transactions (payment_id, kind, at) values (${payment_id}, 'earned', now()) returning id
        )
        insert into payments.ledger_entries (transaction_id, account, amount, currency)
        select booking.id, entry.account, entry.amount, p.currency
        from booking, payments.payments p join ${shares} on shares.payment_id = p.id, lateral (values
          (${`held:${id}`}, p.amount), (${`seller:${seller_id}`}, -shares.seller), ('platform:fees', -shares.fee),
          ('platform:delivery', -shares.delivery)) as entry(account, amount)
        where p.id = ${payment_id}`.execute(db);
    },
  },
  {
    invariant: 'provider-paid-out-the-same',
    when: 'the provider has paid somebody else',
    make: (db) => sql`update sandbox_psp.payouts set destination = 'somebody else'`.execute(db),
  },
  // Orders
  {
    invariant: 'order-follows-the-table',
    when: 'a delivered order is cancelled as if its payment had been declined',
    make: async (db) => orderBecomes(db, await orderIn(db, 'delivered'), 'cancelling', 'payment_declined'),
  },
  {
    invariant: 'order-follows-the-table',
    when: 'an order’s history ends for another reason than the order',
    make: (db) =>
      sql`
      update orders.timeline set reason = 'parcel_lost' where value = 'cancelled' and reason = 'buyer_cancelled'`.execute(
        db,
      ),
  },
  {
    invariant: 'order-moves-on-in-time',
    when: 'an order’s time has run out and nothing happened',
    make: (db) => sql`update orders.orders set deadline_at = ${longAgo} where status = 'delivered'`.execute(db),
  },
  {
    invariant: 'order-moves-on-in-time',
    when: 'an order waits without a deadline',
    make: (db) => sql`update orders.orders set deadline_at = null where status = 'delivered'`.execute(db),
  },
  {
    invariant: 'order-moves-on-in-time',
    when: 'a cancellation takes for ever',
    make: async (db) => {
      const order = await orderIn(db, 'delivered');
      await orderBecomes(db, order, 'cancelling', 'parcel_returned');
      await sql`
        insert into orders.commands (order_id, step, state, attempts, not_before, headers, created_at)
        select ${order.id}::uuid, step, 'done', 1, now(), '{}', now() from unnest(array['return_money', 'release_ad']) as step`.execute(
        db,
      );
      await sql`update orders.timeline set at = ${longAgo} where order_id = ${order.id} and value = 'cancelling'`.execute(
        db,
      );
    },
  },
  {
    invariant: 'no-order-waits-for-a-person',
    when: 'an order needs attention',
    make: (db) =>
      sql`update orders.orders set needs_attention = 'capture refused' where status = 'delivered'`.execute(db),
  },
  {
    invariant: 'no-order-waits-for-a-person',
    when: 'a step is parked',
    make: (db) =>
      sql`
      update orders.commands set state = 'parked'
      where step = 'capture_payment' and order_id = (select id from orders.orders where status = 'delivered')`.execute(
        db,
      ),
  },
  {
    invariant: 'one-order-per-key',
    when: 'two keys lead to one order',
    make: (db) =>
      sql`
      insert into orders.order_keys select buyer_id, 'another key', request_hash, order_id, response, created_at
      from orders.order_keys where order_id = (select id from orders.orders where status = 'delivered')`.execute(db),
  },
  {
    invariant: 'one-order-per-key',
    when: 'an order has no key',
    make: (db) =>
      sql`
      delete from orders.order_keys where order_id = (select id from orders.orders where status = 'delivered')`.execute(
        db,
      ),
  },
  {
    invariant: 'one-order-per-key',
    when: 'a key answers with another order',
    make: (db) =>
      sql`
      update orders.order_keys set response = jsonb_set(response, '{id}', '"another"')
      where order_id = (select id from orders.orders where status = 'delivered')`.execute(db),
  },
  {
    invariant: 'order-owes-what-the-table-says',
    when: 'a step was never written down',
    make: (db) =>
      sql`
      delete from orders.commands
      where step = 'notify_paid' and order_id = (select id from orders.orders where status = 'delivered')`.execute(db),
  },
  {
    invariant: 'order-owes-what-the-table-says',
    when: 'a step was written down that nothing led to',
    make: (db) =>
      sql`
      insert into orders.commands (order_id, step, state, attempts, not_before, headers, created_at)
      select id, 'pay_out_seller', 'dropped', 0, now(), '{}', now() from orders.orders where status = 'delivered'`.execute(
        db,
      ),
  },
  {
    invariant: 'what-an-order-owes-is-done-in-time',
    when: 'a step is owed for hours',
    make: (db) =>
      sql`
      update orders.commands set state = 'owed', created_at = ${longAgo}
      where step = 'capture_payment' and order_id = (select id from orders.orders where status = 'delivered')`.execute(
        db,
      ),
  },
  {
    invariant: 'every-compensation-is-made',
    when: 'a cancelled order’s ad was not released',
    make: (db) => sql`update orders.commands set state = 'refused' where step = 'release_ad'`.execute(db),
  },
  {
    invariant: 'every-compensation-is-made',
    when: 'a cancelled order’s money was forgotten',
    make: (db) =>
      sql`
      update orders.commands set state = 'dropped'
      where step = 'return_money' and order_id = (select id from orders.orders where cancel_reason = 'parcel_lost')`.execute(
        db,
      ),
  },
  {
    invariant: 'order-history-is-whole',
    when: 'an order has heard of its capture twice',
    make: (db) =>
      sql`
      insert into orders.timeline (order_id, kind, value, at)
      select id, 'payment', 'captured', now() from orders.orders where status = 'delivered'`.execute(db),
  },
  // Ads
  {
    invariant: 'ad-is-sold-once',
    when: 'two orders have bought one ad',
    make: async (db) => {
      const [first, second] = [await orderIn(db, 'completed'), await orderIn(db, 'delivered')];
      await sql`update orders.orders set ad_id = ${first.ad_id} where id = ${second.id}`.execute(db);
      await sql`update ads.ads set status = 'archived', order_id = null where id = ${second.ad_id}`.execute(db);
    },
  },
  {
    invariant: 'sold-ad-is-off-sale',
    when: 'a bought ad is not marked as sold',
    make: async (db) =>
      sql`update ads.ads set status = 'archived' where id = ${(await orderIn(db, 'completed')).ad_id}`.execute(db),
  },
  {
    invariant: 'sold-ad-has-its-buyer',
    when: 'an ad is sold to nobody',
    make: (db) =>
      sql`
      update ads.ads set status = 'sold', listed_at = now(), order_id = ${randomUUID()} where status = 'draft'`.execute(
        db,
      ),
  },
  {
    invariant: 'ad-is-held-for-who-is-paying',
    when: 'an ad is held for somebody else',
    make: (db) => sql`update ads.ads set order_id = ${randomUUID()} where status = 'reserved'`.execute(db),
  },
  {
    invariant: 'holds-end-in-time',
    when: 'a hold has run out and the ad is still off sale',
    make: (db) => sql`update ads.ads set reserved_until = ${longAgo} where status = 'reserved'`.execute(db),
  },
  {
    invariant: 'cancelled-order-frees-its-ad',
    when: 'a cancelled order still has its ad',
    make: async (db) => {
      const { id, ad_id } = await orderIn(db, 'cancelled', 'parcel_returned');
      await sql`update ads.ads set order_id = ${id} where id = ${ad_id}`.execute(db);
    },
  },
  {
    invariant: 'search-shows-what-is-on-sale',
    when: 'search has not heard that an ad is on sale',
    make: (db) =>
      sql`
      update search.ads set active = false where id = (select id from ads.ads where status = 'active' limit 1)`.execute(
        db,
      ),
  },
  {
    invariant: 'search-shows-what-is-on-sale',
    when: 'search finds an ad that there is not',
    make: (db) =>
      sql`
      insert into search.ads (id, version, active, seller_id, title, category, city, price_amount, words)
      select ${randomUUID()}, version, true, seller_id, title, category, city, price_amount, words
      from search.ads where active limit 1`.execute(db),
  },
  // Parcels
  {
    invariant: 'one-parcel-per-order',
    when: 'there is a parcel that no order has',
    make: (db) =>
      sql`
      insert into delivery.shipments (id, order_id, buyer_id, seller_id, courier, from_city, destination, description,
        declared_value, currency, cancelling, due_at, attempts, trace, version, created_at, updated_at)
      select ${randomUUID()}, ${randomUUID()}, buyer_id, seller_id, courier, from_city, destination, description,
        declared_value, currency, false, now() + interval '1 hour', 0, '{}', 0, now(), now()
      from delivery.shipments where stage = 'created'`.execute(db),
  },
  {
    invariant: 'courier-agrees',
    when: 'the courier has taken a parcel and we don’t know',
    make: (db) => sql`update sandbox_courier.shipments set stage = 'accepted' where stage = 'created'`.execute(db),
  },
  {
    invariant: 'courier-agrees',
    when: 'the courier has a parcel that we have never heard of',
    make: (db) =>
      sql`
      insert into sandbox_courier.shipments
      select 'shp_stray', 'nobody', 'LT0', method, from_city, destination, description, stage, reason, estimated_from, estimated_to,
        created_at, updated_at
      from sandbox_courier.shipments where stage = 'created'`.execute(db),
  },
  {
    invariant: 'order-goes-with-its-parcel',
    when: 'the courier has the parcel and the order stays where it was',
    make: async (db) => parcelBecomes(db, await orderIn(db, 'paid'), 'accepted'),
  },
  {
    invariant: 'cancelled-parcel-is-stopped',
    when: 'the parcel of a cancelled order goes its way',
    make: async (db) =>
      rewrite(
        db,
        await orderIn(db, 'cancelled', 'buyer_cancelled', true),
        'delivery',
        'cancelled',
        'in_transit',
        'in_transit',
      ),
  },
  {
    invariant: 'order-shows-its-parcel',
    when: 'an order shows another tracking number',
    make: (db) => sql`update orders.orders set tracking_number = 'LT0' where status = 'delivered'`.execute(db),
  },
  {
    invariant: 'decisions-about-parcels-are-carried-out',
    when: 'nobody looks at a parcel any more',
    make: (db) => sql`update delivery.shipments set due_at = ${longAgo} where stage = 'created'`.execute(db),
  },
  {
    invariant: 'decisions-about-parcels-are-carried-out',
    when: 'a cancellation was decided and forgotten',
    make: (db) =>
      sql`update delivery.shipments set cancelling = true, due_at = null where stage = 'created'`.execute(db),
  },
  // Histories
  {
    invariant: 'payment-history-is-whole',
    when: 'a payment has a version that its history has not',
    make: async (db) => {
      const { id, payment_id } = await orderIn(db, 'delivered');
      await sql`update payments.payments set version = version + 1 where id = ${payment_id}`.execute(db);
      await sql`update orders.orders set payment_version = payment_version + 1 where id = ${id}`.execute(db);
    },
  },
  {
    invariant: 'payment-history-is-whole',
    when: 'a payment was authorised twice',
    make: async (db) => rewrite(db, await orderIn(db, 'paid'), 'payment', 'in_progress', 'authorized', 'authorized'),
  },
  {
    invariant: 'parcel-history-is-whole',
    when: 'a parcel has a version that its history has not',
    make: async (db) => {
      const { id, shipment_id } = await orderIn(db, 'delivered');
      await sql`update delivery.shipments set version = version + 1 where id = ${shipment_id}`.execute(db);
      await sql`update orders.orders set delivery_version = delivery_version + 1 where id = ${id}`.execute(db);
    },
  },
  {
    invariant: 'parcel-history-is-whole',
    when: 'a parcel went back on its way',
    make: async (db) => rewrite(db, await orderIn(db, 'delivered'), 'delivery', 'accepted', 'delivered', 'delivered'),
  },
  // Events
  {
    invariant: 'outbox-is-relayed',
    when: 'an event waits for hours',
    make: (db) =>
      sql`
      update media.outbox set published_at = null, created_at = ${longAgo}
      where id = (select min(id) from media.outbox)`.execute(db),
  },
  {
    invariant: 'published-event-is-in-its-topic',
    when: 'a published event is not there',
    make: (db) =>
      sql`
      delete from bus.messages where headers->>'ce_id' = (
        -- Not the first one of its topic, which may be forgotten.
        select headers->>'ce_id' from media.outbox order by id desc limit 1)`.execute(db),
  },
  {
    invariant: 'published-event-is-in-its-topic',
    when: 'a published event says something else',
    make: (db) =>
      sql`
      update bus.messages set value = replace(value, '"width":', '"width":1')
      where headers->>'ce_id' = (select headers->>'ce_id' from media.outbox limit 1)`.execute(db),
  },
  {
    invariant: 'topic-holds-no-inventions',
    when: 'nobody has said an event',
    make: (db) =>
      putIntoTopic(db, {
        service: 'users',
        topic: 'users.v1',
        // Nobody hears these, so that only the invention is wrong.
        type: 'session.ended',
        key: randomUUID(),
        data: {},
      }),
  },
  {
    invariant: 'every-change-is-told-once',
    when: 'a capture was never told',
    make: async (db) => {
      const { id } = await orderIn(db, 'delivered');
      await forget(db, 'payments', `key = '${id}' and value like '%"status":"captured"%'`);
    },
  },
  {
    invariant: 'every-change-is-told-once',
    when: 'a status was never told',
    make: async (db) => {
      const { id } = await orderIn(db, 'delivered');
      await forget(db, 'orders', `key = '${id}' and value like '%"status":"delivered"%'`);
    },
  },
  {
    invariant: 'events-are-in-order',
    when: 'a capture is told before the authorisation',
    make: async (db) => {
      const { id } = await orderIn(db, 'delivered');
      await sql`
        with ends as (
          select min("offset") as first, max("offset") as last from bus.messages where topic = 'payments.v1' and key = ${id})
        update bus.messages set value = other.value, headers = other.headers
        from ends, (select "offset", value, headers from bus.messages where topic = 'payments.v1' and key = ${id}) as other
        where topic = 'payments.v1' and key = ${id} and messages."offset" in (ends.first, ends.last)
          and other."offset" in (ends.first, ends.last) and other."offset" <> messages."offset"`.execute(db);
    },
  },
  {
    invariant: 'every-event-has-its-effect',
    when: 'a consumer has missed an event',
    make: (db) => sql`delete from orders.inbox where event_id = (select min(event_id) from orders.inbox)`.execute(db),
  },
  {
    invariant: 'no-event-is-left-among-the-dead',
    when: 'an event could not be handled and nobody replayed it',
    make: dieUnheard,
  },
  {
    invariant: 'dead-letters-are-explained',
    when: 'a dead letter has no reason',
    make: (db) =>
      putIntoTopic(
        db,
        { service: 'orders', topic: 'orders.v1.dlq', type: 'order.status_changed', key: 'x', data: {} },
        { ce_source: '/elsewhere', dlq_consumer: 'users', dlq_source: 'orders.v1/0/0' },
      ),
  },
  {
    invariant: 'sales-are-counted-once',
    when: 'a sale was counted twice',
    make: async (db) =>
      sql`update users.users set sales = sales + 1 where id = ${(await orderIn(db, 'completed')).seller_id}`.execute(
        db,
      ),
  },
  // Messages
  {
    invariant: 'everybody-is-told',
    when: 'a buyer was not told of their order',
    make: async (db) =>
      sql`
      delete from notifications.notifications
      where kind = 'order_created' and order_id = ${(await orderIn(db, 'delivered')).id}`.execute(db),
  },
  {
    invariant: 'told-once-of-each-thing',
    when: 'a buyer was told the same twice',
    make: async (db) =>
      sql`
      insert into notifications.notifications
      select ${randomUUID()}, 'another key', user_id, kind, order_id, link, parameters, false, read_at, 'none', 0, mail_not_before,
        null, headers, created_at
      from notifications.notifications where kind = 'order_created' and order_id = ${(await orderIn(db, 'delivered')).id}`.execute(
        db,
      ),
  },
  {
    invariant: 'notices-are-taken',
    when: 'a notice was refused',
    make: (db) => sql`update payments.notices set refusal = 'no such user'`.execute(db),
  },
  {
    invariant: 'notices-are-taken',
    when: 'a notice waits for hours',
    make: async (db) => {
      await sql`update payments.notices set taken_at = null, due_at = now() + interval '1 minute'`.execute(db);
      await sql`update payments.payment_changes set at = ${longAgo} where status = 'failed'`.execute(db);
    },
  },
  {
    invariant: 'mails-leave-in-time',
    when: 'a mail waits for hours',
    make: (db) =>
      sql`
      update notifications.notifications set mail = 'owed', created_at = ${longAgo} where kind = 'order_created'`.execute(
        db,
      ),
  },
  {
    invariant: 'one-mail-per-news',
    when: 'a mail was sent that nobody had to get',
    make: (db) =>
      sql`
      insert into mailbox.mails (id, recipient, subject, text, html, sent_at)
      select ${randomUUID()}, recipient, subject, text, html, sent_at from mailbox.mails limit 1`.execute(db),
  },
  {
    invariant: 'sent-mail-has-arrived',
    when: 'a sent mail is not there',
    make: (db) => sql`delete from mailbox.mails where number = (select max(number) from mailbox.mails)`.execute(db),
  },
  // Stream
  {
    invariant: 'stream-shows-the-order',
    when: 'a buyer never saw that the parcel arrived',
    make: async (db) => {
      const { id, buyer_id } = await orderIn(db, 'delivered');
      await forget(
        db,
        'notifications',
        `key = 'user:${buyer_id}' and value like '%"order_id":"${id}","status":"delivered"%'`,
      );
    },
  },
  {
    invariant: 'stream-shows-the-order',
    when: 'somebody else saw the order',
    make: async (db) => {
      const { id } = await orderIn(db, 'delivered');
      await tell(db, {
        service: 'notifications',
        topic: 'realtime.v1',
        type: 'order.status',
        key: `user:${randomUUID()}`,
        data: { event: 'order.status', data: { order_id: id, status: 'paid' } },
      });
    },
  },
  {
    invariant: 'stream-shows-the-parcel',
    when: 'a seller saw a stage twice',
    make: async (db) => {
      const { id, seller_id } = await orderIn(db, 'delivered');
      await tell(db, {
        service: 'notifications',
        topic: 'realtime.v1',
        type: 'delivery.stage',
        key: `user:${seller_id}`,
        data: { event: 'delivery.stage', data: { order_id: id, stage: 'delivered' } },
      });
    },
  },
  {
    invariant: 'stream-shows-each-notification',
    when: 'a notification was never shown',
    make: async (db) => {
      const { id } = await orderIn(db, 'delivered');
      await forget(db, 'notifications', `value like '{"event":"notification"%' and value like '%"order_id":"${id}"%'`);
    },
  },
  {
    invariant: 'watchers-saw-what-happened',
    when: 'a watcher’s connection has skipped a status',
    make: async () => undefined,
    watched: async (db) =>
      (await sights(db, 'delivered')).filter((sight) => !('status' in sight && sight.status === 'paid')),
  },
  {
    invariant: 'watchers-saw-what-happened',
    when: 'a watcher saw a status again, as a new one',
    make: async () => undefined,
    watched: async (db) => {
      const all = await sights(db, 'delivered');
      return [...all, { ...all[0], id: 'again' }];
    },
  },
  {
    invariant: 'watchers-saw-what-happened',
    when: 'a watcher saw an order that there is not',
    make: async () => undefined,
    watched: async (db) => {
      const all = await sights(db, 'delivered');
      return [...all, { ...all[0], order_id: uuidv7() }];
    },
  },
  // Webhooks
  {
    invariant: 'provider-is-heard',
    when: 'the provider’s word waits for hours',
    make: (db) =>
      sql`
      insert into sandbox_psp.webhooks (id, subject, body, attempts, due_at, created_at)
      values ('evt_waiting', 'x', '{}', 3, now(), ${longAgo})`.execute(db),
  },
  {
    invariant: 'provider-is-remembered',
    when: 'the provider’s word was taken and not noted',
    make: (db) =>
      sql`
      delete from payments.provider_events where event_id = (select min(event_id) from payments.provider_events)`.execute(
        db,
      ),
  },
  {
    invariant: 'provider-is-remembered',
    when: 'something is noted that the provider never said',
    make: (db) =>
      sql`
      insert into payments.provider_events
      select provider, 'evt_forged', payment_id, status, received_at from payments.provider_events limit 1`.execute(db),
  },
  {
    invariant: 'courier-is-heard',
    when: 'the courier’s word waits for hours',
    make: (db) =>
      sql`
      insert into sandbox_courier.webhooks (id, subject, body, attempts, due_at, created_at)
      values ('evt_waiting', 'x', '{}', 3, now(), ${longAgo})`.execute(db),
  },
  {
    invariant: 'courier-is-remembered',
    when: 'the courier’s word was taken and not noted',
    make: (db) =>
      sql`
      delete from delivery.courier_events where event_id = (select min(event_id) from delivery.courier_events)`.execute(
        db,
      ),
  },
];

/** An event that orders could not handle, among the dead; returns its place there. */
export async function dieUnheard(db: Transaction<unknown>): Promise<string> {
  const { rows } = await sql<{ id: string; topic: string; origin: string }>`
    with missed as (
      delete from orders.inbox where event_id = (select min(event_id) from orders.inbox) returning event_id)
    select m.topic, event_id as id, m.topic || '/' || m.partition || '/' || m."offset" as origin
    from missed join bus.messages m on m.headers->>'ce_id' = event_id`.execute(db);
  const [missed] = rows;
  if (!missed) throw new Error('orders has heard nothing');
  const topic = `${missed.topic}.dlq`;
  const dead = { service: 'payments', topic, type: 'payment.status_changed', key: 'x', data: {} };
  await putIntoTopic(db, dead, {
    ce_id: missed.id,
    dlq_consumer: 'orders',
    dlq_reason: 'after 12 tries: no',
    dlq_source: missed.origin,
  });
  return `${topic}/0/0`;
}

type Sight = { order_id: string; event: string; id: string } & ({ status: string } | { stage: string });

/** What somebody who watched this order from its beginning would have seen, repetitions after a reconnection included. */
export async function sights(db: Transaction<unknown>, status: string): Promise<Sight[]> {
  const { id } = await orderIn(db, status);
  const { rows } = await sql<{ id: string; kind: string; value: string }>`
    select id::text, kind, value from orders.timeline where order_id = ${id} and kind <> 'payment' order by timeline.id`.execute(
    db,
  );
  const all = rows.map(
    ({ id: line, kind, value }): Sight =>
      kind === 'order'
        ? { order_id: id, event: 'order.status', id: line, status: value }
        : { order_id: id, event: 'delivery.stage', id: line, stage: value },
  );
  return [...all.slice(0, 3), ...all.slice(1)];
}

/** A correction by hand, of a kind that payments itself doesn't book. */
async function correct(db: Transaction<unknown>, entries: readonly (readonly [string, number])[]): Promise<void> {
  const { payment_id } = await orderIn(db, 'delivered');
  for (const [account, amount] of entries) {
    await sql`
      with booking as (
        insert into payments.ledger_transactions (payment_id, kind, at) values (${payment_id}, 'correction', now())
        on conflict (payment_id, kind, reaches) do update set at = excluded.at returning id
      )
      insert into payments.ledger_entries select id, ${account}, ${amount}, 'RUB' from booking`.execute(db);
  }
}
