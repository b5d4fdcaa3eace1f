// What orders does for people: create, read, cancel, accept.
import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import { uuidv7 } from 'uuidv7';
import type { OrderId, UserId } from '../../contracts/common.ts';
import type { NewOrder, Order, OrderStatus, OrderWithTimeline, TimelineEntry } from '../../contracts/orders.ts';
import { ProblemError } from '../../contracts/problem.ts';
import type { RpcClients } from '../platform/service.ts';
import { injectTrace } from '../platform/telemetry/tracing.ts';
import { advance, tellStatus } from './advance.ts';
import { isRefusal } from './answers.ts';
import { type CommandOptions, leaseFrom, runCommand, runStep } from './commands.ts';
import { opened, taken } from './decide.ts';
import { orderCan, type SagaEvent } from './saga.ts';
import type { CommandRow, OrderRow, OrdersTables } from './store.ts';
import * as store from './store.ts';

export interface Creation {
  readonly buyerId: UserId;
  readonly key: string;
  readonly request: NewOrder;
}

/** How long a request waits for a payment that another process is starting. */
const startWaitMs = 4_000;
const reserveDeadlineMs = 3_000;
const quoteDeadlineMs = 3_000;
/** The hold outlives the payment's time, so that a payment in the last second still finds its ad. */
const holdMarginSeconds = 10 * 60;
export const keysKeptMs = 7 * 24 * 3_600_000;

/**
 * One key makes one order, however often and from wherever it is sent. The key's first request chooses the order's id;
 * all that follows is idempotent by that id, so a repeated request, also one that runs at the same moment or after a
 * crash in between, goes the same way to the same order. The first answer is kept.
 */
export async function createOrder(options: CommandOptions, { buyerId, key, request }: Creation): Promise<Order> {
  const { db, clock } = options;
  const requestHash = createHash('sha256')
    .update(JSON.stringify([request.ad_id, request.delivery]))
    .digest('hex');
  const claim = await store.claimKey(db, {
    buyer_id: buyerId,
    key,
    request_hash: requestHash,
    order_id: uuidv7() as OrderId,
    created_at: clock.now(),
  });
  // Freed between the claim and the look at it: the next try may have it.
  if (!claim) throw new ProblemError('request-in-progress', { headers: { 'retry-after': '1' } });
  if (claim.request_hash !== requestHash) {
    throw new ProblemError('idempotency-key-reused', { detail: 'Use a new Idempotency-Key for a new request' });
  }
  if (claim.response) return claim.response;

  if (!(await store.readOrder(db, claim.order_id))) {
    const start = await placeOrder(options, { buyerId, key, orderId: claim.order_id, request });
    if (start) await runCommand(options, start);
  }
  const started = await startPayment(options, claim.order_id);
  return store.keepAnswer(db, buyerId, key, present(started, buyerId));
}

interface Placing extends Creation {
  readonly orderId: OrderId;
}

/**
 * Reserves the ad, asks what delivery costs, and writes the order with its first command and event in one transaction.
 * The hold is ended only when nobody can place the order any more: the same request at the same moment has the same hold.
 * Returns the command, taken for us to run.
 */
async function placeOrder(options: CommandOptions, placing: Placing): Promise<CommandRow | undefined> {
  const { db, rpc, rules, log } = options;
  const { orderId, buyerId, request } = placing;
  let ad: ReservedAd | null = null;
  try {
    ad = await rpc.ads.reserve(
      { adId: request.ad_id, orderId, buyerId, ttlSeconds: rules.timeoutSeconds.payment + holdMarginSeconds },
      { idempotencyKey: `${orderId}:reserve`, deadlineMs: reserveDeadlineMs },
    );
    return await writeOrder(options, placing, ad, await quote(rpc, ad, placing));
  } catch (error) {
    // Without a clear no, nobody knows how far this came: the next try with the key goes on with the same order, which
    // may hold the ad. It may also have been placed all the same, by the same request at the same moment.
    const isPlaced = isNo(error) ? !(await store.abandonKey(db, placing)) : await store.readOrder(db, orderId);
    if (isPlaced) {
      log.warn('order.placed_all_the_same', { order_id: orderId, error });
      return undefined;
    }
    if (!isNo(error)) throw error;
    // Were this to fail too, the hold ends by itself.
    if (ad)
      await rpc.ads
        .release({ adId: ad.adId, orderId }, { idempotencyKey: `${orderId}:unreserve` })
        .catch(() => undefined);
    throw error;
  }
}

