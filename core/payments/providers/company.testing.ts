// A payment company for tests: the sandbox's books, spoken to and told of in another company's words.
import { Hono } from 'hono';
import { listen } from '../../platform/http/listen.ts';

/** A payment as the sandbox has it. */
export interface SandboxPayment {
  readonly id: string;
  readonly reference: string;
  readonly status: 'pending' | 'authorized' | 'captured' | 'cancelled' | 'declined' | 'refunded';
  readonly amount: { readonly amount: number; readonly currency: string };
  readonly refunded: number;
  readonly reason: string | null;
  readonly confirmation_url?: string;
}

/** What the sandbox, or somebody between, said no to. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface Refund {
  readonly key: string;
  readonly amount: number;
  status: 'pending' | 'succeeded' | 'failed';
}

export interface Shop {
  /** Where the shop is, with its sandbox. */
  readonly url: string;
  readonly apiKey: string;
}

export interface Words {
  /** Its API, over the sandbox's. */
  readonly api: (app: Hono, company: Company) => void;
  /** A webhook of the sandbox in its words, with the path it goes to. */
  readonly webhook: (event: { id: string; type: string; payment: SandboxPayment }) => {
    readonly path: string;
    readonly headers: Record<string, string>;
    readonly body: string;
  };
}

export interface Company extends AsyncDisposable {
  readonly url: string;
  /** What it pays sellers, by its own id. */
  readonly payouts: Map<string, { key: string; reference: string; amount: number; currency: string; to: string }>;
  /** Refunds are not back at once, and may never be. */
  refundsAre: 'at once' | 'pending' | 'failing';
  open(shop: Shop): void;
  call<Answer>(
    method: 'GET' | 'POST',
    path: string,
    request?: { readonly key?: string | undefined; readonly body?: unknown },
  ): Promise<Answer>;
  payment(id: string): Promise<SandboxPayment>;
  refund(id: string, key: string, amount: { amount: number; currency: string }): Promise<Refund>;
  refunds(id: string): Promise<readonly Refund[]>;
  /** Ends the refunds of a payment that are under way. */
  settle(id: string): Promise<void>;
}

export async function startCompany({ api, webhook }: Words): Promise<Company> {
  let shop: Shop | undefined;
  const slow = new Map<string, (Refund & { currency: string })[]>();
  const app = new Hono();
  const listener = await listen({ fetch: (request) => app.fetch(request), hostname: '127.0.0.1', port: 0 });

  const company: Company = {
    url: `http://127.0.0.1:${listener.port}`,
    payouts: new Map(),
    refundsAre: 'at once',
    open(its) {
      shop = its;
    },
    async call<Answer>(
      method: 'GET' | 'POST',
      path: string,
      { key, body }: { readonly key?: string | undefined; readonly body?: unknown } = {},
    ) {
      if (!shop) throw new Error('the company is not open yet');
      const response = await fetch(`${shop.url}/sandbox/psp/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${shop.apiKey}`,
          'content-type': 'application/json',
          ...(key === undefined ? {} : { 'idempotency-key': key }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const json = (await response.json()) as { error?: string; message?: string };
      if (!response.ok) throw new Refused(response.status, json.error ?? 'unknown', json.message ?? '');
      return json as Answer;
    },
    payment: (id) => company.call('GET', `/payments/${encodeURIComponent(id)}`),
    async refund(id, key, amount) {
      if (company.refundsAre === 'at once') {
        await company.call('POST', '/refunds', { key, body: { payment_id: id, reference: key, amount } });
        return { key, amount: amount.amount, status: 'succeeded' };
      }
      const refund = { key, ...amount, status: 'pending' as Refund['status'] };
      slow.set(id, [...(slow.get(id) ?? []), refund]);
      return refund;
    },
    async refunds(id) {
      const { items } = await company.call<{ items: { reference: string; amount: { amount: number } }[] }>(
        'GET',
        `/refunds?payment_id=${encodeURIComponent(id)}`,
      );
      const done = items.map(({ reference, amount }) => ({
        key: reference,
        amount: amount.amount,
        status: 'succeeded' as const,
      }));
      return [...done, ...(slow.get(id) ?? [])];
    },
    async settle(id) {
      const waiting = slow.get(id) ?? [];
      const fails = company.refundsAre === 'failing';
      slow.set(
        id,
        waiting.flatMap((refund) => (fails ? [{ ...refund, status: 'failed' as const }] : [])),
      );
      if (fails) return;
      for (const { key, amount, currency } of waiting) {
        const body = { payment_id: id, reference: key, amount: { amount, currency } };
        await company.call('POST', '/refunds', { key, body });
      }
    },
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  };

  api(app, company);
  app.post('/v1/payments/webhooks/sandbox', async (c) => {
    const { path, headers, body } = webhook(await c.req.json());
    const told = await fetch(`${shop?.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
    return new Response(null, { status: told.status });
  });
  return company;
}
