// The history in Redis 7: Streams to replay, pub/sub to wake. Several realtime nodes share it.
//
// Keys, where `T` names the life of the bus topic and `E` the epoch, one life of this history:
//   lotok:realtime:T:epoch              the epoch; gone after a flush, and then made anew
//   lotok:realtime:T:E:bridged          hash: partition → "offset time" of its last bridged message
//   lotok:realtime:T:E:stream:CHANNEL   stream: entry `offset-0`, `t` time, `m` the ChannelMessage as JSON;
//                                       expires when its last message is too old
//   lotok:realtime:T:E:ids:CHANNEL      sorted set: ids of the channel's events by time; expires as the stream does
// Pub/sub:
//   lotok:realtime:T:live:CHANNEL       each ChannelMessage as JSON
//   lotok:realtime:T:renewed            a new epoch
//
// A script touches several of these, so it needs one Redis (with replicas if one likes), not a cluster;
// and nothing may be evicted (`maxmemory-policy noeviction`), since a stream that vanishes early is a
// hole that nobody can see.
import { createHash, randomInt } from 'node:crypto';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { ChannelMessage, type Position } from '../contracts/stream.ts';
import type { CatchUp } from '../contracts/stream-watch.ts';
import {
  type Appended,
  type BridgedMessage,
  clockSlackMs,
  type History,
  type HistoryLimits,
  historyLimits,
  type Listener,
  reaches,
} from './history.ts';
import * as scripts from './history-scripts.ts';
import type { Log } from './log.ts';

export interface RedisHistoryOptions {
  readonly url: string;
  /** `EventSource.epoch` of the topic. */
  readonly topicEpoch: string;
  readonly clock: () => number;
  readonly log: Log;
  readonly limits?: Partial<HistoryLimits>;
  /** How often connections are asked whether they live. */
  readonly pingMs?: number;
}

const Range = z.union([
  z.tuple([z.literal('renewed')]),
  z.tuple([z.literal('read'), z.string().nullable(), z.string().nullable(), z.array(z.string())]),
]);
const AppendResult = z.union([
  z.tuple([z.enum(['renewed', 'lost', 'known', 'repeated'])]),
  z.tuple([z.literal('appended'), z.string()]),
]);

/** Epochs can change under us, but not again and again within one call. */
const maxRenewals = 5;

export class RedisHistory implements History {
  readonly #commands: Redis;
  readonly #wakeUps: Redis;
  readonly #clock: () => number;
  readonly #log: Log;
  readonly #limits: HistoryLimits;
  readonly #prefix: string;
  readonly #listeners = new Map<string, Set<Listener>>();
  /** What this process bridged in the present epoch: Redis must not know less. */
  readonly #bridged = new Map<number, number>();
  /** Connections that a ping is under way on. */
  readonly #asked = new Set<Redis>();
  readonly #pinging: ReturnType<typeof setInterval>;
  #epoch: string | undefined;
  /** When the last question was asked that the connection of the wake-ups has answered; null while it is not subscribed. */
  #heardUntil: number | null = null;

  constructor({ url, topicEpoch, clock, log, limits, pingMs = 200 }: RedisHistoryOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#limits = { ...historyLimits, ...limits };
    this.#prefix = `lotok:realtime:${createHash('sha256').update(topicEpoch).digest('hex').slice(0, 12)}`;
    const options = {
      maxRetriesPerRequest: 2,
      connectTimeout: 5_000,
      commandTimeout: 5_000,
      keepAlive: 10_000,
      // Subscriptions are made again below, so that it is known when they hold.
      autoResubscribe: false,
      retryStrategy: (attempts: number) => Math.min(2_000, 50 * 2 ** Math.min(attempts, 6)) * (0.5 + Math.random() / 2),
    };
    this.#commands = new Redis(url, options);
    this.#wakeUps = new Redis(url, options);
    for (const [name, client] of [
      ['commands', this.#commands],
      ['wake-ups', this.#wakeUps],
    ] as const) {
      client.on('error', (error: unknown) => log.warn('redis.error', { connection: name, error }));
    }
    this.#commands.on('ready', () => this.#inBackground('redis.verify_failed', this.#verify()));
    this.#wakeUps.on('ready', () => this.#inBackground('redis.resubscribe_failed', this.#resubscribe()));
    this.#wakeUps.on('close', () => {
      this.#heardUntil = null;
    });
    this.#wakeUps.on('message', (name: string, text: string) => this.#hear(name, text));
    this.#pinging = setInterval(() => {
      for (const client of [this.#commands, this.#wakeUps]) this.#inBackground('redis.ping_failed', this.#ping(client));
    }, pingMs);
    this.#pinging.unref();
    this.#inBackground('redis.info_failed', this.#checkEviction());
  }

