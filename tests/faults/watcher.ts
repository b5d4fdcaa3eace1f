// Somebody who watches their orders live, through all breaks: comes back with the last id, to the other edge if need be.
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { between, type Chance } from './luck.ts';

const Message = z.object({ order_id: z.string(), status: z.string().optional(), stage: z.string().optional() });

/** A line of what watchers saw. A `reset` says that messages before it may be missing, and is about no order. */
export interface Seen {
  readonly user_id: string;
  readonly event: string;
  readonly id: string;
  readonly order_id?: string;
  readonly status?: string;
  readonly stage?: string;
}

export interface WatcherOptions {
  readonly edges: readonly string[];
  readonly token: string;
  readonly userId: string;
  readonly luck: Chance;
  readonly onSeen: (seen: Seen) => void;
}

/** Streams say something every fifteen seconds; a connection that says nothing for longer is dead. */
const silenceMs = 35_000;
const patienceMs = 8_000;
const pausesMs = [100, 1_000] as const;

export class Watcher implements AsyncDisposable {
  readonly #options: WatcherOptions;
  readonly #stopping = new AbortController();
  readonly #living: Promise<void>;
  readonly #open = Promise.withResolvers<void>();
  #lastId = '';
  #turn: number;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#turn = options.luck.whole(0, options.edges.length - 1);
    this.#living = this.#live();
  }

  /** From here on nothing is missed. */
  get open(): Promise<void> {
    return this.#open.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#living;
  }

  async #live(): Promise<void> {
    const { luck } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#connect().catch(() => undefined); // whatever it was, it is tried again
      this.#turn += 1;
      await sleep(between(luck, ...pausesMs), undefined, { signal }).catch(() => undefined);
    }
  }

  async #connect(): Promise<void> {
    const { edges, token } = this.#options;
    const silence = new AbortController();
    const giveUp = (): void => silence.abort();
    let timer = setTimeout(giveUp, patienceMs);
    try {
      const response = await fetch(`${edges[this.#turn % edges.length]}/v1/stream?topics=orders,deliveries`, {
        headers: {
          accept: 'text/event-stream',
          authorization: `Bearer ${token}`,
          ...(this.#lastId ? { 'last-event-id': this.#lastId } : {}),
        },
        signal: AbortSignal.any([this.#stopping.signal, silence.signal]),
      });
      if (!response.ok || !response.body) {
        await response.body?.cancel();
        return;
      }
      let rest = '';
      const text = new TextDecoder();
      for await (const chunk of response.body) {
        clearTimeout(timer);
        timer = setTimeout(giveUp, silenceMs);
        const blocks = (rest + text.decode(chunk, { stream: true })).split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) this.#take(block);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** One block of the stream (HTML, section 9.2.6): its id counts also without data. */
  #take(block: string): void {
    const fields = new Map(
      block.split('\n').map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon), line.slice(colon + 1).trimStart()] as const;
      }),
    );
    const id = fields.get('id');
    if (id !== undefined) this.#lastId = id;
    this.#open.resolve();
    const event = fields.get('event');
    if (event === undefined || id === undefined) return;
    const { userId, onSeen } = this.#options;
    if (event === 'reset') onSeen({ user_id: userId, event, id });
    else {
      const { order_id, status, stage } = Message.parse(JSON.parse(fields.get('data') ?? ''));
      onSeen({ user_id: userId, event, id, order_id, ...(status ? { status } : {}), ...(stage ? { stage } : {}) });
    }
  }
}
