// The Kafka client: kafkajs with our log, and with one of its timers put right.
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, type LogEntry, logLevel } from 'kafkajs';
import { retryPauseMs } from './retry.ts';

/** What of a part's log is used here. */
export interface KafkaLog {
  debug(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, fields?: Record<string, unknown>): void;
}

export interface KafkaOptions {
  /** host:port of some of the cluster's brokers. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly log: KafkaLog;
}

export function createKafkaClient({ brokers, clientId, log }: KafkaOptions): Kafka {
  return new Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout: 3_000,
    requestTimeout: 10_000,
    // Of connections; a broker that comes back is found within about a second.
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 6 },
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => writeEntry(log, entry),
  });
}

/** What is tried again behind the scenes; once it is given up, it is thrown and told by whoever asked for it. */
const triedAgain = new Set(['Connection', 'BrokerPool']);

function writeEntry(log: KafkaLog, { level, namespace, log: entry }: LogEntry): void {
  const { message, timestamp: _, logger: __, stack: ___, ...fields } = entry;
  // A failed send replaces the producer (kafka-producer.ts), so a limit to its retries does no harm.
  if (message.startsWith('Limiting retries for the idempotent producer')) return;
  const write = level <= logLevel.WARN && !triedAgain.has(namespace) ? log.warn : log.debug;
  write('kafka.client', { namespace, message, ...fields });
}

/** For calls that kafkajs gives up at once while a topic that was just made is not known to every broker. */
export async function patiently<Result>(call: () => Promise<Result>): Promise<Result> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await call();
    } catch (error) {
      const passing = error instanceof Error && 'retriable' in error && error.retriable === true;
      if (!passing || failures === maxTries) throw error;
      await sleep(retryPauseMs(failures));
    }
  }
}
const maxTries = 6;

interface RequestQueue {
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  readonly throttledUntil: number;
  readonly pending: readonly unknown[];
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

/**
 * kafkajs 2.2.4 sets this timer to a time in the past whenever nothing waits, so each connection wakes a thousand
 * times a second, and newer Node warns of it (TimeoutNegativeWarning). Without a waiting request there is nothing
 * to check: `push` schedules a check when it has to keep one back.
 */
const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };
const checkEveryMs = 10;
prototype.scheduleCheckPendingRequests = function scheduleCheckPendingRequests(this: RequestQueue): void {
  if (this.throttleCheckTimeoutId || this.pending.length === 0) return;
  const throttledMs = this.throttledUntil - Date.now();
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    },
    throttledMs > 0 ? throttledMs : checkEveryMs,
  );
};