  get connected(): boolean {
    return this.#commands.status === 'ready' && this.#wakeUps.status === 'ready';
  }

  get ageMs(): number | null {
    return this.#heardUntil === null ? null : Math.max(0, this.#clock() - this.#heardUntil);
  }

  async append({ partition, id = '', ...message }: BridgedMessage): Promise<Appended> {
    const { channel, offset, time, event, data, traceparent } = message;
    for (let attempt = 0; attempt < maxRenewals; attempt += 1) {
      const epoch = await this.#currentEpoch();
      const position: Position = { epoch, offset, time };
      const body = JSON.stringify({ channel, position, event, data, traceparent } satisfies Omit<
        ChannelMessage,
        'previous' | 'traceparent'
      > & { traceparent: string | undefined });
      const reply = await this.#commands.eval(
        scripts.append,
        4,
        this.#epochKey,
        this.#bridgedKey(epoch),
        this.#streamKey(epoch, channel),
        this.#idsKey(epoch, channel),
        epoch,
        partition,
        offset,
        time,
        this.#bridged.get(partition) ?? '',
        this.#limits.maxCount,
        this.#clock() - this.#limits.maxAgeMs - clockSlackMs,
        this.#limits.maxAgeMs + clockSlackMs,
        this.#liveName(channel),
        body.slice(1),
        clockSlackMs,
        id,
        this.#limits.maxIds,
      );
      const [outcome, previous] = AppendResult.parse(reply);
      switch (outcome) {
        case 'appended':
        case 'known':
        case 'repeated':
          if (this.#epoch === epoch) this.#bridged.set(partition, Math.max(offset, this.#bridged.get(partition) ?? 0));
          if (outcome === 'known') return { appended: false, known: 'place' };
          if (outcome === 'repeated') return { appended: false, known: 'id' };
          return { appended: true, previous: previous === 'null' ? null : Number(previous) };
        case 'renewed':
          this.#forgetEpoch();
          break;
        case 'lost':
          await this.#renew(epoch);
          break;
        default:
          outcome satisfies never;
      }
    }
    throw new Error('the history was renewed again and again');
  }

  async skip({ partition, offset, time }: Pick<BridgedMessage, 'partition' | 'offset' | 'time'>): Promise<void> {
    const epoch = await this.#currentEpoch();
    const keys = [this.#epochKey, this.#bridgedKey(epoch)] as const;
    // In a new epoch every partition begins anyhow.
    if ((await this.#commands.eval(scripts.skip, 2, ...keys, epoch, partition, offset, time)) === 'renewed')
      this.#forgetEpoch();
  }

  async read(channel: string, since?: Position): Promise<CatchUp> {
    for (let attempt = 0; attempt < maxRenewals; attempt += 1) {
      const epoch = await this.#currentEpoch();
      const inEpoch = since?.epoch === epoch ? since : undefined;
      const reply = Range.parse(
        await this.#commands.eval(
          scripts.read,
          2,
          this.#epochKey,
          this.#streamKey(epoch, channel),
          epoch,
          inEpoch?.offset ?? '',
        ),
      );
      if (reply[0] === 'renewed') {
        this.#forgetEpoch();
        continue;
      }
      const [, firstText, lastId, texts] = reply;
      const now = this.#clock();
      const first = firstText === null ? null : parseMessage(firstText);
      const last = lastId === null ? 0 : Number.parseInt(lastId, 10);
      const head: Position = { epoch, offset: last, time: now };
      if (!since) return { head, messages: [], gap: false };
      const reached = inEpoch && reaches(inEpoch, first && { first, last }, now - this.#limits.maxAgeMs);
      return reached ? { head, messages: texts.map(parseMessage), gap: false } : { head, messages: [], gap: true };
    }
    throw new Error('the history was renewed again and again');
  }

  async listen(channel: string, listener: Listener): Promise<AsyncDisposable> {
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(listener));
    const leave = async (): Promise<void> => {
      listeners.delete(listener);
      if (listeners.size > 0 || this.#listeners.get(channel) !== listeners) return;
      this.#listeners.delete(channel);
      // Without a connection there is nothing to leave: the next one subscribes to what is listened to then.
      if (this.#wakeUps.status === 'ready') await this.#wakeUps.unsubscribe(this.#liveName(channel));
    };
    try {
      await this.#wakeUps.subscribe(this.#liveName(channel));
    } catch (error) {
      await leave();
      throw error;
    }
    return { [Symbol.asyncDispose]: leave };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#pinging);
    this.#listeners.clear();
    this.#commands.disconnect();
    this.#wakeUps.disconnect();
  }

  get #epochKey(): string {
    return `${this.#prefix}:epoch`;
  }

  get #renewedName(): string {
    return `${this.#prefix}:renewed`;
  }

  #bridgedKey(epoch: string): string {
    return `${this.#prefix}:${epoch}:bridged`;
  }

  #streamKey(epoch: string, channel: string): string {
    return `${this.#prefix}:${epoch}:stream:${channel}`;
  }

