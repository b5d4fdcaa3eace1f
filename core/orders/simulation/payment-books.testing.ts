// What payments has written down, in memory: a model of core/payments/store.ts, changes.ts and ledger.ts over the rules
// of core/payments/rules.ts. Rows are never changed in place: who has read one has an old one, as there.
import type { PaymentStatus } from '../../../contracts/payments.ts';
import type { ProviderStatus } from '../../payments/providers/provider.ts';
import type { Intent, PayoutState, Source } from '../../payments/rules.ts';
import type { Patience } from '../../platform/patience.ts';
import type { Engine } from './engine.testing.ts';
import type { Network } from './network.testing.ts';
import type { Product } from './product.testing.ts';
import type { Provider } from './provider.testing.ts';

/** Work that is tried until it is done. */
export interface Work {
  readonly due: number | null;
  readonly attempts: number;
  readonly failures: number;
  readonly triedSince: number | null;
  readonly refusals: number;
}

/** A row of `payments`; its id is the order's number. */
export interface PaymentRow extends Work {
  readonly order: number;
  /** Whether the provider's id of it is known, and the page to pay on. */
  readonly registered: boolean;
  readonly page: boolean;
  readonly status: PaymentStatus;
  readonly intent: Intent | null;
  readonly attention: string | null;
  readonly attentionVersion: number;
  readonly version: number;
}

export interface PayoutRow extends Work, PayoutState {}

export type PaymentEvent =
  | { readonly type: 'payment.status_changed'; readonly status: PaymentStatus; readonly version: number }
  | { readonly type: 'payment.attention'; readonly why: string | null; readonly version: number };

export interface PaymentsOptions {
  readonly engine: Engine;
  readonly network: Network;
  readonly provider: Provider;
  readonly product: Product;
  readonly patience: Patience;
  /** Writes to the outbox. */
  readonly tell: (order: number, event: PaymentEvent) => void;
}

const askAfterMs = 60_000;
const longestAskMs = 5 * 60_000;
const authorizedAskMs = 10 * 60_000;
export const untried = { attempts: 0, failures: 0, triedSince: null } as const;
export const pauseMs = (attempts: number): number => Math.min(60_000, 200 * 2 ** attempts);

export class PaymentBooks {
  readonly rows: (PaymentRow | undefined)[] = [];
  readonly payouts: (PayoutRow | undefined)[] = [];
  /** Bookings of each payment: a second one of a kind is an error in the database. */
  readonly #booked = new Set<string>();
  readonly #options: PaymentsOptions;
  /** Hears when the work loop has to look at a payment, or at its payout. */
  readonly #due: (order: number, what: 'payment' | 'payout', at: number | null) => void;

  constructor(options: PaymentsOptions, due: (order: number, what: 'payment' | 'payout', at: number | null) => void) {
    this.#options = options;
    this.#due = due;
  }

  // changes.ts

  applyWord(order: number, word: ProviderStatus, source: Source, now: number): PaymentRow {
    const { hear, isFinal } = this.#options.product.payments;
    const payment = this.read(order);
    const { path, intent } = hear(payment.status, payment.intent, word, source);
    let row = payment;
    for (const status of path) row = this.moveTo(row, status);
    const isNew = intent !== payment.intent;
    const due = nextDue({ ...row, intent }, isNew, now);
    const heard = this.update(order, { registered: true, intent, due, ...(isNew ? untried : {}) });
    const over = intent === null && (payment.intent !== null || isFinal(heard.status));
    return over ? this.attend(order, null) : heard;
  }

  attend(order: number, why: string | null): PaymentRow {
    const payment = this.read(order);
    if (payment.attention === why) return payment;
    const version = payment.attentionVersion + 1;
    this.#options.tell(order, { type: 'payment.attention', why, version });
    return this.update(order, { attention: why, attentionVersion: version });
  }

  moveTo({ order, version }: PaymentRow, status: PaymentStatus): PaymentRow {
    const { engine } = this.#options;
    const row = this.update(order, { status, attempts: 0, failures: 0, triedSince: null, version: version + 1 });
    if (engine.told) engine.say('payments', `payment of order ${order} is ${status}`);
    this.tellStatus(order);
    if (status === 'captured' || status === 'refunded') this.book(order, status);
    return row;
  }

  tellStatus(order: number): void {
    const { status, version } = this.read(order);
    this.#options.tell(order, { type: 'payment.status_changed', status, version });
  }

  // ledger.ts

  book(order: number, kind: 'captured' | 'refunded' | 'earned' | 'paid_out'): void {
    const booking = `${order}/${kind}`;
    if (this.#booked.has(booking)) throw new Error(`payment of order ${order}: ${kind} is booked twice`);
    this.#booked.add(booking);
  }

  // store.ts

  read(order: number): PaymentRow {
    const row = this.rows[order];
    if (!row) throw new Error(`payment of order ${order} vanished`);
    return row;
  }

  readPayout(order: number): PayoutRow {
    const row = this.payouts[order];
    if (!row) throw new Error(`payout of order ${order} vanished`);
    return row;
  }

  update(order: number, change: Partial<PaymentRow>): PaymentRow {
    return this.write({ ...this.read(order), ...change });
  }

  write(row: PaymentRow): PaymentRow {
    this.rows[row.order] = row;
    this.#due(row.order, 'payment', row.due);
    return row;
  }

  updatePayout(order: number, change: Partial<PayoutRow>): PayoutRow {
    return this.writePayout(order, { ...this.readPayout(order), ...change });
  }

  writePayout(order: number, row: PayoutRow): PayoutRow {
    this.payouts[order] = row;
    this.#due(order, 'payout', row.due);
    return row;
  }
}

export function nextDue(
  { status, intent, attempts }: Pick<PaymentRow, 'status' | 'intent' | 'attempts'>,
  atOnce: boolean,
  now: number,
): number | null {
  if (intent) return now + (atOnce ? 0 : pauseMs(attempts));
  if (status === 'in_progress') return now + Math.min(longestAskMs, askAfterMs * 1.5 ** Math.min(attempts, 20));
  if (status === 'authorized') return now + authorizedAskMs;
  return null;
}
