// The fan-in: whatever the number of clients, one stream from each realtime node and one subscription per channel.

import type { StreamRequest } from '../../contracts/client-stream.ts';
import { ProblemError } from '../../contracts/problem.ts';
import type { ChannelMessage, MuxReply, Position } from '../../contracts/stream.ts';
import { defaultStreamsPerAddress, StreamQuota } from '../../contracts/stream-quota.ts';
import { type Attachment, type CatchUp, type ChannelSource, Watch } from '../../contracts/stream-watch.ts';
import type { Log } from '../log.ts';
import { ChannelFeed, type ListenerSink } from './channel.ts';
import { type Connect, Upstream, type UpstreamTimes, upstreamTimes } from './upstream.ts';

export interface StreamMetrics {
  /** Nodes connected, channels subscribed, clients served. */
  gauge(name: 'upstreams' | 'channels' | 'streams', value: number): void;
  count(name: 'message_in' | 'message_out' | 'reset' | 'lost' | 'too_slow' | 'failed'): void;
  /** From the message's writing to its delivery. */
  latency(seconds: number): void;
}

export interface FanInLimits {
  readonly maxChannels: number;
  readonly maxStreamsPerUser: number;
  /** 0 for any number. */
  readonly maxStreamsPerAddress: number;
  readonly maxWaiting: number;
  readonly maxRemembered: number;
  readonly maxKept: number;
  /** How long a channel that nobody watches stays subscribed, for those who come right back. */
  readonly lingerMs: number;
}

export const fanInLimits: FanInLimits = {
  maxChannels: 100_000,
  maxStreamsPerUser: 32,
  maxStreamsPerAddress: defaultStreamsPerAddress,
  maxWaiting: 256,
  maxRemembered: 64,
  maxKept: 1_000,
  lingerMs: 15_000,
};

export interface FanInOptions {
  /** Addresses of realtime nodes, such as `http://realtime-1:8082`. Each serves every channel. */
  readonly nodes: readonly string[];
  readonly token: string;
  readonly connect: Connect;
  readonly log: Log;
  readonly clock: () => number;
  readonly random?: () => number;
  readonly metrics?: StreamMetrics;
  readonly limits?: Partial<FanInLimits>;
  readonly times?: Partial<UpstreamTimes>;
}

export interface ChannelListener {
  onMessage(message: ChannelMessage): void;
  /** Messages were missed for good: forget all that was learned from earlier ones. Called once at the start, too. */
  onGap(): void;
  /** Every message up to now was heard. Called at the start and after each `onBehind`. */
  onCaughtUp?(): void;
  /** The connection is gone or silent: until `onCaughtUp` messages are late. */
  onBehind?(): void;
}

export interface Listening extends Disposable {
  /** Whether messages arrive as they are written. */
  readonly caughtUp: boolean;
}

export interface FanIn extends ChannelSource, AsyncDisposable {
  /** Whether any realtime node is connected. */
  readonly connected: boolean;
  /** Whether it was disposed of: clients then come back over a longer time. */
  readonly ending: boolean;
  /** Throws `too-many-requests`. End it with `watch.end('left')`. An unknown `address` is empty. */
  watch(request: StreamRequest, address?: string): Watch;
  listen(channel: string, listener: ChannelListener): Listening;
  /** What a channel said after a place, up to a moment ago. Rejects with `signal`'s reason when that fires first. */
  read(channel: string, since: Position | undefined, signal: AbortSignal): Promise<CatchUp>;
  readonly metrics: StreamMetrics;
}

const noMetrics: StreamMetrics = { gauge: () => {}, count: () => {}, latency: () => {} };

