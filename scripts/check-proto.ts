// Part of `npm run check`: the committed TypeScript is what the protocol files generate, and nothing in them breaks
// callers of the last release (the newest tag `v…`; before the first release, main).
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const buf = (args: readonly string[], input?: Buffer): string =>
  execFileSync('../node_modules/.bin/buf', args, { cwd: 'proto', encoding: 'utf8', input, stdio: 'pipe' });
const git = (...args: string[]): string =>
  execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();

function staleFiles(): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'lotok-proto-'));
  try {
    buf(['generate', '--output', folder]);
    const fresh = contentsOf(join(folder, 'generated'));
    const committed = contentsOf('proto/generated');
    return [...new Set([...fresh.keys(), ...committed.keys()])].filter(
      (path) => fresh.get(path) !== committed.get(path),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function contentsOf(folder: string): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name));
  return new Map(paths.map((path) => [path.slice(folder.length + 1), readFileSync(path, 'utf8')]));
}

function released(): string | undefined {
  const candidates = [
    () => git('describe', '--tags', '--abbrev=0', '--match', 'v*'),
    () => git('rev-parse', '--verify', 'origin/main'),
    () => git('rev-parse', '--verify', 'main'),
  ];
  for (const candidate of candidates) {
    try {
      return candidate();
    } catch {
      // not there: the next
    }
  }
  return undefined;
}

const stale = staleFiles();
for (const path of stale) console.log(`proto/generated/${path} is not what proto/ generates: run npm run proto`);
const ref = released();
let breaks = false;
if (ref === undefined) console.log('no release and no main to compare proto/ with: not a git clone');
else {
  try {
    const then = execFileSync('git', ['archive', '--format=tar', ref, 'proto']);
    buf(['breaking', '--against', '-#format=tar,subdir=proto'], then);
  } catch (error) {
    breaks = true;
    console.log(`proto/ breaks callers of ${ref}:\n${(error as { stdout?: string }).stdout ?? error}`);
  }
}
process.exitCode = stale.length > 0 || breaks ? 1 : 0;
