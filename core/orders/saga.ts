// The order's life as one table: in each state, what may happen, what follows, what is owed then, and how long to wait.
import type { OrderStep } from '../../contracts/operations.ts';
import type { CancelReason, OrderStatus } from '../../contracts/orders.ts';

/** What the saga is told: by payments, delivery, the buyer, an operator, the clock, or by a step of its own that was refused. */
export const sagaEvents = [
  'payment_authorized',
  'payment_failed',
  'payment_lapsed',
  'parcel_taken',
  'parcel_delivered',
  'parcel_returned',
  'parcel_lost',
  'parcel_refused',
  'buyer_cancelled',
  'buyer_accepted',
  'operator_cancelled',
  'ad_refused',
  'cancellation_refused',
  'compensated',
  'timeout',
] as const;
export type SagaEvent = (typeof sagaEvents)[number];

/**
 * Calls to other services. Those of one order run one after another, in the order they were owed, each with the
 * idempotency key `<order>:<step>`, until it succeeds or is refused. When its tries are over it is parked: a person
 * decides, and what comes after it waits.
 */
export type Step = OrderStep;

export type TimeoutName = 'payment' | 'handover' | 'delivery' | 'acceptance';

export interface Transition {
  readonly to: OrderStatus;
  readonly reason?: CancelReason;
  /** Owed from here on, in this order. */
  readonly commands?: readonly Step[];
}

export interface State {
  /** After this long `timeout` happens. States that wait for nobody but us have none: their steps are retried. */
  readonly timeout?: TimeoutName;
  /**
   * Steps that this state has no use for. Entering it drops those that nobody has begun, and those whose tries are over;
   * one that is being tried may have its effect yet and is carried to its end, but nobody has to decide about it then.
   */
  readonly unwanted?: readonly Step[];
  readonly on: Partial<Readonly<Record<SagaEvent, Transition>>>;
}

const forwardSteps: readonly Step[] = [
  'start_payment',
  'mark_ad_sold',
  'create_shipment',
  'notify_paid',
  'capture_payment',
];
/** The steps that undo. Undoing has no undo: it is retried until it holds, or a person says that it does. */
const undoingSteps: readonly Step[] = ['return_money', 'release_ad'];

const cancelling = (reason: CancelReason, ...commands: Step[]): Transition => ({ to: 'cancelling', reason, commands });

export const saga: Readonly<Record<OrderStatus, State>> = {
  pending_payment: {
    timeout: 'payment',
    on: {
      payment_authorized: { to: 'paid', commands: ['mark_ad_sold', 'create_shipment', 'notify_paid'] },
      payment_failed: cancelling('payment_declined', 'release_ad'),
      buyer_cancelled: cancelling('buyer_cancelled', 'return_money', 'release_ad'),
      operator_cancelled: cancelling('operator_cancelled', 'return_money', 'release_ad'),
      timeout: cancelling('payment_timeout', 'return_money', 'release_ad'),
    },
  },
  paid: {
    timeout: 'handover',
    on: {
      // The courier has the parcel: now the money is taken.
      parcel_taken: { to: 'in_delivery', commands: ['capture_payment'] },
      parcel_refused: cancelling('courier_refused', 'return_money', 'release_ad'),
      // The hold ran out and somebody else has the ad: not ours to release.
      ad_refused: cancelling('ad_unavailable', 'cancel_shipment', 'return_money'),
      // The authorisation is gone at the provider; what it may still hold is given back all the same.
      payment_lapsed: cancelling('payment_error', 'cancel_shipment', 'return_money', 'release_ad'),
      // The shipment first: once the courier has the parcel the cancellation is refused, and the money must still be there.
      buyer_cancelled: cancelling('buyer_cancelled', 'cancel_shipment', 'return_money', 'release_ad'),
      operator_cancelled: cancelling('operator_cancelled', 'cancel_shipment', 'return_money', 'release_ad'),
      timeout: cancelling('delivery_timeout', 'cancel_shipment', 'return_money', 'release_ad'),
    },
  },
  in_delivery: {
    timeout: 'delivery',
    unwanted: undoingSteps,
    on: {
      parcel_delivered: { to: 'delivered' },
      parcel_returned: cancelling('parcel_returned', 'return_money', 'release_ad'),
      parcel_refused: cancelling('courier_refused', 'return_money', 'release_ad'),
      // The goods are gone: the money goes back, the ad does not.
      parcel_lost: cancelling('parcel_lost', 'return_money'),
      timeout: cancelling('delivery_timeout', 'return_money'),
      // The courier would refuse to stop, and the saga would come back here. Who has the goods is for people to settle.
      operator_cancelled: cancelling('operator_cancelled', 'return_money'),
    },
  },
  delivered: {
    timeout: 'acceptance',
    on: {
      buyer_accepted: { to: 'completed', commands: ['pay_out_seller'] },
      parcel_returned: cancelling('parcel_returned', 'return_money', 'release_ad'),
      operator_cancelled: cancelling('operator_cancelled', 'return_money'),
      // Silence is consent.
      timeout: { to: 'completed', commands: ['pay_out_seller'] },
    },
  },
  // The money is the seller's: nothing leads back.
  completed: { on: {} },
  cancelling: {
    unwanted: forwardSteps,
    on: {
      // The courier was quicker than the cancellation: the parcel goes its way, and is paid for.
      cancellation_refused: { to: 'in_delivery', commands: ['capture_payment'] },
      compensated: { to: 'cancelled' },
    },
  },
  cancelled: { on: {} },
};

/** What follows, or null where the event changes nothing in this state: it came twice, or too late. */
export const next = (status: OrderStatus, event: SagaEvent): Transition | null => saga[status].on[event] ?? null;

/** Rules that routes and saga share. */
export const orderCan = {
  beCancelledByBuyer: (status: OrderStatus): boolean => next(status, 'buyer_cancelled') !== null,
  beAccepted: (status: OrderStatus): boolean => next(status, 'buyer_accepted') !== null,
  bePaid: (status: OrderStatus): boolean => status === 'pending_payment',
  beCompensated: (status: OrderStatus): boolean => next(status, 'operator_cancelled') !== null,
  beReviewed: (status: OrderStatus): boolean => status === 'completed',
};
