// PostgreSQL, Kafka and Redis of the suite's own: killed, frozen, and started again on the same port and data.
import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type KafkaPlace, startKafka } from '../../scripts/services/kafka.ts';
import type { ProgramName } from '../../scripts/services/packages.ts';
import { removePostgresData, startPostgres } from '../../scripts/services/postgres.ts';
import { isRunning, stopProcess } from '../../scripts/services/process.ts';
import { startRedis } from '../../scripts/services/redis.ts';
import { type Place, type RunningService, titles } from '../../scripts/services/state.ts';
import { until } from '../until.ts';

export const serverNames = ['postgres', 'kafka', 'redis'] as const;
export type ServerName = (typeof serverNames)[number];

export const neededPrograms = ['postgres', 'redis', 'java', 'maven'] as const satisfies readonly ProgramName[];
export type Programs = Readonly<Record<(typeof neededPrograms)[number], string>>;

// PostgreSQL's fast shutdown; a smart one would wait for every client.
const stopSignals = { postgres: 'SIGINT', kafka: 'SIGTERM', redis: 'SIGTERM' } as const;

/** All that servers have left in their folder. */
export async function removeData(folder: string): Promise<void> {
  removePostgresData(folder);
  await rm(folder, { recursive: true, force: true });
}

export class Server implements AsyncDisposable {
  readonly name: ServerName;
  readonly #place: Place;
  readonly #start: () => Promise<RunningService>;
  #running: RunningService | undefined;

  constructor(name: ServerName, programs: Programs, place: KafkaPlace) {
    this.name = name;
    this.#place = place;
    const starters = {
      postgres: () => startPostgres(programs.postgres, place),
      kafka: () => startKafka(programs, place),
      redis: () => startRedis(programs.redis, place),
    };
    this.#start = starters[name];
  }

  /** The value of its environment variable, without a link between. */
  get url(): string {
    if (!this.#running) throw new Error(`${titles[this.name]} was never started`);
    return this.#running.url;
  }

  async start(): Promise<void> {
    // After a kill, PostgreSQL waits until the last of its old processes has noticed.
    this.#running = await until(`${titles[this.name]} runs`, () => this.#start(), { timeoutMs: 90_000, everyMs: 500 });
  }

  async kill(): Promise<void> {
    const { pid, mark } = this.#process();
    process.kill(pid, 'SIGKILL');
    await until(`${titles[this.name]} is gone`, () => !isRunning(mark), { timeoutMs: 10_000 });
  }

  async stop(): Promise<void> {
    await stopProcess(this.#process().mark, stopSignals[this.name]);
  }

  freeze(): void {
    for (const pid of this.#pids()) process.kill(pid, 'SIGSTOP');
  }

  thaw(): void {
    for (const pid of this.#pids()) process.kill(pid, 'SIGCONT');
  }

  /** Forgets everything, as a Redis without a disk does when it ends. */
  async loseData(): Promise<void> {
    if (this.name !== 'redis') throw new Error(`${titles[this.name]} may not lose its data`);
    await rm(join(this.#place.folder, 'redis'), { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#running?.process || !isRunning(this.#running.process)) return;
    this.thaw();
    await this.stop();
  }

  #process() {
    const mark = this.#running?.process;
    if (!mark) throw new Error(`${titles[this.name]} does not run`);
    return { pid: mark.pid, mark };
  }

  /** With its own children, of which PostgreSQL has one for each connection. */
  #pids(): number[] {
    const { pid } = this.#process();
    const children = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((each) => parentOf(each) === pid);
    return [pid, ...children];
  }
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return 0; // it has ended meanwhile
  }
}
