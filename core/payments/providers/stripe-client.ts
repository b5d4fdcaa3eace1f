// Stripe's own library behind what every partner's calls get, with its errors in the words of partners.
import Stripe from 'stripe';
import {
  createPartnerCalls,
  type PartnerCalls,
  PartnerRefusal,
  PartnerUnavailable,
} from '../../platform/http/partner.ts';
import { asking } from './asking.ts';

export interface StripeClientOptions extends PartnerCalls {
  readonly secretKey: string;
  readonly apiUrl: string;
}

export interface StripeClient {
  /** The library, for what needs no call. */
  readonly webhooks: Stripe['webhooks'];
  ask<Answer>(
    operation: string,
    call: (stripe: Stripe, options: { readonly timeout: number }) => Promise<Answer>,
  ): Promise<Answer>;
}

/** Every call is safe to repeat: it reads, or has an idempotency key. */
export function createStripeClient({ secretKey, apiUrl, ...calls }: StripeClientOptions): StripeClient {
  const { hostname: host, port, protocol } = new URL(apiUrl);
  const stripe = new Stripe(secretKey, {
    host,
    port: port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port),
    protocol: protocol === 'http:' ? 'http' : 'https',
    // How often and how long is decided here, by the caller's deadline.
    maxNetworkRetries: 0,
    telemetry: false,
    appInfo: { name: 'Lotok' },
  });
  const calling = createPartnerCalls(calls);
  return {
    webhooks: stripe.webhooks,
    ask: (operation, call) =>
      asking(
        calling({ operation, repeatable: true }, async (timeout) => {
          try {
            return await call(stripe, { timeout });
          } catch (error) {
            throw inPartnersWords(operation, error);
          }
        }),
        (body) => body as string,
      ),
  };
}

/** https://docs.stripe.com/error-handling: what says nothing about the request itself is no answer. */
function inPartnersWords(operation: string, error: unknown): unknown {
  if (!(error instanceof Stripe.errors.StripeError)) return error;
  const { statusCode = 0, code = error.type, decline_code, message } = error;
  // The account of a stranger looks like a missing permission.
  const isPermission = error instanceof Stripe.errors.StripePermissionError && code !== 'account_invalid';
  const isSilence =
    error instanceof Stripe.errors.StripeConnectionError ||
    error instanceof Stripe.errors.StripeAPIError ||
    error instanceof Stripe.errors.StripeRateLimitError ||
    error instanceof Stripe.errors.StripeAuthenticationError ||
    isPermission ||
    statusCode >= 500 ||
    code === 'lock_timeout' ||
    code === 'idempotency_key_in_use';
  if (isSilence) return new PartnerUnavailable(`${operation}: ${code}`, { cause: error });
  return new PartnerRefusal(operation, statusCode, `${decline_code ?? code}: ${message}`);
}
