// Users and notifications as core assembles them: real gRPC over TLS, a real bus, the real mailbox.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OrderId } from '../../contracts/common.ts';
import { demoBuyer, demoSellers } from '../../contracts/demo.ts';
import { type EventData, realtimeTopic, topicNames } from '../../contracts/events.ts';
import { openTestDatabase } from '../../tests/database.ts';
import { until } from '../../tests/until.ts';
import type { Bus } from '../platform/bus/bus.ts';
import { startConsumer } from '../platform/bus/consumer.ts';
import { openEmbeddedBus } from '../platform/bus/embedded.ts';
import { systemClock } from '../platform/clock.ts';
import { CoreConfig } from '../platform/config.ts';
import { createOutbox, startRelay } from '../platform/db/outbox.ts';
import { openMailbox } from '../platform/mail/mailbox.ts';
import { developmentTls } from '../platform/rpc/certificates.ts';
import { createRpcServer } from '../platform/rpc/server.ts';
import { type RpcServiceName, rpcClients } from '../platform/rpc/services.ts';
import { TlsSource } from '../platform/rpc/tls-source.ts';
import type { RpcClients, ServiceModule, ServiceTables } from '../platform/service.ts';
import { silentLog as log } from '../platform/telemetry/log.ts';
import { createMetrics } from '../platform/telemetry/metrics.ts';
import { users } from '../users/index.ts';
import { notifications } from './index.ts';

const stack = new AsyncDisposableStack();
const [demoSeller] = demoSellers;
let bus: Bus;
let orders: RpcClients & AsyncDisposable;
let media: RpcClients & AsyncDisposable;
let mailPage: (to: string) => Promise<{ subject: string; text: string }[]>;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lotok-notifications-'));
  stack.defer(() => rm(folder, { recursive: true }));
  const databases = stack.use(await openTestDatabase());
  bus = stack.use(await openEmbeddedBus({ db: await databases.open('bus', {}), log }));
  await bus.ensureTopics(topicNames);
  const mailer = await openMailbox({ databases, clock: systemClock });
  const app = new Hono();
  mailer.pages(app);
  mailPage = async (to) => {
    const response = await app.request(`/sandbox/mail?to=${to}`, { headers: { accept: 'application/json' } });
    return ((await response.json()) as { items: { subject: string; text: string }[] }).items;
  };
  const config = CoreConfig.parse({
    services: ['users', 'notifications'],
    dataFolder: folder,
    publicUrl: 'https://lotok.test',
    sandbox: '1',
  });
  const metrics = createMetrics({ part: 'test' });
  const addresses = new Map<string, string>();
  const clientsOf = async (caller: string) =>
    stack.use(
      rpcClients((service: RpcServiceName) => addresses.get(service) ?? '', {
        tls: new TlsSource(await developmentTls(join(folder, 'ca'), caller)),
        log,
        metrics,
      }),
    );
  for (const module of [users, notifications] as unknown as ServiceModule<ServiceTables>[]) {
    const { name } = module;
    const db = await databases.open<ServiceTables>(name, module.migrations);
    const rpc = await clientsOf(name);
    const running = await module.start({
      ...{ config, db, databases, bus, rpc, mailer, log, metrics },
      outbox: createOutbox(name, systemClock),
      objects: {} as never,
      clock: systemClock,
      selfUrl: () => '',
    });
    const tls = new TlsSource(await developmentTls(join(folder, 'ca'), name));
    const server = stack.use(createRpcServer({ service: name, tls, log, metrics }));
    running.rpc?.(server);
    addresses.set(name, `127.0.0.1:${await server.listen('127.0.0.1', 0)}`);
    await running.seed?.();
    stack.use(await startRelay({ service: name, databases, db, bus, clock: systemClock, log, metrics }));
    const handlers = running.events ?? {};
    const consumer = stack.use(startConsumer({ service: name, bus, db, handlers, clock: systemClock, log, metrics }));
    await consumer.ready;
    for (const loop of (await running.loops?.()) ?? []) stack.use(loop);
  }
  orders = await clientsOf('orders');
  media = await clientsOf('media');
});
afterAll(() => stack.disposeAsync());

