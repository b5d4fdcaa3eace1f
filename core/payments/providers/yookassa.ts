// YooKassa, API v3: payments in two stages on its own page, refunds, payouts by its payouts contract, notifications.
import { createHash } from 'node:crypto';
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import { Currency, type Money } from '../../../contracts/common.ts';
import { ProblemError } from '../../../contracts/problem.ts';
import { parseJsonBody } from '../../platform/http/json-body.ts';
import type { Partner } from '../../platform/http/partner.ts';
import { fromDecimal, toDecimal } from '../minor-units.ts';
import { asking } from './asking.ts';
import {
  type PaymentProvider,
  type ProviderPayment,
  type ProviderPayout,
  ProviderRefusal,
  type ProviderStatus,
} from './provider.ts';

export interface YookassaProviderOptions {
  readonly partner: Partner;
  /** Undefined where there is no contract about payouts. */
  readonly payouts: Partner | undefined;
  /** Where notifications come from. */
  readonly networks: readonly string[];
}

/** https://yookassa.ru/developers/using-api/webhooks#ip */
export const publishedNetworks: readonly string[] = [
  '185.71.76.0/27',
  '185.71.77.0/27',
  '77.75.153.0/25',
  '77.75.156.11/32',
  '77.75.156.35/32',
  '77.75.154.128/25',
  '2a02:5180::/32',
];

const Id = z.string().min(1).max(100);
const Amount = z.object({ value: z.string().max(30), currency: Currency }).transform(({ value, currency }, context) => {
  const money = fromDecimal(value, currency);
  if (money) return money;
  context.addIssue(`${value} is no amount of ${currency}`);
  return z.NEVER;
});
const Cancellation = z.object({ party: z.string(), reason: z.string() });
const Payment = z.object({
  id: Id,
  status: z.enum(['pending', 'waiting_for_capture', 'succeeded', 'canceled']),
  amount: Amount,
  refunded_amount: Amount.optional(),
  confirmation: z.object({ confirmation_url: z.url().optional() }).optional(),
  cancellation_details: Cancellation.optional(),
  metadata: z.record(z.string(), z.string()).default({}),
});
type Payment = z.output<typeof Payment>;
const Refund = z.object({
  id: Id,
  status: z.enum(['pending', 'succeeded', 'canceled']),
  description: z.string().optional(),
  cancellation_details: Cancellation.optional(),
});
const Payout = z.object({
  id: Id,
  status: z.enum(['pending', 'succeeded', 'canceled']),
  metadata: z.record(z.string(), z.string()).default({}),
});
const listOf = <Item extends z.ZodType>(item: Item) => z.object({ items: z.array(item) });
const Notification = z.object({
  type: z.literal('notification'),
  event: z
    .string()
    .regex(/^[a-z_]+(\.[a-z_]+)+$/)
    .max(100),
  object: z.object({ id: Id, payment_id: Id.optional() }),
});

const longestKey = 64;
const longestDescription = 128;

