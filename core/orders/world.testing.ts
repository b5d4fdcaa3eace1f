// Orders between other services as it sees them: answers that a test can change, and what was asked.
import { Hono } from 'hono';
import type { Kysely } from 'kysely';
import { uuidv7 } from 'uuidv7';
import type { OrderId, UserId } from '../../contracts/common.ts';
import type { DeliveryStage } from '../../contracts/delivery.ts';
import type { EventData, EventType } from '../../contracts/events.ts';
import type { NewOrder } from '../../contracts/orders.ts';
import type { PaymentStatus } from '../../contracts/payments.ts';
import { ProblemError } from '../../contracts/problem.ts';
import type { GetStoryResponse as ShipmentStory } from '../../proto/generated/lotok/delivery/v1/delivery.ts';
import type { Notice } from '../../proto/generated/lotok/notifications/v1/notifications.ts';
import type { GetStoryResponse as PaymentStory } from '../../proto/generated/lotok/payments/v1/payments.ts';
import { openTestDatabase } from '../../tests/database.ts';
import { until } from '../../tests/until.ts';
import type { TestClock } from '../../tests/world.ts';
import { type Clock, systemClock } from '../platform/clock.ts';
import type { DatabaseProvider } from '../platform/db/database.ts';
import { createOutbox } from '../platform/db/outbox.ts';
import { implementOn } from '../platform/http/implement.ts';
import { type Patience, patience } from '../platform/patience.ts';
import type { RpcClients } from '../platform/service.ts';
import { silentLog } from '../platform/telemetry/log.ts';
import { createMetrics, type Metrics } from '../platform/telemetry/metrics.ts';
import { type CommandOptions, pauseMs, runStep } from './commands.ts';
import { orderEvents } from './events.ts';
import { orderHttp } from './http.ts';
import { migrations } from './migrations/index.ts';
import type { Step } from './saga.ts';
import { createOrder } from './service.ts';
import type { OrdersTables } from './store.ts';

export interface WorldOptions {
  readonly paymentTimeoutSeconds?: number;
  readonly clock?: TestClock;
  readonly limits?: Patience;
}

export interface OrdersDatabase extends AsyncDisposable {
  readonly db: Kysely<OrdersTables>;
  /** A process of orders on it, with other services of its own. */
  world(options?: WorldOptions): OrdersWorld;
}
export type OrdersWorld = ReturnType<typeof world>;

export async function openOrders(): Promise<OrdersDatabase> {
  const databases = await openTestDatabase();
  const db = await databases.open<OrdersTables>('orders', migrations);
  const metrics = createMetrics({ part: 'test' });
  return {
    db,
    world: (options = {}) => world({ db, databases, metrics }, options),
    [Symbol.asyncDispose]: () => databases[Symbol.asyncDispose](),
  };
}

