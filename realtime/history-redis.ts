// The history in Redis 7: Streams to replay, sharded pub/sub to wake. Several realtime nodes share it. One server, one
// behind Sentinel, or a Cluster: `REDIS_URL` tells, and the keys are the same.
//
// A shard is what one partition of the bus brings, and has a slot of its own (the hash tag in braces), so that a script
// touches one slot only and nothing is promised across slots. `T` names the life of the bus topic and its number of
// partitions, `P` the partition that a channel's key leads to, and `E` the epoch, one life of this shard's history:
//   lotok:realtime:{T.P}:epoch              the epoch; gone after a flush, and then made anew
//   lotok:realtime:{T.P}:E:bridged          hash: partition → "offset time" of its last bridged message
//   lotok:realtime:{T.P}:E:stream:CHANNEL   stream: entry `offset-0`, `t` time, `m` the ChannelMessage as JSON;
//                                           expires when its last message is too old
//   lotok:realtime:{T.P}:E:ids:CHANNEL      sorted set: ids of the channel's events by time; expires as the stream does
//   lotok:realtime:{T.P}:probe              stream: the last probes; expires
// Sharded pub/sub:
//   lotok:realtime:{T.P}:live:CHANNEL       each ChannelMessage as JSON
//   lotok:realtime:{T.P}:control            `renewed EPOCH` and `probe WORD`
//
// Memory is bounded by the channels of the last `maxAgeMs`, each with at most `maxCount` messages and `maxIds` ids.
// Nothing may be evicted (`maxmemory-policy noeviction`), since a stream that vanishes early is a hole that nobody can
// see. Replicas that are behind when they take over are noticed, and end the epoch of the shards that lost something.
import { createHash, randomInt } from 'node:crypto';
import type { Redis } from 'ioredis';
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
import { partitionOf } from './partition.ts';
import { connectRedis, inTime, type RedisAddress, type RedisConnections } from './redis.ts';
import { RedisWakeUps } from './redis-wakeups.ts';

export interface RedisHistoryOptions {
  readonly address: RedisAddress;
  /** `EventSource.epoch` of the topic. */
  readonly topicEpoch: string;
  /** How many the topic has; each makes a shard. */
  readonly partitions: number;
  readonly clock: () => number;
  readonly log: Log;
  readonly limits?: Partial<HistoryLimits>;
  /** How often connections are asked whether they live, and so how exactly it is known what has been heard. */
  readonly pingMs?: number;
  /** How often a probe is sent through each shard. */
  readonly probeMs?: number;
}

interface Shard {
  readonly partition: number;
  /** Begins the names of all keys and channels. */
  readonly prefix: string;
  epoch: string | undefined;
  /** What this process bridged in the present epoch, by partition: Redis must not know less. */
  readonly bridged: Map<number, number>;
}

const Range = z.union([
  z.tuple([z.literal('renewed')]),
  z.tuple([z.literal('read'), z.string().nullable(), z.string().nullable(), z.array(z.string())]),
]);
const AppendResult = z.union([z.tuple([z.enum(['renewed', 'lost'])]), z.tuple([z.literal('done')]).rest(z.string())]);

/** Epochs can change under us, but not again and again within one call. */
const maxRenewals = 5;
/** A subscription that is asked for while there is no connection waits this long for one. */
const subscribeWaitMs = 5_000;
const answerWithinMs = 10_000;
const probeLifeMs = 60_000;

/**
 * Names the history of a topic: nodes that bridge into one share a group of the bus by this name, so that no message
 * is taken by a node of another topic life, number of partitions or layout of keys, and shown to nobody here.
 */
export const historyName = (topicEpoch: string, partitions: number): string =>
  createHash('sha256').update(`2/${topicEpoch}/${partitions}`).digest('hex').slice(0, 12);

export class RedisHistory implements History {
  readonly #connections: RedisConnections;
  readonly #wakeUps: RedisWakeUps;
  readonly #clock: () => number;
  readonly #log: Log;
  readonly #limits: HistoryLimits;
  readonly #shards: readonly Shard[];
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #probes = new Map<string, (shard: Shard) => void>();
  readonly #pinging: ReturnType<typeof setInterval>;
  readonly #probing: ReturnType<typeof setInterval>;
  /** Connections that a ping is under way on. */
  readonly #asked = new Set<Redis>();
  readonly #closing = new AbortController();

