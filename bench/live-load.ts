// The load of the live benchmark, in a process of its own: subscribers who check every message, and the publisher.
import { createHmac, randomUUID } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { startIssuer } from '../realtime/world.testing.ts';
import { until } from '../tests/until.ts';
import { cpuOf } from './cpu.ts';
import { residentKiB } from './memory.ts';

/** What a run is asked for, as JSON in `LOAD`. */
export const LoadOrder = z.object({
  contender: z.enum(['lotok', 'centrifugo']),
  pid: z.int(),
  port: z.int(),
  publishPort: z.int(),
  connections: z.int(),
  /** A message a second in each one's own channel; one a second in a channel of all; or reconnects with 100 missed. */
  mode: z.enum(['own', 'one', 'reconnect']),
  seconds: z.int(),
});
export type LoadOrder = z.infer<typeof LoadOrder>;

export interface LoadResult {
  readonly delivered: number;
  readonly lost: number;
  readonly repeated: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly kibPerConnection: number;
  readonly cpuMicrosPerDelivery: number;
  /** Until all had what they missed. */
  readonly caughtUpMs?: number;
}

const secret = 'a secret of the benchmark alone, long enough for HS256';
const missedEach = 100;
const mostPending = 8;
const padding = 'x'.repeat(150);
const common = 'category:bench';

interface Subscriber {
  readonly user: string;
  readonly token: string;
  socket: Socket | undefined;
  /** The next number of its own channel, and of the common one. */
  own: number;
  common: number;
  rest: string;
  /** Where it is: an SSE id, or Centrifugo's epoch and offset. */
  place: string;
  open: boolean;
}

