// Wake-ups by Redis: sharded pub/sub over connections of its own, one to each server that has a shard.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Log } from './log.ts';
import { inTime, type RedisConnections } from './redis.ts';

export interface WakeUpsOptions {
  readonly connections: RedisConnections;
  /** A name in each shard that is listened to all the time. */
  readonly controls: readonly string[];
  readonly log: Log;
  readonly clock: () => number;
  readonly onMessage: (name: string, text: string) => void;
  /** Subscriptions of a shard hold again: what was published meanwhile was not heard. */
  readonly onHolding: (shard: number) => void;
}

interface Shard {
  readonly index: number;
  readonly names: Set<string>;
  line: Line | undefined;
  /** Settles once all names are subscribed over the present line. */
  holding: PromiseWithResolvers<void>;
  held: boolean;
  heldSince: number;
}

interface Line {
  readonly server: string;
  readonly redis: Redis;
  /** When the last ping was sent that was answered: what was published before it has come before the answer. */
  answered: number;
  asked: boolean;
}

const serversWithinMs = 10_000;
/** How soon servers are looked for again, and how long at most between attempts. */
const pauseMs = { first: 100, longest: 2_000 } as const;

export class RedisWakeUps implements Disposable {
  readonly #options: WakeUpsOptions;
  readonly #shards: readonly Shard[];
  readonly #lines = new Map<string, Line>();
  readonly #closing = new AbortController();
  #misplaced = false;
  #placing = false;

