// The gRPC methods of payments: parse, call, answer.
import { z } from 'zod';
import { Money, OrderId, PaymentId, UserId } from '../../contracts/common.ts';
import type { PaymentStatus } from '../../contracts/payments.ts';
import { fieldErrors, ProblemError } from '../../contracts/problem.ts';
import {
  type Attention as AttentionMessage,
  type GetStoryResponse,
  type Payment as PaymentMessage,
  type PaymentStatus as PaymentStatusCode,
  PaymentsServiceService,
} from '../../proto/generated/lotok/payments/v1/payments.ts';
import type { RpcServer } from '../platform/rpc/server.ts';
import { traceIdOf } from '../platform/telemetry/tracing.ts';
import {
  type Attention,
  capture,
  giveUp,
  type PaymentsOptions,
  payOut,
  read,
  refund,
  retry,
  startPayment,
  voidPayment,
  watch,
} from './service.ts';
import type { PaymentRow } from './store.ts';
import { type PaymentStory, tellStory } from './story.ts';

const OnePayment = z.object({ paymentId: PaymentId });
const Reasoned = OnePayment.extend({ reason: z.string().max(300) });
const Watched = OnePayment.extend({ afterVersion: z.int().min(0) });
const AboutAttention = OnePayment.extend({ attentionVersion: z.int().min(0) });
const StartPayment = z
  .object({
    paymentId: PaymentId,
    orderId: OrderId,
    buyerId: UserId,
    sellerId: UserId,
    amount: Money.refine(({ amount }) => amount > 0, 'must be more than nothing'),
    sellerAmount: Money,
    description: z.string().max(500),
    returnUrl: z.url({ protocol: /^https?$/ }).max(2_000),
  })
  .refine(
    ({ amount, sellerAmount }) => sellerAmount.currency === amount.currency && sellerAmount.amount <= amount.amount,
    { path: ['sellerAmount'], message: 'must be a part of the amount' },
  );

export function paymentsRpc(server: RpcServer, options: PaymentsOptions): void {
  server.add(PaymentsServiceService, {
    startPayment: async (request) => present(await startPayment(options, parse(StartPayment, request))),
    capture: async (request) => present(await capture(options, parse(OnePayment, request).paymentId)),
    async void(request) {
      const { paymentId, reason } = parse(Reasoned, request);
      return present(await voidPayment(options, paymentId, reason || null));
    },
    async refund(request) {
      const { paymentId, reason } = parse(Reasoned, request);
      return present(await refund(options, paymentId, reason || null));
    },
    payOut: async (request) => present(await payOut(options, parse(OnePayment, request).paymentId)),
    get: async (request) => present(await read(options, parse(OnePayment, request).paymentId)),
    async *watchPayment(request, { signal }) {
      const { paymentId, afterVersion } = parse(Watched, request);
      for await (const payment of watch(options, paymentId, afterVersion, signal)) yield present(payment);
    },
    async retry(request) {
      const { paymentId, attentionVersion } = parse(AboutAttention, request);
      return { attention: presentAttention(await retry(options, paymentId, attentionVersion)) };
    },
    async giveUp(request) {
      const { paymentId, attentionVersion } = parse(AboutAttention, request);
      return { attention: presentAttention(await giveUp(options, paymentId, attentionVersion)) };
    },
    getStory: async (request) => presentStory(await tellStory(options, parse(OnePayment, request).paymentId)),
  });
}

const codes: Readonly<Record<PaymentStatus, PaymentStatusCode>> = {
  in_progress: 'PAYMENT_STATUS_IN_PROGRESS',
  authorized: 'PAYMENT_STATUS_AUTHORIZED',
  captured: 'PAYMENT_STATUS_CAPTURED',
  failed: 'PAYMENT_STATUS_FAILED',
  voided: 'PAYMENT_STATUS_VOIDED',
  refunded: 'PAYMENT_STATUS_REFUNDED',
};

function present(payment: PaymentRow): { payment: PaymentMessage } {
  const payable = payment.status === 'in_progress' && payment.intent === null;
  return {
    payment: {
      paymentId: payment.id,
      orderId: payment.order_id,
      status: codes[payment.status],
      amount: { amount: payment.amount, currency: payment.currency },
      confirmationUrl: payable ? (payment.confirmation_url ?? '') : '',
      reason: payment.reason ?? '',
      version: payment.version,
    },
  };
}

const presentAttention = ({ why, version }: Attention): AttentionMessage => ({ why: why ?? '', version });

function presentStory({ payment, provider, changes, providerEvents, payout, ledger }: PaymentStory): GetStoryResponse {
  const { currency } = payment;
  return {
    paymentId: payment.id,
    provider: payment.provider,
    providerId: payment.provider_id ?? '',
    status: payment.status,
    amount: { amount: payment.amount, currency },
    reason: payment.reason ?? '',
    providerSays: provider.says ?? '',
    providerError: provider.error ?? '',
    intent: payment.intent ?? '',
    intentReason: payment.intent_reason ?? '',
    work: presentWork(payment),
    attention: presentAttention({ why: payment.attention, version: payment.attention_version }),
    changes: changes.map(({ version, status, reason, at }) => ({
      version,
      status,
      reason: reason ?? '',
      at: at.toISOString(),
    })),
    providerEvents: providerEvents.map(({ event_id: eventId, status, received_at }) => ({
      eventId,
      status,
      at: received_at.toISOString(),
    })),
    payout: payout
      ? {
          status: payout.status,
          providerId: payout.provider_id ?? '',
          amount: { amount: payout.amount, currency },
          work: presentWork(payout),
          createdAt: payout.created_at.toISOString(),
          paidAt: payout.paid_at?.toISOString() ?? '',
        }
      : undefined,
    ledger: [...Map.groupBy(ledger, ({ kind }) => kind)].map(([kind, entries]) => ({
      kind,
      at: entries[0]?.at.toISOString() ?? '',
      entries: entries.map(({ account, amount, currency: of }) => ({ account, amount, currency: of })),
    })),
    traceId: traceIdOf(payment.trace) ?? '',
  };
}

const presentWork = ({
  attempts,
  failures,
  last_error,
  due_at,
}: Pick<PaymentRow, 'attempts' | 'failures' | 'last_error' | 'due_at'>) => ({
  attempts,
  failures,
  lastError: last_error ?? '',
  nextTryAt: due_at?.toISOString() ?? '',
});

function parse<Schema extends z.ZodType>(schema: Schema, request: unknown): z.output<Schema> {
  const result = schema.safeParse(request);
  if (result.success) return result.data;
  throw new ProblemError('invalid-field', { errors: fieldErrors(result.error) });
}
