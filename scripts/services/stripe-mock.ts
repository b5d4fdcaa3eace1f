// stripe-mock: Stripe's own judge of requests to its API, built from the Go registry once for a checkout.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { folder } from './state.ts';

const version = 'v0.203.0';
const program = join(folder, 'bin', 'stripe-mock');
const mostBuildMs = 8 * 60_000;

/** Where it is, if it was built. */
export const findStripeMock = (): string | undefined => (existsSync(program) ? program : undefined);

/** Tests do without it where there is no Go; `false` then. */
export function buildStripeMock(): boolean {
  if (findStripeMock()) return true;
  const go = ['go', '/usr/local/go/bin/go'].find((command) => {
    try {
      execFileSync(command, ['version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
  if (!go) return false;
  console.log(`building stripe-mock ${version} from the Go registry`);
  execFileSync(go, ['install', `github.com/stripe/stripe-mock@${version}`], {
    env: { ...process.env, GOBIN: join(folder, 'bin'), GOFLAGS: '-mod=mod' },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: mostBuildMs,
  });
  return true;
}
