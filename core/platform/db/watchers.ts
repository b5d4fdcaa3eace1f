// Those who wait for a row to change: woken by the database's notice, however many of them there are.
import { type Loop, startLoop } from '../loop.ts';
import type { Log } from '../telemetry/log.ts';
import type { DatabaseProvider } from './database.ts';

export interface WatchersOptions {
  readonly name: string;
  /** Notified in each transaction that changes a row's version. */
  readonly channel: string;
  readonly databases: DatabaseProvider;
  readonly log: Log;
  /** The present versions of these rows. */
  readonly versions: (ids: readonly string[]) => Promise<ReadonlyMap<string, number>>;
}

export interface Watchers {
  /** Resolves when the row's version is above `version`; rejects with the signal's reason. */
  changed(id: string, version: number, signal: AbortSignal): Promise<void>;
  /** Listens. Whoever asked before waits until then. */
  start(): Promise<Loop>;
}

interface Waiting {
  readonly id: string;
  readonly version: number;
  readonly resolve: () => void;
}

/** What a lost notice costs. */
const pollMs = 5_000;

export function createWatchers({ name, channel, databases, log, versions }: WatchersOptions): Watchers {
  const all = new Set<Waiting>();
  let loop: Loop | undefined;

  /** One query for everybody. */
  const look = async (): Promise<boolean> => {
    if (all.size === 0) return false;
    const asked = [...all];
    const now = await versions([...new Set(asked.map(({ id }) => id))]);
    for (const waiting of asked) if ((now.get(waiting.id) ?? 0) > waiting.version) waiting.resolve();
    return false;
  };

  return {
    changed(id, version, signal) {
      return new Promise((resolve, reject) => {
        const end = (settle: () => void): void => {
          all.delete(waiting);
          signal.removeEventListener('abort', abort);
          settle();
        };
        const abort = (): void => end(() => reject(signal.reason));
        const waiting: Waiting = { id, version, resolve: () => end(resolve) };
        if (signal.aborted) return reject(signal.reason);
        signal.addEventListener('abort', abort, { once: true });
        all.add(waiting);
        // It may have changed between the caller's reading and now.
        loop?.wake();
      });
    },
    async start() {
      loop = await startLoop({ name, pollMs, log, run: look, wake: (heard) => databases.listen(channel, heard) });
      return loop;
    },
  };
}
