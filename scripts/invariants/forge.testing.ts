// Changes forged in all books at once, as if they had happened: so that a rule can be broken while everything agrees.
import { sql, type Transaction } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { realtimeTopic } from '../../contracts/events.ts';
import { hearers } from './hearers.ts';

type Db = Transaction<unknown>;

export interface Order {
  readonly id: string;
  readonly payment_id: string;
  readonly shipment_id: string;
  readonly buyer_id: string;
  readonly seller_id: string;
  readonly ad_id: string;
}

/** The seeded order that is in this state. */
export async function orderIn(db: Db, status: string, reason?: string, wasPaid?: boolean): Promise<Order> {
  const { rows } = await sql<Order>`
    select id, payment_id, shipment_id, buyer_id, seller_id, ad_id from orders.orders
    where status = ${status} and (${reason ?? null}::text is null or cancel_reason = ${reason ?? null})
      and (${wasPaid ?? null}::boolean is null or (delivery_stage is not null) = ${wasPaid ?? null})`.execute(db);
  const [order] = rows;
  if (!order || rows.length > 1) throw new Error(`${rows.length} orders are ${status} ${reason ?? ''}`);
  return order;
}

interface Told {
  readonly service: string;
  readonly topic: string;
  readonly type: string;
  readonly key: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** An event in its outbox, in its topic, and in the inboxes of all who hear it. */
export async function tell(db: Db, told: Told): Promise<string> {
  const id = await putIntoTopic(db, told);
  await sql`
    insert into ${sql.table(`${told.service}.outbox`)} (topic, key, value, headers, created_at, published_at)
    select topic, key, value, headers, timestamp, timestamp from bus.messages where headers->>'ce_id' = ${id}`.execute(
    db,
  );
  for (const [service, types] of Object.entries(hearers)) {
    if (told.topic === realtimeTopic || !(types as readonly string[]).includes(told.type)) continue;
    await sql`insert into ${sql.table(`${service}.inbox`)} (event_id, received_at) values (${id}, now())`.execute(db);
  }
  return id;
}

/** A message in a topic that no outbox knows of. */
export async function putIntoTopic(
  db: Db,
  { service, topic, type, key, data }: Told,
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const id = uuidv7();
  const headers = { ce_id: id, ce_type: type, ce_source: `/core/${service}`, ...more };
  await sql`
    with place as (
      update bus.partitions set next_offset = next_offset + 1
      where topic = ${topic} and partition = coalesce(
        (select partition from bus.messages where topic = ${topic} and key = ${key} limit 1), 0)
      returning partition, next_offset - 1 as "offset"
    )
    insert into bus.messages (topic, partition, "offset", key, value, headers, timestamp)
    select ${topic}, partition, "offset", ${key}, ${JSON.stringify(data)}, ${JSON.stringify(headers)}::text::jsonb, now()
    from place`.execute(db);
  return id;
}

async function show(db: Db, { id, buyer_id, seller_id }: Order, type: string, data: object): Promise<void> {
  for (const person of [buyer_id, seller_id]) {
    await tell(db, {
      service: 'notifications',
      topic: realtimeTopic,
      type,
      key: `user:${person}`,
      data: { event: type, data: { order_id: id, ...data } },
    });
  }
}

const line = (db: Db, order: Order, kind: string, value: string, reason: string | null = null) =>
  sql`insert into orders.timeline (order_id, kind, value, reason, at) values (${order.id}, ${kind}, ${value}, ${reason}, now())`.execute(
    db,
  );

export async function orderBecomes(db: Db, order: Order, status: string, reason: string | null = null): Promise<void> {
  const { rows } = await sql<{ version: number }>`
    update orders.orders
    set status = ${status}, cancel_reason = ${reason}, deadline_at = null, version = version + 1, updated_at = now()
    where id = ${order.id} returning version`.execute(db);
  await line(db, order, 'order', status, reason);
  const data = { order_id: order.id, status, version: rows[0]?.version };
  await tell(db, { service: 'orders', topic: 'orders.v1', type: 'order.status_changed', key: order.id, data });
  await show(db, order, 'order.status', { status });
}

export async function paymentBecomes(db: Db, order: Order, status: 'captured' | 'refunded'): Promise<void> {
  const id = order.payment_id;
  const { rows } = await sql<{ version: number }>`
    update payments.payments set status = ${status}, version = version + 1, due_at = null, updated_at = now() where id = ${id}
    returning version`.execute(db);
  const version = rows[0]?.version;
  await sql`insert into payments.payment_changes (payment_id, version, status, at) values (${id}, ${version}, ${status}, now())`.execute(
    db,
  );
  await sql`update sandbox_psp.payments set status = ${status} where reference = ${id}`.execute(db);
  if (status === 'refunded') {
    await sql`update payments.payments set refunded_amount = amount where id = ${id}`.execute(db);
    await sql`update sandbox_psp.payments set refunded = amount where reference = ${id}`.execute(db);
  }
  await sql`update orders.orders set payment_status = ${status}, payment_version = ${version} where id = ${order.id}`.execute(
    db,
  );
  await line(db, order, 'payment', status);
  await book(db, order, status);
  const data = { order_id: order.id, status, version };
  await tell(db, { service: 'payments', topic: 'payments.v1', type: 'payment.status_changed', key: order.id, data });
}

async function book(db: Db, { id, payment_id }: Order, kind: 'captured' | 'refunded'): Promise<void> {
  const sign = kind === 'captured' ? 1 : -1;
  await sql`
    with booking as (
      insert into payments.ledger_transactions (payment_id, kind, at) values (${payment_id}, ${kind}, now()) returning id
    )
    insert into payments.ledger_entries (transaction_id, account, amount, currency)
    select booking.id, entry.account, entry.sign * p.amount, p.currency
    from booking, payments.payments p, (values ('provider:sandbox', ${sign}::int), (${`held:${id}`}, ${-sign})) as entry(account, sign)
    where p.id = ${payment_id}`.execute(db);
}

/** As if the money had never been taken. */
export async function uncapture(db: Db, order: Order): Promise<void> {
  const id = order.payment_id;
  await forget(db, 'payments', `value like '%"status":"captured"%' and key = '${order.id}'`);
  await sql`delete from payments.payment_changes where payment_id = ${id} and status = 'captured'`.execute(db);
  await sql`
    delete from payments.ledger_entries where transaction_id in (
      select id from payments.ledger_transactions where payment_id = ${id})`.execute(db);
  await sql`delete from payments.ledger_transactions where payment_id = ${id}`.execute(db);
  await sql`update payments.payments set status = 'authorized', version = version - 1 where id = ${id}`.execute(db);
  await sql`update sandbox_psp.payments set status = 'authorized' where reference = ${id}`.execute(db);
  await sql`delete from orders.timeline where order_id = ${order.id} and kind = 'payment' and value = 'captured'`.execute(
    db,
  );
  await sql`
    update orders.orders set payment_status = 'authorized', payment_version = payment_version - 1
    where id = ${order.id}`.execute(db);
}

/** As if these events had never been said. */
export async function forget(db: Db, service: string, condition: string): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    delete from ${sql.table(`${service}.outbox`)} where ${sql.raw(condition)} returning headers->>'ce_id' as id`.execute(
    db,
  );
  if (rows.length === 0) throw new Error(`nobody said ${condition}`);
  await sql`delete from bus.messages where headers->>'ce_id' = any(${rows.map(({ id }) => id)})`.execute(db);
}

export async function parcelBecomes(db: Db, order: Order, stage: string): Promise<void> {
  const id = order.shipment_id;
  const { rows } = await sql<{ version: number }>`
    update delivery.shipments set stage = ${stage}, version = version + 1, updated_at = now() where id = ${id} returning version`.execute(
    db,
  );
  const version = rows[0]?.version;
  await sql`insert into delivery.shipment_changes (shipment_id, version, stage, at) values (${id}, ${version}, ${stage}, now())`.execute(
    db,
  );
  await sql`update sandbox_courier.shipments set stage = ${stage} where reference = ${id}`.execute(db);
  await sql`update orders.orders set delivery_stage = ${stage}, delivery_version = ${version} where id = ${order.id}`.execute(
    db,
  );
  await line(db, order, 'delivery', stage);
  const data = { order_id: order.id, stage, version };
  await tell(db, { service: 'delivery', topic: 'deliveries.v1', type: 'delivery.stage_changed', key: order.id, data });
  await show(db, order, 'delivery.stage', { stage });
}

/** Another past: wherever an order's payment or parcel was said to be `from`, it was `to`, and `theirs` at the partner. */
export async function rewrite(
  db: Db,
  order: Order,
  kind: 'payment' | 'delivery',
  from: string,
  to: string,
  theirs: string,
): Promise<void> {
  const change = async (
    table: string,
    column: string,
    condition: ReturnType<typeof sql>,
    value = to,
  ): Promise<void> => {
    await sql`update ${sql.table(table)} set ${sql.ref(column)} = ${value} where ${condition}`.execute(db);
  };
  if (kind === 'payment') {
    const id = order.payment_id;
    await change('payments.payments', 'status', sql`id = ${id}`);
    await change('payments.payment_changes', 'status', sql`payment_id = ${id} and status = ${from}`);
    await change('sandbox_psp.payments', 'status', sql`reference = ${id}`, theirs);
    await change('orders.orders', 'payment_status', sql`id = ${order.id}`);
  } else {
    const id = order.shipment_id;
    await change('delivery.shipments', 'stage', sql`id = ${id}`);
    await change('delivery.shipment_changes', 'stage', sql`shipment_id = ${id} and stage = ${from}`);
    await change('sandbox_courier.shipments', 'stage', sql`reference = ${id}`, theirs);
    await change('orders.orders', 'delivery_stage', sql`id = ${order.id}`);
  }
  await change('orders.timeline', 'value', sql`order_id = ${order.id} and kind = ${kind} and value = ${from}`);
  const word = kind === 'payment' ? 'status' : 'stage';
  for (const table of ['payments.outbox', 'delivery.outbox', 'notifications.outbox', 'bus.messages']) {
    await sql`
      update ${sql.table(table)} set value = replace(value, ${`"${word}":"${from}"`}, ${`"${word}":"${to}"`})
      where value like ${`%${order.id}%`} and coalesce(headers->>'ce_type', '') <> 'order.status'`.execute(db);
  }
}
