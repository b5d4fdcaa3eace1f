// The lock on an embedded database's folder: PGlite has none, and two processes would ruin each other's files.
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';

const pollMs = 100;

/**
 * Held until disposed or until the process ends, however it ends: SQLite locks the file by the operating
 * system, so nothing stale stays behind after `kill -9`. Waits for a holder that is just ending.
 */
export async function lockFolder(folder: string, waitMs = 5_000): Promise<Disposable> {
  await mkdir(dirname(folder), { recursive: true, mode: 0o700 });
  const file = new DatabaseSync(`${folder}.lock`, { timeout: 0 });
  try {
    for (let left = waitMs; !taken(file); left -= pollMs) {
      if (left <= 0) {
        throw new Error(
          `another process uses the data in ${dirname(folder)}: end it, or name another folder in LOTOK_DATA`,
        );
      }
      await pause(pollMs);
    }
  } catch (error) {
    file.close();
    throw error;
  }
  return { [Symbol.dispose]: () => file.close() };
}

const sqliteBusy = 5;

function taken(file: DatabaseSync): boolean {
  try {
    file.exec('begin exclusive');
    return true;
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy) return false;
    throw error;
  }
}