export function createFanIn(options: FanInOptions): FanIn {
  const { nodes, token, connect, log, clock, random = Math.random, metrics = noMetrics } = options;
  const limits = { ...fanInLimits, ...options.limits };
  const feeds = new Map<string, ChannelFeed>();
  const lingering = new Map<string, ReturnType<typeof setTimeout>>();
  const watches = new Set<Watch>();
  const quota = new StreamQuota(limits.maxStreamsPerAddress);
  let ending = false;
  let requests = 0;
  const nextRequest = (): number => ++requests;

  const upstreams = [...new Set(nodes)].map(
    (node) =>
      new Upstream({
        node,
        token,
        connect,
        log,
        clock,
        random,
        times: { ...upstreamTimes, ...options.times },
        onUp: (upstream) => {
          countUpstreams();
          for (const [channel, feed] of feeds) if (!feed.upstream) feed.subscribeAt(nodeFor(channel) ?? upstream);
        },
        onDown: (upstream) => {
          countUpstreams();
          for (const [channel, feed] of feeds) {
            if (feed.upstream !== upstream) continue;
            feed.upstreamLost();
            const another = nodeFor(channel);
            if (another) feed.subscribeAt(another);
          }
        },
        onLateness: (upstream) => {
          for (const feed of feeds.values()) if (feed.upstream === upstream) feed.onLateness();
        },
        onReply: (upstream, reply) => hear(upstream, reply),
      }),
  );
  const countUpstreams = (): void => metrics.gauge('upstreams', upstreams.filter(({ up }) => up).length);

  /** Rendezvous hashing: a node that comes or goes moves only its own channels. */
  const nodeFor = (channel: string): Upstream | undefined => {
    let best: { readonly upstream: Upstream; readonly weight: number } | undefined;
    for (const upstream of upstreams) {
      if (!upstream.up) continue;
      const weight = hash(`${upstream.node} ${channel}`);
      if (!best || weight > best.weight) best = { upstream, weight };
    }
    return best?.upstream;
  };

  const hear = (upstream: Upstream, reply: MuxReply): void => {
    if (reply.op === 'pong' || reply.op === 'drain') return;
    const feed = feeds.get(reply.op === 'message' ? reply.message.channel : reply.channel);
    if (!feed || feed.upstream !== upstream) return;
    switch (reply.op) {
      case 'message':
        metrics.count('message_in');
        feed.onMessage(reply.message);
        break;
      case 'subscribed':
        feed.onSubscribed(reply);
        break;
      case 'replayed':
        feed.onReplayed(reply);
        break;
      case 'lost':
        metrics.count('lost');
        feed.onLost(reply.head);
        break;
      default:
        reply satisfies never;
    }
  };

  const feedOf = (channel: string): ChannelFeed => {
    clearTimeout(lingering.get(channel));
    lingering.delete(channel);
    const known = feeds.get(channel);
    if (known) return known;
    const feed = new ChannelFeed({
      name: channel,
      clock,
      nextRequest,
      maxRemembered: limits.maxRemembered,
      maxKept: limits.maxKept,
      onEmpty: () => {
        lingering.set(
          channel,
          setTimeout(() => {
            lingering.delete(channel);
            feeds.delete(channel);
            feed.unsubscribe();
            metrics.gauge('channels', feeds.size);
          }, limits.lingerMs),
        );
      },
    });
    feeds.set(channel, feed);
    metrics.gauge('channels', feeds.size);
    return feed;
  };

  const attach = (channel: string, since: Position | undefined, sink: ListenerSink): Attachment => {
    const feed = feedOf(channel);
    const attachment = feed.attach(since, sink);
    if (!feed.upstream) {
      const upstream = nodeFor(channel);
      if (upstream) feed.subscribeAt(upstream);
    }
    return attachment;
  };

  return {
    metrics,
    attach,
    get connected() {
      return upstreams.some(({ up }) => up);
    },

    get ending() {
      return ending;
    },

    watch(request, address = '') {
      for (const channel of request.channels) {
        if (!channel.startsWith('user:') || (feeds.get(channel)?.size ?? 0) < limits.maxStreamsPerUser) continue;
        throw new ProblemError('too-many-requests', {
          detail: `A user may have ${limits.maxStreamsPerUser} streams at once`,
          headers: { 'retry-after': '30' },
        });
      }
      if (feeds.size + request.channels.length > limits.maxChannels) {
        throw new ProblemError('unavailable', { headers: { 'retry-after': '10' } });
      }
      const giveBack = quota.take(address);
      const watch: Watch = new Watch({ attach }, request, {
        maxWaiting: limits.maxWaiting,
        clock,
        onEnd: (reason) => {
          watches.delete(watch);
          giveBack();
          metrics.gauge('streams', watches.size);
          if (reason !== 'left') metrics.count(reason);
        },
      });
      watches.add(watch);
      metrics.gauge('streams', watches.size);
      return watch;
    },

    listen(channel, listener) {
      let started = false;
      let left = false;
      const attachment = attach(channel, undefined, {
        message: (message) => listener.onMessage(message),
        lost: () => listener.onGap(),
        behind: () => {
          if (started) listener.onBehind?.();
        },
        current: () => listener.onCaughtUp?.(),
      });
      const feed = feedOf(channel);
      void attachment.caughtUp.then(() => {
        if (left) return;
        started = true;
        listener.onGap();
        attachment.start();
        if (feed.current) listener.onCaughtUp?.();
      });
      return {
        get caughtUp() {
          return started && feed.current;
        },
        [Symbol.dispose]() {
          left = true;
          attachment.detach();
        },
      };
    },

    async read(channel, since, signal) {
      const feed = feedOf(channel);
      const sink = { message: () => {}, lost: () => {} };
      const first = attach(channel, since, sink);
      try {
        // What is found while the node is silent may lack what it has yet to say.
        if (feed.current) return await orAborted(first.caughtUp, signal);
        await feed.whenCurrent(signal);
        const second = attach(channel, since, sink);
        try {
          return await orAborted(second.caughtUp, signal);
        } finally {
          second.detach();
        }
      } finally {
        first.detach();
      }
    },

    async [Symbol.asyncDispose]() {
      ending = true;
      for (const watch of watches) watch.end('left');
      for (const timer of lingering.values()) clearTimeout(timer);
      await Promise.all(upstreams.map((upstream) => upstream[Symbol.asyncDispose]()));
    },
  };
}

async function orAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}
