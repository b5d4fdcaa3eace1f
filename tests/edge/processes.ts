// An edge as a process of its own, the way operators start it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { EdgeUnderTest } from './flow.ts';

const root = join(import.meta.dirname, '../..');
const node = join(root, 'node_modules/node/bin/node');
const deno = join(root, 'node_modules/.bin/deno');

export interface EdgeProcess extends EdgeUnderTest {
  readonly child: ChildProcess;
  /** Resolves when it has ended. */
  readonly ended: Promise<unknown>;
  /** Its lines so far. */
  readonly lines: readonly string[];
}

export const startNodeProcess = (env: Record<string, string>): Promise<EdgeProcess> =>
  startProcess(node, ['edge/node.ts'], env);

export const startDenoTask = (task: string, env: Record<string, string>): Promise<EdgeProcess> =>
  startProcess(deno, ['task', task], { ...env, NO_COLOR: '1' });

/** Resolves when it says where it listens. */
async function startProcess(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<EdgeProcess> {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const ended = once(child, 'exit');
  const lines: string[] = [];
  const ready = Promise.withResolvers<string>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    const said = line.startsWith('{') ? (JSON.parse(line) as { event: string; url?: string }) : undefined;
    if (said?.event === 'ready' && said.url !== undefined) ready.resolve(said.url);
  });
  void ended.then(([code]) => ready.reject(new Error(`${args.join(' ')} ended with ${code} before it was ready`)));
  return {
    child,
    url: await ready.promise,
    ended,
    lines,
    async [Symbol.asyncDispose]() {
      // A task and what it runs are one process group.
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
      await ended;
    },
  };
}
