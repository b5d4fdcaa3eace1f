// The books, read straight from PostgreSQL: what is still under way, and how orders ended.
import pg from 'pg';
import { services } from '../../contracts/route.ts';

/** What has to come to nothing before a run is over; each query counts. */
const underWay: Readonly<Record<string, string>> = {
  'orders that are not over': `select count(*) from orders.orders where status not in ('completed', 'cancelled')`,
  'steps that are owed': `select count(*) from orders.commands where state = 'owed'`,
  'payments with something to do': `select count(*) from payments.payments where intent is not null or status in ('in_progress', 'authorized')`,
  'payouts to make': `select count(*) from payments.payouts where status = 'pending'`,
  'shipments to register or cancel': `select count(*) from delivery.shipments where stage is null or cancelling`,
  'notices to hand over': `select (select count(*) from payments.notices where taken_at is null) + (select count(*) from delivery.notices where taken_at is null)`,
  'webhooks to send': `select (select count(*) from sandbox_psp.webhooks where delivered_at is null) + (select count(*) from sandbox_courier.webhooks where delivered_at is null)`,
  'mails to send': `select count(*) from notifications.notifications where mail = 'owed'`,
  'events to publish': `select ${services.map((name) => `(select count(*) from ${name}.outbox where published_at is null)`).join(' + ')}`,
};

export class Books implements AsyncDisposable {
  readonly #pool: pg.Pool;

  constructor(databaseUrl: string) {
    this.#pool = new pg.Pool({ connectionString: databaseUrl, max: 2, connectionTimeoutMillis: 5_000 });
    this.#pool.on('error', () => undefined); // a connection that was idle; the next query makes another
  }

  /** Empty when nothing is under way. */
  async underWay(): Promise<Record<string, number>> {
    const query = `select ${Object.values(underWay)
      .map((count, index) => `(${count})::int as "${index}"`)
      .join(', ')}`;
    const { rows } = await this.#pool.query<Record<string, number>>(query);
    const names = Object.keys(underWay);
    return Object.fromEntries(
      Object.entries(rows[0] ?? {}).flatMap(([index, count]) =>
        count > 0 ? [[names[Number(index)] ?? index, count]] : [],
      ),
    );
  }

  /** By order. */
  async statuses(): Promise<ReadonlyMap<string, string>> {
    const { rows } = await this.#pool.query<{ id: string; status: string; cancel_reason: string | null }>(
      'select id, status from orders.orders',
    );
    return new Map(rows.map(({ id, status }) => [id, status]));
  }

  /** By order, with the reason where it was cancelled. */
  async ends(): Promise<ReadonlyMap<string, string>> {
    const { rows } = await this.#pool.query<{ id: string; status: string; cancel_reason: string | null }>(
      'select id, status, cancel_reason from orders.orders',
    );
    return new Map(rows.map(({ id, status, cancel_reason: reason }) => [id, reason ? `${status}: ${reason}` : status]));
  }

  /** Some of those that are not over, with what they wait for. */
  async stuck(most: number): Promise<string[]> {
    const { rows } = await this.#pool.query<{ text: string }>(
      `select concat_ws(' ', o.id, o.status, 'payment', o.payment_status, 'delivery', o.delivery_stage,
         'deadline', o.deadline_at, 'owes', string_agg(c.step || ' (try ' || c.attempts || ': ' || coalesce(c.last_error, '') || ')', ', ')) as text
       from orders.orders o left join orders.commands c on c.order_id = o.id and c.state = 'owed'
       where o.status not in ('completed', 'cancelled') or c.id is not null
       group by o.id order by o.created_at limit $1`,
      [most],
    );
    return rows.map(({ text }) => text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.end();
  }
}
