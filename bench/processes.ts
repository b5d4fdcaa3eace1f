// Child processes of a benchmark: each on its own processor, all ended with the run.
import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** What is measured runs on the first processor, what measures it on the second, as far as there are two. */
const processorOf = { server: '0', load: availableParallelism() > 1 ? '1' : '0' } as const;

export interface Running extends AsyncDisposable {
  readonly child: ChildProcess;
  /** All that was printed so far. */
  readonly output: () => string;
}

export function start(
  role: keyof typeof processorOf,
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Running {
  const child = spawn('taskset', ['-c', processorOf[role], command, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    child,
    output: () => output,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await ended;
      clearTimeout(force);
    },
  };
}

/** Runs to its end and returns what it printed; rejects when it fails. */
export async function run(
  role: keyof typeof processorOf,
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const { child, output } = start(role, command, args, env);
  const code = await new Promise<number | null>((resolve, reject) =>
    child.once('error', reject).once('close', resolve),
  );
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${output().slice(-500)}`);
  return output();
}
