// The parts as processes of their own, started as an operator would.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { freePort } from '../../scripts/free-port.ts';
import { Hopeless, until } from '../until.ts';

const root = join(import.meta.dirname, '../..');

export interface Part extends AsyncDisposable {
  readonly url: string;
  readonly child: ChildProcess;
  readonly output: () => string;
  /** As a crash does: nothing is said goodbye to. */
  kill(): Promise<void>;
}

const node = process.execPath;
const commands = {
  core: [node, 'core/main.ts'],
  realtime: [node, 'realtime/main.ts'],
  edge: [node, 'edge/node.ts'],
  'edge on Deno': [join(root, 'node_modules/.bin/deno'), 'task', '--quiet', 'edge'],
  'edge on workerd': [node, 'scripts/edge-worker.ts'],
  everything: [node, 'scripts/start.ts'],
} as const;
export type PartName = keyof typeof commands;

/** Resolves when the part is ready. */
export async function startPart(
  name: PartName,
  env: Record<string, string>,
  args: readonly string[] = [],
): Promise<Part> {
  const port = env['PORT'] ?? String(await freePort());
  const [command, ...first] = commands[name];
  const child = spawn(command, [...first, ...args], {
    cwd: root,
    env: { ...process.env, LOG_LEVEL: 'warn', ...env, PORT: port },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  const part: Part = {
    url,
    child,
    output: () => output,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await ended;
      clearTimeout(force);
    },
  };
  try {
    await until(
      `${name} is ready`,
      async () => {
        if (child.exitCode !== null) throw new Hopeless(`ended with ${child.exitCode}`);
        return (await fetch(`${url}/readyz`)).ok;
      },
      { timeoutMs: 60_000, everyMs: 100 },
    );
    return part;
  } catch (error) {
    await part.kill();
    throw new Error(`${name}: ${output.slice(-2000)}`, { cause: error });
  }
}
