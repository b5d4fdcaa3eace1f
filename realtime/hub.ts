// The hub: channels and who hears them, with one history subscription per channel.
import type { StreamRequest } from '../contracts/client-stream.ts';
import { ProblemError } from '../contracts/problem.ts';
import type { Position } from '../contracts/stream.ts';
import { defaultStreamsPerAddress, StreamQuota } from '../contracts/stream-quota.ts';
import { type Attachment, type ChannelSink, type ChannelSource, Watch } from '../contracts/stream-watch.ts';
import { Feed } from './feed.ts';
import type { History } from './history.ts';
import type { Log } from './log.ts';
import type { RealtimeMetrics } from './metrics.ts';

export interface HubLimits {
  readonly maxStreamsPerUser: number;
  /** 0 for any number. */
  readonly maxStreamsPerAddress: number;
  /** Live messages that wait for one slow client. */
  readonly maxWaiting: number;
  /** Messages kept for a subscriber that still reads what it missed. */
  readonly maxKept: number;
  /** How long a channel that nobody hears stays subscribed, for those who come right back. */
  readonly lingerMs: number;
}

export const hubLimits: HubLimits = {
  maxStreamsPerUser: 32,
  maxStreamsPerAddress: defaultStreamsPerAddress,
  maxWaiting: 256,
  maxKept: 1_000,
  lingerMs: 15_000,
};

export interface HubOptions {
  readonly history: History;
  readonly log: Log;
  readonly metrics: RealtimeMetrics;
  readonly clock: () => number;
  readonly limits?: Partial<HubLimits>;
}

export class Hub implements ChannelSource, AsyncDisposable {
  readonly #options: HubOptions;
  readonly #limits: HubLimits;
  readonly #feeds = new Map<string, Feed>();
  readonly #lingering = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #watches = new Set<Watch>();
  readonly #quota: StreamQuota;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#limits = { ...hubLimits, ...options.limits };
    this.#quota = new StreamQuota(this.#limits.maxStreamsPerAddress);
  }

  attach(channel: string, since: Position | undefined, sink: ChannelSink): Attachment {
    return this.#feedOf(channel).attach(since, sink);
  }

  /** How old at most what these channels have said is by now; null while that isn't known. */
  ageMs(channels: readonly string[]): number | null {
    const whole = channels.every((channel) => this.#feeds.get(channel)?.whole ?? true);
    return whole ? this.#options.history.ageMs : null;
  }

  /** Throws `too-many-requests`. An unknown `address` is empty; `onWaiting`: see `WatchOptions`. */
  watch(request: StreamRequest, address: string, onWaiting?: () => void): Watch {
    const { metrics, clock } = this.#options;
    for (const channel of request.channels) {
      if (!channel.startsWith('user:') || (this.#feeds.get(channel)?.size ?? 0) < this.#limits.maxStreamsPerUser)
        continue;
      throw new ProblemError('too-many-requests', {
        detail: `A user may have ${this.#limits.maxStreamsPerUser} streams at once`,
        headers: { 'retry-after': '30' },
      });
    }
    const giveBack = this.#quota.take(address);
    const watch: Watch = new Watch(this, request, {
      maxWaiting: this.#limits.maxWaiting,
      clock,
      ...(onWaiting ? { onWaiting } : {}),
      onEnd: (reason) => {
        this.#watches.delete(watch);
        giveBack();
        if (reason !== 'left') metrics.drops.inc({ reason });
      },
    });
    this.#watches.add(watch);
    return watch;
  }

  /** Sends every client away; each resumes elsewhere from its last id. */
  endWatches(): void {
    for (const watch of this.#watches) watch.end('left');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.endWatches();
    for (const timer of this.#lingering.values()) clearTimeout(timer);
    await Promise.all([...this.#feeds.values()].map((feed) => feed[Symbol.asyncDispose]()));
  }

  #feedOf(channel: string): Feed {
    clearTimeout(this.#lingering.get(channel));
    this.#lingering.delete(channel);
    const known = this.#feeds.get(channel);
    if (known) return known;
    const { history, log, metrics } = this.#options;
    const feed = new Feed({
      channel,
      history,
      log,
      metrics,
      maxKept: this.#limits.maxKept,
      onEmpty: () => this.#linger(channel, feed),
      onFailed: () => this.#drop(channel, feed),
    });
    this.#feeds.set(channel, feed);
    metrics.channels.set(this.#feeds.size);
    return feed;
  }

  #linger(channel: string, feed: Feed): void {
    clearTimeout(this.#lingering.get(channel));
    const timer = setTimeout(() => {
      this.#drop(channel, feed);
      feed[Symbol.asyncDispose]().catch((error: unknown) => this.#options.log.warn('hub.unlisten_failed', { error }));
    }, this.#limits.lingerMs);
    this.#lingering.set(channel, timer);
  }

  #drop(channel: string, feed: Feed): void {
    if (this.#feeds.get(channel) !== feed) return;
    this.#feeds.delete(channel);
    clearTimeout(this.#lingering.get(channel));
    this.#lingering.delete(channel);
    this.#options.metrics.channels.set(this.#feeds.size);
  }
}
