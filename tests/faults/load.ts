// The load: people who sell, buy in all ways, and watch, while everything around them breaks.
import { randomUUID } from 'node:crypto';
import { createWriteStream, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ad } from '../../contracts/ads.ts';
import type { Order } from '../../contracts/orders.ts';
import type { Books } from './books.ts';
import { luckOf } from './luck.ts';
import type { Promises } from './promises.ts';
import { type Purchase, pauseMsBefore, purchaseOf } from './purchases.ts';
import { isOver, type Shopper, signUp } from './shopper.ts';
import { type Seen, Watcher } from './watcher.ts';

export interface LoadOptions {
  readonly seed: number;
  readonly edges: readonly string[];
  readonly folder: string;
  readonly buyers: number;
  readonly ordersPerSecond: number;
  readonly promises: Promises;
}

/** Orders under way at once: when the shop is that slow, people stay away. */
const mostAtOnce = 100;
const nearby = { method: 'courier', address: 'Москва, Тверская, 1' } as const;
const sellers = 4;
/** By then a parcel that moves has arrived, or something has timed out. */
const parcelPatienceMs = 90_000;

export class Load implements AsyncDisposable {
  readonly watchedFile: string;
  readonly #options: LoadOptions;
  readonly #stopping = new AbortController();
  readonly #leaving = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #buyers: Shopper[] = [];
  readonly #sellers: Shopper[] = [];
  readonly #watchers: Watcher[] = [];
  readonly #watched: WriteStream;
  #going: Promise<void> = Promise.resolve();
  /** Purchases begun. */
  begun = 0;

  private constructor(options: LoadOptions) {
    this.#options = options;
    this.watchedFile = join(options.folder, 'watched.jsonl');
    this.#watched = createWriteStream(this.watchedFile, { flags: 'a' });
  }