export function yookassaProvider({ partner, payouts, networks }: YookassaProviderOptions): PaymentProvider {
  const isTheirs = addressesIn(networks);
  const at = (path: string, ...ids: string[]): string =>
    ids.reduce((filled, id) => filled.replace('{id}', encodeURIComponent(id)), `/v3${path}`);
  const askOf =
    (caller: Partner) =>
    async <Schema extends z.ZodType>(schema: Schema, request: Parameters<Partner>[0]): Promise<z.output<Schema>> =>
      schema.parse(await asking(caller(request), refusalText));
  const ask = askOf(partner);

  const read = async (id: string): Promise<Payment> =>
    ask(Payment, { operation: 'get', method: 'GET', path: at('/payments/{id}', id) });
  const get = async (id: string): Promise<ProviderPayment> => payment(await read(id));
  const act = async (operation: string, id: string, key: string, body: unknown): Promise<ProviderPayment> => {
    const path = at(`/payments/{id}/${operation}`, id);
    return payment(await ask(Payment, { operation, method: 'POST', path, idempotencyKey: shortened(key), body }));
  };
  const paying = (): ReturnType<typeof askOf> => {
    if (!payouts) throw new ProviderRefusal('there is no contract with YooKassa about payouts');
    return askOf(payouts);
  };

  return {
    name: 'yookassa',
    step: () => 1,
    pays: payouts ? ['yoo_money', 'sbp'] : [],

    async createPayment({ idempotencyKey, reference, amount, description, returnUrl }) {
      const created = await ask(Payment, {
        operation: 'create',
        method: 'POST',
        path: at('/payments'),
        idempotencyKey: shortened(idempotencyKey),
        body: {
          amount: written(amount),
          capture: false,
          confirmation: { type: 'redirect', return_url: returnUrl },
          description: [...description].slice(0, longestDescription).join(''),
          metadata: { reference },
        },
      });
      // It is there only as long as there is something to confirm.
      return { ...payment(created), confirmationUrl: created.confirmation?.confirmation_url ?? returnUrl };
    },

    capture: (id, amount, key) => act('capture', id, key, { amount: written(amount) }),

    async void(id, key) {
      const present = await get(id);
      // Only what waits for its capture can be cancelled. The page closes by itself within the hour.
      if (present.status === 'pending') return { ...present, status: 'lapsing' };
      return present.status === 'authorized' ? act('cancel', id, key, {}) : present;
    },

    async refund(id, amount, idempotencyKey) {
      const key = shortened(idempotencyKey);
      // YooKassa forgets idempotency keys after a day; a refund may take longer, and is asked about meanwhile.
      const path = `${at('/refunds')}?payment_id=${encodeURIComponent(id)}&limit=100`;
      const { items } = await ask(listOf(Refund), { operation: 'list_refunds', method: 'GET', path });
      const refund =
        items.find(({ description }) => description === key) ??
        (await ask(Refund, {
          operation: 'refund',
          method: 'POST',
          path: at('/refunds'),
          idempotencyKey: key,
          body: { payment_id: id, amount: written(amount), description: key },
        }));
      if (refund.status === 'canceled') {
        throw new ProviderRefusal(`the refund was cancelled: ${refund.cancellation_details?.reason ?? 'no reason'}`);
      }
      return get(id);
    },

    async payout({ idempotencyKey, reference, destination, amount }) {
      const paid = paying();
      if (destination?.type !== 'yoo_money' && destination?.type !== 'sbp') {
        throw new ProviderRefusal('the seller has said no wallet and no bank');
      }
      const key = shortened(idempotencyKey);
      const path = `${at('/payouts/search')}?metadata[key]=${encodeURIComponent(key)}`;
      const { items } = await paid(listOf(Payout), { operation: 'list_payouts', method: 'GET', path });
      const known = items.find(({ metadata }) => metadata['key'] === key);
      if (known) return paidOut(known);
      return paidOut(
        await paid(Payout, {
          operation: 'payout',
          method: 'POST',
          path: at('/payouts'),
          idempotencyKey: key,
          body: { amount: written(amount), payout_destination_data: destination, metadata: { key, reference } },
        }),
      );
    },

    get,
    async getPayout(id) {
      const request = { operation: 'get_payout', method: 'GET', path: at('/payouts/{id}', id) } as const;
      return paidOut(await paying()(Payout, request));
    },
    // What is wrong with a wallet or a bank shows when it is paid to.
    checkDestination: async () => undefined,

    /** Notifications carry no signature: they have to come from YooKassa, and what they say it is asked about. */
    async hearWebhook(headers, body) {
      // The edge writes down who called it, and nobody else can.
      const [address = ''] = (headers.get('x-forwarded-for') ?? '').split(',', 1);
      if (!isTheirs(address.trim())) throw new ProblemError('invalid-signature', { detail: 'It is not from YooKassa' });
      const { event, object } = parseJsonBody(Notification, body);
      const id = event.startsWith('refund.') ? object.payment_id : event.startsWith('payment.') ? object.id : undefined;
      if (id === undefined) return null;
      const present = await read(id);
      // The shop may sell other things, too.
      return present.metadata['reference'] === undefined
        ? null
        : { eventId: `${event}:${object.id}`, payment: payment(present) };
    },
  };
}

const written = (money: Money) => ({ value: toDecimal(money), currency: money.currency });

function payment({ id, metadata, status, amount, refunded_amount, cancellation_details }: Payment): ProviderPayment {
  const { reference } = metadata;
  if (reference === undefined) throw new Error(`the payment ${id} is not one of ours`);
  const refunded = refunded_amount?.amount ?? 0;
  return {
    providerId: id,
    reference,
    amount,
    refunded,
    status: statusOf(status, refunded >= amount.amount, cancellation_details),
    reason: cancellation_details?.reason ?? null,
  };
}

/** Not a bank's no: somebody gave it up, or its time ran out. */
const givenUp = new Set(['canceled_by_merchant', 'expired_on_confirmation', 'expired_on_capture']);

function statusOf(
  status: Payment['status'],
  isBack: boolean,
  cancellation: Payment['cancellation_details'],
): ProviderStatus {
  switch (status) {
    case 'pending':
      return 'pending';
    case 'waiting_for_capture':
      return 'authorized';
    case 'succeeded':
      return isBack ? 'refunded' : 'captured';
    case 'canceled':
      return cancellation && !givenUp.has(cancellation.reason) ? 'declined' : 'cancelled';
    default:
      return status satisfies never;
  }
}

const paidOut = ({ id, status }: z.output<typeof Payout>): ProviderPayout => ({
  payoutId: id,
  status: ({ pending: 'pending', succeeded: 'paid', canceled: 'failed' } as const)[status],
});

/** An idempotency key has at most 64 characters there. */
const shortened = (key: string): string =>
  key.length <= longestKey ? key : createHash('sha256').update(key).digest('hex');

const Problem = z.object({ code: z.string(), description: z.string().optional(), parameter: z.string().optional() });

function refusalText(body: unknown): string | undefined {
  const { data } = Problem.safeParse(body);
  return data && [data.code, data.parameter, data.description].filter(Boolean).join(': ');
}

function addressesIn(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    list.addSubnet(address, Number(bits), isIPv6(address) ? 'ipv6' : 'ipv4');
  }
  return (address) => {
    if (isIPv4(address)) return list.check(address, 'ipv4');
    return isIPv6(address) && list.check(address, 'ipv6');
  };
}