function world(
  { db, databases, metrics }: { db: Kysely<OrdersTables>; databases: DatabaseProvider; metrics: Metrics },
  { paymentTimeoutSeconds = 900, clock: own, limits = patience }: WorldOptions,
) {
  const clock: Clock = own ?? systemClock;
  const others = otherServices();
  const options: CommandOptions = {
    db,
    databases,
    rpc: others.rpc,
    outbox: createOutbox('orders', clock),
    clock,
    log: silentLog,
    metrics,
    publicUrl: 'https://lotok.example',
    rules: {
      timeoutSeconds: { payment: paymentTimeoutSeconds, handover: 3600, delivery: 3600, acceptance: 3600 },
      pauseMs,
      patience: limits,
    },
  };
  const handlers = orderEvents(options);
  const hear = async <Type extends EventType & keyof typeof handlers>(
    type: Type,
    data: EventData<Type>,
  ): Promise<void> => {
    await db
      .transaction()
      .execute(
        (trx) => handlers[type]?.({ id: uuidv7(), type, time: clock.now(), data } as never, trx) ?? Promise.resolve(),
      );
  };
  const buyer = newUser();
  const order = (overrides: { key?: string; adId?: string; buyerId?: UserId; address?: string } = {}) =>
    createOrder(options, {
      buyerId: overrides.buyerId ?? buyer,
      key: overrides.key ?? uuidv7(),
      request: {
        ad_id: overrides.adId ?? uuidv7(),
        delivery: { method: 'courier', address: overrides.address ?? 'Москва, Тверская, 1' },
      } as NewOrder,
    });
  const row = (id: OrderId) => db.selectFrom('orders').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const payment = async (id: OrderId, status: PaymentStatus, version: number) => {
    const { payment_id, buyer_id } = await row(id);
    const change = {
      payment_id,
      order_id: id,
      buyer_id,
      status,
      previous_status: null,
      amount: { amount: 1, currency: 'RUB' },
      reason: null,
      at: clock.now().toISOString(),
      version,
    };
    await hear('payment.status_changed', change as EventData<'payment.status_changed'>);
  };
  const parcel = async (id: OrderId, stage: DeliveryStage, version: number) => {
    const { shipment_id, buyer_id, seller_id } = await row(id);
    const change = {
      shipment_id,
      order_id: id,
      buyer_id,
      seller_id,
      stage,
      previous_stage: null,
      tracking_number: 'TRACK1',
      estimated: null,
      reason: null,
      at: clock.now().toISOString(),
      version,
    };
    await hear('delivery.stage_changed', change as EventData<'delivery.stage_changed'>);
  };
  const settled = (id: OrderId) =>
    until(
      'nothing is owed',
      async () =>
        (await db.selectFrom('commands').select('id').where('order_id', '=', id).where('state', '=', 'owed').execute())
          .length === 0,
    );
  const becomes = (id: OrderId, status: string) =>
    until(`the order is ${status}`, async () => (await row(id)).status === status);
  const commands = (id: OrderId) =>
    db.selectFrom('commands').selectAll().where('order_id', '=', id).orderBy('id').execute();
  const command = async (id: OrderId, step: Step) => {
    const found = (await commands(id)).findLast((each) => each.step === step);
    if (!found) throw new Error(`the order owes no ${step}`);
    return found;
  };
  /** Tries what the order owes, each when it is due: time goes on as far as that takes. */
  const works = async (id: OrderId, times = 30): Promise<void> => {
    for (let tried = 0; tried < times; tried += 1) {
      const due = (await commands(id)).find(({ state }) => state === 'owed' || state === 'parked');
      if (due?.state !== 'owed') return;
      const waitMs = due.not_before.getTime() - clock.now().getTime();
      if (waitMs > 0 && !own) throw new Error('only a clock of the test goes on by itself');
      if (waitMs > 0) own?.advance(waitMs / 1000);
      await runStep(options, id, due.step);
    }
  };
  const stuck = (whose: 'payment' | 'delivery', id: OrderId, why: string | null, version: number): Promise<void> =>
    hear(`${whose}.attention`, { order_id: id, why, at: clock.now().toISOString(), version } as never);

  const app = new Hono();
  app.onError((error) => (error instanceof ProblemError ? error : new ProblemError('internal')).toResponse());
  // Who asks is the token itself: tokens are tested where they are made.
  orderHttp(options)(
    implementOn(app, async (authorization) => {
      const [userId = '', role = ''] = (authorization ?? '').split(' ');
      return { userId: userId as UserId, sessionId: '', roles: ['user', role] };
    }),
  );
  const ask = async (path: string, { as = `${operator} operator`, body }: { as?: string; body?: unknown } = {}) => {
    const headers = { authorization: as, 'content-type': 'application/json' };
    const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) };
    const response = await app.request(path, init);
    return { status: response.status, headers: response.headers, body: await response.json() };
  };
  const decides = (id: OrderId, decision: unknown, as?: string) =>
    ask(`/v1/operations/orders/${id}/decisions`, { body: decision, ...(as ? { as } : {}) });

  const seen = { row, command, commands };
  return { ...others, ...seen, options, buyer, order, payment, parcel, stuck, settled, becomes, works, ask, decides };
}

export const seller = uuidv7() as UserId;
export const operator = uuidv7() as UserId;
export const newUser = (): UserId => uuidv7() as UserId;

