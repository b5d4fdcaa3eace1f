// The whole system in this process, on embedded ports, with its own data folder.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../scripts/free-port.ts';
import { startAll } from '../../scripts/start.ts';

export interface TestLotok extends AsyncDisposable {
  readonly url: string;
}

/** Parcels move by hand; `env` overrides anything. */
export async function startLotok(env: Record<string, string> = {}): Promise<TestLotok> {
  const folder = await mkdtemp(join(tmpdir(), 'lotok-'));
  const lotok = await startAll({
    PORT: String(await freePort()),
    LOTOK_DATA: folder,
    SANDBOX_STEP_MS: '0',
    LOG_LEVEL: 'error',
    ...env,
  });
  return {
    url: lotok.url,
    async [Symbol.asyncDispose]() {
      await lotok[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
