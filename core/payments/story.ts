// What payments knows of one payment, for operators: its way, what the provider told and says now, and its money.
import { context } from '@opentelemetry/api';
import type { PaymentId } from '../../contracts/common.ts';
import { inheritedDeadline, withDeadline } from '../platform/rpc/deadline.ts';
import type { PaymentsOptions } from './service.ts';
import { read } from './service.ts';
import * as store from './store.ts';

export interface PaymentStory {
  readonly payment: store.PaymentRow;
  /** What the provider answers now, or why it doesn't; neither where it has never heard of the payment. */
  readonly provider: { readonly says: string | null; readonly error: string | null };
  readonly changes: readonly store.ChangeRow[];
  readonly providerEvents: readonly store.ProviderEventRow[];
  readonly payout: store.PayoutRow | null;
  readonly ledger: readonly store.LedgerRow[];
}

const askMs = 1_500;

export async function tellStory(options: PaymentsOptions, id: PaymentId): Promise<PaymentStory> {
  const { db } = options;
  const payment = await read(options, id);
  const [changes, providerEvents, payout, ledger, provider] = await Promise.all([
    store.readChanges(db, id, 0),
    store.readProviderEvents(db, id),
    store.readPayout(db, id),
    store.readLedger(db, id),
    askProvider(options, payment),
  ]);
  return { payment, changes, providerEvents, payout: payout ?? null, ledger, provider };
}

/** Whatever goes wrong, the rest of the story is worth telling. */
async function askProvider(
  { providers, log }: PaymentsOptions,
  { id, provider, provider_id }: store.PaymentRow,
): Promise<PaymentStory['provider']> {
  const known = providers.get(provider);
  if (provider_id === null) return { says: null, error: null };
  if (!known) return { says: null, error: `there is no provider ${provider}` };
  const until = Math.min(inheritedDeadline(), Date.now() + askMs);
  try {
    const { status } = await context.with(withDeadline(context.active(), until), () => known.get(provider_id));
    return { says: status, error: null };
  } catch (error) {
    log.warn('payment.provider_silent', { payment_id: id, error });
    return { says: null, error: error instanceof Error ? error.message : String(error) };
  }
}
