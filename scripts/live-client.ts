// `node scripts/run.mjs scripts/live-client.ts`: the live client of contracts/client as one module for browsers, which
// the storefront serves. It is kept in the repository, because nothing here needs a build to run; a test compares it.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');
export const bundlePath = join(root, 'edge/site/assets/live.js');

export async function bundleLiveClient(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'contracts/client/live.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    // `#private` fields and `AbortSignal.any` are in all browsers since 2024.
    target: 'es2022',
    banner: { js: '// Made by scripts/live-client.ts from contracts/client; change that instead.' },
    legalComments: 'none',
    logLevel: 'warning',
  });
  const [file] = outputFiles;
  if (!file) throw new Error('esbuild made nothing');
  return file.text;
}

if (import.meta.main) await writeFile(bundlePath, await bundleLiveClient());
