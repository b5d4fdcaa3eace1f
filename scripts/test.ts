// `npm test`: every test that can run here; at its end it says what it left out and how to have it.
// Arguments go to vitest. `TEST_REPORT` is where the JSON report is kept.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ping } from './services/ping.ts';
import { findServices, root, type ServiceName, serviceNames, titles, variables } from './services/state.ts';
import { closingLine, readTestReport } from './test-report.ts';

const vitest = join(root, 'node_modules/vitest/vitest.mjs');

/** Those that answer. What was started here and is gone is left out; what a variable names is used, come what may. */
async function usableServices(env: NodeJS.ProcessEnv): Promise<Partial<Record<ServiceName, string>>> {
  const usable: Partial<Record<ServiceName, string>> = {};
  for (const [name, address] of Object.entries(findServices(env)) as [ServiceName, string][]) {
    const answers = await ping(name, address).then(
      () => true,
      () => false,
    );
    if (answers || env[variables[name]]) usable[name] = address;
    if (!answers && env[variables[name]]) console.error(`${titles[name]} does not answer at ${variables[name]}`);
  }
  return usable;
}

function runVitest(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(process.execPath, [vitest, 'run', ...args], { cwd: root, env, stdio: 'inherit' });
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGINT', forward).on('SIGTERM', forward);
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('exit', (code) => done(code ?? 1));
  });
}

function tellSkipped(skipped: readonly string[]): void {
  if (skipped.length === 0) return;
  console.log(`\nLeft out (${skipped.length}):`);
  for (const name of skipped.slice(0, 30)) console.log(`  ${name}`);
  if (skipped.length > 30) console.log(`  and ${skipped.length - 30} more`);
}

const found = await usableServices(process.env);
const env: NodeJS.ProcessEnv = { ...process.env, LOTOK_SERVICES: 'env' };
for (const name of serviceNames) {
  if (found[name]) env[variables[name]] = found[name];
}
const scratch = await mkdtemp(join(tmpdir(), 'lotok-test-'));
const report = process.env['TEST_REPORT'] ? resolve(process.env['TEST_REPORT']) : join(scratch, 'report.json');
try {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const code = await runVitest([...reporters, ...process.argv.slice(2)], env);
  process.exitCode = code;
  const { passed, failed, skipped } = await readTestReport(report);
  tellSkipped(skipped);
  const missing = serviceNames.filter((name) => !found[name]);
  if (missing.length > 0) {
    const names = missing.map((name) => titles[name]).join(', ');
    console.log(
      `\nNot tried on real ${names}: \`npm run services\` starts what is missing, then \`npm test\` uses it.`,
    );
  }
  // Errors outside of any test fail the run too.
  console.log(`\n${closingLine(passed, code !== 0 && failed === 0 ? 1 : failed, skipped.length)}`);
} finally {
  await rm(scratch, { recursive: true, force: true });
}
