// run.mjs is invisible: arguments, exit codes and signals pass through, and nothing is left behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../tests/until.ts';

const runner = join(import.meta.dirname, 'run.mjs');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lotok-run-'));
});
afterAll(() => rm(folder, { recursive: true }));

const script = async (name: string, text: string): Promise<string> => {
  const file = join(folder, name);
  await writeFile(file, text);
  return file;
};
const started: ChildProcess[] = [];
const run = (...args: string[]) => {
  const child = spawn(process.execPath, [runner, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  const result = { child, output: '', code: once(child, 'close').then(([code]) => code as number | null) };
  child.stdout.on('data', (chunk) => (result.output += chunk));
  return result;
};
afterAll(() => {
  for (const child of started) child.kill('SIGKILL');
});

/** Tells each signal that it gets, and takes a moment to end. */
const polite = (log: string): string => `
  import { appendFileSync } from 'node:fs';
  const say = (text: string): void => appendFileSync(${JSON.stringify(log)}, text + '\\n');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      say(signal);
      setTimeout(() => { say('ended'); process.exit(7); }, 400);
    });
  }
  say('up');
  setInterval(() => {}, 1000);
`;
const lines = async (log: string): Promise<string[]> => (await readFile(log, 'utf8')).trim().split('\n');
const reaches = (log: string, line: string) => until(line, async () => (await lines(log)).includes(line));

describe('run.mjs', () => {
  it('passes arguments, output and the exit code', async () => {
    const file = await script('echo.ts', 'console.log(process.argv.slice(2).join("|")); process.exitCode = 5;');
    const result = run(file, 'one', 'two words', '--three');
    expect(await result.code).toBe(5);
    expect(result.output).toBe('one|two words|--three\n');
  });

  it('runs programs of packages', async () => {
    const result = run('--bin', 'biome', '--version');
    expect(await result.code).toBe(0);
    expect(result.output).toMatch(/^Version: \d/);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'passes %s once, however often it comes at once, and waits',
    async (signal) => {
      const log = join(folder, `${signal}.log`);
      const { child, code } = run(await script(`${signal}.ts`, polite(log)));
      await reaches(log, 'up');
      child.kill(signal);
      child.kill(signal);
      expect(await code).toBe(7);
      expect(await lines(log)).toEqual(['up', signal, 'ended']);
    },
  );

  it('leaves no orphan when it is killed', async () => {
    const log = join(folder, 'orphan.log');
    const { child } = run(await script('orphan.ts', polite(log)));
    await reaches(log, 'up');
    child.kill('SIGKILL');
    await reaches(log, 'ended');
    expect(await lines(log)).toEqual(['up', 'SIGTERM', 'ended']);
  });

  it('tells how a script was killed as a shell would', async () => {
    const file = await script('killed.ts', 'process.kill(process.pid, "SIGKILL"); setInterval(() => {}, 1000);');
    expect(await run(file).code).toBe(137);
  });
});
