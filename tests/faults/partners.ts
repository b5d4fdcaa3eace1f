// Between the shop and the sandbox companies: a gateway that answers late, wrongly or not at all, and a postman for
// webhooks who is late, forgetful, or brings them twice and in any order.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Chance } from './luck.ts';
import { between } from './luck.ts';

/** What can be wrong with a company's API. In all but the first the work is done, or may be. */
export const apiTroubles = ['unwilling', 'late', 'silent', 'failing', 'garbled', 'mistaken', 'outdated'] as const;
export type ApiTrouble = (typeof apiTroubles)[number];
export const webhookTroubles = ['late', 'lost', 'repeated', 'reordered'] as const;
export type WebhookTrouble = (typeof webhookTroubles)[number];

interface Message {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Addresses of processes that answer for the path, in turn. One that can't be reached is passed over. */
type Targets = (path: string) => readonly string[];

/** Of the requests that come while there is trouble. */
const shareInTrouble = 0.6;
/** Beyond the patience of the shop, which waits three seconds for an answer. */
const lateMs = [2_500, 6_000] as const;
const mostRemembered = 2_000;

abstract class Gateway<Trouble extends string> implements AsyncDisposable {
  readonly #server: Server;
  readonly #targets: Targets;
  protected readonly luck: Chance;
  #turn = 0;
  #trouble: Trouble | undefined;
  /** How many requests each trouble has met. */
  readonly met = new Map<Trouble, number>();

  constructor(targets: Targets, luck: Chance) {
    this.#targets = targets;
    this.luck = luck;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  begin(trouble: Trouble): void {
    this.#trouble = trouble;
  }

  end(): void {
    this.#trouble = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  /** Null: the connection breaks. */
  protected abstract answer(message: Message, trouble: Trouble | undefined): Promise<Answer | null>;

  protected async forward({ method, path, headers, body }: Message, timeoutMs = 10_000): Promise<Answer> {
    const targets = this.#targets(path);
    const first = this.#turn++ % targets.length;
    for (const target of [...targets.slice(first), ...targets.slice(0, first)]) {
      try {
        const response = await fetch(new URL(path, target), {
          method,
          headers,
          ...(method === 'GET' ? {} : { body }),
          signal: AbortSignal.timeout(timeoutMs),
        });
        return { status: response.status, body: await response.text() };
      } catch (error) {
        if ((error as { cause?: NodeJS.ErrnoException }).cause?.code === 'ECONNREFUSED') continue;
        break; // it may have been heard
      }
    }
    return { status: 502, body: '<html>bad gateway</html>' };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const headers = Object.fromEntries(
      Object.entries(request.headers).flatMap(([name, value]) =>
        typeof value === 'string' && !hopByHop.has(name) ? [[name, value]] : [],
      ),
    );
    const message = {
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      headers,
      body: Buffer.concat(chunks).toString('utf8'),
    };
    const trouble = this.luck.next() < shareInTrouble ? this.#trouble : undefined;
    if (trouble) this.met.set(trouble, (this.met.get(trouble) ?? 0) + 1);
    const answer = await this.answer(message, trouble);
    if (answer === null) {
      request.socket.resetAndDestroy();
      return;
    }
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
  }
}

const hopByHop = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive', 'expect']);

/** The API of a sandbox company, as the shop reaches it. */
export class CompanyGateway extends Gateway<ApiTrouble> {
  /** The last good answer to each operation, and to what it was about. */
  readonly #lastOf = new Map<string, Answer>();

  protected override async answer(message: Message, trouble: ApiTrouble | undefined): Promise<Answer | null> {
    if (trouble === 'unwilling') return { status: this.luck.pick([429, 500, 503]), body: '{"error":"busy"}' };
    const earlier = this.#lastOf.get(subjectOf(message));
    const anothers = this.#lastOf.get(operationOf(message));
    const answer = await this.forward(message);
    if (answer.status === 200) this.#remember(message, answer);
    switch (trouble) {
      case undefined:
        return answer;
      case 'late':
        await sleep(between(this.luck, ...lateMs));
        return answer;
      case 'silent':
        return null;
      case 'failing':
        return { status: this.luck.pick([500, 502, 504]), body: '<html>it broke</html>' };
      case 'garbled':
        return { status: 200, body: answer.body.slice(0, Math.floor(answer.body.length / 2)) };
      case 'mistaken':
        return anothers ?? answer;
      case 'outdated':
        return earlier ?? answer;
      default:
        return trouble satisfies never;
    }
  }

  #remember(message: Message, answer: Answer): void {
    this.#lastOf.set(operationOf(message), answer);
    const { id } = JSON.parse(answer.body) as { id?: unknown };
    if (typeof id !== 'string') return;
    this.#lastOf.set(id, answer);
    if (this.#lastOf.size > mostRemembered) {
      const oldest = this.#lastOf.keys().next().value;
      if (oldest !== undefined) this.#lastOf.delete(oldest);
    }
  }
}

/** Ids in paths are what differs between requests of one operation. */
const operationOf = ({ method, path }: Message): string => `${method} ${path.replace(/(pay|shp|out)_[^/]+/, ':id')}`;

/** The payment or parcel that a request is about. */
function subjectOf({ path, body }: Message): string {
  const inPath = /(?:pay|shp|out)_[^/]+/.exec(path)?.[0];
  return inPath ?? /"payment_id":"([^"]+)"/.exec(body)?.[1] ?? '';
}

/** Where the sandbox companies send their webhooks. What it has taken it brings, except what it loses on purpose. */
export class WebhookGateway extends Gateway<WebhookTrouble> {
  readonly #carrying = new Set<Promise<void>>();
  /** Ids of webhooks that were taken and will never be brought. */
  readonly lost = new Set<string>();
  readonly #stopping = new AbortController();

  /** Webhooks that were taken and are still to be brought. */
  get carried(): number {
    return this.#carrying.size;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#carrying);
    await super[Symbol.asyncDispose]();
  }

  protected override async answer(message: Message, trouble: WebhookTrouble | undefined): Promise<Answer> {
    const taken = { status: 200, body: '' };
    switch (trouble) {
      case undefined:
        return this.forward(message);
      case 'late':
        // Some so late that the company gives up and sends it again.
        await sleep(between(this.luck, 500, 6_000));
        return this.forward(message);
      case 'lost':
        this.#lose(message);
        return taken;
      case 'repeated':
        for (let copies = this.luck.whole(1, 3); copies > 0; copies -= 1) {
          this.#carryLater(message, this.luck.next() < 0.4 ? 0 : between(this.luck, 0, 10_000));
        }
        return this.forward(message);
      case 'reordered':
        this.#carryLater(message, between(this.luck, 0, 8_000));
        return taken;
      default:
        return trouble satisfies never;
    }
  }

  #carryLater(message: Message, afterMs: number): void {
    const carrying = this.#carry(message, afterMs).finally(() => this.#carrying.delete(carrying));
    this.#carrying.add(carrying);
  }

  /** Until somebody takes it, or until its signature is too old to be believed. */
  async #carry(message: Message, afterMs: number): Promise<void> {
    const { signal } = this.#stopping;
    await sleep(afterMs, undefined, { signal }).catch(() => undefined);
    for (let tries = 0; tries < 200 && !signal.aborted; tries += 1) {
      const { status } = await this.forward(message);
      if (status < 300) return;
      await sleep(1_000, undefined, { signal }).catch(() => undefined);
    }
    this.#lose(message);
  }

  #lose({ body }: Message): void {
    const { id } = JSON.parse(body) as { id: string };
    this.lost.add(id);
  }
}
