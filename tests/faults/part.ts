// A part as a process that comes back: whatever ends it, it is started again, as an orchestrator would.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pause } from '../../kafka/retry.ts';
import { root } from '../../scripts/services/state.ts';
import { until } from '../until.ts';

export interface PartOptions {
  readonly name: string;
  /** The script and its arguments. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly port: number;
  readonly logFile: string;
  /** It did what no part should: ended by itself, did not end when asked, or did not become ready. */
  readonly onIncident: (text: string) => void;
}

const readyWithinMs = 90_000;
const endsWithinMs = 25_000;
const pauseMs = 1_000;
/** Ends the part when we are gone. */
const guard = pathToFileURL(join(root, 'scripts/run-guard.mjs')).href;

export class Part implements AsyncDisposable {
  readonly name: string;
  readonly url: string;
  readonly #options: PartOptions;
  readonly #stopping = new AbortController();
  readonly #living: Promise<void>;
  #child: ChildProcess | undefined;
  #isReady = false;
  /** How the present process was told to end, if it was. */
  #told: NodeJS.Signals | undefined;
  #frozen = false;
  #comesBackAfterMs = pauseMs;
  /** While it is kept away. */
  #away: PromiseWithResolvers<void> | undefined;
  /** Processes that there were so far. */
  starts = 0;

  constructor(options: PartOptions) {
    this.name = options.name;
    this.url = `http://127.0.0.1:${options.port}`;
    this.#options = options;
    this.#living = this.#live();
  }

  /** Resolves when the process says that it can do its work. */
  async ready(): Promise<void> {
    await until(`${this.name} is ready`, () => this.#isReady && !this.#frozen, {
      timeoutMs: readyWithinMs,
      everyMs: 50,
    });
  }

  /** Whether it says so now. */
  saysReady(): Promise<boolean> {
    return this.#answers(AbortSignal.timeout(2_000));
  }

  /** As a crash or a lost machine does. */
  kill(comesBackAfterMs = pauseMs): void {
    this.#end('SIGKILL', comesBackAfterMs);
  }

  /** As a rolling update does. */
  terminate(comesBackAfterMs = pauseMs): void {
    this.#end('SIGTERM', comesBackAfterMs);
    const child = this.#child;
    const force = setTimeout(() => {
      if (child?.exitCode !== null || this.#frozen) return;
      this.#options.onIncident(`${this.name} did not end within ${endsWithinMs / 1000} s of SIGTERM`);
      child.kill('SIGKILL');
    }, endsWithinMs);
    child?.once('exit', () => clearTimeout(force));
  }

  /** Ends it, and lets it not come back. */
  async keepAway(): Promise<void> {
    this.#away = Promise.withResolvers();
    this.terminate(0);
    await until(`${this.name} has ended`, () => this.#child === undefined, { timeoutMs: endsWithinMs + 5_000 });
  }

  async letBack(): Promise<void> {
    this.#away?.resolve();
    this.#away = undefined;
    await this.ready();
  }

  freeze(): void {
    this.#frozen = true;
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#frozen = false;
    this.#child?.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#away?.resolve();
    this.thaw();
    this.terminate();
    await this.#living;
  }

  #end(signal: NodeJS.Signals, comesBackAfterMs: number): void {
    this.#comesBackAfterMs = comesBackAfterMs;
    this.#told = signal;
    this.#isReady = false;
    this.#child?.kill(signal);
  }

  async #live(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#told = undefined;
      this.starts += 1;
      const child = this.#spawn();
      this.#child = child;
      const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
      const gone = new AbortController();
      const watching = this.#watch(child, gone.signal);
      await ended;
      gone.abort();
      await watching;
      const wasReady = this.#isReady;
      this.#isReady = false;
      this.#frozen = false;
      this.#child = undefined;
      // Before it was ready it may give up: what it needs may be away, and it is tried again.
      if (wasReady && !this.#told && !signal.aborted) {
        this.#options.onIncident(`${this.name} ended by itself with ${child.exitCode ?? child.signalCode}`);
      }
      await pause(this.#told ? this.#comesBackAfterMs : pauseMs, signal);
      await this.#away?.promise;
    }
  }

  #spawn(): ChildProcess {
    const { command, env, port, logFile } = this.#options;
    const log = openSync(logFile, 'a');
    try {
      const child = spawn(process.execPath, ['--import', guard, ...command], {
        cwd: root,
        env: { ...process.env, ...env, PORT: String(port), LOTOK_RUN_PARENT: String(process.pid) },
        stdio: ['ignore', log, log],
      });
      child.on('error', (error) => this.#options.onIncident(`${this.name} could not be started: ${error.message}`));
      return child;
    } finally {
      closeSync(log);
    }
  }

  /** Notices that it is ready, and that it does not become so. */
  async #watch(child: ChildProcess, gone: AbortSignal): Promise<void> {
    let waitedMs = 0;
    while (!gone.aborted && !this.#told) {
      if (await this.#answers(gone)) {
        this.#isReady = !this.#told && !gone.aborted;
        return;
      }
      await pause(200, gone);
      waitedMs += this.#frozen ? 0 : 200;
      if (waitedMs < readyWithinMs) continue;
      this.#options.onIncident(`${this.name} was not ready within ${readyWithinMs / 1000} s of its start`);
      this.#told = 'SIGKILL';
      child.kill('SIGKILL');
    }
  }

  async #answers(gone: AbortSignal): Promise<boolean> {
    try {
      const signal = AbortSignal.any([gone, AbortSignal.timeout(2_000)]);
      const answer = await fetch(`${this.url}/readyz`, { signal });
      await answer.body?.cancel();
      return answer.ok;
    } catch {
      return false; // not yet
    }
  }
}