  constructor(options: WakeUpsOptions) {
    this.#options = options;
    this.#shards = options.controls.map((control, index) => ({
      index,
      names: new Set([control]),
      line: undefined,
      holding: unsettled(),
      held: false,
      heldSince: 0,
    }));
    this.place();
  }

  /** Whether every subscription of a shard is in force. */
  holds(shard: number): boolean {
    return this.#shards[shard]?.held ?? false;
  }

  /** What was published before this has been heard; null while a shard is not subscribed. */
  get heardUntil(): number | null {
    let until = Number.POSITIVE_INFINITY;
    for (const { held, heldSince, line } of this.#shards) {
      if (!held || !line) return null;
      until = Math.min(until, Math.max(heldSince, line.answered));
    }
    return until;
  }

  /** Asks each connection whether it lives; one that doesn't answer is opened anew. */
  async ping(): Promise<void> {
    await Promise.all([...this.#lines.values()].map((line) => this.#ping(line)));
  }

  /** Resolves once every subscription of a shard is in force. */
  async holding(shard: number): Promise<void> {
    const { held, holding } = this.#shard(shard);
    if (!held) await holding.promise;
  }

  /** Resolves once what is published from then on is heard; rejects when that takes longer than the wait. */
  async subscribe(shardIndex: number, name: string, waitMs: number): Promise<void> {
    const shard = this.#shard(shardIndex);
    shard.names.add(name);
    const { held, line } = shard;
    // Otherwise it is subscribed with the others, as soon as there is a connection.
    if (held && line) await line.redis.ssubscribe(name);
    else await inTime(waitMs, shard.holding.promise);
  }

  async unsubscribe(shardIndex: number, name: string): Promise<void> {
    const { names, held, line } = this.#shard(shardIndex);
    names.delete(name);
    if (held && line) await line.redis.sunsubscribe(name);
  }

  /** A shard that hears nothing although something is published gets a new connection. */
  renew(shardIndex: number): void {
    const { line } = this.#shard(shardIndex);
    if (line) this.#drop(line);
    else this.place();
  }

  /** Finds the server of each shard and subscribes there, until that succeeds. */
  place(): void {
    this.#misplaced = true;
    if (!this.#placing) void this.#placeAll();
  }

  [Symbol.dispose](): void {
    this.#closing.abort();
    for (const { redis } of this.#lines.values()) redis.disconnect();
    for (const { holding } of this.#shards) holding.reject(new Error('the wake-ups were ended'));
  }

  async #placeAll(): Promise<void> {
    const { connections, controls, log } = this.#options;
    const { signal } = this.#closing;
    this.#placing = true;
    for (let attempt = 0; this.#misplaced && !signal.aborted; attempt += 1) {
      const wait = Math.min(pauseMs.longest, pauseMs.first * 2 ** attempt);
      if (attempt > 0) await sleep(wait, undefined, { signal }).catch(() => undefined);
      this.#misplaced = false;
      try {
        const servers = await inTime(serversWithinMs, connections.serversOf(controls));
        if (signal.aborted) break;
        for (const shard of this.#shards) this.#assign(shard, servers[shard.index] ?? '');
        for (const line of this.#lines.values())
          if (this.#shards.every((shard) => shard.line !== line)) this.#drop(line);
      } catch (error) {
        this.#misplaced = true;
        if (!signal.aborted) log.warn('redis.servers_unknown', { error });
      }
    }
    this.#placing = false;
  }

  #assign(shard: Shard, server: string): void {
    if (shard.line?.server === server) return;
    const line = this.#lines.get(server) ?? this.#open(server);
    this.#leave(shard);
    shard.line = line;
    if (line.redis.status === 'ready') this.#hold(shard, line);
  }

  #open(server: string): Line {
    const redis = this.#options.connections.open(server);
    const line: Line = { server, redis, answered: 0, asked: false };
    this.#lines.set(server, line);
    const mine = (): Shard[] => this.#shards.filter((shard) => shard.line === line);
    line.redis.on('ready', () => {
      for (const shard of mine()) this.#hold(shard, line);
    });
    line.redis.on('smessage', (name: string, text: string) => this.#options.onMessage(name, text));
    line.redis.on('close', () => {
      for (const shard of mine()) this.#forget(shard);
      // Its shards may be another server's by now.
      this.place();
    });
    // ioredis says so when a server took a shard's subscriptions away, because the slot went elsewhere.
    line.redis.on('moved', () => {
      for (const shard of mine()) this.#leave(shard);
      this.place();
    });
    return line;
  }

  #hold(shard: Shard, line: Line): void {
    this.#subscribeAll(shard, line).then(
      () => {
        if (shard.line !== line || line.redis.status !== 'ready') return;
        shard.held = true;
        shard.heldSince = this.#options.clock();
        shard.holding.resolve();
        this.#options.onHolding(shard.index);
      },
      (error: unknown) => {
        this.#options.log.warn('redis.subscribe_failed', { server: line.server, error });
        // Nobody would know what this connection hears.
        if (shard.line === line) this.#drop(line);
      },
    );
  }

  async #subscribeAll({ names }: Shard, { redis }: Line): Promise<void> {
    const subscribed = new Set<string>();
    for (;;) {
      // More may come meanwhile, and wait for this.
      const some = [...names].filter((name) => !subscribed.has(name)).slice(0, namesAtOnce);
      if (some.length === 0) break;
      await redis.ssubscribe(...some);
      for (const name of some) subscribed.add(name);
    }
    const left = [...subscribed].filter((name) => !names.has(name));
    if (left.length > 0) await redis.sunsubscribe(...left);
  }

  async #ping(line: Line): Promise<void> {
    const { redis } = line;
    if (redis.status !== 'ready' || line.asked) return;
    line.asked = true;
    const at = this.#options.clock();
    try {
      await redis.ping();
      line.answered = Math.max(line.answered, at);
    } catch (error) {
      if (redis.status === 'ready') redis.disconnect(true);
      throw error;
    } finally {
      line.asked = false;
    }
  }

  #drop(line: Line): void {
    if (this.#lines.get(line.server) === line) this.#lines.delete(line.server);
    const shards = this.#shards.filter((shard) => shard.line === line);
    for (const shard of shards) this.#leave(shard);
    line.redis.removeAllListeners();
    line.redis.on('error', () => undefined);
    line.redis.disconnect();
    if (shards.length > 0) this.place();
  }

  #leave(shard: Shard): void {
    this.#forget(shard);
    shard.line = undefined;
  }

  #forget(shard: Shard): void {
    if (!shard.held) return;
    shard.held = false;
    shard.holding = unsettled();
  }

  #shard(index: number): Shard {
    const shard = this.#shards[index];
    if (!shard) throw new Error(`there is no shard ${index}`);
    return shard;
  }
}

const namesAtOnce = 1_000;

function unsettled(): PromiseWithResolvers<void> {
  const holding = Promise.withResolvers<void>();
  holding.promise.catch(() => undefined); // whoever awaits it is told; nobody has to
  return holding;
}
