// Redis of a test's own, to be killed and flushed: one server, one behind Sentinels, or a cluster.
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { freePort } from '../scripts/free-port.ts';
import { inCI } from '../tests/services.ts';
import { until } from '../tests/until.ts';

const hasRedisServer = spawnSync('redis-server', ['--version']).status === 0;

/** Where there is no Redis, tests with servers of their own are left out, but not where nothing may be. */
export const withRedisServers = (): boolean => hasRedisServer || inCI();

export interface RedisServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** At once, as a crash would. */
  kill(): Promise<void>;
  /** Answers nobody any more, but keeps its connections. */
  freeze(): void;
  /** Again, with the last snapshot. */
  start(): Promise<void>;
  run<Result>(work: (redis: Redis) => Promise<Result>): Promise<Result>;
}

export async function startRedisServer(more: readonly string[] = []): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'lotok-redis-'));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;

  const run: RedisServer['run'] = async (work) => {
    const redis = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => null });
    redis.on('error', () => {});
    try {
      return await work(redis);
    } finally {
      redis.disconnect();
    }
  };
  const start = async (): Promise<void> => {
    const kept = ['--dir', folder, '--save', '', '--appendonly', 'no'];
    const options = ['--port', String(port), '--bind', '127.0.0.1', ...kept, ...more];
    child = spawn('redis-server', options, { stdio: 'ignore' });
    await until('Redis answers', () => run((redis) => redis.ping()));
  };
  const kill = () => killAtOnce(child);
  const freeze = () => void child?.kill('SIGSTOP');
  await start();
  return {
    url,
    port,
    run,
    start,
    kill,
    freeze,
    async [Symbol.asyncDispose]() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface RedisCluster extends AsyncDisposable {
  readonly url: string;
  readonly servers: readonly RedisServer[];
  /** The server that has the slot of a key now. */
  masterOf(key: string): Promise<RedisServer>;
  /** Moves the slot of a key, with all that is in it, to another master. */
  move(key: string): Promise<void>;
}

/** Three masters, each with a replica. A master that dies is replaced within seconds. */
export async function startRedisCluster(): Promise<RedisCluster> {
  await using starting = new AsyncDisposableStack();
  const servers: RedisServer[] = [];
  for (let count = 0; count < 6; count += 1) {
    const options = [
      '--cluster-enabled',
      'yes',
      '--cluster-node-timeout',
      '1000',
      '--cluster-port',
      String(await freePort()),
    ];
    servers.push(starting.use(await startRedisServer(options)));
  }
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  const create = ['--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes'];
  await promisify(execFile)('redis-cli', create);
  await until('every server knows the others', async () => {
    for (const { run } of servers) {
      const info = String(await run((redis) => redis.call('CLUSTER', 'INFO')));
      if (!info.includes('cluster_state:ok') || !info.includes('cluster_known_nodes:6')) return false;
      if (!/master_link_status:up|role:master/.test(await run((redis) => redis.info('replication')))) return false;
    }
    return true;
  });
  const started = starting.move();
  /** Who has a key's slot, the slot, and the other masters. */
  const owners = async (key: string): Promise<readonly [RedisServer, number, readonly RedisServer[]]> => {
    for (const { run } of servers) {
      const answer = await run(async (redis) => ({
        slot: Number(await redis.call('CLUSTER', 'KEYSLOT', key)),
        ranges: (await redis.call('CLUSTER', 'SLOTS')) as [number, number, [string, number]][],
      })).catch(() => undefined);
      if (!answer) continue;
      const { slot, ranges } = answer;
      const serverAt = (port: number) => servers.find((server) => server.port === port);
      const range = ranges.find(([from, to]) => from <= slot && slot <= to);
      const owner = range && serverAt(range[2][1]);
      if (!owner) break;
      const ports = new Set(ranges.map(([, , [, port]]) => port));
      const others = [...ports].map(serverAt).filter((server) => server !== undefined && server !== owner);
      return [owner, slot, others as RedisServer[]];
    }
    throw new Error(`no server has ${key}`);
  };
  return {
    url: `redis-cluster://${addresses.join(',')}`,
    servers,
    async masterOf(key) {
      return (await owners(key))[0];
    },
    async move(key) {
      const [from, slot, others] = await owners(key);
      const [to] = others;
      if (!to) throw new Error('a cluster has several masters');
      const id = (server: RedisServer) => server.run(async (redis) => String(await redis.call('CLUSTER', 'MYID')));
      const [fromId, toId] = [await id(from), await id(to)];
      await to.run((redis) => redis.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId));
      await from.run(async (redis) => {
        await redis.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
        const keys = (await redis.call('CLUSTER', 'GETKEYSINSLOT', slot, 1_000)) as string[];
        if (keys.length > 0) await redis.call('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'KEYS', ...keys);
      });
      for (const { run } of [to, from, ...others.slice(1)])
        await run((redis) => redis.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId));
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

export interface RedisSentinels extends AsyncDisposable {
  readonly url: string;
  readonly master: RedisServer;
  readonly replica: RedisServer;
}

/** A master, a replica of it, and three Sentinels that replace it within seconds when it dies. */
export async function startRedisSentinels(): Promise<RedisSentinels> {
  await using starting = new AsyncDisposableStack();
  const master = starting.use(await startRedisServer());
  const replica = starting.use(await startRedisServer(['--replicaof', `127.0.0.1 ${master.port}`]));
  await until('the replica follows', async () =>
    (await replica.run((redis) => redis.info('replication'))).includes('master_link_status:up'),
  );
  const folder = await mkdtemp(join(tmpdir(), 'lotok-sentinel-'));
  starting.defer(() => rm(folder, { recursive: true, force: true }));
  const ports: number[] = [];
  for (let count = 0; count < 3; count += 1) {
    const port = await freePort();
    const settings = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor lotok 127.0.0.1 ${master.port} 2`,
      'sentinel down-after-milliseconds lotok 1000',
      'sentinel failover-timeout lotok 5000',
    ];
    const file = join(folder, `sentinel-${port}.conf`);
    await writeFile(file, settings.join('\n'));
    const child = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
    starting.defer(() => killAtOnce(child));
    ports.push(port);
  }
  await until('the Sentinels know each other and the replica', async () => {
    for (const port of ports) {
      const redis = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: 0, retryStrategy: () => null });
      redis.on('error', () => {});
      try {
        const state = (await redis.call('SENTINEL', 'MASTER', 'lotok')) as string[];
        const field = (name: string): number => Number(state[state.indexOf(name) + 1]);
        if (field('num-other-sentinels') < 2 || field('num-slaves') < 1) return false;
      } finally {
        redis.disconnect();
      }
    }
    return true;
  });
  const started = starting.move();
  return {
    url: `redis-sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/lotok`,
    master,
    replica,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

async function killAtOnce(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
