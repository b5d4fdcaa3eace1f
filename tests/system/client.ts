// A client of the public API, as somebody outside would write it.
import { randomUUID } from 'node:crypto';
import type { Ad } from '../../contracts/ads.ts';
import { demoPassword } from '../../contracts/demo.ts';
import type { Order, OrderWithTimeline } from '../../contracts/orders.ts';

export interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface StreamMessage {
  readonly id: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

export class Client {
  readonly base: string;
  readonly token: string | undefined;
  readonly userId: string | undefined;

  constructor(base: string, token?: string, userId?: string) {
    this.base = base;
    this.token = token;
    this.userId = userId;
  }

  static async signIn(base: string, email: string, password = demoPassword): Promise<Client> {
    const { status, body } = await new Client(base).post<{ access_token: string; user_id: string }>('/v1/auth/login', {
      email,
      password,
    });
    if (status !== 200) throw new Error(`sign-in of ${email}: ${status} ${JSON.stringify(body)}`);
    return new Client(base, body.access_token, body.user_id);
  }

  /** Strings go out as they are, anything else as JSON. */
  async send<Body>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ): Promise<Answer<Body>> {
    const response = await fetch(this.base + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      redirect: 'manual',
      ...(signal ? { signal } : {}),
    });
    const text = await response.text();
    let parsed: unknown = text;
    if (/json/.test(response.headers.get('content-type') ?? '') && text !== '') parsed = JSON.parse(text);
    return { status: response.status, headers: response.headers, body: parsed as Body };
  }

  get<Body>(path: string, headers?: Record<string, string>): Promise<Answer<Body>> {
    return this.send<Body>('GET', path, undefined, headers);
  }

  post<Body>(path: string, body: unknown = {}, headers?: Record<string, string>): Promise<Answer<Body>> {
    return this.send<Body>('POST', path, body, headers);
  }

  /** Active ads that this client could buy. */
  async adsForSale(query = ''): Promise<Ad[]> {
    const { body } = await this.get<{ items: Ad[] }>(`/v1/ads?limit=50${query}`);
    return body.items.filter(({ status, seller }) => status === 'active' && seller.id !== this.userId);
  }

  orderAnswer(
    adId: string,
    { key = randomUUID() as string, address = 'Москва, Тверская, 1' } = {},
  ): Promise<Answer<Order>> {
    return this.post<Order>(
      '/v1/orders',
      { ad_id: adId, delivery: { method: 'courier', address } },
      { 'idempotency-key': key },
    );
  }

  async orders(ad: Ad, options: { key?: string; address?: string } = {}): Promise<Order> {
    const { status, body } = await this.orderAnswer(ad.id, options);
    if (status !== 201) throw new Error(`order of ${ad.id}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  async order(id: string): Promise<OrderWithTimeline> {
    return (await this.get<OrderWithTimeline>(`/v1/orders/${id}`)).body;
  }

  async pays(order: Order, how: 'approve' | 'decline' = 'approve'): Promise<void> {
    const { status } = await this.post(`/sandbox/psp/payments/${order.payment.id}/${how}`);
    if (status >= 300) throw new Error(`${how}: ${status}`);
  }

  async parcelIs(order: OrderWithTimeline, stage: string): Promise<void> {
    const { status, body } = await this.post(`/sandbox/courier/shipments/${order.delivery.shipment_id}/advance`, {
      stage,
    });
    if (status >= 300) throw new Error(`${stage}: ${status} ${JSON.stringify(body)}`);
  }

  /** Collects the live stream until aborted; resolves when it is open. */
  async watches(query: string, signal: AbortSignal, lastEventId?: string): Promise<StreamMessage[]> {
    const messages: StreamMessage[] = [];
    const response = await fetch(`${this.base}/v1/stream?${query}`, {
      headers: {
        accept: 'text/event-stream',
        authorization: `Bearer ${this.token}`,
        ...(lastEventId ? { 'last-event-id': lastEventId } : {}),
      },
      signal,
    });
    if (!response.ok || !response.body) throw new Error(`stream: ${response.status}`);
    const read = async (body: ReadableStream<Uint8Array>): Promise<void> => {
      let rest = '';
      const text = new TextDecoder();
      for await (const chunk of body) {
        const blocks = (rest + text.decode(chunk, { stream: true })).split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) {
          const fields = new Map(
            block
              .split('\n')
              .map(
                (line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trimStart()] as const,
              ),
          );
          const data = fields.get('data');
          if (data !== undefined)
            messages.push({
              id: fields.get('id') ?? '',
              event: fields.get('event') ?? 'message',
              data: JSON.parse(data),
            });
        }
      }
    };
    read(response.body as ReadableStream<Uint8Array>).catch((error: Error) => {
      if (!signal.aborted) messages.push({ id: '', event: 'error', data: { message: error.message } });
    });
    return messages;
  }
}
