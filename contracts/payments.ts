// Payments as others see them, and the providers' webhook.
import { z } from 'zod';
import { Slug } from './common.ts';
import { route } from './route.ts';

export const paymentStatuses = ['in_progress', 'authorized', 'captured', 'failed', 'voided', 'refunded'] as const;
export const PaymentStatus = z.enum(paymentStatuses);
export type PaymentStatus = z.infer<typeof PaymentStatus>;

export const paymentRoutes = {
  paymentWebhook: route({
    id: 'paymentWebhook',
    service: 'payments',
    method: 'POST',
    path: '/v1/payments/webhooks/{provider}',
    summary: 'A payment provider tells what happened',
    auth: 'signed',
    params: z.object({ provider: Slug }),
    rawBody: true,
    success: { status: 204 },
    problems: ['invalid-signature', 'not-found', 'invalid-field'],
  }),
};
