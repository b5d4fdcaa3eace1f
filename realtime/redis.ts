// Redis: one server, Sentinel or Cluster, by the form of `REDIS_URL`.
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { z } from 'zod';
import type { Log } from './log.ts';

const forms = 'redis://HOST:PORT, redis-sentinel://HOST:PORT,HOST:PORT/NAME or redis-cluster://HOST:PORT,HOST:PORT';
const maxServers = 64;

interface Server {
  readonly host: string;
  readonly port: number;
}

/** `rediss`, `rediss-sentinel` and `rediss-cluster` are the same over TLS. */
export interface RedisAddress {
  readonly kind: 'server' | 'sentinel' | 'cluster';
  /** The server; or Sentinels; or some nodes of the cluster. */
  readonly servers: readonly Server[];
  /** What Sentinel knows the master by. */
  readonly name: string;
  readonly username?: string;
  readonly password?: string;
  /** Of the Sentinels, where they want one. */
  readonly sentinelPassword?: string;
  readonly tls: boolean;
  readonly db: number;
}

const defaultPorts = { server: 6379, sentinel: 26_379, cluster: 6379 } as const;

export const RedisAddress = z.string().transform((text, context): RedisAddress => {
  const refuse = (message: string): never => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  const match = /^redis(s?)(?:-(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^@/?]+)(?:\/([^?]*))?(?:\?(.*))?$/.exec(text);
  if (!match) return refuse(`must be ${forms}`);
  const [, secure, mode, credentials = '', hosts = '', path = '', query = ''] = match;
  const kind = mode === 'sentinel' || mode === 'cluster' ? mode : 'server';
  const servers: Server[] = [];
  for (const host of hosts.split(',')) {
    const url = URL.parse(`http://${host}`);
    if (!url || url.hostname === '') return refuse(`${host} is no HOST:PORT`);
    // `URL` leaves a port out that is HTTP's.
    const port = Number(/:(\d+)$/.exec(host)?.[1] ?? defaultPorts[kind]);
    servers.push({ host: url.hostname.replace(/^\[|\]$/g, ''), port });
  }
  if (servers.length > maxServers) return refuse(`names more than ${maxServers} servers`);
  if (kind === 'server' && servers.length > 1) return refuse(`names several servers; must be ${forms}`);
  if (kind === 'sentinel' && path === '') return refuse('needs the name of the master behind the Sentinels, as /NAME');
  if (kind === 'cluster' && path !== '') return refuse('a cluster has no databases');
  if (kind === 'server' && !/^\d*$/.test(path)) return refuse('the database must be a number');
  const [username = '', password = ''] = credentials.includes(':') ? credentials.split(/:(.*)/s) : ['', credentials];
  const sentinelPassword = new URLSearchParams(query).get('sentinel_password');
  return {
    kind,
    servers,
    name: kind === 'sentinel' ? path : '',
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    ...(sentinelPassword === null ? {} : { sentinelPassword }),
    tls: secure === 's',
    db: kind === 'server' ? Number(path) : 0,
  };
});

export interface RedisConnections {
  readonly commands: Redis | Cluster;
  /** The servers that have these keys now, in their order; all the same but in a cluster. */
  serversOf(keys: readonly string[]): Promise<readonly string[]>;
  /** Opens a connection to one of them, for subscriptions. */
  open(server: string): Redis;
  /** The connections that commands go over. */
  lines(): readonly Redis[];
}

export function connectRedis(address: RedisAddress, log: Log): RedisConnections {
  const { kind, servers, username, password, sentinelPassword, tls, db } = address;
  const options = {
    maxRetriesPerRequest: 2,
    connectTimeout: 5_000,
    commandTimeout: 5_000,
    keepAlive: 10_000,
    // Subscriptions are made again by us, so that it is known when they hold.
    autoResubscribe: false,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
  } satisfies RedisOptions;
  const again = { retryStrategy: pauseBefore };
  const told = <Client extends Redis | Cluster>(client: Client, connection: string): Client => {
    client.on('error', (error: unknown) => log.warn('redis.error', { connection, error }));
    return client;
  };

  if (kind === 'cluster') {
    const commands = told(
      new Cluster([...servers], {
        redisOptions: options,
        clusterRetryStrategy: pauseBefore,
        slotsRefreshTimeout: 2_000,
      }),
      'commands',
    );
    // Each failure of a node is followed by an error of the whole, or heals.
    commands.on('node error', (error: unknown) => log.warn('redis.node_failed', { error }));
    const slots = new Map<string, number>();
    return {
      commands,
      async serversOf(keys) {
        const ranges = SlotRanges.parse(await commands.cluster('SLOTS'));
        const found: string[] = [];
        for (const key of keys) {
          const slot = slots.get(key) ?? Number(await commands.cluster('KEYSLOT', key));
          slots.set(key, slot);
          const range = ranges.find(([from, to]) => from <= slot && slot <= to);
          if (!range) throw new Error(`no server of the cluster has slot ${slot}`);
          const [host, port] = range[2];
          found.push(`${host}:${port}`);
        }
        return found;
      },
      open(server) {
        const at = server.lastIndexOf(':');
        const target = { host: server.slice(0, at), port: Number(server.slice(at + 1)) };
        return told(new Redis({ ...options, ...again, ...target }), `wake-ups ${server}`);
      },
      lines: () => commands.nodes('all'),
    };
  }
  const open = (connection: string): Redis => {
    if (kind === 'server') return told(new Redis({ ...options, ...again, ...servers[0], db }), connection);
    const behindSentinels = {
      sentinels: [...servers],
      name: address.name,
      // Tells at once that the master is another, also while the old one still answers.
      failoverDetector: true,
      sentinelRetryStrategy: pauseBefore,
      enableTLSForSentinelMode: tls,
      ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
      // A master that has become a replica refuses to write.
      reconnectOnError: ({ message }: Error) => (message.startsWith('READONLY') ? 2 : false),
    } satisfies RedisOptions;
    return told(new Redis({ ...options, ...again, ...behindSentinels }), connection);
  };
  const commands = open('commands');
  return {
    commands,
    serversOf: async (keys) => keys.map(() => 'the master'),
    open: () => open('wake-ups'),
    lines: () => [commands],
  };
}

/** A cluster without a server for a slot keeps commands waiting; whoever asked is told after a while. */
export async function inTime<Result>(ms: number, work: Promise<Result>): Promise<Result> {
  const answered = new AbortController();
  const late = sleep(ms, undefined, { signal: answered.signal }).then(() => {
    throw new Error(`Redis gave no answer within ${ms} ms`);
  });
  late.catch(() => undefined); // aborted when the answer is there
  try {
    return await Promise.race([work, late]);
  } finally {
    answered.abort();
  }
}

const pauseBefore = (attempts: number): number =>
  Math.min(2_000, 50 * 2 ** Math.min(attempts, 6)) * (0.5 + Math.random() / 2);

const SlotRanges = z.array(
  z.tuple([z.int(), z.int(), z.tuple([z.string().min(1), z.int()]).rest(z.unknown())]).rest(z.unknown()),
);
