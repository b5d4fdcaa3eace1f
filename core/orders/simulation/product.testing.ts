// What a simulated world runs of the product: its decisions as they are. Tests put broken ones in their place.
import * as holds from '../../ads/holds.ts';
import * as delivery from '../../delivery/rules.ts';
import * as payments from '../../payments/rules.ts';
import * as answers from '../answers.ts';
import * as decide from '../decide.ts';
import { orderCan } from '../saga.ts';

export interface Product {
  readonly decide: typeof decide;
  readonly orderCan: typeof orderCan;
  readonly answers: Pick<typeof answers, 'outcomeOf'>;
  readonly payments: typeof payments;
  readonly delivery: typeof delivery;
  readonly holds: typeof holds;
  readonly ways: Ways;
}

/** Not decisions, but how they are written down: here a model has it, with a reference to what it is a model of. */
export interface Ways {
  /** core/platform/db/inbox.ts: an event that was heard is not heard again. */
  readonly inbox: boolean;
  /** core/platform/db/outbox.ts: an event is written in the transaction of what it tells of. */
  readonly outbox: boolean;
  /** core/orders/store.ts, `lockOverdue`: a deadline is a column, and outlives whoever waits for it. */
  readonly timerInRow: boolean;
  /** Idempotency keys of what is asked of companies. */
  readonly companyKeys: boolean;
}

export const product: Product = {
  decide,
  orderCan,
  answers,
  payments,
  delivery,
  holds,
  ways: { inbox: true, outbox: true, timerInRow: true, companyKeys: true },
};
