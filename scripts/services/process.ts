// Processes that outlive the command which started them.
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface ProcessMark {
  readonly pid: number;
  /** Part of its command line: a pid alone may belong to a stranger by now. */
  readonly command: string;
}

export interface Daemon {
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly folder: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** Stays in the process's command line while it runs. */
  readonly mark: string;
}

export function startDaemon(daemon: Daemon): ProcessMark {
  const log = openSync(daemon.logFile, 'a', 0o640);
  try {
    const child = spawn(daemon.command, daemon.args, {
      cwd: daemon.folder,
      env: daemon.env ?? process.env,
      stdio: ['ignore', log, log],
      detached: true,
      ...daemon.user,
    });
    child.on('error', () => {}); // told by the missing pid
    child.unref();
    if (child.pid === undefined) throw new Error(`${daemon.command} could not be started`);
    return { pid: child.pid, command: daemon.mark };
  } finally {
    closeSync(log);
  }
}

export function isRunning({ pid, command }: ProcessMark): boolean {
  return commandLine(pid).includes(command);
}

function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return execFileSync('ps', ['-p', String(pid), '-o', 'command='], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

/** Ends the process with `signal`, and by force when it takes longer than a minute. */
export async function stopProcess(mark: ProcessMark, signal: NodeJS.Signals): Promise<void> {
  if (!isRunning(mark)) return;
  process.kill(mark.pid, signal);
  if (await comesTrue(() => !isRunning(mark), 60_000)) return;
  process.kill(mark.pid, 'SIGKILL');
  if (!(await comesTrue(() => !isRunning(mark), 5_000))) throw new Error(`process ${mark.pid} does not end`);
}

/** Waits until `answers` resolves; fails at once, with the end of its log, when the process ends before. */
export async function waitUntilAnswers(
  what: string,
  answers: () => Promise<void>,
  watch?: { readonly process: ProcessMark; readonly logFile: string },
  timeoutMs = 90_000,
): Promise<void> {
  let cause: unknown;
  const ended = (): boolean => watch !== undefined && !isRunning(watch.process);
  const started = await comesTrue(async () => {
    try {
      await answers();
      return true;
    } catch (error) {
      cause = error;
      return ended();
    }
  }, timeoutMs);
  if (started && !ended()) return;
  const tail = watch ? readFileSync(watch.logFile, 'utf8').trim().split('\n').slice(-15).join('\n') : '';
  if (watch && !ended()) await stopProcess(watch.process, 'SIGTERM');
  throw new Error(`${what} ${started ? 'ended at once' : 'does not answer'}\n${tail}`, { cause });
}

async function comesTrue(condition: () => boolean | Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const end = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return true;
}

/** Two commands at once would start everything twice. */
export async function lockFolder(folder: string): Promise<AsyncDisposable> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'lock');
  const take = async (): Promise<boolean> => {
    try {
      await writeFile(file, String(process.pid), { flag: 'wx' });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (commandLine(Number(readFileSync(file, 'utf8'))) === '') await rm(file, { force: true });
    return false;
  };
  if (!(await comesTrue(take, 300_000))) throw new Error(`another command holds ${file}`);
  return { [Symbol.asyncDispose]: () => rm(file, { force: true }) };
}
