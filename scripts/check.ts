// `npm run check`: types, lint and format, dependency rules, dead code, protocol files. Runs all, then tells.
import { spawn } from 'node:child_process';

const checks: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['types', 'tsc', '-p', '.'],
  ['types of the edge without Node', 'tsc', '-p', 'edge'],
  ['types of the contracts without Node', 'tsc', '-p', 'contracts'],
  ['generated files', 'node', 'scripts/generate.ts', '--check'],
  ['lint and format', 'biome', 'check', '--error-on-warnings'],
  ['dependency rules', 'depcruise', 'contracts', 'core', 'edge', 'kafka', 'proto', 'realtime', 'scripts'],
  ['dead code', 'knip', '--no-progress'],
  ['protocol files', 'buf', 'lint', 'proto'],
  ['generated code and compatibility of the protocol', 'node', 'scripts/check-proto.ts'],
];

const run = (command: string, args: readonly string[]): Promise<{ code: number; output: string }> =>
  new Promise((resolve, reject) => {
    const child = spawn(`node_modules/.bin/${command}`, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });

let failed = 0;
for (const [name, command, ...args] of checks) {
  const began = performance.now();
  const { code, output } = await run(command, args);
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
  if (code !== 0) {
    failed += 1;
    console.log(output);
  }
}
process.exitCode = failed === 0 ? 0 : 1;
