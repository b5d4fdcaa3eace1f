// The ledger: where the money of orders is, as double entries that sum to zero and are never changed.
import type { Transaction } from 'kysely';
import { later } from '../platform/db/later.ts';
import { account } from './accounts.ts';
import { sharesOf } from './shares.ts';
import type { PaymentRow, PaymentsTables } from './store.ts';

export type Booking =
  | { readonly kind: 'captured' }
  /** `reaches` is all that was given back, with this. Once the seller has earned it, it is the platform's loss. */
  | { readonly kind: 'refunded'; readonly amount: number; readonly reaches: number; readonly isEarned: boolean }
  | { readonly kind: 'earned' }
  | { readonly kind: 'paid_out'; readonly amount: number };

type Entry = readonly [account: string, amount: number];

function entriesOf(payment: PaymentRow, booking: Booking): readonly Entry[] {
  switch (booking.kind) {
    case 'captured':
      return [
        [account.provider(payment), payment.amount],
        [account.held(payment), -payment.amount],
      ];
    case 'refunded':
      return [
        [booking.isEarned ? account.losses : account.held(payment), booking.amount],
        [account.provider(payment), -booking.amount],
      ];
    case 'earned': {
      const { seller, fee, delivery } = sharesOf(payment);
      return [
        [account.held(payment), seller + fee + delivery],
        [account.seller(payment), -seller],
        [account.fees, -fee],
        [account.delivery, -delivery],
      ];
    }
    case 'paid_out':
      return [
        [account.seller(payment), booking.amount],
        [account.provider(payment), -booking.amount],
      ];
    default:
      return booking satisfies never;
  }
}

/** Books in the transaction of what it tells of; booking the same a second time is an error. */
export async function book(
  trx: Transaction<PaymentsTables>,
  payment: PaymentRow,
  booking: Booking,
  at: Date,
): Promise<void> {
  const { kind } = booking;
  const reaches = kind === 'refunded' ? booking.reaches : 0;
  const { id } = await trx
    .insertInto('ledger_transactions')
    .values({ payment_id: payment.id, kind, reaches, at })
    .returning('id')
    .executeTakeFirstOrThrow();
  const rows = entriesOf(payment, booking)
    .filter(([, amount]) => amount !== 0)
    .map(([name, amount]) => ({ transaction_id: id, account: name, amount, currency: payment.currency }));
  if (rows.length > 0) await later(trx, trx.insertInto('ledger_entries').values(rows));
}
