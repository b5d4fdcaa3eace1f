// `npm run soak -- --minutes 60`: a realtime node and an edge under a heap limit, on real Kafka and Redis, with clients
// who connect, leave and are cut off all the time. At the end each one's log is compared with the topic, and the
// memory of both with what it was. Ends with 1 when something was lost, or memory grew, or a process died.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type ClientRequest, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { realtimeTopic } from '../contracts/events.ts';
import { createKafkaClient } from '../kafka/client.ts';
import { openKafkaSource } from '../realtime/kafka.ts';
import { silentLog } from '../realtime/log.ts';
import { type Issuer, serviceToken, startIssuer } from '../realtime/world.testing.ts';
import { freePort } from '../scripts/free-port.ts';
import { services } from '../tests/services.ts';
import { until } from '../tests/until.ts';
import { residentKiB } from './memory.ts';
import { start } from './processes.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    clients: { type: 'string', default: '400' },
    /** Messages a second over all clients. */
    rate: { type: 'string', default: '200' },
    'heap-mb': { type: 'string', default: '96' },
  },
});
const wanted = z
  .object({
    minutes: z.coerce.number().min(0.5).max(10_000),
    clients: z.coerce.number().int().min(1).max(5_000),
    rate: z.coerce.number().min(1).max(5_000),
    heapMb: z.coerce.number().int().min(32).max(4_096),
  })
  .parse({ ...values, heapMb: values['heap-mb'] });

/** Of the run's last third, over its second: the first is needed to get warm. */
const mostGrowth = 1.15;
/** Clients stay, and stay away, for up to this long. History reaches much further. */
const longest = { stayMs: 40_000, awayMs: 15_000 } as const;
const sampleEveryMs = 5_000;
const run = randomUUID().slice(0, 8);
const common = `category:soak-${run}`;
const padding = 'x'.repeat(120);

const Data = z.object({ run: z.string(), n: z.int() });

/** One user, over all connections. */
class Client {
  readonly channel: string;
  readonly heard = new Map<string, number[]>();
  readonly resets: string[] = [];
  connections = 0;
  #place: string | undefined;
  #request: ClientRequest | undefined;
  readonly #url: string;
  readonly #token: string;

  constructor(user: string, url: string, token: string) {
    this.channel = `user:${user}`;
    this.#url = url;
    this.#token = token;
    this.heard.set(this.channel, []).set(common, []);
  }

  get isOpen(): boolean {
    return this.#request !== undefined && !this.#request.destroyed;
  }

  open(): void {
    this.connections += 1;
    const headers = {
      authorization: `Bearer ${this.#token}`,
      ...(this.#place === undefined ? {} : { 'last-event-id': this.#place }),
    };
    const request = get(`${this.#url}/v1/stream?channels=${common}`, { headers, agent: false }, (response) => {
      let rest = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        // What comes after it was cut off is not the client's any more.
        if (this.#request !== request) return;
        const blocks = (rest + chunk).split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) this.#hear(block);
      });
      response.on('error', () => {});
    });
    request.on('error', () => {});
    this.#request = request;
  }

  /** Closes the connection, or resets it as a network does. */
  leave(how: 'closes' | 'resets'): void {
    const request = this.#request;
    this.#request = undefined;
    if (how === 'resets') request?.socket?.resetAndDestroy();
    request?.destroy();
  }

  #hear(block: string): void {
    const field = (name: string): string | undefined =>
      block
        .split('\n')
        .find((line) => line.startsWith(`${name}: `))
        ?.slice(name.length + 2);
    const data = field('data');
    if (field('event') === 'reset') this.resets.push(data ?? '');
    else if (data !== undefined) {
      const { n } = Data.parse(JSON.parse(data));
      this.heard.get(field('event') === 'soak.common' ? common : this.channel)?.push(n);
    }
    this.#place = field('id') ?? this.#place;
  }
}

await using stack = new AsyncDisposableStack();
const { kafka: brokers, redis } = services();
if (brokers === undefined || redis === undefined)
  throw new Error('needs Kafka and Redis: run `npm run services` first');
const issuer = stack.use(await startIssuer());
const parts = await startParts(brokers, redis, issuer);
const kafka = createKafkaClient({ brokers: brokers.split(','), clientId: 'soak', log: silentLog });
const producer = kafka.producer();
await producer.connect();
stack.defer(() => producer.disconnect());

const clients: Client[] = [];
for (let index = 0; index < wanted.clients; index += 1) {
  const user = randomUUID();
  const token = await issuer.token({ sub: user, sid: randomUUID(), expiresInSeconds: wanted.minutes * 60 + 3_600 });
  clients.push(new Client(user, index % 2 === 0 ? parts.node.url : parts.edge.url, token));
}

const stopping = new AbortController();
const end = performance.now() + wanted.minutes * 60_000;
const samples: { readonly node: number; readonly edge: number }[] = [];
let published = 0;
for (const client of clients) client.open();
const living = clients.map(live);
const saying = say();
while (performance.now() < end && parts.alive()) {
  await sleep(Math.min(sampleEveryMs, Math.max(0, end - performance.now())));
  if (!parts.alive()) break;
  samples.push({ node: residentKiB(parts.node.pid), edge: residentKiB(parts.edge.pid) });
  if (samples.length % 12 === 0)
    console.error(JSON.stringify({ minutes: samples.length / 12, published, ...samples.at(-1) }));
}
stopping.abort();
await Promise.all([saying, ...living]);

// All come back once more, and then have what the topic has.
for (const client of clients) if (!client.isOpen) client.open();
const topic = await readTopic(brokers);
const complete = (client: Client): boolean =>
  [client.channel, common].every((channel) => client.heard.get(channel)?.at(-1) === topic.get(channel)?.at(-1));
