// Runs a script on the pinned Node: `node scripts/run.mjs FILE [ARGS]` or `node scripts/run.mjs --bin NAME [ARGS]`.
// Plain JavaScript without packages, for any Node from 18 on: it is what installs the packages.
//
// Signals: the child has a session of its own, so that Ctrl-C in a terminal reaches it once, through here, and not
// a second time from the terminal or from npm. When this process is killed outright, the child notices
// (run-guard.mjs) and ends itself as if asked to.
import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const packages = join(root, 'node_modules');
const bins = join(packages, '.bin');
const pinnedNode = join(packages, 'node', 'bin', 'node');
const guard = join(root, 'scripts', 'run-guard.mjs');

const args = process.argv.slice(2);
if (args.length === 0 || (args[0] === '--bin' && args.length === 1)) {
  console.error('usage: node scripts/run.mjs FILE [ARGS]\n       node scripts/run.mjs --bin NAME [ARGS]');
  process.exit(2);
}
if (!isInstalled()) await install();
run(...(args[0] === '--bin' ? commandOfBin(args[1], args.slice(2)) : onNode(resolve(root, args[0]), args.slice(1))));

function onNode(file, rest) {
  return [pinnedNode, ['--import', pathToFileURL(guard).href, file, ...rest]];
}

/** Most programs of packages are scripts for Node; some are for the machine itself. */
function commandOfBin(name, rest) {
  const path = realpathSync(join(bins, name));
  const start = Buffer.alloc(64);
  const file = openSync(path, 'r');
  readSync(file, start, 0, start.length, 0);
  closeSync(file);
  const isScript = /^#!.*\bnode\b/.test(start.toString('latin1')) || /\.[cm]?js$/.test(path);
  return isScript ? onNode(path, rest) : [path, rest];
}

function run(command, commandArgs) {
  const env = {
    ...developmentSecrets(),
    ...process.env,
    PATH: `${bins}${delimiter}${process.env.PATH ?? ''}`,
    LOTOK_RUN_PARENT: String(process.pid),
  };
  const child = spawn(command, commandArgs, { stdio: 'inherit', detached: true, env });
  child.on('error', (error) => {
    console.error(`${command} could not be started: ${error.message}`);
    process.exit(1);
  });

  // Ctrl-C comes twice when npm is our parent: from the terminal and from npm. A second press is a later one.
  const forwardedAt = {};
  const forward = (signal) => {
    const now = Date.now();
    if (now - (forwardedAt[signal] ?? 0) < 300) return;
    forwardedAt[signal] = now;
    child.kill(signal);
  };
  process.on('SIGINT', () => forward('SIGINT'));
  process.on('SIGTERM', () => forward('SIGTERM'));
  process.on('SIGHUP', () => forward('SIGTERM')); // the terminal was closed

  // npm that is killed tells nobody. Without npm a parent may end and leave this running: nohup, a shell's `&`.
  if (process.env.npm_lifecycle_event !== undefined) {
    const ancestors = ancestorsUpToNpm();
    setInterval(() => ancestorsUpToNpm() !== ancestors && forward('SIGTERM'), 1_000).unref();
  }
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

/**
 * What edge and realtime share, for parts that a developer starts one by one: made once in the data folder.
 * Production sets its own.
 */
function developmentSecrets() {
  if (process.env.NODE_ENV === 'production' || /^(1|true)$/.test(process.env.PRODUCTION ?? '')) return {};
  const folder = join(process.env.LOTOK_DATA ?? join(root, '.lotok'), 'secrets');
  return { REALTIME_TOKEN: secret(folder, 'realtime-token'), TICKET_SECRET: secret(folder, 'stream-tickets') };
}

/** As `core/platform/secrets.ts` makes them: the name appears once, and whole. */
function secret(folder, name) {
  const file = join(folder, name);
  const kept = readOr(file, '');
  if (kept !== '') return kept;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, randomBytes(32).toString('base64url'), { mode: 0o600 });
  try {
    linkSync(draft, file);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  rmSync(draft);
  return readFileSync(file, 'utf8');
}

/** Our parent and, where the system tells it, the parent of the shell that npm puts between. */
function ancestorsUpToNpm() {
  const status = readOr(`/proc/${process.ppid}/status`, '');
  return `${process.ppid} ${/^PPid:.*$/m.exec(status)?.[0]}`;
}

/** Whether node_modules holds what package-lock.json says. */
function isInstalled() {
  const lock = join(root, 'package-lock.json');
  const installed = join(packages, '.package-lock.json'); // npm writes it at the end of each installation
  const [wanted, present, node] = [lock, installed, pinnedNode].map((file) =>
    statSync(file, { throwIfNoEntry: false }),
  );
  if (!wanted || !present || !node) return false;
  if (present.mtimeMs >= wanted.mtimeMs) return true;
  // A newer lock may say the same: `npm install NAME` writes it last.
  const has = JSON.parse(readFileSync(installed, 'utf8')).packages;
  const differs = Object.entries(JSON.parse(readFileSync(lock, 'utf8')).packages).some(
    ([path, { version, optional, link }]) =>
      path !== '' && !link && (path in has ? has[path].version !== version : !optional),
  );
  if (!differs) utimesSync(installed, new Date(), new Date(Math.ceil(wanted.mtimeMs) + 1));
  return !differs;
}

async function install() {
  const release = await lockInstallation();
  try {
    if (isInstalled()) return; // another process has done it meanwhile
    console.error('installing packages (npm ci)');
    if (!npm('ci', 'ignore')) {
      // A lock file written against a registry without the packages for other platforms is incomplete to `npm ci`.
      console.error('npm ci refuses package-lock.json, installing by npm install');
      if (!npm('install', 2)) process.exit(1);
    }
    if (!isInstalled()) {
      console.error(
        `npm has not installed ${pinnedNode}: are install scripts turned off (npm config get ignore-scripts)?`,
      );
      process.exit(1);
    }
  } finally {
    release();
  }
}

/** Standard output belongs to the script, so npm gets none of it. */
function npm(command, output) {
  // The npm that runs us, when one does: it puts node_modules/.bin first on the PATH, and a package may bring an npm.
  const own = process.env.npm_execpath;
  const options = ['--no-audit', '--no-fund', '--loglevel=error', ...(command === 'install' ? ['--no-save'] : [])];
  const { status, error } = spawnSync(own ? process.execPath : 'npm', [...(own ? [own] : []), command, ...options], {
    cwd: root,
    stdio: ['ignore', output, output],
    shell: !own && process.platform === 'win32',
  });
  if (error) console.error(`npm could not be started: ${error.message}`);
  return status === 0;
}

/** Outside of node_modules, which npm ci removes. */
async function lockInstallation() {
  const file = join(tmpdir(), `lotok-install-${createHash('sha256').update(root).digest('hex').slice(0, 16)}.lock`);
  for (let told = false; ; ) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      const release = () => rmSync(file, { force: true });
      process.once('exit', release);
      return release;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (!isAlive(Number(readOr(file, '0')))) rmSync(file, { force: true });
    else {
      if (!told) console.error('another process is installing packages, waiting for it');
      told = true;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

function isAlive(pid) {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function readOr(file, otherwise) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return otherwise;
  }
}
