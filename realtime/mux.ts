// `/v1/mux`: one WebSocket per edge, with all the channels that its clients watch.
import type { WebSocket } from 'ws';
import {
  type ChannelMessage,
  cacheChannel,
  type MuxReply,
  MuxRequest,
  type Position,
  sessionChannel,
} from '../contracts/stream.ts';
import type { Attachment, CatchUp } from '../contracts/stream-watch.ts';
import type { History } from './history.ts';
import type { Hub } from './hub.ts';
import type { Log } from './log.ts';
import type { RealtimeMetrics } from './metrics.ts';
import { keepAlive } from './websocket.ts';

export interface MuxOptions {
  readonly hub: Hub;
  readonly history: History;
  readonly metrics: RealtimeMetrics;
  readonly log: Log;
  readonly clock: () => number;
  readonly pingMs?: number;
  readonly maxChannels?: number;
  /** Bytes waiting in one connection before it is ended; the edge then resumes from its last places. */
  readonly maxBufferedBytes?: number;
}

type Subscribe = Extract<MuxRequest, { op: 'subscribe' }>;

/** Here lateness would show: an edge would send what has changed, or let in whose session has ended. */
const systemChannels = [cacheChannel, sessionChannel];

export const maxMuxRequestBytes = 4 * 1024;
/** Workers take no larger message; a history that doesn't fit is out of reach. */
const maxReplyChars = 900_000;
const codes = { protocolError: 1002, internal: 1011, tooSlow: 4002 } as const;

/** Serves until the socket closes. */
export function serveMux(socket: WebSocket, options: MuxOptions): void {
  const { hub, history, metrics, log, clock, maxChannels = 100_000, maxBufferedBytes = 16 * 1024 * 1024 } = options;
  const attachments = new Map<string, Attachment>();
  metrics.connections.inc({ kind: 'mux' });
  keepAlive(socket, options.pingMs ?? 15_000);

  const say = (reply: MuxReply): void => {
    if (socket.readyState !== socket.OPEN) return;
    socket.send(JSON.stringify(reply));
    if (socket.bufferedAmount <= maxBufferedBytes) return;
    metrics.drops.inc({ reason: 'mux_too_slow' });
    socket.terminate();
  };
  const fail = (error: unknown): void => {
    log.warn('mux.failed', { error });
    socket.close(codes.internal, 'the history does not answer');
  };

  const subscribe = async ({ channel, since, request }: Subscribe): Promise<void> => {
    attachments.get(channel)?.detach();
    if (!attachments.has(channel) && attachments.size >= maxChannels) {
      socket.close(codes.protocolError, 'too many channels');
      return;
    }
    const attachment = hub.attach(channel, since, {
      message: (message) => {
        say({ op: 'message', message });
        metrics.messagesOut.inc({ kind: 'mux' });
        metrics.latency.observe({ kind: 'mux' }, Math.max(0, clock() - message.position.time) / 1000);
      },
      lost: (head) => say({ op: 'lost', channel, head }),
    });
    if (!attachments.has(channel)) metrics.subscriptions.inc();
    attachments.set(channel, attachment);
    const found = await attachment.caughtUp;
    // Meanwhile the edge may have unsubscribed, or subscribed anew.
    if (attachments.get(channel) !== attachment) return;
    say({ op: 'subscribed', ...(request === undefined ? {} : { request }), channel, ...fitting(found) });
    metrics.replayed.inc({ kind: 'mux' }, found.messages.length);
    attachment.start();
  };
  const unsubscribe = (channel: string): void => {
    attachments.get(channel)?.detach();
    if (attachments.delete(channel)) metrics.subscriptions.dec();
  };

  socket.on('message', (data, isBinary) => {
    const request = isBinary ? null : parse(String(data));
    if (!request) {
      socket.close(codes.protocolError, 'not a request of this protocol');
      return;
    }
    switch (request.op) {
      case 'subscribe':
        subscribe(request).catch(fail);
        break;
      case 'unsubscribe':
        unsubscribe(request.channel);
        break;
      case 'replay':
        history.read(request.channel, request.since).then((found) => {
          say({ op: 'replayed', request: request.request, channel: request.channel, ...fitting(found) });
          metrics.replayed.inc({ kind: 'mux' }, found.messages.length);
        }, fail);
        break;
      case 'ping':
        say({ op: 'pong', at: request.at, ageMs: hub.ageMs(systemChannels) });
        break;
      default:
        request satisfies never;
    }
  });
  socket.once('close', () => {
    for (const channel of [...attachments.keys()]) unsubscribe(channel);
    metrics.connections.dec({ kind: 'mux' });
  });
}

function fitting({ head, messages, gap }: CatchUp): { head: Position; messages: ChannelMessage[]; gap: boolean } {
  if (messages.length > 0 && JSON.stringify(messages).length > maxReplyChars) return { head, messages: [], gap: true };
  return { head, messages: [...messages], gap };
}

function parse(text: string): MuxRequest | null {
  try {
    return MuxRequest.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