  /** People sign up and open their screens. */
  static async open(options: LoadOptions): Promise<Load> {
    const load = new Load(options);
    const { seed, edges, buyers } = options;
    const join = (role: string, index: number) =>
      signUp(edges, `${role}-${seed}-${index}`, { luck: luckOf(seed, role, index), signal: load.#leaving.signal });
    for (let index = 0; index < sellers; index += 1) load.#sellers.push((await join('seller', index)).shopper);
    for (let index = 0; index < buyers; index += 1) {
      const { shopper, token } = await join('buyer', index);
      load.#buyers.push(shopper);
      load.#watchers.push(
        new Watcher({
          edges,
          token,
          userId: shopper.userId,
          luck: luckOf(seed, 'watcher', index),
          onSeen: (seen) => load.#note(shopper, seen),
        }),
      );
    }
    await Promise.all(load.#watchers.map((watcher) => watcher.open));
    return load;
  }

  /** Purchases begun and not ended. */
  get underWay(): number {
    return this.#running.size;
  }

  start(): void {
    this.#going = this.#go();
  }

  /** No new purchases; those under way go on to their ends. */
  async end(): Promise<void> {
    this.#stopping.abort();
    await this.#going;
    await Promise.all(this.#running);
  }

  /** Somebody buys something with nothing in the way; false when that does not go through. */
  async buysOne(number: number): Promise<boolean> {
    const { seed, buyers, promises } = this.#options;
    const purchase: Purchase = { ...purchaseOf(seed, number, buyers), kind: 'happy', delivery: nearby };
    const ad = await this.#publish(purchase);
    const orderId = ad && (await this.#buys(this.#buyer(purchase.buyer), ad, purchase));
    return orderId !== null && promises.accepted.has(orderId);
  }

  /** Orders of which the books say another status than their buyers' screens. */
  async unseen(promises: Promises, books: Pick<Books, 'statuses'>): Promise<string[]> {
    const statuses = await books.statuses();
    return promises.orders.flatMap(({ orderId, buyerId }) => {
      const shown = this.#buyers.find(({ userId }) => userId === buyerId)?.shows(orderId);
      const is = statuses.get(orderId);
      return shown === is ? [] : [`order ${orderId} is ${is}, its buyer sees ${shown}`];
    });
  }

  /** Everybody leaves, whatever they wait for. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving.abort();
    await this.end();
    await Promise.all(this.#watchers.map((watcher) => watcher[Symbol.asyncDispose]()));
    await new Promise((resolve) => this.#watched.end(resolve));
  }

  #note(shopper: Shopper, seen: Seen): void {
    this.#watched.write(`${JSON.stringify(seen)}\n`);
    shopper.sees(seen);
  }

  async #go(): Promise<void> {
    const { seed, ordersPerSecond, buyers } = this.#options;
    const { signal } = this.#stopping;
    let at = performance.now();
    for (let number = 0; !signal.aborted; number += 1) {
      at += pauseMsBefore(seed, number, ordersPerSecond);
      await sleep(Math.max(0, at - performance.now()), undefined, { signal }).catch(() => undefined);
      while (this.#running.size >= mostAtOnce && !signal.aborted) await Promise.race(this.#running);
      if (signal.aborted) return;
      this.begun += 1;
      const running = this.#purchase(purchaseOf(seed, number, buyers)).finally(() => this.#running.delete(running));
      this.#running.add(running);
    }
  }

  async #purchase(purchase: Purchase): Promise<void> {
    const ad = await this.#publish(purchase);
    if (!ad) return;
    const buyer = this.#buyer(purchase.buyer);
    const rival = purchase.kind === 'contested' ? this.#buyer(purchase.rival) : undefined;
    await Promise.all([this.#buys(buyer, ad, purchase), ...(rival ? [this.#buys(rival, ad, purchase)] : [])]);
  }

  #buyer(index: number): Shopper {
    const buyer = this.#buyers[index];
    if (!buyer) throw new Error(`there is no buyer ${index}`);
    return buyer;
  }

  async #publish({ number, price }: Purchase): Promise<Ad | null> {
    const seller = this.#sellers[number % sellers];
    const answer = await seller?.asks<Ad>('POST', '/v1/ads', {
      title: `Вещь номер ${number}`,
      description: 'Продаётся под нагрузкой',
      price: { amount: price, currency: 'RUB' },
      category: 'books',
      city: 'moscow',
    });
    if (answer && answer.status !== 201) throw new Error(`an ad is refused: ${JSON.stringify(answer.body)}`);
    return answer?.body ?? null;
  }

  /** The order, if one was made. */
  async #buys(buyer: Shopper, ad: Ad, purchase: Purchase): Promise<string | null> {
    const { kind, delivery, sendsTwice, thinksMs, cancelsAfterMs, strayFrom } = purchase;
    const { promises } = this.#options;
    const { signal } = this.#leaving;
    const think = (ms: number): Promise<unknown> => sleep(ms, undefined, { signal }).catch(() => undefined);
    const key = randomUUID();
    const orders = () =>
      buyer.asks<Order>('POST', '/v1/orders', { ad_id: ad.id, delivery }, { 'idempotency-key': key });
    const [answer, other] = await Promise.all([orders(), ...(sendsTwice ? [orders()] : [])]);
    for (const each of [answer, other]) {
      if (each?.status === 201) promises.ordered({ orderId: each.body.id, key, kind, buyerId: buyer.userId });
    }
    const order = [answer, other].find((each) => each?.status === 201)?.body;
    if (!order) {
      promises.turnedAway(kind, answer?.status ?? null);
      return null;
    }
    const post = (path: string, body: unknown = {}) => buyer.asks('POST', path, body);

    buyer.follows(order.id);

    if (kind === 'abandoned') return order.id;
    await think(thinksMs);
    if (kind === 'cancelled') {
      const cancels = think(cancelsAfterMs).then(() => post(`/v1/orders/${order.id}/cancel`));
      await Promise.all([post(`/sandbox/psp/payments/${order.payment.id}/approve`), cancels]);
      return order.id;
    }
    if (kind === 'declined') {
      await post(`/sandbox/psp/payments/${order.payment.id}/decline`);
      return order.id;
    }
    await post(`/sandbox/psp/payments/${order.payment.id}/approve`);
    if (kind === 'silent' || kind === 'refused') return order.id;

    if (kind === 'returned' || kind === 'lost') {
      const isThere = (stage: string | null): boolean => stage !== null;
      await buyer.waitsFor(order.id, ({ stage, status }) => isThere(stage) || isOver(status), parcelPatienceMs);
      const shipment = (await buyer.looksUp(order.id))?.delivery.shipment_id;
      const advance = (stage: string) => post(`/sandbox/courier/shipments/${shipment}/advance`, { stage });
      if (shipment) await advance(strayFrom);
      const strayed = shipment && (await advance(kind));
      if (strayed && strayed.status < 300) return order.id;
    }
    const isDelivered = await buyer.waitsFor(
      order.id,
      ({ status }) => status === 'delivered' || isOver(status),
      parcelPatienceMs,
    );
    if (!isDelivered) return order.id;
    await think(thinksMs);
    const accepted = await post(`/v1/orders/${order.id}/accept`);
    if (accepted?.status === 200) promises.acceptance(order.id);
    return order.id;
  }
}
