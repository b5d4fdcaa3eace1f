// A PostgreSQL server with its data in a folder of ours.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { startDaemon, waitUntilAnswers } from './process.ts';
import type { Place, RunningService } from './state.ts';

const user = 'lotok';
const database = 'lotok';

export async function startPostgres(postgres: string, { folder, port }: Place): Promise<RunningService> {
  const account = serverAccount();
  const home = serverFolder(folder, account);
  const data = join(home, 'data');
  const password = keptPassword(folder);
  if (!existsSync(join(data, 'PG_VERSION'))) initialise(postgres, { home, data, password, account });

  const logFile = join(folder, 'postgres.log');
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 300,
    shared_buffers: '64MB',
  };
  const process = startDaemon({
    command: postgres,
    args: ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    folder: home,
    logFile,
    user: account,
    mark: data,
  });
  const url = (name: string): string => `postgres://${user}:${password}@127.0.0.1:${port}/${name}`;
  await waitUntilAnswers('PostgreSQL', () => query(url('postgres'), 'select 1').then(() => {}), { process, logFile });
  const [existing] = await query(url('postgres'), `select 1 from pg_database where datname = '${database}'`);
  if (!existing) await query(url('postgres'), `create database ${database}`);
  return { url: url(database), port, process };
}

/** What a server that does not run any more has left, wherever that had to be. */
export function removePostgresData(folder: string): void {
  rmSync(serverFolder(folder, serverAccount()), { recursive: true, force: true });
}

/** Rejects when it does not answer. */
export async function pingPostgres(url: string): Promise<void> {
  await query(url, 'select 1');
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => {}); // a server that goes away: the query rejects
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** The server refuses to run as root; its package brings the user `postgres`. */
function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** In the folder, or in /var/lib where the server's user can't get into it (under /root, say). */
function serverFolder(folder: string, account: Account | undefined): string {
  const inside = join(folder, 'postgres');
  mkdirSync(folder, { recursive: true });
  if (!account) {
    mkdirSync(inside, { recursive: true, mode: 0o700 });
    return inside;
  }
  chmodSync(folder, 0o755);
  const reachable = spawnSync('test', ['-x', folder], account).status === 0;
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 12);
  const home = reachable ? inside : join('/var/lib/lotok-services', name, 'postgres');
  mkdirSync(dirname(home), { recursive: true, mode: 0o755 });
  mkdirSync(home, { recursive: true, mode: 0o700 });
  chownSync(home, account.uid, account.gid);
  return home;
}

function keptPassword(folder: string): string {
  const file = join(folder, 'postgres.password');
  if (!existsSync(file)) writeFileSync(file, randomBytes(18).toString('hex'), { mode: 0o600 });
  return readFileSync(file, 'utf8').trim();
}

function initialise(
  postgres: string,
  { home, data, password, account }: { home: string; data: string; password: string; account: Account | undefined },
): void {
  // What an interrupted start has left.
  rmSync(data, { recursive: true, force: true });
  const passwordFile = join(home, 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (account) chownSync(passwordFile, account.uid, account.gid);
  try {
    execFileSync(
      join(dirname(postgres), 'initdb'),
      [
        ...['-D', data, '-U', user, '--pwfile', passwordFile, '--auth', 'scram-sha-256'],
        ...['--encoding', 'UTF8', '--locale', 'C.UTF-8', '--no-instructions'],
      ],
      { cwd: home, stdio: ['ignore', 'ignore', 'pipe'], ...account },
    );
  } finally {
    rmSync(passwordFile);
  }
}
