// Somebody with the shop's app: asks again when an answer does not come, and knows from the stream what happens.
import { setTimeout as sleep } from 'node:timers/promises';
import type { OrderWithTimeline } from '../../contracts/orders.ts';
import { type Answer, Client } from '../system/client.ts';
import { between, type Chance } from './luck.ts';
import type { Seen } from './watcher.ts';

export interface ShopperOptions {
  /** One client of each edge, all signed in as the same person. */
  readonly clients: readonly Client[];
  readonly userId: string;
  readonly luck: Chance;
  readonly signal: AbortSignal;
}

const requestTimeoutMs = 12_000;
/** As apps should: the pause doubles, and no two come back at the same moment. */
const pauses = { firstMs: 500, longestMs: 8_000 };
/** A person gives up after that. */
export const patienceMs = 60_000;
const lookEveryMs = 4_000;

interface Problem {
  readonly type?: string;
}

/** What the screen shows of an order. */
interface Screen {
  status: string;
  stage: string | null;
}

export class Shopper {
  readonly userId: string;
  readonly #options: ShopperOptions;
  readonly #screens = new Map<string, Screen>();
  #turn = 0;

  constructor(options: ShopperOptions) {
    this.userId = options.userId;
    this.#options = options;
  }

  /**
   * Asks until there is an answer about the request itself: done, or refused for good. Null when patience was over
   * before: then nobody knows whether it had its effect.
   */
  async asks<Body>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<Body> | null> {
    const { clients, luck, signal } = this.#options;
    const end = Date.now() + patienceMs;
    for (let tries = 0; Date.now() < end && !signal.aborted; tries += 1) {
      const client = clients[this.#turn % clients.length];
      const answer = await client
        ?.send<Body>(method, path, body, headers, AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]))
        .catch(() => undefined);
      if (answer && isAboutTheRequest(answer)) return answer;
      this.#turn += 1;
      const pauseMs = Math.min(pauses.longestMs, pauses.firstMs * 2 ** tries) * between(luck, 0.5, 1);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
    return null;
  }

  /** From here on the screen follows the order, also over a reset of the stream. */
  follows(orderId: string): void {
    if (!this.#screens.has(orderId)) this.#screens.set(orderId, { status: '', stage: null });
  }

  /** What the stream told. After a reset the present state is read, as the contract of the stream says. */
  sees({ event, order_id, status, stage }: Seen): void {
    if (event === 'reset') void this.#readAgain();
    if (order_id === undefined) return;
    const screen = this.#screens.get(order_id) ?? { status: '', stage: null };
    this.#screens.set(order_id, { status: status ?? screen.status, stage: stage ?? screen.stage });
  }

  /** The status on the screen; undefined for what the stream has not told of. */
  shows(orderId: string): string | undefined {
    return this.#screens.get(orderId)?.status;
  }

  /** Waits for what the screen shows; looks the order up now and then, since the stream may be late. */
  async waitsFor(orderId: string, condition: (screen: Screen) => boolean, timeoutMs: number): Promise<boolean> {
    const { signal } = this.#options;
    const end = Date.now() + timeoutMs;
    let lookAt = Date.now() + lookEveryMs;
    while (Date.now() < end && !signal.aborted) {
      const screen = this.#screens.get(orderId);
      if (screen && condition(screen)) return true;
      if (Date.now() > lookAt) {
        const order = await this.looksUp(orderId);
        if (order && condition({ status: order.status, stage: order.delivery.stage })) return true;
        lookAt = Date.now() + lookEveryMs;
      }
      await sleep(150, undefined, { signal }).catch(() => undefined);
    }
    return false;
  }

  async #readAgain(): Promise<void> {
    for (const [orderId, screen] of this.#screens) {
      if (isOver(screen.status)) continue;
      const order = await this.looksUp(orderId);
      // What the stream has told meanwhile is newer.
      if (order && this.#screens.get(orderId) === screen) {
        this.#screens.set(orderId, { status: order.status, stage: order.delivery.stage });
      }
    }
  }

  async looksUp(orderId: string): Promise<OrderWithTimeline | null> {
    const answer = await this.asks<OrderWithTimeline>('GET', `/v1/orders/${orderId}`);
    return answer?.status === 200 ? answer.body : null;
  }
}

export const isOver = (status: string): boolean => status === 'completed' || status === 'cancelled';

/** Trouble on the way, too many requests, or the same request still running: ask again. */
function isAboutTheRequest({ status, body }: Answer<unknown>): boolean {
  if (status >= 500 || status === 429 || status === 408) return false;
  return !(body as Problem | null)?.type?.endsWith(':request-in-progress');
}

/** Signs up with every edge's client. */
export async function signUp(
  edges: readonly string[],
  name: string,
  options: Pick<ShopperOptions, 'luck' | 'signal'>,
): Promise<{ shopper: Shopper; token: string }> {
  const anonymous = new Client(edges[0] ?? '');
  const { status, body } = await anonymous.post<{ access_token: string; user_id: string }>('/v1/auth/register', {
    email: `${name}@faults.lotok`,
    password: 'a password of this run',
    name,
  });
  if (status !== 201) throw new Error(`sign-up of ${name}: ${status} ${JSON.stringify(body)}`);
  const { access_token: token, user_id: userId } = body;
  const clients = edges.map((edge) => new Client(edge, token, userId));
  return { shopper: new Shopper({ clients, userId, ...options }), token };
}
