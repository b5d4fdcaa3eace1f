// A background loop: runs when woken or after a pause, one run at a time, until disposed.
import { backoffMs } from './backoff.ts';
import type { Log } from './telemetry/log.ts';

export interface LoopOptions {
  readonly name: string;
  /** Does a bounded piece of work; true when more is waiting. */
  readonly run: (signal: AbortSignal) => Promise<boolean>;
  /** The longest pause between two runs: what a lost wake-up costs. */
  readonly pollMs: number;
  readonly log: Log;
  /** Subscribes to what wakes the loop. */
  readonly wake?: (heard: () => void) => Promise<AsyncDisposable>;
}

export interface Loop extends AsyncDisposable {
  /** Runs soon, also when nothing else wakes it. */
  wake(): void;
}

const pauses = { firstMs: 50, longestMs: 10_000 };

export async function startLoop(options: LoopOptions): Promise<Loop> {
  const { name, run, pollMs, log } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let woken = true;
  let rouse: (() => void) | undefined;
  const wake = (): void => {
    woken = true;
    rouse?.();
  };
  const listener = await options.wake?.(wake);

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        rouse = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      rouse = done;
      if (signal.aborted) done();
    });

  const loop = async (): Promise<void> => {
    let failures = 0;
    while (!signal.aborted) {
      woken = false;
      try {
        const more = await run(signal);
        failures = 0;
        if (!more && !woken) await pause(pollMs);
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        log.error('loop.failed', { loop: name, failures, error });
        await pause(backoffMs(failures, pauses));
      }
    }
  };
  const ended = loop();

  return {
    wake,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      rouse?.();
      await listener?.[Symbol.asyncDispose]();
      await ended;
    },
  };
}
