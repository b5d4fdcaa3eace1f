// A world for tests of streams: an edge's fan-in in front of real realtime nodes, and clients who read.
import { WebSocket } from 'ws';
import type { StreamRequest } from '../../contracts/client-stream.ts';
import { serviceToken, userId } from '../../realtime/world.testing.ts';
import { until } from '../../tests/until.ts';
import { createLog } from '../log.ts';
import type { EdgeSocket } from '../platform.ts';
import { createFanIn, type FanIn, type FanInOptions } from './fanin.ts';
import type { StreamServing, StreamWho } from './serving.ts';
import { serveSse } from './sse.ts';
import type { Connect } from './upstream.ts';

export const connect: Connect = (url, { headers, signal }) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { headers: { ...headers } });
    const abort = (): void => socket.terminate();
    signal?.addEventListener('abort', abort, { once: true });
    socket.once('open', () => {
      signal?.removeEventListener('abort', abort);
      resolve(socket as unknown as EdgeSocket);
    });
    socket.once('error', reject);
  });

export const silentLog = createLog('silent', () => {});

export const openFanIn = (nodes: readonly string[], options: Partial<FanInOptions> = {}): FanIn =>
  createFanIn({
    nodes,
    connect,
    log: silentLog,
    token: serviceToken,
    clock: Date.now,
    ...options,
    times: { shortestBackoffMs: 5, longestBackoffMs: 50, ...options.times },
  });

export const asked = (more: Partial<StreamRequest> = {}): StreamRequest => ({
  channels: [`user:${userId}`],
  cursor: null,
  filter: { topics: null, order: null },
  ...more,
});

export interface Received {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

export interface Client extends AsyncDisposable {
  readonly received: readonly Received[];
  readonly lastId: string | undefined;
  readonly text: string;
  readonly ended: boolean;
  has(count: number): Promise<readonly Received[]>;
  hasEnded(): Promise<void>;
}

/** A client who reads all that comes. */
export async function openClient(
  fanIn: FanIn,
  wanted: StreamRequest = asked(),
  more: Partial<StreamServing> & Partial<StreamWho> = {},
): Promise<Client> {
  const { expiresAt = Date.now() + 600_000, revoked, address, ...serving } = more;
  const leaving = new AbortController();
  const response = await serveSse(
    wanted,
    { expiresAt, ...(revoked ? { revoked } : {}), ...(address === undefined ? {} : { address }) },
    { fanIn, clock: Date.now, signal: leaving.signal, ...serving },
  );
  const received: Received[] = [];
  const state = { text: '', lastId: undefined as string | undefined, ended: false };
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of response.body ?? []) {
      const text = decoder.decode(chunk, { stream: true });
      state.text += text;
      const blocks = (rest + text).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const field = (name: string) =>
          block
            .split('\n')
            .find((line) => line.startsWith(`${name}: `))
            ?.slice(name.length + 2);
        const data = field('data');
        state.lastId = field('id') ?? state.lastId;
        if (data !== undefined)
          received.push({
            id: field('id'),
            event: field('event') ?? '',
            data: JSON.parse(data) as Record<string, unknown>,
          });
      }
    }
  };
  const reading = read()
    .catch(() => undefined)
    .finally(() => {
      state.ended = true;
    });
  return {
    received,
    get lastId() {
      return state.lastId;
    },
    get text() {
      return state.text;
    },
    get ended() {
      return state.ended;
    },
    async has(count) {
      await until(`${count} events came`, () => received.length >= count);
      return received;
    },
    async hasEnded() {
      await until('the stream ended', () => state.ended);
    },
    async [Symbol.asyncDispose]() {
      leaving.abort();
      await reading;
    },
  };
}
