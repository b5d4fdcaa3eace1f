// Programs of PyPI that tests need: one virtual environment for each list of requirements, kept with the services.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { lockFolder } from '../scripts/services/process.ts';
import { folder as services } from '../scripts/services/state.ts';
import { inCI } from './services.ts';

const exec = promisify(execFile);

/** The environment's Python; null where there is no Python to make it with, which CI does not accept. */
export async function pythonWith(requirements: string): Promise<string | null> {
  const wanted = await readFile(requirements, 'utf8');
  const folder = join(services, 'python', createHash('sha256').update(wanted).digest('hex').slice(0, 12));
  const python = join(folder, 'venv/bin/python');
  const complete = join(folder, 'complete');
  if (existsSync(complete)) return python;
  try {
    await exec('python3', ['-c', 'import venv, ensurepip']);
  } catch (cause) {
    if (inCI()) throw new Error('python3 with venv is missing, and in CI nothing may be left out', { cause });
    return null;
  }
  await using _ = await lockFolder(folder);
  if (existsSync(complete)) return python;
  // What an interrupted installation has left.
  await rm(join(folder, 'venv'), { recursive: true, force: true });
  await exec('python3', ['-m', 'venv', join(folder, 'venv')]);
  await exec(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', requirements]);
  await writeFile(complete, '');
  return python;
}
