// `npm run conformance:openapi`: is the OpenAPI document true? Schemathesis asks the whole system, started here on embedded ports.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoBuyer, demoModerator, demoOperator, demoPassword } from '../contracts/demo.ts';
import { Tokens } from '../contracts/users.ts';
import { startAll } from './start.ts';

const root = join(import.meta.dirname, '..');
const version = '4.32.5';
const venv = join(root, `.services/schemathesis-${version}`);
const conformance = join(root, 'tests/conformance');

async function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const child: ChildProcess = spawn(command, args, { stdio: 'inherit', cwd: root, env });
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGINT', forward).on('SIGTERM', forward);
  const [code] = (await once(child, 'exit')) as [number | null];
  process.off('SIGINT', forward).off('SIGTERM', forward);
  return code ?? 1;
}

/** Installed once, next to the services. */
async function schemathesis(): Promise<string> {
  const command = join(venv, 'bin/schemathesis');
  if (existsSync(command)) return command;
  if ((await run('python3', ['-m', 'venv', venv])) !== 0)
    throw new Error('needs Python 3 with venv (Debian: apt-get install python3-venv)');
  const installed = await run(join(venv, 'bin/pip'), ['install', '--quiet', `schemathesis==${version}`]);
  if (installed === 0) return command;
  await rm(venv, { recursive: true, force: true });
  throw new Error(`pip could not install schemathesis ${version}`);
}

async function tokenOf(url: string, email: string, path: '/v1/auth/login' | '/v1/auth/register'): Promise<string> {
  const answer = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password: path === '/v1/auth/login' ? demoPassword : 'a long password' }),
  });
  return Tokens.parse(await answer.json()).access_token;
}

const command = await schemathesis();
const folder = await mkdtemp(join(tmpdir(), 'lotok-conformance-'));
try {
  await using lotok = await startAll({ LOTOK_DATA: folder, PORT: '0', SANDBOX_STEP_MS: '0', LOG_LEVEL: 'error' });
  const [buyer, moderator, operator] = await Promise.all(
    [demoBuyer, demoModerator, demoOperator].map(({ email }) => tokenOf(lotok.url, email, '/v1/auth/login')),
  );
  const leaver = await tokenOf(lotok.url, 'leaver@example.org', '/v1/auth/register');
  process.exitCode = await run(
    command,
    [
      '--config-file',
      join(conformance, 'schemathesis.toml'),
      'run',
      `${lotok.url}/openapi.json`,
      '--checks=all',
      '--no-color',
      ...process.argv.slice(2),
    ],
    {
      ...process.env,
      HOOKS: join(conformance, 'hooks.py'),
      BUYER: buyer,
      MODERATOR: moderator,
      OPERATOR: operator,
      LEAVER: leaver,
    },
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