  #idsKey(epoch: string, channel: string): string {
    return `${this.#prefix}:${epoch}:ids:${channel}`;
  }

  #liveName(channel: string): string {
    return `${this.#prefix}:live:${channel}`;
  }

  async #currentEpoch(): Promise<string> {
    this.#epoch ??= z
      .string()
      .parse(await this.#commands.eval(scripts.claimEpoch, 1, this.#epochKey, newEpoch(), this.#renewedName));
    return this.#epoch;
  }

  /** Something of `epoch` is gone: places in it can't be trusted any more. */
  async #renew(epoch: string): Promise<void> {
    this.#log.error('history.renewed', { epoch });
    await this.#commands.eval(
      scripts.renewEpoch,
      2,
      this.#epochKey,
      this.#bridgedKey(epoch),
      epoch,
      newEpoch(),
      this.#renewedName,
    );
    this.#forgetEpoch();
  }

  #forgetEpoch(): void {
    this.#epoch = undefined;
    this.#bridged.clear();
    this.#interruptAll();
  }

  #interruptAll(): void {
    for (const listeners of this.#listeners.values()) for (const listener of listeners) listener.interrupted();
  }

  #hear(name: string, text: string): void {
    if (name === this.#renewedName) {
      if (text !== this.#epoch && this.#epoch !== undefined) this.#forgetEpoch();
      return;
    }
    const channel = name.slice(this.#liveName('').length);
    const listeners = this.#listeners.get(channel);
    if (!listeners) return;
    try {
      const message = parseMessage(text);
      for (const listener of listeners) listener.message(message);
    } catch (error) {
      this.#log.warn('redis.message_not_understood', { channel, error });
      for (const listener of listeners) listener.interrupted();
    }
  }

  /** After a reconnection Redis may be another, or the same with less in it. */
  async #verify(): Promise<void> {
    const epoch = this.#epoch;
    if (epoch === undefined) return;
    const known = [...this.#bridged].flat();
    const state = await this.#commands.eval(
      scripts.verify,
      2,
      this.#epochKey,
      this.#bridgedKey(epoch),
      epoch,
      ...known,
    );
    if (this.#epoch !== epoch) return;
    if (state === 'lost') await this.#renew(epoch);
    if (state === 'renewed') this.#forgetEpoch();
  }

  async #resubscribe(): Promise<void> {
    const names = [...this.#listeners.keys()].map((channel) => this.#liveName(channel));
    try {
      await this.#wakeUps.subscribe(this.#renewedName, ...names);
      this.#heardUntil = this.#clock();
    } catch (error) {
      // Nobody would know what this connection hears: the next one subscribes anew.
      if (this.#wakeUps.status === 'ready') this.#wakeUps.disconnect(true);
      throw error;
    }
    this.#interruptAll();
  }

  async #ping(client: Redis): Promise<void> {
    if (client.status !== 'ready' || this.#asked.has(client)) return;
    this.#asked.add(client);
    const asked = this.#clock();
    try {
      await client.ping();
      if (client === this.#wakeUps && this.#heardUntil !== null) this.#heardUntil = Math.max(this.#heardUntil, asked);
    } catch (error) {
      // A connection that died without a word; what was missed meanwhile is read again after the next.
      if (client.status === 'ready') client.disconnect(true);
      throw error;
    } finally {
      this.#asked.delete(client);
    }
  }

  async #checkEviction(): Promise<void> {
    const policy = /maxmemory_policy:(\S+)/.exec(await this.#commands.info('memory'))?.[1];
    if (policy !== 'noeviction') this.#log.warn('redis.may_evict', { policy, wanted: 'noeviction' });
  }

  #inBackground(event: string, work: Promise<void>): void {
    work.catch((error: unknown) => this.#log.warn(event, { error }));
  }
}

const parseMessage = (text: string): ChannelMessage => ChannelMessage.parse(JSON.parse(text));

const newEpoch = (): string => Array.from({ length: 10 }, () => randomInt(36).toString(36)).join('');
