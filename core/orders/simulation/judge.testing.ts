// What must hold in every world: some of it at each decision, the rest when all is quiet.
import type { OrderStatus } from '../../../contracts/orders.ts';
import type { PaymentStatus } from '../../../contracts/payments.ts';
import { isFinal } from '../../delivery/rules.ts';
import type { ProviderStatus } from '../../payments/providers/provider.ts';
import type { Decision, SagaCommand, SagaState } from '../decide.ts';
import { next, type Step, saga } from '../saga.ts';
import { type Ads, orderId } from './ads.testing.ts';
import type { Courier } from './courier.testing.ts';
import type { Delivery } from './delivery.testing.ts';
import { Defect, longestJumpMs } from './engine.testing.ts';
import type { Notices } from './notices.testing.ts';
import type { Order, Orders } from './orders.testing.ts';
import type { Payments } from './payments.testing.ts';
import type { People } from './people.testing.ts';
import type { Plan } from './plan.testing.ts';
import type { Provider } from './provider.testing.ts';

/** A world, as far as it is judged. */
export interface Judged {
  readonly plan: Plan;
  readonly orders: Orders;
  readonly ads: Ads;
  readonly payments: Payments;
  readonly delivery: Delivery;
  readonly notices: Notices;
  readonly provider: Provider;
  readonly courier: Courier;
  readonly people: People;
}

function must(holds: boolean, order: Order, what: string): void {
  if (!holds) throw new Defect(`order ${order.id}: ${what}`);
}

/** How long after its time a state may still last: processes that freeze, clocks that are wrong, things delayed. */
const latenessMs = 4 * 60_000;

/** What a state waits for and has not heard of, when its time is up. */
const unheard: Partial<Readonly<Record<OrderStatus, (order: SagaState['order']) => boolean>>> = {
  pending_payment: ({ payment_status: status }) => !['authorized', 'captured', 'failed'].includes(status),
  paid: ({ delivery_stage: stage }) => stage === null || stage === 'created',
  in_delivery: ({ delivery_stage: stage }) =>
    stage === null || ['created', 'accepted', 'in_transit', 'at_pickup_point'].includes(stage),
};

/** At each decision. */
export function judgeDecision(
  world: Judged,
  order: Order,
  before: SagaState,
  { passages }: Decision,
  now: number,
): void {
  const { state } = order;
  if (passages.length > 0) judgeDuration(world, order, before.order.status, now - order.since);
  for (const { event, from, to } of passages) {
    must(next(from, event)?.to === to, order, `${from} -> ${to} by ${event} is not in the table`);
    if (event === 'timeout')
      must(unheard[from]?.(before.order) ?? true, order, `${from} timed out although it had heard enough`);
    if (event === 'cancellation_refused') judgeRefusal(world, order);
    if (event === 'compensated') judgeReturn(world, order);
  }
  for (const command of before.commands) judgeEnds(order, command);
  if (state.commands.some((command) => command.state === 'parked'))
    must(state.order.needs_attention !== null, order, 'has a parked step that nobody sees');
}

/** No state lasts longer than its timeout says, whatever became of the deadline. */
function judgeDuration({ plan }: Judged, order: Order, status: OrderStatus, lastedMs: number): void {
  const { timeout } = saga[status];
  const aheadMs = plan.weather.jump > 0 ? longestJumpMs : 0;
  const most = timeout ? plan.timeoutSeconds[timeout] * 1000 + latenessMs + aheadMs : Number.POSITIVE_INFINITY;
  must(lastedMs <= most, order, `was ${status} for too long`);
}

/** The courier was quicker only where it has, or had, the parcel. */
function judgeRefusal({ courier, plan }: Judged, order: Order): void {
  const stage = courier.parcels[order.id]?.stage;
  must(
    (stage !== undefined && stage !== 'created') || plan.courier.refuses > 0,
    order,
    `could not be cancelled although its parcel is ${stage}`,
  );
}

/** An order is cancelled when its money is back; what was paid after all is returned by payments, which knows that. */
function judgeReturn({ provider, payments }: Judged, order: Order): void {
  const money = provider.payments[order.id]?.status;
  const isKnown = ['failed', 'voided'].includes(payments.books.rows[order.id]?.status ?? '');
  const isBack = money !== 'authorized' && money !== 'captured';
  must(isBack || isKnown || !isDone(order, 'return_money'), order, `is cancelled while its payment is ${money}`);
}

/** What has ended is not begun again; but what came to life after it was to be undone is undone once more. */
function judgeEnds(order: Order, { id, step, state, last_error }: SagaCommand): void {
  if (isOutstanding({ state }) || (state === 'done' && last_error !== null)) return;
  const now = order.commands.get(id as number)?.state;
  must(now === state, order, `${step} was ${state} and is ${now}`);
}

