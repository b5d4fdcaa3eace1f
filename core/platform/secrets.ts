// Secrets that belong to a data folder: made once, readable by the owner only.
import { createHmac, randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The secret of this name, 32 random bytes as base64url. Processes that start at once agree on one. */
export async function folderSecret(folder: string, name: string): Promise<string> {
  const directory = join(folder, 'secrets');
  const file = join(directory, name);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const known = await read(file);
  if (known) return known;
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await writeFile(draft, randomBytes(32).toString('base64url'), { mode: 0o600, flush: true });
  try {
    // Only one of several can make the name; the others read what it wrote, which is whole from the start.
    await link(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft);
  }
  const made = await read(file);
  if (!made) throw new Error(`the secret ${file} cannot be read`);
  return made;
}

/** A secret of its own for each purpose, from one that is shared; none tells of the others. */
export const derivedSecret = (secret: string, purpose: string): string =>
  createHmac('sha256', secret).update(purpose).digest('base64url');

async function read(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
