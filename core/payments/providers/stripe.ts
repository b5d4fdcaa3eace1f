// Stripe: a Checkout session is the page to pay on; its payment intent holds the money until it is captured.
import type Stripe from 'stripe';
import { z } from 'zod';
import { ProblemError } from '../../../contracts/problem.ts';
import { parseJsonBody } from '../../platform/http/json-body.ts';
import {
  type NewProviderPayout,
  type PaymentProvider,
  type ProviderPayment,
  type ProviderPayout,
  ProviderRefusal,
  type ProviderStatus,
} from './provider.ts';
import { fromStripe, stripeStep, toStripe } from './stripe-amounts.ts';
import type { StripeClient } from './stripe-client.ts';

export interface StripeProviderOptions {
  readonly client: StripeClient;
  /** Several while one is being changed. */
  readonly webhookSecrets: readonly string[];
}

type Session = Stripe.Checkout.Session;
type Intent = Stripe.PaymentIntent;

const expand = ['payment_intent.latest_charge'];
/** More than anybody gives back of one payment, or pays out for it. */
const mostOfOne = 100;

/** Only what the event is about is read: how that is now, Stripe is asked, so the order of events does not matter. */
const Event = z.object({
  id: z.string().min(1).max(255),
  type: z.string().max(100),
  data: z.object({
    object: z.object({
      id: z.string().max(255).optional(),
      object: z.string(),
      payment_intent: z.union([z.string(), z.object({ id: z.string() })]).nullish(),
    }),
  }),
});

export function stripeProvider({ client, webhookSecrets }: StripeProviderOptions): PaymentProvider {
  const { ask } = client;

  const readSession = (id: string): Promise<Session> =>
    ask('get', (stripe, options) => stripe.checkout.sessions.retrieve(id, { expand }, options));

  const refundsOf = async (intent: Intent): Promise<Stripe.Refund[]> => {
    const { data } = await ask('list_refunds', (stripe, options) =>
      stripe.refunds.list({ payment_intent: intent.id, limit: mostOfOne }, options),
    );
    return data;
  };

  const payment = async (session: Session): Promise<ProviderPayment> => {
    const { reference } = session.metadata ?? {};
    if (!reference || session.amount_total === null || session.currency === null) {
      throw new Error(`the checkout session ${session.id} is not one of ours`);
    }
    const intent = intentOf(session);
    const amount = fromStripe(session.amount_total, session.currency);
    const refunded = intent && hasRefunds(intent) ? back(await refundsOf(intent)) : 0;
    const status = statusOf(session, intent, refunded >= session.amount_total);
    return {
      providerId: session.id,
      reference,
      status,
      amount,
      refunded: fromStripe(refunded, session.currency).amount,
      reason: status === 'cancelled' ? (intent?.cancellation_reason ?? session.status) : null,
    };
  };
  const get = async (id: string): Promise<ProviderPayment> => payment(await readSession(id));

  /** Null where there is no session: the account may sell other things, too. */
  const sessionOfIntent = async (intent: string): Promise<Session | null> => {
    const { data } = await ask('find', (stripe, options) =>
      stripe.checkout.sessions.list(
        { payment_intent: intent, limit: 1, expand: expand.map((path) => `data.${path}`) },
        options,
      ),
    );
    return data[0] ?? null;
  };

  return {
    name: 'stripe',
    step: stripeStep,
    pays: ['stripe_account'],

    async createPayment({ idempotencyKey, reference, amount, description, returnUrl }) {
      const { amount: unit_amount, currency } = toStripe(amount);
      const metadata = { reference };
      const name = description.trim() === '' ? reference : description;
      const session = await ask('create', (stripe, options) =>
        stripe.checkout.sessions.create(
          {
            mode: 'payment',
            client_reference_id: reference,
            metadata,
            line_items: [{ quantity: 1, price_data: { currency, unit_amount, product_data: { name } } }],
            payment_intent_data: { capture_method: 'manual', description: name, metadata },
            success_url: returnUrl,
            cancel_url: returnUrl,
            expand,
          },
          { ...options, idempotencyKey },
        ),
      );
      if (session.url === null && session.status === 'open') throw new Error(`no page for ${session.id}`);
      return { ...(await payment(session)), confirmationUrl: session.url ?? returnUrl };
    },

    async capture(id, amount, idempotencyKey) {
      const intent = paidIntent(await readSession(id));
      const { amount: amount_to_capture } = toStripe(amount);
      await ask('capture', (stripe, options) =>
        stripe.paymentIntents.capture(intent.id, { amount_to_capture }, { ...options, idempotencyKey }),
      );
      return get(id);
    },

    async void(id, idempotencyKey) {
      const session = await readSession(id);
      const intent = intentOf(session);
      if (session.status === 'open') {
        await ask('expire', (stripe, options) =>
          stripe.checkout.sessions.expire(id, {}, { ...options, idempotencyKey }),
        );
      } else if (intent?.status === 'requires_capture') {
        await ask('cancel', (stripe, options) =>
          stripe.paymentIntents.cancel(intent.id, {}, { ...options, idempotencyKey }),
        );
      } else {
        return payment(session);
      }
      return get(id);
    },

    async refund(id, money, idempotencyKey) {
      const intent = paidIntent(await readSession(id));
      const { amount } = toStripe(money);
      // Stripe forgets idempotency keys after a day; a refund may take longer, and is asked about meanwhile.
      const known = (await refundsOf(intent)).find(({ metadata }) => metadata?.['key'] === idempotencyKey);
      const refund =
        known ??
        (await ask('refund', (stripe, options) =>
          stripe.refunds.create(
            { payment_intent: intent.id, amount, metadata: { key: idempotencyKey } },
            { ...options, idempotencyKey },
          ),
        ));
      if (refund.status === 'failed' || refund.status === 'canceled') {
        throw new ProviderRefusal(`the refund ${refund.status}: ${refund.failure_reason ?? 'without a reason'}`);
      }
      return get(id);
    },

    async payout(request) {
      const account = accountOf(request);
      const { reference, providerId, idempotencyKey } = request;
      const { data } = await ask('list_payouts', (stripe, options) =>
        stripe.transfers.list({ transfer_group: reference, limit: mostOfOne }, options),
      );
      const known = data.find(({ metadata }) => metadata['key'] === idempotencyKey);
      if (known) return transferred(known);
      const { latest_charge: charge } = paidIntent(await readSession(providerId));
      if (charge === null) throw new ProviderRefusal('nothing was charged');
      return transferred(
        await ask('payout', (stripe, options) =>
          stripe.transfers.create(
            {
              ...toStripe(request.amount),
              destination: account,
              transfer_group: reference,
              // Else it would wait for the balance, or take other sellers' money from it.
              source_transaction: typeof charge === 'string' ? charge : charge.id,
              metadata: { key: idempotencyKey },
            },
            { ...options, idempotencyKey },
          ),
        ),
      );
    },

    get,
    getPayout: async (id) =>
      transferred(await ask('get_payout', (stripe, options) => stripe.transfers.retrieve(id, {}, options))),

    async checkDestination(destination) {
      if (destination.type !== 'stripe_account') throw new Error(`Stripe does not pay to ${destination.type}`);
      const refuse = (message: string, cause?: unknown): never => {
        throw new ProblemError('invalid-field', { errors: [{ field: 'account_id', message }], cause });
      };
      const account = await ask('get_account', (stripe, options) =>
        stripe.accounts.retrieve(destination.account_id, {}, options),
      ).catch((error: unknown) => {
        if (!(error instanceof ProviderRefusal)) throw error;
        return refuse('is not connected to this marketplace', error);
      });
      if (account.capabilities?.transfers !== 'active')
        refuse('can not receive transfers yet; finish its set-up at Stripe');
    },

    async hearWebhook(headers, body, now) {
      assertSigned(client, webhookSecrets, headers.get('stripe-signature'), body, now);
      const { id: eventId, type, data } = parseJsonBody(Event, body);
      const { object } = data;
      const intent = object.object === 'payment_intent' ? object.id : object.payment_intent;
      if (type.startsWith('checkout.session.') && object.id) {
        const session = await readSession(object.id);
        return session.metadata?.['reference'] ? { eventId, payment: await payment(session) } : null;
      }
      if (!intent || !/^(payment_intent|charge|refund)\./.test(type)) return null;
      const session = await sessionOfIntent(typeof intent === 'string' ? intent : intent.id);
      return session?.metadata?.['reference'] ? { eventId, payment: await payment(session) } : null;
    },
  };
}