/** A hold that nobody needs any more must not have to lapse by itself. */
export function judgeLapse({ orders, payments, plan }: Judged, id: number, status: ProviderStatus): void {
  const order = orders.find(id);
  const { operatorComes } = plan.people;
  if (!order || !operatorComes || wasSkipped(order, 'return_money') || wasSkipped(order, 'capture_payment')) return;
  // A registration that was refused, and then arrived once more, left a page that nobody knows of.
  if (status === 'pending' && plan.provider.refuses > 0 && payments.books.rows[id]?.status === 'failed') return;
  must(false, order, `is ${order.state.order.status}, and its payment is ${status} for hours`);
}

const isOutstanding = ({ state }: { readonly state: string }): boolean => state === 'owed' || state === 'parked';

/** When all is quiet. */
export function judgeEnd(world: Judged): void {
  const { orders } = world;
  const keys = new Set(orders.all.map(({ purchase }) => purchase.key));
  if (keys.size !== orders.all.length) throw new Defect('one request made two orders');
  for (const order of orders.all) {
    judgeStory(order);
    const stands = judgeItIsOver(world, order);
    judgeNeverBoth(world, order);
    if (stands) continue;
    judgeMoney(world, order);
    judgeViews(world, order);
    judgeAd(world, order);
    judgeParcel(world, order);
  }
  for (let ad = 0; ad < world.ads.rows.length; ad += 1) judgeGoods(world, ad);
}

/** What was told is a path of the table, each version once. */
function judgeStory(order: Order): void {
  const [first, ...rest] = order.told;
  must(first?.to === 'pending_payment' && first.version === 1, order, 'began otherwise');
  let status: OrderStatus = 'pending_payment';
  let version = 1;
  for (const told of rest) {
    must(told.from === status, order, `told ${told.from} -> ${told.to} while it was ${status}`);
    must(told.version > version, order, `told version ${told.version} after ${version}`);
    status = told.to;
    version = told.version;
  }
  must(status === order.state.order.status, order, `is ${order.state.order.status}, but told ${status}`);
  must(order.version >= version, order, `is version ${order.version}, but told ${version}`);
}

/** It has ended, and owes nothing; or a person has to look, and none came. True when it stands. */
function judgeItIsOver({ plan }: Judged, order: Order): boolean {
  const { status, needs_attention } = order.state.order;
  const due = order.state.commands.find(isOutstanding);
  if (due) {
    must(due.state === 'parked', order, `${due.step} is owed and forgotten`);
    must(needs_attention !== null, order, `${due.step} is parked and nobody sees it`);
    must(!plan.people.operatorComes, order, `${due.step} is parked although operators decided`);
    return true;
  }
  must(status === 'completed' || status === 'cancelled', order, `stays ${status}`);
  if (needs_attention === null) return false;
  must(!plan.people.operatorComes, order, `needs attention although operators decided: ${needs_attention}`);
  return true;
}

/** Whatever anybody decided. */
function judgeNeverBoth({ provider, notices }: Judged, order: Order): void {
  const payment = provider.payments[order.id];
  const paid = (provider.payouts[order.id] ?? []).filter(({ status }) => status !== 'failed').length;
  must(paid <= 1, order, `the seller was paid ${paid} times`);
  must(paid === 0 || order.state.order.status === 'completed', order, 'the seller was paid for what is not completed');
  must(
    paid === 0 || payment?.status === 'captured',
    order,
    `the seller was paid, and the payment is ${payment?.status}`,
  );
  for (const [status, times] of payment?.reached ?? [])
    must(times === 1, order, `the payment was ${status} ${times} times`);
  must(notices.sent.has(order.id) || !isDone(order, 'notify_paid'), order, 'nobody told the buyer');
}

function judgeMoney({ provider, payments }: Judged, order: Order): void {
  if (wasSkipped(order, 'return_money') || wasSkipped(order, 'capture_payment')) return;
  const { status } = order.state.order;
  const money = provider.payments[order.id]?.status;
  if (status === 'completed') {
    must(money === 'captured', order, `is completed, and the payment is ${money} at the provider`);
    const payout = payments.books.payouts[order.id]?.status;
    const paidAtProvider = provider.payouts[order.id]?.some((each) => each.status === 'paid') ?? false;
    if (!wasSkipped(order, 'pay_out_seller')) {
      must(payout === 'paid', order, `is completed, and the payout is ${payout}`);
      must(paidAtProvider, order, 'is completed, and the provider has not paid the seller');
    }
  } else {
    const given = money === undefined || money === 'cancelled' || money === 'declined' || money === 'refunded';
    must(given, order, `is ${status}, and the payment is ${money} at the provider`);
  }
}

/** Our statuses that the provider's last word allows. */
const sameMoney: Readonly<Record<ProviderStatus, readonly PaymentStatus[]>> = {
  pending: ['in_progress'],
  lapsing: ['voided'],
  authorized: ['authorized'],
  captured: ['captured'],
  declined: ['failed', 'voided'],
  cancelled: ['failed', 'voided'],
  // Money that nobody wanted was given back.
  refunded: ['refunded', 'failed', 'voided'],
};

