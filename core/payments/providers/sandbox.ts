// The client of the sandbox provider: its HTTP API and its webhooks.
import { z } from 'zod';
import { Money } from '../../../contracts/common.ts';
import { fieldErrors, ProblemError } from '../../../contracts/problem.ts';
import { type Partner, PartnerRefusal, PartnerUnavailable } from '../../platform/http/partner.ts';
import { verifySignature } from '../../platform/http/webhook-signature.ts';
import { type PaymentProvider, type ProviderPayment, ProviderRefusal, ProviderUnavailable } from './provider.ts';

export interface SandboxProviderOptions {
  readonly partner: Partner;
  readonly webhookSecret: string;
}

const Payment = z.object({
  id: z.string().min(1).max(100),
  reference: z.string().min(1).max(100),
  status: z.enum(['pending', 'authorized', 'captured', 'cancelled', 'declined', 'refunded']),
  amount: Money,
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
  ): Promise<z.output<Schema>> => {
    try {
      return schema.parse(await partner(request));
    } catch (error) {
      if (error instanceof PartnerRefusal) throw new ProviderRefusal(refusalText(error), { cause: error });
      if (error instanceof PartnerUnavailable) throw new ProviderUnavailable(error.message, { cause: error });
      throw error;
    }
  };
  const act = async (operation: string, path: string, idempotencyKey: string, body: unknown = {}) =>
    payment(await ask(Payment, { operation, method: 'POST', path: `${base}${path}`, idempotencyKey, body }));

  return {
    name: 'sandbox',
    async createPayment({ idempotencyKey, reference, amount, description, returnUrl }) {
      const body = { reference, amount, description, return_url: returnUrl, capture: false };
      const path = `${base}/payments`;
      const created = await ask(NewPayment, { operation: 'create', method: 'POST', path, idempotencyKey, body });
      return { ...payment(created), confirmationUrl: created.confirmation_url };
    },
    capture: (id, amount, key) => act('capture', `/payments/${encodeURIComponent(id)}/capture`, key, { amount }),
    void: (id, key) => act('cancel', `/payments/${encodeURIComponent(id)}/cancel`, key),
    refund: (id, amount, key) => act('refund', '/refunds', key, { payment_id: id, amount }),
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
    parseWebhook(headers, body, now) {
      verifySignature({ header: headers.get('x-signature'), body, secret: webhookSecret, now });
      let json: unknown;
      try {
        json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
      } catch {
        throw new ProblemError('invalid-json');
      }
      const parsed = Webhook.safeParse(json);
      if (!parsed.success) throw new ProblemError('invalid-field', { errors: fieldErrors(parsed.error) });
      return { eventId: parsed.data.id, payment: payment(parsed.data.payment) };
    },
  };
}

const payment = ({ id, reference, status, amount, reason }: z.output<typeof Payment>): ProviderPayment => ({
  providerId: id,
  reference,
  status,
  amount,
  reason,
});

const Refusal = z.object({ error: z.string(), message: z.string().optional() });

function refusalText(refusal: PartnerRefusal): string {
  const { data } = Refusal.safeParse(refusal.body);
  return data ? `${data.error}: ${data.message ?? ''}`.slice(0, 300) : refusal.message;
}
