// The ledger: where the money of orders is, as double entries that sum to zero.
import type { Transaction } from 'kysely';
import { later } from '../platform/db/later.ts';
import type { PaymentRow, PaymentsTables } from './store.ts';

/**
 * Accounts. A positive entry is what the account has or is owed, a negative one what it owes:
 * `provider` keeps the money, `held:<order>` owes it to whoever the order's end names, `seller:<id>` and `platform` own.
 */
const account = {
  provider: 'provider',
  platform: 'platform',
  held: (payment: PaymentRow) => `held:${payment.order_id}`,
  seller: (payment: PaymentRow) => `seller:${payment.seller_id}`,
} as const;

export type Booking = 'captured' | 'refunded' | 'earned' | 'paid_out';

/** Each booking as account and amount. */
const entries: Readonly<Record<Booking, (payment: PaymentRow) => readonly (readonly [string, number])[]>> = {
  captured: (payment) => [
    [account.provider, payment.amount],
    [account.held(payment), -payment.amount],
  ],
  refunded: (payment) => [
    [account.held(payment), payment.amount],
    [account.provider, -payment.amount],
  ],
  earned: (payment) => [
    [account.held(payment), payment.amount],
    [account.seller(payment), -payment.seller_amount],
    [account.platform, payment.seller_amount - payment.amount],
  ],
  paid_out: (payment) => [
    [account.seller(payment), payment.seller_amount],
    [account.provider, -payment.seller_amount],
  ],
};

/** Books in the transaction of what it tells of; a second booking of the same kind is an error. */
export async function book(
  trx: Transaction<PaymentsTables>,
  payment: PaymentRow,
  kind: Booking,
  at: Date,
): Promise<void> {
  const { id } = await trx
    .insertInto('ledger_transactions')
    .values({ payment_id: payment.id, kind, at })
    .returning('id')
    .executeTakeFirstOrThrow();
  const rows = entries[kind](payment)
    .filter(([, amount]) => amount !== 0)
    .map(([name, amount]) => ({ transaction_id: id, account: name, amount, currency: payment.currency }));
  if (rows.length > 0) await later(trx, trx.insertInto('ledger_entries').values(rows));
}