  constructor({
    address,
    topicEpoch,
    partitions,
    clock,
    log,
    limits,
    pingMs = 200,
    probeMs = 10_000,
  }: RedisHistoryOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#limits = { ...historyLimits, ...limits };
    const name = historyName(topicEpoch, partitions);
    this.#shards = Array.from({ length: partitions }, (_, partition) => ({
      partition,
      prefix: `lotok:realtime:{${name}.${partition}}:`,
      epoch: undefined,
      bridged: new Map<number, number>(),
    }));
    this.#connections = connectRedis(address, log);
    this.#wakeUps = new RedisWakeUps({
      connections: this.#connections,
      controls: this.#shards.map(controlOf),
      log,
      clock,
      onMessage: (name, text) => this.#hear(name, text),
      onHolding: (index) => {
        const shard = this.#shards[index];
        if (!shard) return;
        this.#interrupt(shard);
        this.#inBackground('redis.verify_failed', this.#verify(shard));
      },
    });
    this.#commands.on('ready', () => {
      for (const shard of this.#shards) this.#inBackground('redis.verify_failed', this.#verify(shard));
    });
    this.#pinging = setInterval(() => {
      for (const line of this.#connections.lines()) this.#inBackground('redis.ping_failed', this.#ping(line));
      this.#inBackground('redis.ping_failed', this.#wakeUps.ping());
    }, pingMs);
    this.#pinging.unref();
    this.#probing = setInterval(() => {
      for (const shard of this.#shards) this.#inBackground('redis.probe_failed', this.#watch(shard, probeMs));
    }, probeMs);
    this.#probing.unref();
    this.#inBackground('redis.info_failed', this.#checkEviction());
  }

  get ageMs(): number | null {
    const until = this.#wakeUps.heardUntil;
    return until === null ? null : Math.max(0, this.#clock() - until);
  }

  async append(messages: readonly BridgedMessage[]): Promise<readonly Appended[]> {
    const results: Appended[] = [];
    for (let start = 0; start < messages.length; ) {
      const first = messages[start];
      if (!first) break;
      const shard = this.#shardOf(first.channel);
      let end = start + 1;
      for (let next = messages[end]; next && this.#shardOf(next.channel) === shard; next = messages[end]) end += 1;
      const together = messages.slice(start, end);
      results.push(...(await this.#appendTo(shard, first.partition, together)));
      // Its producer chose another partition than the key leads to: there nobody may take it for lost.
      const last = together.at(-1);
      const own = this.#shards[first.partition];
      if (last && own && own !== shard) await this.#skipIn(own, last);
      start = end;
    }
    return results;
  }

  async #appendTo(shard: Shard, partition: number, messages: readonly BridgedMessage[]): Promise<Appended[]> {
    for (let attempt = 0; attempt < maxRenewals; attempt += 1) {
      const epoch = await this.#epochOf(shard);
      const oldest = this.#clock() - this.#limits.maxAgeMs - clockSlackMs;
      const reply = await this.#run(
        scripts.append,
        [
          epochKey(shard),
          bridgedKey(shard, epoch),
          ...messages.flatMap(({ channel }) => [streamKey(shard, epoch, channel), idsKey(shard, epoch, channel)]),
        ],
        [
          epoch,
          partition,
          shard.bridged.get(partition) ?? '',
          this.#limits.maxCount,
          oldest,
          this.#limits.maxAgeMs + clockSlackMs,
          clockSlackMs,
          this.#limits.maxIds,
          partition === shard.partition ? '1' : '',
          ...messages.flatMap((message) => [
            message.offset,
            message.time,
            message.id ?? '',
            liveName(shard, message.channel),
            bodyOf(message, epoch),
          ]),
        ],
      );
      const [outcome, ...results] = AppendResult.parse(reply);
      switch (outcome) {
        case 'done': {
          const last = messages.at(-1)?.offset ?? 0;
          if (shard.epoch === epoch) shard.bridged.set(partition, Math.max(last, shard.bridged.get(partition) ?? 0));
          return results.map(appended);
        }
        case 'renewed':
          this.#forgetEpoch(shard);
          break;
        case 'lost':
          await this.#renew(shard, epoch);
          break;
        default:
          outcome satisfies never;
      }
    }
    throw new Error('the history was renewed again and again');
  }

  async skip(place: Pick<BridgedMessage, 'partition' | 'offset' | 'time'>): Promise<void> {
    const shard = this.#shards[place.partition];
    if (shard) await this.#skipIn(shard, place);
  }

  async #skipIn(
    shard: Shard,
    { partition, offset, time }: Pick<BridgedMessage, 'partition' | 'offset' | 'time'>,
  ): Promise<void> {
    const epoch = await this.#epochOf(shard);
    const keys = [epochKey(shard), bridgedKey(shard, epoch)];
    // In a new epoch every partition begins anyhow.
    if ((await this.#run(scripts.skip, keys, [epoch, partition, offset, time])) === 'renewed') this.#forgetEpoch(shard);
  }

  async read(channel: string, since?: Position): Promise<CatchUp> {
    const shard = this.#shardOf(channel);
    for (let attempt = 0; attempt < maxRenewals; attempt += 1) {
      const epoch = await this.#epochOf(shard);
      const inEpoch = since?.epoch === epoch ? since : undefined;
      const keys = [epochKey(shard), streamKey(shard, epoch, channel)];
      const reply = Range.parse(await this.#run(scripts.read, keys, [epoch, inEpoch?.offset ?? '']));
      if (reply[0] === 'renewed') {
        this.#forgetEpoch(shard);
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
    const shard = this.#shardOf(channel);
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(listener));
    const leave = async (): Promise<void> => {
      listeners.delete(listener);
      if (listeners.size > 0 || this.#listeners.get(channel) !== listeners) return;
      this.#listeners.delete(channel);
      await this.#wakeUps.unsubscribe(shard.partition, liveName(shard, channel));
    };
    try {
      await this.#wakeUps.subscribe(shard.partition, liveName(shard, channel), subscribeWaitMs);
    } catch (error) {
      await leave();
      throw error;
    }
    return { [Symbol.asyncDispose]: leave };
  }

  async probe(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#shards.map((shard) => this.#probe(shard, signal)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#pinging);
    clearInterval(this.#probing);
    this.#closing.abort();
    this.#listeners.clear();
    this.#wakeUps[Symbol.dispose]();
    this.#commands.disconnect();
  }

  get #commands(): RedisConnections['commands'] {
    return this.#connections.commands;
  }

  #shardOf(channel: string): Shard {
    const shard = this.#shards[partitionOf(channel, this.#shards.length)];
    if (!shard) throw new Error('a history has at least one partition');
    return shard;
  }

  /** By its digest, as scripts are long; a server that has not seen it yet gets it once. */
  async #run(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const run = async (): Promise<unknown> => {
      try {
        return await this.#commands.evalsha(digestOf(script), keys.length, ...keys, ...args);
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
        return await this.#commands.eval(script, keys.length, ...keys, ...args);
      }
    };
    return await inTime(answerWithinMs, run());
  }

  async #epochOf(shard: Shard): Promise<string> {
    shard.epoch ??= z
      .string()
      .parse(await this.#run(scripts.claimEpoch, [epochKey(shard)], [newEpoch(), controlOf(shard)]));
    return shard.epoch;
  }

  /** Something of `epoch` is gone: places in it can't be trusted any more. */
  async #renew(shard: Shard, epoch: string): Promise<void> {
    this.#log.error('history.renewed', { partition: shard.partition, epoch });
    const keys = [epochKey(shard), bridgedKey(shard, epoch)];
    await this.#run(scripts.renewEpoch, keys, [epoch, newEpoch(), controlOf(shard)]);
    this.#forgetEpoch(shard);
  }

  #forgetEpoch(shard: Shard): void {
    shard.epoch = undefined;
    shard.bridged.clear();
    this.#interrupt(shard);
  }

  #interrupt(shard: Shard): void {
    for (const [channel, listeners] of this.#listeners)
      if (this.#shardOf(channel) === shard) for (const listener of listeners) listener.interrupted();
  }

  #hear(name: string, text: string): void {
    const shard = this.#shards.find(({ prefix }) => name.startsWith(prefix));
    if (!shard) return;
    if (name === controlOf(shard)) this.#hearControl(shard, text);
    const channel = name.startsWith(liveName(shard, '')) ? name.slice(liveName(shard, '').length) : '';
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

  #hearControl(shard: Shard, text: string): void {
    const [what, word = ''] = text.split(' ');
    if (what === 'probe') this.#probes.get(word)?.(shard);
    else if (what === 'renewed' && shard.epoch !== undefined && shard.epoch !== word) this.#forgetEpoch(shard);
  }

  /** After a reconnection Redis may be another, or the same with less in it. */
  async #verify(shard: Shard): Promise<void> {
    const { epoch } = shard;
    if (epoch === undefined) return;
    const keys = [epochKey(shard), bridgedKey(shard, epoch)];
    const state = await this.#run(scripts.verify, keys, [epoch, ...[...shard.bridged].flat()]);
    if (shard.epoch !== epoch) return;
    if (state === 'lost') await this.#renew(shard, epoch);
    if (state === 'renewed') this.#forgetEpoch(shard);
  }

  async #probe(shard: Shard, signal: AbortSignal): Promise<void> {
    const word = newEpoch();
    const heard = Promise.withResolvers<void>();
    heard.promise.catch(() => undefined);
    const giveUp = (): void => heard.reject(new Error(`a probe of partition ${shard.partition} was not heard`));
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    this.#probes.set(word, (from) => {
      if (from === shard) heard.resolve();
    });
    try {
      await Promise.race([this.#wakeUps.holding(shard.partition), heard.promise]);
      const written = this.#run(scripts.probe, [`${shard.prefix}probe`], [controlOf(shard), word, probeLifeMs]);
      const kept = await Promise.race([written, heard.promise.then(() => written)]);
      if (kept !== word) throw new Error(`a probe of partition ${shard.partition} was not kept`);
      await heard.promise;
    } finally {
      this.#probes.delete(word);
      signal.removeEventListener('abort', giveUp);
    }
  }

  /** A shard that can be written and not be heard has lost its subscriptions without a word. */
  async #watch(shard: Shard, waitMs: number): Promise<void> {
    if (!this.#wakeUps.holds(shard.partition)) return;
    const late = AbortSignal.timeout(waitMs);
    try {
      await this.#probe(shard, AbortSignal.any([late, this.#closing.signal]));
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      if (this.#wakeUps.holds(shard.partition)) this.#wakeUps.renew(shard.partition);
      throw error;
    }
  }

  async #ping(line: Redis): Promise<void> {
    if (line.status !== 'ready' || this.#asked.has(line)) return;
    this.#asked.add(line);
    try {
      await line.ping();
    } catch (error) {
      // A connection that died without a word.
      if (line.status === 'ready') line.disconnect(true);
      throw error;
    } finally {
      this.#asked.delete(line);
    }
  }

  async #checkEviction(): Promise<void> {
    const policy = /maxmemory_policy:(\S+)/.exec(await this.#commands.info('memory'))?.[1];
    if (policy !== 'noeviction') this.#log.warn('redis.may_evict', { policy, wanted: 'noeviction' });
  }

  #inBackground(event: string, work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!this.#closing.signal.aborted) this.#log.warn(event, { error });
    });
  }
}