async function load(order: LoadOrder): Promise<LoadResult> {
  const { contender, connections, mode, seconds, pid } = order;
  const issuer = contender === 'lotok' ? await startIssuer(Number(process.env['JWKS_PORT'])) : undefined;
  const latencies: number[] = [];
  let counting = false;
  let delivered = 0;
  let lost = 0;
  let repeated = 0;
  const subscribers: Subscriber[] = [];
  for (let index = 0; index < connections; index += 1) {
    const user = randomUUID();
    const token = issuer ? await issuer.token({ sub: user, expiresInSeconds: 3_600 }) : centrifugoToken(user);
    subscribers.push({ user, token, socket: undefined, own: 0, common: 0, rest: '', place: '', open: false });
  }

  const hear = (subscriber: Subscriber, data: string): void => {
    // Centrifugo gives all that was missed in one line.
    for (const [, number, at, own] of data.matchAll(/"n":(\d+),"t":([\d.]+),"own":(true|false)/g)) {
      const kind = own === 'true' ? 'own' : 'common';
      if (Number(number) < subscriber[kind]) repeated += 1;
      else {
        // The common one was there before the subscriber.
        if (kind === 'own' || subscriber.common > 0) lost += Number(number) - subscriber[kind];
        subscriber[kind] = Number(number) + 1;
      }
      if (!counting) continue;
      delivered += 1;
      latencies.push(performance.now() - Number(at));
    }
  };
  const open = (subscriber: Subscriber): void => {
    const socket = connect(order.port, '127.0.0.1');
    subscriber.socket = socket;
    subscriber.rest = '';
    socket.setEncoding('latin1');
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: string) => {
      const text = subscriber.rest + chunk;
      const end = text.lastIndexOf('\n');
      subscriber.rest = text.slice(end + 1);
      for (const line of text.slice(0, end).split('\n')) {
        if (line.startsWith('id: ')) {
          subscriber.place = line.slice(4);
          subscriber.open = true;
        } else if (line.startsWith('data: ')) {
          if (contender === 'centrifugo') noteCentrifugoPlace(subscriber, line);
          hear(subscriber, line);
        }
      }
    });
    const path = contender === 'lotok' ? lotokPath(subscriber, mode) : centrifugoPath(subscriber, mode);
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: bench\r\naccept: text/event-stream\r\nauthorization: Bearer ${subscriber.token}\r\n` +
        `${contender === 'lotok' && subscriber.place ? `last-event-id: ${subscriber.place}\r\n` : ''}\r\n`,
    );
  };
  const openAll = async (): Promise<void> => {
    for (let from = 0; from < subscribers.length; from += 200) {
      const some = subscribers.slice(from, from + 200);
      for (const each of some) open(each);
      await until('they are connected', () => some.every((each) => each.open), { timeoutMs: 60_000 });
    }
  };
  const publish = publisher(order);
  const message = (number: number, own: boolean) => ({ n: number, t: performance.now(), own, padding });
  const numbers = new Map<string, number>();
  const sayOwn = (some: readonly Subscriber[]) =>
    publish(
      some.map(({ user }) => {
        const number = numbers.get(user) ?? 0;
        numbers.set(user, number + 1);
        return { channel: `user:${user}`, data: message(number, true) };
      }),
    );

  await sleep(500);
  const before = residentKiB(pid);
  await openAll();
  await sayOwn(subscribers.slice(0, 1));
  await sleep(2_000);
  const kibPerConnection = (residentKiB(pid) - before) / connections;

  if (mode === 'reconnect') {
    await sayOwn(subscribers);
    await until('all have one', () => subscribers.every(({ own }) => own >= 1), { timeoutMs: 30_000 });
    for (const { socket } of subscribers) socket?.destroy();
    for (let count = 0; count < missedEach; count += 1) await sayOwn(subscribers);
    await sleep(1_000);
    for (const each of subscribers) each.open = false;
    const cpu = cpuOf([pid]);
    const began = performance.now();
    counting = true;
    for (const each of subscribers) open(each);
    await until('all have what they missed', () => subscribers.every((each) => each.own === numbers.get(each.user)), {
      timeoutMs: 60_000,
      everyMs: 5,
    });
    const caughtUpMs = performance.now() - began;
    return result(caughtUpMs, cpu);
  }

  // Warm, then measure.
  const stop = new AbortController();
  const pending = new Set<Promise<void>>();
  const chat = async (): Promise<void> => {
    const perTick = Math.max(1, Math.ceil(connections / 50));
    for (let tick = 0, at = performance.now(); !stop.signal.aborted; tick += 1) {
      const from = (tick * perTick) % connections;
      const saying =
        mode === 'one'
          ? publish([{ channel: common, data: message(tick, false) }])
          : sayOwn(subscribers.slice(from, from + perTick));
      // A publisher doesn't wait for deliveries, but not for ever either; and in one channel the order is its own.
      const said = saying.finally(() => pending.delete(said));
      pending.add(said);
      if (pending.size >= (mode === 'one' ? 1 : mostPending)) await Promise.race(pending);
      at += mode === 'one' ? 1_000 : (perTick / connections) * 1_000;
      await sleep(Math.max(0, at - performance.now()));
    }
  };
  const chatting = chat();
  await sleep(3_000);
  counting = true;
  const cpu = cpuOf([pid]);
  await sleep(seconds * 1_000);
  counting = false;
  const measured = result(undefined, cpu);
  stop.abort();
  await chatting;
  await Promise.all(pending);
  await sleep(2_000);
  // What was published and never came, also after all was quiet.
  for (const each of subscribers) lost += Math.max(0, (numbers.get(each.user) ?? 0) - each.own);
  return { ...measured, lost, repeated };

  function result(caughtUpMs: number | undefined, from: ReturnType<typeof cpuOf>): LoadResult {
    const now = cpuOf([pid]);
    const spent = now.user + now.kernel - from.user - from.kernel;
    latencies.sort((a, b) => a - b);
    const quantile = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
    return {
      delivered,
      lost,
      repeated,
      p50Ms: quantile(0.5),
      p99Ms: quantile(0.99),
      kibPerConnection,
      cpuMicrosPerDelivery: (spent * 1_000_000) / delivered,
      ...(caughtUpMs === undefined ? {} : { caughtUpMs }),
    };
  }
}

const lotokPath = (_subscriber: Subscriber, mode: LoadOrder['mode']): string =>
  mode === 'one' ? `/v1/stream?channels=${common}` : '/v1/stream';

function centrifugoPath({ user, token, place }: Subscriber, mode: LoadOrder['mode']): string {
  const [epoch = '', offset = ''] = place.split(' ');
  const own = place === '' ? {} : { recover: true, epoch, offset: Number(offset) };
  const subs = { [`user:${user}`]: own, ...(mode === 'one' ? { [common]: {} } : {}) };
  return `/connection/uni_sse?cf_connect=${encodeURIComponent(JSON.stringify({ token, subs }))}`;
}

/** The answer to `connect` gives the epoch, and each publication its offset. */
function noteCentrifugoPlace(subscriber: Subscriber, line: string): void {
  const epoch = /"epoch":"([^"]+)"/.exec(line)?.[1];
  const offset = /"offset":(\d+)/.exec(line)?.[1];
  const [known = '', last = '0'] = subscriber.place.split(' ');
  if (line.includes('"connect"')) subscriber.open = true;
  if (line.includes(`user:${subscriber.user}`)) subscriber.place = `${epoch ?? known} ${offset ?? last}`;
}

function centrifugoToken(user: string): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    sub: user,
    exp: Math.floor(Date.now() / 1_000) + 3_600,
    subs: { [`user:${user}`]: {}, [common]: {} },
  };
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

export const centrifugoSecret = secret;

function publisher({ contender, publishPort }: LoadOrder) {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const post = (path: string, body: unknown): Promise<void> =>
    new Promise((resolve, reject) => {
      const text = JSON.stringify(body);
      const headers = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
        'x-api-key': 'bench',
      };
      httpRequest({ port: publishPort, host: '127.0.0.1', path, method: 'POST', headers, agent }, (response) => {
        response
          .resume()
          .once('end', () => (response.statusCode === 200 ? resolve() : reject(new Error(`${response.statusCode}`))));
      })
        .once('error', reject)
        .end(text);
    });
  return async (publications: readonly { channel: string; data: object }[]): Promise<void> => {
    for (let from = 0; from < publications.length; from += 100) {
      const some = publications.slice(from, from + 100);
      if (contender === 'lotok') await post('/', some);
      else await post('/api/batch', { commands: some.map((publication) => ({ publish: publication })) });
    }
  };
}

if (import.meta.main) {
  const order = LoadOrder.parse(JSON.parse(process.env['LOAD'] ?? 'null'));
  console.log(JSON.stringify(await load(order)));
  process.exit(0);
}
