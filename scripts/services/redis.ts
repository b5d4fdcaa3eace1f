// A Redis server with its data in a folder of ours.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { startDaemon, waitUntilAnswers } from './process.ts';
import type { Place, RunningService } from './state.ts';

export async function startRedis(redisServer: string, { folder, port }: Place): Promise<RunningService> {
  const home = join(folder, 'redis');
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const logFile = join(folder, 'redis.log');
  const process = startDaemon({
    command: redisServer,
    // Given here and not in a file, so that the system's own configuration plays no part.
    args: ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', home, '--appendonly', 'yes', '--save', ''],
    folder: home,
    logFile,
    mark: `127.0.0.1:${port}`, // Redis writes its own title over its arguments
  });
  const url = `redis://127.0.0.1:${port}`;
  const starting = { ...process, command: 'redis-server' };
  await waitUntilAnswers('Redis', () => pingRedis(url), { process: starting, logFile });
  return { url, port, process };
}

/** Rejects when it does not answer. */
export async function pingRedis(url: string): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 2_000 });
  redis.on('error', () => {}); // connect rejects with the same
  try {
    await redis.connect();
    await redis.ping();
  } finally {
    redis.disconnect();
  }
}
