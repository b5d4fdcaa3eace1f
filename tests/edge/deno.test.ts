// The flow on Deno.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type EdgeUnderTest, edgeFlow } from './flow.ts';

const root = join(import.meta.dirname, '../..');

/** `deno task edge`; resolves when it says where it listens. */
async function startDeno(env: Record<string, string>): Promise<EdgeUnderTest> {
  const child = spawn(join(root, 'node_modules/.bin/deno'), ['task', 'edge'], {
    cwd: root,
    env: { ...process.env, ...env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const ended = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    const said = line.startsWith('{') ? (JSON.parse(line) as { event: string; url?: string }) : undefined;
    if (said?.event !== 'ready' || said.url === undefined) continue;
    child.stdout.resume();
    return {
      url: said.url,
      async [Symbol.asyncDispose]() {
        // The task and the Deno that it runs are one process group.
        if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
        await ended;
      },
    };
  }
  throw new Error('Deno ended before it was ready');
}

edgeFlow('Deno', startDeno);