await until('all have caught up', () => clients.every(complete), { timeoutMs: 60_000 }).catch(() => undefined);

let lost = 0;
let wrong = 0;
for (const { channel, heard } of clients) {
  for (const name of [channel, common]) {
    const said = topic.get(name) ?? [];
    const got = heard.get(name) ?? [];
    // What was said before the first connection was never this client's to hear.
    const from = said.indexOf(got[0] ?? said[0] ?? 0);
    const expected = said.slice(Math.max(0, from));
    lost += expected.filter((number) => !got.includes(number)).length;
    if (expected.join() !== got.join()) wrong += 1;
  }
}
const resets = clients.reduce((sum, client) => sum + client.resets.length, 0);
const growth = { node: growthOf(samples.map(({ node }) => node)), edge: growthOf(samples.map(({ edge }) => edge)) };
const connections = clients.reduce((sum, client) => sum + client.connections, 0);
const alive = parts.alive();
for (const client of clients) client.leave('closes');
console.log(
  JSON.stringify({
    minutes: wanted.minutes,
    clients: clients.length,
    connections,
    published,
    lost,
    wrong,
    resets,
    growth,
    alive,
    last: samples.at(-1),
  }),
);
if (!alive) console.log(parts.output());
if (lost > 0 || wrong > 0 || resets > 0 || !alive || Math.max(growth.node, growth.edge) > mostGrowth)
  process.exitCode = 1;

async function live(client: Client): Promise<void> {
  const { signal } = stopping;
  const pause = (most: number): Promise<void> =>
    sleep(Math.random() * most, undefined, { signal }).catch(() => undefined);
  while (!signal.aborted) {
    await pause(longest.stayMs);
    client.leave(Math.random() < 0.5 ? 'closes' : 'resets');
    await pause(longest.awayMs);
    client.open();
  }
}

async function say(): Promise<void> {
  const numbers = new Map<string, number>();
  const next = (channel: string, event: string) => {
    const n = numbers.get(channel) ?? 0;
    numbers.set(channel, n + 1);
    published += 1;
    return { key: channel, value: JSON.stringify({ event, data: { run, n, padding } }) };
  };
  const perTick = Math.max(1, Math.round(wanted.rate / 10));
  for (let tick = 0; !stopping.signal.aborted; tick += 1) {
    const messages = Array.from({ length: perTick }, (_, index) =>
      next(clients[(tick * perTick + index) % clients.length]?.channel ?? common, 'soak.own'),
    );
    if (tick % 10 === 0) messages.push(next(common, 'soak.common'));
    await producer.send({ topic: realtimeTopic, messages });
    await sleep(100);
  }
}

/** Everything of this run, by channel, as it is in the topic. */
async function readTopic(brokerList: string): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>();
  let count = 0;
  await using source = openKafkaSource({ brokers: brokerList.split(','), log: silentLog });
  await using _ = source.subscribe({
    group: `soak-${run}`,
    topics: [realtimeTopic],
    from: 'beginning',
    atOnce: 500,
    handle: async (messages) => {
      for (const { key, value } of messages) {
        if (!value.includes(run)) continue;
        const { data } = z.object({ data: Data }).parse(JSON.parse(value));
        found.set(key, [...(found.get(key) ?? []), data.n]);
        count += 1;
      }
    },
  });
  await until('the topic is read', () => count >= published, { timeoutMs: 120_000 });
  return found;
}

async function startParts(kafkaBrokers: string, redisUrl: string, tokens: Issuer) {
  const heap = `--max-old-space-size=${wanted.heapMb}`;
  const [nodePort, edgePort] = [await freePort(), await freePort()];
  const env = {
    JWKS_URL: tokens.jwksUrl,
    REALTIME_TOKEN: serviceToken,
    LOG_LEVEL: 'warn',
    STREAMS_PER_ADDRESS: '0',
    RATE_LIMIT_ADDRESS: '0',
  };
  const node = stack.use(
    start('server', process.execPath, [heap, 'realtime/main.ts'], {
      ...env,
      PORT: `${nodePort}`,
      KAFKA_BROKERS: kafkaBrokers,
      REDIS_URL: redisUrl,
    }),
  );
  const url = `http://127.0.0.1:${nodePort}`;
  const edge = stack.use(
    start('server', process.execPath, [heap, 'edge/node.ts'], { ...env, PORT: `${edgePort}`, REALTIME_URL: url }),
  );
  const edgeUrl = `http://127.0.0.1:${edgePort}`;
  await until('the node is ready', async () => (await fetch(`${url}/readyz`)).ok, { timeoutMs: 60_000 });
  await until('the edge answers', async () => (await fetch(`${edgeUrl}/healthz`)).ok, { timeoutMs: 60_000 });
  await Promise.all([node, edge].map(({ child }) => (child.pid === undefined ? once(child, 'spawn') : undefined)));
  return {
    node: { url, pid: node.child.pid ?? 0 },
    edge: { url: edgeUrl, pid: edge.child.pid ?? 0 },
    alive: () => [node, edge].every(({ child }) => child.exitCode === null && child.signalCode === null),
    output: () => [node, edge].map(({ output }) => output().slice(-4_000)).join('\n'),
  };
}

/** How much the last third is above the second; 1 is as much. */
function growthOf(all: readonly number[]): number {
  const third = Math.floor(all.length / 3);
  const mean = (some: readonly number[]): number => some.reduce((sum, each) => sum + each, 0) / some.length;
  return third === 0 ? 1 : mean(all.slice(-third)) / mean(all.slice(third, 2 * third));
}