/** A rule has spoken, and would again. */
const isNo = (error: unknown): boolean => error instanceof ProblemError && isRefusal(error.code);

type ReservedAd = Awaited<ReturnType<RpcClients['ads']['reserve']>>;

async function quote(rpc: RpcClients, ad: ReservedAd, { orderId, buyerId, request: { delivery } }: Placing) {
  if (!ad.price) throw new Error('ads reserved an ad without a price');
  const request = {
    fromCity: ad.city,
    destination: {
      address: delivery.method === 'courier' ? delivery.address : '',
      pickupPoint: delivery.method === 'pickup_point' ? delivery.pickup_point : '',
    },
    declaredValue: ad.price,
    orderId,
    buyerId,
  };
  try {
    const { price, estimated } = await rpc.delivery.quote(request, { deadlineMs: quoteDeadlineMs });
    if (!price) throw new Error('delivery quoted without a price');
    return { adPrice: ad.price, price, estimated };
  } catch (error) {
    if (error instanceof ProblemError && error.status >= 500)
      throw new ProblemError('delivery-unavailable', { cause: error, headers: { 'retry-after': '5' } });
    throw error;
  }
}

async function writeOrder(
  { db, clock, outbox, rules, metrics, log }: CommandOptions,
  { buyerId, key, orderId, request: { delivery } }: Placing,
  ad: ReservedAd,
  { adPrice, price, estimated }: Awaited<ReturnType<typeof quote>>,
): Promise<CommandRow | undefined> {
  const now = clock.now();
  const headers: Record<string, string> = {};
  injectTrace(headers);
  const fresh = opened(now, rules);
  const begun = taken(fresh, now, leaseFrom(now))?.state ?? fresh;
  const order: OrderRow = {
    ...begun.order,
    id: orderId,
    buyer_id: buyerId,
    seller_id: ad.sellerId as UserId,
    ad_id: ad.adId,
    ad_title: ad.title,
    ad_thumb_url: ad.thumbUrl || null,
    ad_city: ad.city,
    currency: adPrice.currency,
    price: adPrice.amount,
    delivery_price: price.amount,
    payment_id: uuidv7(),
    confirmation_url: null,
    shipment_id: uuidv7(),
    delivery_method: delivery.method,
    address: delivery.method === 'courier' ? delivery.address : null,
    pickup_point: delivery.method === 'pickup_point' ? delivery.pickup_point : null,
    tracking_number: null,
    estimated_from: estimated?.from ?? null,
    estimated_to: estimated?.to ?? null,
    created_at: now,
    updated_at: now,
    version: 1,
  };
  const start = await db.transaction().execute(async (trx) => {
    if (!(await store.lockKey(trx, { buyerId, key, orderId }))) {
      throw new ProblemError('request-in-progress', {
        detail: 'Another request with this key has just failed. Repeat it',
      });
    }
    const inserted = await trx
      .insertInto('orders')
      .values(order)
      .onConflict((conflict) => conflict.column('id').doNothing())
      .returning('id')
      .executeTakeFirst();
    if (!inserted) return undefined; // the same request at the same moment was first
    await store.oweCommands(trx, orderId, begun.commands, now, headers);
    await tellStatus(trx, outbox, order, null, now);
    return store.readCommand(trx, orderId, 'start_payment');
  });
  metrics.sagaTransitions.inc({ from: 'none', to: 'pending_payment', event: 'created' });
  log.info('order.created', { order_id: orderId, ad_id: ad.adId });
  return start;
}

