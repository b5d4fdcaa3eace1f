// What sellers earn: quotes, balances, statements, and where their money goes.
import type { Money, UserId } from '../../contracts/common.ts';
import type {
  Balance,
  FeeQuote,
  KnownDestination,
  PayoutDestination,
  StatementEntry,
} from '../../contracts/payments.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { type PaymentsOptions, providerFor } from './service.ts';
import { feeFor } from './shares.ts';
import * as store from './store.ts';

export function quoteFee(options: PaymentsOptions, price: Money): FeeQuote {
  const basisPoints = options.feeBasisPoints;
  const fee = feeFor(price.amount, { basisPoints, step: providerFor(options, price.currency).step(price.currency) });
  const { currency } = price;
  return {
    basis_points: basisPoints,
    price,
    fee: { amount: fee, currency },
    seller_gets: { amount: price.amount - fee, currency },
  };
}

export const readBalance = ({ db }: PaymentsOptions, sellerId: UserId): Promise<Balance[]> =>
  store.readBalance(db, sellerId);

export interface StatementPage {
  readonly sellerId: UserId;
  readonly currency: string | undefined;
  readonly before: number | undefined;
  readonly limit: number;
}

/** A page of what was booked, newest first, and the id that the next page begins before. */
export async function readStatement(
  { db }: PaymentsOptions,
  asked: StatementPage,
): Promise<{ items: StatementEntry[]; next: number | null }> {
  const rows = await store.readStatement(db, { ...asked, limit: asked.limit + 1 });
  const items = rows.slice(0, asked.limit);
  return { items, next: rows.length > asked.limit ? (items.at(-1)?.id ?? null) : null };
}

export async function listDestinations({ db }: PaymentsOptions, sellerId: UserId): Promise<KnownDestination[]> {
  const rows = await store.readDestinations(db, sellerId);
  return rows.map(({ provider, destination, updated_at }) => ({
    provider,
    type: destination.type,
    ends_with: accountOf(destination).slice(-4),
    updated_at: updated_at.toISOString(),
  }));
}

function accountOf(destination: PayoutDestination): string {
  switch (destination.type) {
    case 'stripe_account':
      return destination.account_id;
    case 'yoo_money':
      return destination.account_number;
    case 'sbp':
      return destination.phone;
    default:
      return destination satisfies never;
  }
}

/** From now on this seller is paid there; payouts that waited for it are begun. */
export async function setDestination(
  options: PaymentsOptions,
  sellerId: UserId,
  destination: PayoutDestination,
): Promise<KnownDestination[]> {
  const { db, providers, clock } = options;
  const provider = [...providers.values()].find(({ pays }) => pays.includes(destination.type));
  if (!provider) {
    const errors = [{ field: 'type', message: 'no payment provider of this marketplace pays to it' }];
    throw new ProblemError('invalid-field', { errors });
  }
  await provider.checkDestination(destination);
  await db.transaction().execute(async (trx) => {
    const now = clock.now();
    await store.writeDestination(trx, { sellerId, provider: provider.name, destination, at: now });
    if (await store.wakePayouts(trx, sellerId, provider.name, now)) await store.wakeWorker(trx);
  });
  return listDestinations(options, sellerId);
}