/** Everybody's books say the same. */
function judgeViews({ provider, courier, payments, delivery, people }: Judged, order: Order): void {
  const row = order.state.order;
  const payment = payments.books.rows[order.id];
  const theirs = provider.payments[order.id];
  if (payment) {
    must(
      row.payment_status === payment.status,
      order,
      `thinks ${row.payment_status}, the payment is ${payment.status}`,
    );
    must(payment.intent === null, order, `${payment.intent} is forgotten`);
  }
  if (payment && theirs)
    must(
      sameMoney[theirs.status].includes(payment.status),
      order,
      `the payment is ${payment.status}, at the provider ${theirs.status}`,
    );
  const shipment = delivery.rows[order.id];
  const parcel = courier.parcels[order.id];
  if (!shipment) return;
  must(row.delivery_stage === shipment.stage, order, `thinks ${row.delivery_stage}, the parcel is ${shipment.stage}`);
  if (people.gaveUp.has(order.id)) return;
  must(!shipment.cancelling, order, 'the cancellation of the parcel is forgotten');
  // One that was stopped too late is the courier's and an operator's business until it ends.
  const isStrayed = shipment.stage === 'cancelled' && isFinal(parcel?.stage ?? null);
  if (parcel && !isStrayed)
    must(shipment.stage === parcel.stage, order, `the parcel is ${shipment.stage}, at the courier ${parcel.stage}`);
}

function judgeAd({ ads }: Judged, order: Order): void {
  const { ad } = order.purchase;
  const row = ads.rows[ad];
  const isItsOwn = row?.order_id === orderId(order.id) && row.status !== 'active';
  const isSoldToIt = isItsOwn && row.status === 'sold';
  if (order.state.order.status === 'completed' || areGoodsGone(order)) {
    if (!wasSkipped(order, 'mark_ad_sold')) must(isSoldToIt, order, `its ad is ${row?.status} of ${row?.order_id}`);
  } else if (!wasSkipped(order, 'release_ad')) must(!isItsOwn, order, `is cancelled, and its ad is ${row?.status}`);
}

/** The last way into a cancellation. */
const leaving = ({ told }: Order) => told.findLast(({ to }) => to === 'cancelling');

const areGoodsGone = (order: Order): boolean => {
  const last = leaving(order);
  if (!last?.from || !last.event) return false;
  const owed = saga[last.from].on[last.event]?.commands ?? [];
  return (last.from === 'in_delivery' || last.from === 'delivered') && !owed.includes('release_ad');
};

function judgeParcel({ courier, people, plan }: Judged, order: Order): void {
  if (wasSkipped(order, 'create_shipment') || wasSkipped(order, 'cancel_shipment')) return;
  if (people.gaveUp.has(order.id)) return;
  const stage = courier.parcels[order.id]?.stage;
  // It said no, then yes, and was done with it before anybody could say anything.
  if (plan.courier.refuses > 0 && isFinal(stage ?? null)) return;
  const { status } = order.state.order;
  if (status === 'completed')
    must(stage === 'delivered' || stage === 'returned', order, `is completed, its parcel ${stage}`);
  const from = leaving(order)?.from;
  if (status === 'cancelled' && (from === 'pending_payment' || from === 'paid'))
    must(
      stage === undefined || stage === 'cancelled',
      order,
      `was cancelled before the handover, its parcel is ${stage}`,
    );
}

/** It was stopped too late, and an operator was told. */
const wasStray = (order: Order): boolean => order.state.order.delivery_attention_version > 0;

/** The goods are there once: only one order's parcel can have them. */
function judgeGoods({ courier, orders, people, plan }: Judged, ad: number): void {
  const out = orders.all.filter((order) => {
    const stage = order.purchase.ad === ad ? courier.parcels[order.id]?.stage : undefined;
    return stage !== undefined && stage !== 'created' && stage !== 'cancelled' && stage !== 'returned';
  });
  const isStrange = plan.courier.refuses > 0; // as above: there an order may be over before it is known to be out
  const byPeople = out.some(
    (order) =>
      people.gaveUp.has(order.id) ||
      wasStray(order) ||
      [...order.commands.values()].some(({ state }) => state === 'skipped' || state === 'parked'),
  );
  if (out.length > 1 && !byPeople && !isStrange)
    throw new Defect(`ad ${ad} went to orders ${out.map(({ id }) => id).join(' and ')}`);
}

const wasSkipped = (order: Order, step: Step): boolean =>
  [...order.commands.values()].some((command) => command.step === step && command.state === 'skipped');

const isDone = (order: Order, step: Step): boolean =>
  [...order.commands.values()].some((command) => command.step === step && command.state === 'done');
