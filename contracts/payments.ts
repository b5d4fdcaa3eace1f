// Payments as others see them: what sellers earn and where it goes, refunds by operators, the providers' webhook.
import { z } from 'zod';
import {
  Currency,
  Cursor,
  IdempotencyKey,
  Instant,
  Limit,
  Money,
  OrderId,
  PaymentId,
  Price,
  page,
  Slug,
  text,
} from './common.ts';
import { route } from './route.ts';

export const paymentStatuses = ['in_progress', 'authorized', 'captured', 'failed', 'voided', 'refunded'] as const;
export const PaymentStatus = z.enum(paymentStatuses);
export type PaymentStatus = z.infer<typeof PaymentStatus>;

export const FeeQuote = z
  .object({
    basis_points: z.int().meta({ description: 'The fee in hundredths of a per cent of the price' }),
    price: Money,
    fee: Money.meta({ description: 'Rounded down, in the seller’s favour' }),
    seller_gets: Money,
  })
  .meta({
    id: 'FeeQuote',
    description: 'What a sale at this price would bring now; a sale that has begun keeps its fee',
  });
export type FeeQuote = z.infer<typeof FeeQuote>;

export const Balance = z
  .object({
    currency: Currency,
    pending: z.int().meta({ description: 'Of sales that are paid and not yet completed; a cancellation ends it' }),
    available: z.int().meta({ description: 'Earned, and not yet paid out' }),
    paid_out: z.int(),
  })
  .meta({ id: 'Balance', description: 'In minor units, after the platform’s fee' });
export type Balance = z.infer<typeof Balance>;

export const StatementEntry = z
  .object({
    id: z.int(),
    kind: z.enum(['earned', 'paid_out']),
    order_id: OrderId,
    title: z.string(),
    currency: Currency,
    amount: z.int().meta({ description: 'Added to what the seller is owed, or taken off it' }),
    fee: z.int().meta({ description: 'What the platform kept of the price' }),
    balance: z.int().meta({ description: 'What the seller was owed in this currency afterwards' }),
    at: Instant,
  })
  .meta({ id: 'StatementEntry' });
export type StatementEntry = z.infer<typeof StatementEntry>;

/** Each kind belongs to one provider: a Stripe account that is connected to ours, or a wallet or bank of YooKassa's. */
export const PayoutDestination = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('stripe_account'),
      account_id: z.string().regex(/^acct_[A-Za-z0-9]{1,60}$/, 'must be the id of a Stripe account'),
    }),
    z.strictObject({
      type: z.literal('yoo_money'),
      account_number: z.string().regex(/^\d{11,33}$/, 'must be the number of a YooMoney wallet'),
    }),
    z.strictObject({
      type: z.literal('sbp'),
      phone: z.string().regex(/^\d{10,15}$/, 'must be a phone number with its country code, digits only'),
      bank_id: z.string().regex(/^\d{1,12}$/, 'must be the bank’s id in the faster payments system'),
    }),
  ])
  .meta({ id: 'PayoutDestination' });
export type PayoutDestination = z.infer<typeof PayoutDestination>;

export const KnownDestination = z
  .object({
    provider: z.string(),
    type: z.string(),
    ends_with: z.string().meta({ description: 'The last characters of the account or phone number' }),
    updated_at: Instant,
  })
  .meta({ id: 'KnownDestination' });
export type KnownDestination = z.infer<typeof KnownDestination>;
const KnownDestinations = z.object({ items: z.array(KnownDestination) });

export const NewRefund = z
  .strictObject({
    amount: Price,
    reason: text(3, 300, 'must have at least 3 characters'),
  })
  .meta({ id: 'NewRefund' });
export type NewRefund = z.infer<typeof NewRefund>;

export const Refunded = z
  .object({
    payment_id: PaymentId,
    refunded: Money.meta({ description: 'All that is back with the buyer' }),
    seller_gets: Money.meta({ description: 'What is left for the seller, after the fee' }),
    in_progress: z.boolean().meta({ description: 'The provider has yet to carry it out' }),
  })
  .meta({ id: 'Refunded' });
export type Refunded = z.infer<typeof Refunded>;

export const paymentRoutes = {
  quoteFee: route({
    id: 'quoteFee',
    service: 'payments',
    method: 'GET',
    path: '/v1/payments/fee',
    summary: 'What the seller gets of a price, and what the platform keeps',
    auth: 'user',
    query: z.object({ price: z.coerce.number().int().min(0).max(100_000_000_000), currency: Currency }),
    success: { status: 200, body: FeeQuote },
    problems: ['payment-unavailable'],
  }),
  getBalance: route({
    id: 'getBalance',
    service: 'payments',
    method: 'GET',
    path: '/v1/payments/balance',
    summary: 'What your sales have brought, by currency',
    auth: 'user',
    success: { status: 200, body: z.object({ items: z.array(Balance) }) },
  }),
  getStatement: route({
    id: 'getStatement',
    service: 'payments',
    method: 'GET',
    path: '/v1/payments/statement',
    summary: 'What you earned and what was paid out to you, newest first',
    auth: 'user',
    query: z.object({ currency: Currency.optional(), cursor: Cursor.optional(), limit: Limit.default(20) }),
    success: { status: 200, body: page(StatementEntry) },
  }),
  listPayoutDestinations: route({
    id: 'listPayoutDestinations',
    service: 'payments',
    method: 'GET',
    path: '/v1/payments/payout-destinations',
    summary: 'Where your earnings are paid to',
    auth: 'user',
    success: { status: 200, body: KnownDestinations },
  }),
  setPayoutDestination: route({
    id: 'setPayoutDestination',
    service: 'payments',
    method: 'PUT',
    path: '/v1/payments/payout-destinations',
    summary: 'Say where to pay your earnings; what waited for it is paid then',
    auth: 'user',
    body: PayoutDestination,
    success: { status: 200, body: KnownDestinations },
    problems: ['invalid-field', 'payment-unavailable'],
  }),
  refundPart: route({
    id: 'refundPart',
    service: 'payments',
    method: 'POST',
    path: '/v1/operations/payments/{id}/refunds',
    summary: 'Give the buyer a part of a captured payment back, at the seller’s expense',
    auth: 'operator',
    params: z.object({ id: PaymentId }),
    headers: z.object({ 'idempotency-key': IdempotencyKey }),
    body: NewRefund,
    success: { status: 200, body: Refunded },
    problems: [
      'not-found',
      'conflict',
      'invalid-field',
      'idempotency-key-reused',
      'request-in-progress',
      'payment-unavailable',
    ],
  }),
  paymentWebhook: route({
    id: 'paymentWebhook',
    service: 'payments',
    method: 'POST',
    path: '/v1/payments/webhooks/{provider}',
    summary: 'A payment provider tells what happened',
    auth: 'signed',
    params: z.object({ provider: Slug }),
    rawBody: true,
    bodyLimit: 256 * 1024,
    success: { status: 204 },
    problems: ['invalid-signature', 'not-found', 'invalid-field', 'payment-unavailable'],
  }),
};