/** The order once its payment can be paid. The command is durable: when this gives up, the loop goes on. */
async function startPayment(options: CommandOptions, orderId: OrderId): Promise<OrderRow> {
  const end = Date.now() + startWaitMs;
  for (;;) {
    await runStep(options, orderId, 'start_payment');
    const order = await store.readOrder(options.db, orderId);
    if (!order) throw new Error(`order ${orderId} vanished`);
    if (order.confirmation_url || order.status !== 'pending_payment') return order;
    if (Date.now() > end) {
      throw new ProblemError('payment-unavailable', {
        detail: 'Your order is kept. Repeat the request with the same Idempotency-Key to go on',
        headers: { 'retry-after': '5' },
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function getOrder(db: Kysely<OrdersTables>, id: OrderId, userId: UserId): Promise<OrderWithTimeline> {
  const order = await store.readOrder(db, id);
  // Somebody else's order is none: its id tells nothing.
  if (!order || (order.buyer_id !== userId && order.seller_id !== userId)) throw new ProblemError('not-found');
  const timeline = await store.readTimeline(db, id);
  return {
    ...present(order, userId),
    timeline: timeline.map(({ kind, value, reason, at }) => {
      const when = at.toISOString();
      if (kind === 'order') return { kind, status: value, reason, at: when } as TimelineEntry;
      if (kind === 'payment') return { kind, status: value, at: when } as TimelineEntry;
      return { kind, stage: value, at: when } as TimelineEntry;
    }),
  };
}

export interface OrderList {
  readonly role: 'buyer' | 'seller';
  readonly userId: UserId;
  readonly status: OrderStatus | undefined;
  readonly before: string | undefined;
  readonly limit: number;
}

/** A page of orders, newest first, and the id that the next page begins before. */
export async function listOrders(
  db: Kysely<OrdersTables>,
  list: OrderList,
): Promise<{ items: Order[]; next: OrderId | null }> {
  const rows = await store.listOrders(db, { ...list, limit: list.limit + 1 });
  const items = rows.slice(0, list.limit);
  const last = items.at(-1);
  return {
    items: items.map((row) => present(row, list.userId)),
    next: rows.length > list.limit && last ? last.id : null,
  };
}

export const cancelOrder = (options: CommandOptions, id: OrderId, userId: UserId): Promise<Order> =>
  decide(options, id, userId, 'buyer_cancelled', 'This order can no longer be cancelled');

export const acceptOrder = (options: CommandOptions, id: OrderId, userId: UserId): Promise<Order> =>
  decide(options, id, userId, 'buyer_accepted', 'Only a delivered order can be accepted');

/** A decision of the buyer. Deciding the same again changes nothing and is no error. */
async function decide(
  options: CommandOptions,
  id: OrderId,
  userId: UserId,
  event: SagaEvent & ('buyer_cancelled' | 'buyer_accepted'),
  refusal: string,
): Promise<Order> {
  const order = await options.db.transaction().execute(async (trx) => {
    const locked = await store.lockOrder(trx, id);
    if (!locked || (locked.buyer_id !== userId && locked.seller_id !== userId)) throw new ProblemError('not-found');
    if (locked.buyer_id !== userId) throw new ProblemError('forbidden', { detail: 'Only the buyer decides this' });
    const decided =
      event === 'buyer_accepted' ? locked.status === 'completed' : locked.cancel_reason === 'buyer_cancelled';
    if (decided) return locked;
    const possible =
      event === 'buyer_accepted' ? orderCan.beAccepted(locked.status) : orderCan.beCancelledByBuyer(locked.status);
    if (!possible) throw new ProblemError('conflict', { detail: `${refusal}; it is ${locked.status}` });
    return advance(trx, locked, event, options);
  });
  return present(order, userId);
}

/** An order as one of its two people sees it. */
function present(order: OrderRow, userId: UserId): Order {
  const { currency } = order;
  const actions: Order['actions'] = [];
  if (order.buyer_id === userId) {
    if (orderCan.bePaid(order.status) && order.confirmation_url) actions.push('pay');
    if (orderCan.beCancelledByBuyer(order.status)) actions.push('cancel');
    if (orderCan.beAccepted(order.status)) actions.push('accept');
    if (orderCan.beReviewed(order.status)) actions.push('review');
  }
  return {
    id: order.id,
    status: order.status,
    cancel_reason: order.cancel_reason,
    buyer_id: order.buyer_id,
    seller_id: order.seller_id,
    ad: { id: order.ad_id as Order['ad']['id'], title: order.ad_title, thumb_url: order.ad_thumb_url },
    price: { amount: order.price, currency },
    delivery_price: { amount: order.delivery_price, currency },
    total: { amount: order.price + order.delivery_price, currency },
    payment: {
      id: order.payment_id as Order['payment']['id'],
      status: order.payment_status,
      // Only the buyer pays.
      confirmation_url: order.buyer_id === userId ? order.confirmation_url : null,
    },
    delivery: {
      method: order.delivery_method,
      address: order.address,
      pickup_point: order.pickup_point,
      shipment_id: order.delivery_stage ? (order.shipment_id as Order['delivery']['shipment_id']) : null,
      stage: order.delivery_stage,
      tracking_number: order.tracking_number,
      estimated:
        order.estimated_from && order.estimated_to ? { from: order.estimated_from, to: order.estimated_to } : null,
    },
    actions,
    created_at: order.created_at.toISOString(),
    updated_at: order.updated_at.toISOString(),
    version: order.version,
  };
}
