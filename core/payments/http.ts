// The REST route of payments: where providers tell what happened.
import { paymentRoutes } from '../../contracts/payments.ts';
import type { Implement } from '../platform/http/implement.ts';
import { hearWebhook, type PaymentsOptions } from './service.ts';

export const paymentsHttp =
  (options: PaymentsOptions) =>
  (implement: Implement): void => {
    implement(paymentRoutes.paymentWebhook, async ({ params, body, raw }) => {
      await hearWebhook(options, params.provider, raw.headers, body);
      return undefined;
    });
  };
