// The history in this process's memory: rebuilt from the retained log at each start.
import { createHash } from 'node:crypto';
import type { ChannelMessage, Position } from '../contracts/stream.ts';
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

export interface MemoryHistoryOptions {
  /** `EventSource.epoch` of the topic: the log is what outlives this process. */
  readonly topicEpoch: string;
  readonly clock: () => number;
  readonly limits?: Partial<HistoryLimits>;
}

interface Channel {
  readonly messages: ChannelMessage[];
  /** Ids of its events with their times, oldest first. */
  readonly ids: Map<string, number>;
}

export class MemoryHistory implements History {
  readonly ageMs = 0;
  readonly #epoch: string;
  readonly #clock: () => number;
  readonly #limits: HistoryLimits;
  readonly #channels = new Map<string, Channel>();
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #partitions = new Map<number, number>();
  /** Before this the log that we were rebuilt from was cut, so nobody knows what was there. */
  #logStart = 0;
  readonly #began: number;
  readonly #sweeping: ReturnType<typeof setInterval>;

  constructor({ topicEpoch, clock, limits }: MemoryHistoryOptions) {
    this.#epoch = createHash('sha256').update(topicEpoch).digest('hex').slice(0, 12);
    this.#clock = clock;
    this.#began = clock();
    this.#limits = { ...historyLimits, ...limits };
    this.#sweeping = setInterval(() => this.#sweep(), Math.min(60_000, this.#limits.maxAgeMs));
    this.#sweeping.unref();
  }

  async append(messages: readonly BridgedMessage[]): Promise<readonly Appended[]> {
    return messages.map((message) => this.#append(message));
  }

  #append({ channel, partition, offset, id, time, event, data, traceparent }: BridgedMessage): Appended {
    const bridged = this.#partitions.get(partition);
    if (bridged !== undefined && offset <= bridged) return { appended: false, known: 'place' };
    if (bridged === undefined && offset > 1 && time < this.#began) this.#logStart = Math.max(this.#logStart, time);
    this.#partitions.set(partition, offset);

    const kept = this.#channels.get(channel) ?? { messages: [], ids: new Map<string, number>() };
    const previous = kept.messages.at(-1)?.position.offset ?? null;
    this.#trim(channel, kept);
    if (id !== undefined && kept.ids.has(id)) return { appended: false, known: 'id' };
    const message: ChannelMessage = {
      channel,
      position: { epoch: this.#epoch, offset, time },
      previous,
      event,
      data,
      ...(traceparent === undefined ? {} : { traceparent }),
    };
    kept.messages.push(message);
    if (id !== undefined) kept.ids.set(id, time);
    this.#trim(channel, kept);
    for (const listener of this.#listeners.get(channel) ?? []) listener.message(message);
    return { appended: true, previous };
  }

  async skip({ partition, offset }: Pick<BridgedMessage, 'partition' | 'offset'>): Promise<void> {
    this.#partitions.set(partition, Math.max(offset, this.#partitions.get(partition) ?? 0));
  }

  async read(channel: string, since?: Position): Promise<CatchUp> {
    const now = this.#clock();
    const kept = this.#channels.get(channel);
    if (kept) this.#trim(channel, kept);
    const messages = kept?.messages ?? [];
    const first = messages[0];
    const last = messages.at(-1);
    const head: Position = {
      epoch: this.#epoch,
      offset: last?.position.offset ?? 0,
      time: Math.max(now, last?.position.time ?? 0),
    };
    if (!since) return { head, messages: [], gap: false };
    const oldestComplete = Math.max(now - this.#limits.maxAgeMs, this.#logStart);
    const reached =
      since.epoch === this.#epoch &&
      reaches(since, first && last ? { first, last: last.position.offset } : null, oldestComplete);
    if (!reached) return { head, messages: [], gap: true };
    return { head, messages: messages.filter(({ position }) => position.offset > since.offset), gap: false };
  }

  async listen(channel: string, listener: Listener): Promise<AsyncDisposable> {
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(listener));
    return {
      [Symbol.asyncDispose]: async () => {
        listeners.delete(listener);
        if (listeners.size === 0 && this.#listeners.get(channel) === listeners) this.#listeners.delete(channel);
      },
    };
  }

  /** Messages are handed over in the call that brings them. */
  async probe(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweeping);
  }

  #trim(channel: string, kept: Channel): void {
    const { messages, ids } = kept;
    // The slack keeps what a place given by a clock behind ours still counts on.
    const oldest = this.#clock() - this.#limits.maxAgeMs - clockSlackMs;
    let surplus = Math.max(0, messages.length - this.#limits.maxCount);
    for (let next = messages[surplus]; next && next.position.time < oldest; next = messages[surplus]) surplus += 1;
    messages.splice(0, surplus);
    for (const [id, time] of ids) {
      if (ids.size <= this.#limits.maxIds && time >= oldest) break;
      ids.delete(id);
    }
    if (messages.length > 0) this.#channels.set(channel, kept);
    else this.#channels.delete(channel);
  }

  #sweep(): void {
    for (const [channel, kept] of this.#channels) this.#trim(channel, kept);
  }
}