/** Other services as orders sees them: answers that a test can change, and what was asked. */
function otherServices() {
  const asked: string[] = [];
  const holders = new Map<string, string>();
  const refuse = new Map<string, Error>();
  const answer =
    <Reply>(name: string, reply: (request: never) => Reply) =>
    async (request: never): Promise<Reply> => {
      asked.push(name);
      const problem = refuse.get(name);
      if (problem) throw problem;
      return reply(request);
    };
  const rpc = {
    ads: {
      reserve: answer('reserve', ({ adId, orderId }: { adId: string; orderId: string }) => {
        const holder = holders.get(adId);
        if (holder && holder !== orderId) throw new ProblemError('ad-reserved');
        holders.set(adId, orderId);
        return {
          adId,
          sellerId: seller,
          title: 'Велосипед',
          thumbUrl: '',
          price: { amount: 1_000_00, currency: 'RUB' },
          city: 'moscow',
          category: 'bicycles',
        };
      }),
      release: answer('release', ({ adId, orderId }: { adId: string; orderId: string }) => {
        if (holders.get(adId) === orderId) holders.delete(adId);
        return {};
      }),
      markSold: answer('markSold', () => ({})),
    },
    payments: {
      startPayment: answer('startPayment', ({ paymentId }: { paymentId: string }) => ({
        payment: { confirmationUrl: `https://pay.example/${paymentId}` },
      })),
      capture: answer('capture', () => ({})),
      void: answer('void', () => ({})),
      refund: answer('refund', () => ({})),
      payOut: answer('payOut', () => ({})),
      retry: answer('retryPayment', ({ attentionVersion }: { attentionVersion: number }) => ({
        attention: { why: '', version: attentionVersion + 1 },
      })),
      giveUp: answer('giveUpPayment', ({ attentionVersion }: { attentionVersion: number }) => ({
        attention: { why: '', version: attentionVersion + 1 },
      })),
      getStory: answer('paymentStory', ({ paymentId }: { paymentId: string }) => paymentStory(paymentId)),
    },
    delivery: {
      quote: answer('quote', () => ({
        price: { amount: 300_00, currency: 'RUB' },
        estimated: { from: '2026-11-27', to: '2026-11-30' },
        courier: 'sandbox',
      })),
      createShipment: answer('createShipment', () => ({
        shipment: { trackingNumber: 'TRACK1', estimated: { from: '2026-11-28', to: '2026-12-01' } },
      })),
      cancelShipment: answer('cancelShipment', () => ({})),
      retry: answer('retryShipment', ({ attentionVersion }: { attentionVersion: number }) => ({
        attention: { why: '', version: attentionVersion + 1 },
      })),
      getStory: answer('shipmentStory', ({ shipmentId }: { shipmentId: string }) => shipmentStory(shipmentId)),
    },
    notifications: {
      enqueue: answer('enqueue', () => ({ notificationId: uuidv7() })),
      getStory: answer('noticesStory', () => ({ notices: [notice()] })),
    },
    users: { getContacts: answer('getContacts', () => ({ email: '', name: 'Оператор', language: 'ru' })) },
  } as unknown as RpcClients;
  return { rpc, asked, refuse, holders };
}

const at = '2026-11-24T10:00:00.000Z';
const work = { attempts: 1, failures: 1, lastError: 'pay_x of somebody@example.com was refused', nextTryAt: at };

const paymentStory = (paymentId: string): PaymentStory => ({
  paymentId,
  provider: 'sandbox',
  providerId: 'pay_x',
  status: 'captured',
  amount: { amount: 1_300_00, currency: 'RUB' },
  reason: '',
  providerSays: 'captured',
  providerError: '',
  intent: 'refund',
  intentReason: 'parcel_lost',
  work,
  attention: { why: 'refund: refused', version: 2 },
  changes: [{ version: 1, status: 'in_progress', reason: '', at }],
  providerEvents: [{ eventId: 'evt_1', status: 'captured', at }],
  payout: undefined,
  ledger: [{ kind: 'captured', at, entries: [{ account: 'provider', amount: -130_000, currency: 'RUB' }] }],
  traceId: 'a'.repeat(32),
});

const shipmentStory = (shipmentId: string): ShipmentStory => ({
  shipmentId,
  courier: 'sandbox',
  courierId: 'shp_x',
  trackingNumber: 'TRACK1',
  stage: 'in_transit',
  reason: '',
  courierSays: '',
  courierError: 'get: no answer',
  cancelling: false,
  cancelReason: '',
  estimated: { from: '2026-11-27', to: '2026-11-30' },
  work,
  attention: undefined,
  changes: [{ version: 1, stage: 'created', reason: '', at }],
  courierEvents: [{ eventId: 'evt_2', stage: 'created', at }],
  traceId: '',
});

const notice = (): Notice => ({
  notificationId: uuidv7(),
  kind: 'order_paid',
  userId: uuidv7(),
  inApp: true,
  readAt: '',
  mail: 'sent',
  mailAttempts: 1,
  mailError: '',
  mailedAt: at,
  createdAt: at,
  traceId: '',
});
