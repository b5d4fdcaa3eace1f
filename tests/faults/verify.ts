// The invariants, checked by the program that operators run too.
import { spawn } from 'node:child_process';
import { root } from '../../scripts/services/state.ts';

const script = 'scripts/verify-invariants.ts';
/** What may still be on its way between two tables when all is calm. */
const boundSeconds = 30;
const timeoutMs = 120_000;

export interface Verdict {
  readonly holds: boolean;
  /** What the program printed. */
  readonly output: string;
}

export interface Known {
  /** What the watchers saw. */
  readonly watchedFile: string;
  /** Webhooks that were lost on purpose. */
  readonly lostWebhooksFile: string;
}

export async function verifyInvariants(
  env: Readonly<Record<string, string>>,
  { watchedFile, lostWebhooksFile }: Known,
): Promise<Verdict> {
  const args = [script, '--json', '--bound-seconds', String(boundSeconds)];
  args.push('--watched', watchedFile, '--lost-webhooks', lostWebhooksFile);
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  return { holds: code === 0, output };
}