const controlOf = ({ prefix }: Shard): string => `${prefix}control`;
const epochKey = ({ prefix }: Shard): string => `${prefix}epoch`;
const bridgedKey = ({ prefix }: Shard, epoch: string): string => `${prefix}${epoch}:bridged`;
const streamKey = ({ prefix }: Shard, epoch: string, channel: string): string => `${prefix}${epoch}:stream:${channel}`;
const idsKey = ({ prefix }: Shard, epoch: string, channel: string): string => `${prefix}${epoch}:ids:${channel}`;
const liveName = ({ prefix }: Shard, channel: string): string => `${prefix}live:${channel}`;

/** The message as JSON, but for the brace and `previous` that the script puts before it. */
function bodyOf({ channel, offset, time, event, data, traceparent }: BridgedMessage, epoch: string): string {
  const position: Position = { epoch, offset, time };
  const body = { channel, position, event, data, traceparent } satisfies Omit<
    ChannelMessage,
    'previous' | 'traceparent'
  > & { traceparent: string | undefined };
  return JSON.stringify(body).slice(1);
}

function appended(result: string): Appended {
  if (result === 'known') return { appended: false, known: 'place' };
  if (result === 'repeated') return { appended: false, known: 'id' };
  return { appended: true, previous: result === 'null' ? null : Number(result) };
}

const digests = new Map<string, string>();
function digestOf(script: string): string {
  const known = digests.get(script) ?? createHash('sha1').update(script).digest('hex');
  digests.set(script, known);
  return known;
}

const parseMessage = (text: string): ChannelMessage => ChannelMessage.parse(JSON.parse(text));

const newEpoch = (): string => Array.from({ length: 10 }, () => randomInt(36).toString(36)).join('');
