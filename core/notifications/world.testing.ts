// A notifications service for tests: real database, events handed in, a mailer and a users service that the test owns.
import { uuidv7 } from 'uuidv7';
import type { OrderId, UserId } from '../../contracts/common.ts';
import type { EventData, EventType } from '../../contracts/events.ts';
import type { NotificationKind } from '../../contracts/notifications.ts';
import type { OrderStatus } from '../../contracts/orders.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { openTestDatabase } from '../../tests/database.ts';
import { createOutbox } from '../platform/db/outbox.ts';
import type { Mail } from '../platform/mail/mailer.ts';
import { silentLog } from '../platform/telemetry/log.ts';
import { createMetrics } from '../platform/telemetry/metrics.ts';
import { notificationEvents } from './events.ts';
import type { MailsOptions } from './mails.ts';
import { migrations } from './migrations/index.ts';
import type { NotificationsTables } from './store.ts';

interface Person {
  readonly id: UserId;
  readonly name: string;
  readonly email: string;
  readonly language: 'ru' | 'en';
}

export async function notificationsWorld() {
  const databases = await openTestDatabase();
  const db = await databases.open<NotificationsTables>('notifications', migrations);
  let ahead = 0;
  const clock = { now: () => new Date(Date.now() + ahead) };
  const sent: Mail[] = [];
  const people = new Map<string, Person>();
  const trouble: { mailer?: Error | undefined; users?: Error | undefined } = {};
  const options: MailsOptions = {
    db,
    databases,
    clock,
    outbox: createOutbox('notifications', clock),
    log: silentLog,
    metrics: createMetrics({ part: 'test' }),
    publicUrl: 'https://lotok.test/',
    secret: 'the secret of this test',
    burst: { mails: 5, windowMs: 0 },
    mailer: {
      longestTryMs: 20_000,
      async send(mail) {
        if (trouble.mailer) throw trouble.mailer;
        sent.push(mail);
      },
      [Symbol.asyncDispose]: async () => undefined,
    },
    rpc: {
      users: {
        async getContacts({ userId }: { userId: string }) {
          if (trouble.users) throw trouble.users;
          const person = people.get(userId);
          if (!person) throw new ProblemError('not-found');
          return { userId, email: person.email, name: person.name, language: person.language, phone: '' };
        },
      },
    } as unknown as MailsOptions['rpc'],
  };
  const handlers = notificationEvents(options);
  const hear = async <Type extends EventType>(type: Type, data: EventData<Type>): Promise<void> => {
    const handler = handlers[type];
    if (!handler) throw new Error(`${type} is not heard`);
    await db.transaction().execute((trx) => handler({ id: uuidv7(), type, time: clock.now(), data }, trx));
  };

  const person = async (name: string, language: 'ru' | 'en' = 'ru'): Promise<Person> => {
    const id = uuidv7() as UserId;
    const known = { id, name, language, email: `${id}@example.test` };
    people.set(id, known);
    await hear('user.changed', { user_id: id, name, rating: null, reviews: 0, language, version: 1 });
    return known;
  };

  /** An order between two people, whose news a test lets arrive. */
  const sale = async (language: 'ru' | 'en' = 'ru', title = 'Велосипед «Аист»') => {
    const buyer = await person('Анна', language);
    const seller = await person('Сергей', language);
    const id = uuidv7() as OrderId;
    let version = 0;
    const becomes = async (status: OrderStatus, change: Partial<EventData<'order.status_changed'>> = {}) => {
      version += 1;
      await hear('order.status_changed', {
        order_id: id,
        status,
        previous_status: null,
        cancel_reason: null,
        buyer_id: buyer.id,
        seller_id: seller.id,
        ad: { id: uuidv7() as never, title },
        total: { amount: 1_300_000, currency: 'RUB' },
        estimated: { from: '2026-11-27', to: '2026-11-30' },
        at: clock.now().toISOString(),
        version,
        ...change,
      });
    };
    const parcel = (
      stage: EventData<'delivery.stage_changed'>['stage'],
      change: Partial<EventData<'delivery.stage_changed'>> = {},
    ) =>
      hear('delivery.stage_changed', {
        shipment_id: uuidv7() as never,
        order_id: id,
        buyer_id: buyer.id,
        seller_id: seller.id,
        stage,
        previous_stage: null,
        tracking_number: 'TRACK-1',
        estimated: null,
        reason: null,
        at: clock.now().toISOString(),
        version: 1,
        ...change,
      });
    return { id, buyer, seller, becomes, parcel };
  };

  /** What was told live on a channel, oldest first. */
  const live = async (channel: string): Promise<{ event: string; data: Record<string, unknown> }[]> => {
    const rows = await db.selectFrom('outbox').select('value').where('key', '=', channel).orderBy('id').execute();
    return rows.map(({ value }) => JSON.parse(value));
  };
  const mailsOf = (person: Person): Mail[] => sent.filter(({ to }) => to === person.email);
  const row = (userId: UserId, kind: NotificationKind) =>
    db
      .selectFrom('notifications')
      .selectAll()
      .where('user_id', '=', userId)
      .where('kind', '=', kind)
      .executeTakeFirstOrThrow();
  const pass = (ms: number): void => {
    ahead += ms;
  };
  return {
    ...{ options, db, hear, person, sale, live, mailsOf, row, pass, trouble, sent },
    [Symbol.asyncDispose]: () => databases[Symbol.asyncDispose](),
  };
}
