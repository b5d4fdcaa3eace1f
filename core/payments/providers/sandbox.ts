// The client of the sandbox provider: its HTTP API and its webhooks.
import { z } from 'zod';
import { Money } from '../../../contracts/common.ts';
import { parseJsonBody } from '../../platform/http/json-body.ts';
import type { Partner } from '../../platform/http/partner.ts';
import { verifySignature } from '../../platform/http/webhook-signature.ts';
import { asking } from './asking.ts';
import type { PaymentProvider, ProviderPayment } from './provider.ts';

export interface SandboxProviderOptions {
  readonly partner: Partner;
  readonly webhookSecret: string;
}

const Payment = z.object({
  id: z.string().min(1).max(100),
  reference: z.string().min(1).max(100),
  status: z.enum(['pending', 'authorized', 'captured', 'cancelled', 'declined', 'refunded']),
  amount: Money,
  // Before there were refunds of a part, the status said it all; webhooks of that time may still be on their way.
  refunded: z.int().min(0).optional(),
  reason: z.string().max(300).nullable(),
});
const NewPayment = Payment.extend({ confirmation_url: z.url() });
const Payout = z.object({ id: z.string().min(1).max(100), status: z.enum(['pending', 'paid', 'failed']) });
const Webhook = z.object({ id: z.string().min(1).max(100), type: z.string(), payment: Payment });

export function sandboxProvider({ partner, webhookSecret }: SandboxProviderOptions): PaymentProvider {
  const base = '/sandbox/psp/v1';
  const ask = async <Schema extends z.ZodType>(
    schema: Schema,
    request: Parameters<Partner>[0],
  ): Promise<z.output<Schema>> => schema.parse(await asking(partner(request), refusalText));
  const act = async (operation: string, path: string, idempotencyKey: string, body: unknown = {}) =>
    payment(await ask(Payment, { operation, method: 'POST', path: `${base}${path}`, idempotencyKey, body }));

  return {
    name: 'sandbox',
    step: () => 1,
    pays: [],
    async createPayment({ idempotencyKey, reference, amount, description, returnUrl }) {
      const body = { reference, amount, description, return_url: returnUrl, capture: false };
      const path = `${base}/payments`;
      const created = await ask(NewPayment, { operation: 'create', method: 'POST', path, idempotencyKey, body });
      return { ...payment(created), confirmationUrl: created.confirmation_url };
    },
    capture: (id, amount, key) => act('capture', `/payments/${encodeURIComponent(id)}/capture`, key, { amount }),
    void: (id, key) => act('cancel', `/payments/${encodeURIComponent(id)}/cancel`, key),
    refund: (id, amount, key) => act('refund', '/refunds', key, { payment_id: id, reference: key, amount }),
    async payout({ idempotencyKey, reference, sellerId, amount }) {
      const body = { reference, amount, destination: sellerId };
      const path = `${base}/payouts`;
      const { id, status } = await ask(Payout, { operation: 'payout', method: 'POST', path, idempotencyKey, body });
      return { payoutId: id, status };
    },
    async get(id) {
      const path = `${base}/payments/${encodeURIComponent(id)}`;
      return payment(await ask(Payment, { operation: 'get', method: 'GET', path }));
    },
    async getPayout(payoutId) {
      const path = `${base}/payouts/${encodeURIComponent(payoutId)}`;
      const { id, status } = await ask(Payout, { operation: 'get_payout', method: 'GET', path });
      return { payoutId: id, status };
    },
    checkDestination: () => Promise.reject(new Error('the sandbox pays to sellers by their ids')),
    async hearWebhook(headers, body, now) {
      verifySignature({ header: headers.get('x-signature'), body, secret: webhookSecret, now });
      const event = parseJsonBody(Webhook, body);
      return { eventId: event.id, payment: payment(event.payment) };
    },
  };
}

const payment = ({ id, reference, status, amount, refunded, reason }: z.output<typeof Payment>): ProviderPayment => ({
  providerId: id,
  reference,
  status,
  amount,
  refunded: refunded ?? (status === 'refunded' ? amount.amount : 0),
  reason,
});

const Refusal = z.object({ error: z.string(), message: z.string().optional() });

function refusalText(body: unknown): string | undefined {
  const { data } = Refusal.safeParse(body);
  return data && `${data.error}: ${data.message ?? ''}`;
}