describe('an order’s news', () => {
  it('goes from the bus to the live stream in order, and to both people’s mailboxes', async () => {
    const orderId = uuidv7() as OrderId;
    const heard: { event: string; data: { status?: string } }[] = [];
    const subscription = bus.subscribe({
      group: 'test',
      topics: [realtimeTopic],
      from: 'beginning',
      handle: async ([{ key, value }]) => {
        const message = JSON.parse(value);
        if (key === `user:${demoBuyer.id}` && message.data.order_id === orderId) heard.push(message);
      },
    });
    await using _subscription = subscription;
    const statuses = ['pending_payment', 'paid', 'in_delivery', 'delivered', 'completed'] as const;
    for (const [index, status] of statuses.entries()) {
      const data: EventData<'order.status_changed'> = {
        order_id: orderId,
        status,
        previous_status: null,
        cancel_reason: null,
        buyer_id: demoBuyer.id,
        seller_id: demoSeller.id,
        ad: { id: uuidv7() as never, title: 'Велосипед' },
        total: { amount: 1_300_000, currency: 'RUB' },
        estimated: { from: '2026-11-27', to: '2026-11-30' },
        at: new Date().toISOString(),
        version: index + 1,
      };
      const headers = {
        ce_id: uuidv7(),
        ce_type: 'order.status_changed',
        ce_time: data.at,
        ce_specversion: '1.0',
        ce_source: '/core/orders',
      };
      await bus.publish('orders.v1', [{ key: orderId, value: JSON.stringify(data), headers }]);
    }
    const told = () => heard.filter(({ event }) => event === 'order.status').map(({ data }) => data.status);
    await until('every status is told', () => told().length === statuses.length);
    expect(told()).toEqual(statuses);

    const ofOrder = async (to: string) => (await mailPage(to)).filter(({ text }) => text.includes(orderId));
    const subjects = async (to: string) => (await ofOrder(to)).map(({ subject }) => subject.split(':', 1)[0]).sort();
    await until('the buyer has three mails', async () => (await ofOrder(demoBuyer.email)).length === 3);
    await until('the seller has two mails', async () => (await ofOrder(demoSeller.email)).length === 2);
    expect(await subjects(demoBuyer.email)).toEqual(['Заказ завершён', 'Посылка в пути', 'Посылка доставлена']);
    expect(await subjects(demoSeller.email)).toEqual(['Ваш товар купили', 'Продажа завершена']);
  });
});

describe('a call to enqueue', () => {
  const request = () => ({
    userId: demoBuyer.id,
    kind: 'order_paid',
    orderId: uuidv7(),
    parameters: { ad_title: 'Диван', estimated_from: '2026-11-27', estimated_to: '2026-11-30' },
  });

  it('is answered at once and becomes one mail, however often it is repeated', async () => {
    const asked = request();
    const answers = [];
    for (const key of ['first', 'first', 'second']) {
      answers.push(await orders.notifications.enqueue(asked, { idempotencyKey: `${asked.orderId}:${key}` }));
    }
    expect(new Set(answers.map(({ notificationId }) => notificationId)).size).toBe(1);
    const mails = async () => (await mailPage(demoBuyer.email)).filter(({ text }) => text.includes(asked.orderId));
    await until('the mail is there', async () => (await mails()).length > 0);
    expect(await mails()).toMatchObject([{ subject: 'Заказ оплачен: Диван', text: expect.stringContaining('27') }]);
  });

  it.each([{ kind: 'nonsense' }, { userId: 'nobody' }, { orderId: '7' }, { parameters: { text: 'x'.repeat(1_001) } }])(
    'is refused with %o',
    async (change) => {
      const answer = orders.notifications.enqueue({ ...request(), ...change }, { idempotencyKey: uuidv7() });
      await expect(answer).rejects.toMatchObject({ code: 'invalid-field' });
    },
  );
});

describe('contacts', () => {
  it('are given to services that may have them', async () => {
    expect(await orders.users.getContacts({ userId: demoBuyer.id })).toEqual({
      userId: demoBuyer.id,
      email: demoBuyer.email,
      name: demoBuyer.name,
      language: 'ru',
      phone: '',
    });
    await expect(orders.users.getContacts({ userId: uuidv7() })).rejects.toMatchObject({ code: 'not-found' });
    await expect(orders.users.getContacts({ userId: 'nobody' })).rejects.toMatchObject({ code: 'not-found' });
    await expect(media.users.getContacts({ userId: demoBuyer.id })).rejects.toThrow(/PERMISSION_DENIED/);
  });
});
