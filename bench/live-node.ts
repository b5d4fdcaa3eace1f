// A realtime node for the benchmark: its bus takes messages over HTTP, as Centrifugo's API does, and keeps no log.
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { z } from 'zod';
import { realtimeConfig } from '../realtime/config.ts';
import { startRealtime } from '../realtime/main.ts';
import type { EventSource, Received, SourceMessage } from '../realtime/source.ts';

const Publications = z.array(z.object({ channel: z.string(), data: z.record(z.string(), z.unknown()) }));

const handlers = new Set<(messages: Received) => Promise<void>>();
const source: EventSource = {
  subscribe({ handle }) {
    const { signal } = new AbortController();
    const take = (messages: Received): Promise<void> => handle(messages, signal);
    handlers.add(take);
    return { ready: Promise.resolve(), [Symbol.asyncDispose]: async () => void handlers.delete(take) };
  },
  lag: async () => [{ lag: 0 }],
  epoch: async () => 'benchmark',
};

let offset = 0;
const publish = createServer(async (request, response) => {
  const timestamp = new Date();
  const messages = Publications.parse(await json(request)).map(
    ({ channel, data }): SourceMessage => ({
      key: channel,
      value: JSON.stringify({ event: 'order.status', data }),
      headers: {},
      partition: 0,
      offset: offset++,
      timestamp,
    }),
  );
  const [first, ...rest] = messages;
  if (first) await Promise.all([...handlers].map((handle) => handle([first, ...rest])));
  response.end('{}');
}).listen(Number(process.env['PUBLISH_PORT']), '127.0.0.1');

const realtime = await startRealtime(realtimeConfig(process.env), { source });
process.once('SIGTERM', () => {
  publish.close();
  void realtime[Symbol.asyncDispose]().then(() => process.exit(0));
});