const intentOf = ({ payment_intent }: Session): Intent | null =>
  typeof payment_intent === 'string' ? null : payment_intent;

function paidIntent(session: Session): Intent {
  const intent = intentOf(session);
  if (!intent) throw new ProviderRefusal(`it has not been paid: the session is ${session.status}`);
  return intent;
}

const hasRefunds = ({ latest_charge }: Intent): boolean =>
  latest_charge !== null && typeof latest_charge !== 'string' && latest_charge.amount_refunded > 0;

/** Of what is under way nobody knows yet whether it arrives. */
const back = (refunds: readonly Stripe.Refund[]): number =>
  refunds.reduce((sum, { status, amount }) => sum + (status === 'succeeded' ? amount : 0), 0);

/** A card that is declined leaves the session open: the buyer may try another one. */
function statusOf(session: Session, intent: Intent | null, isBack: boolean): ProviderStatus {
  if (session.status === 'expired') return 'cancelled';
  switch (intent?.status) {
    case 'requires_capture':
      return 'authorized';
    case 'succeeded':
      return isBack ? 'refunded' : 'captured';
    case 'canceled':
      return 'cancelled';
    default:
      return 'pending';
  }
}

function accountOf({ destination }: NewProviderPayout): string {
  if (destination?.type !== 'stripe_account') throw new ProviderRefusal('the seller has no Stripe account');
  return destination.account_id;
}

/** Transfers happen at once. */
const transferred = ({ id, reversed }: Stripe.Transfer): ProviderPayout => ({
  payoutId: id,
  status: reversed ? 'failed' : 'paid',
});

function assertSigned(
  { webhooks }: StripeClient,
  secrets: readonly string[],
  header: string | null,
  body: Uint8Array,
  now: Date,
): void {
  const isSignedBy = (secret: string): boolean => {
    try {
      webhooks.constructEvent(Buffer.from(body), header ?? '', secret, undefined, undefined, now.getTime());
      return true;
    } catch {
      return false;
    }
  };
  if (!secrets.some(isSignedBy)) throw new ProblemError('invalid-signature');
}
