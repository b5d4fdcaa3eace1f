// The Workers bundle: the edge as one module, the storefront's files within it.
import { readdir, readFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { extname, join, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { contentTypes } from '../edge/assets.ts';

const root = join(import.meta.dirname, '..');

/** Writes the bundle of a worker's entry file to `outfile`. */
export async function bundleWorker(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [join(root, entry)],
    outfile,
    bundle: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser', 'import'],
    mainFields: ['browser', 'module', 'main'],
    // CommonJS packages ask for the runtime's modules in the old way.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire('/');" },
    define: { 'process.env.NODE_ENV': '"production"' },
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [builtins, embeddedAssets(join(root, 'edge/site/assets'))],
  });
}

/** Node's modules that some packages ask for are the runtime's (nodejs_compat), under their full name. */
const builtins: Plugin = {
  name: 'builtins',
  setup({ onResolve }) {
    const names = new RegExp(
      `^(node:.*|cloudflare:.*|${builtinModules.map((name) => name.replaceAll('/', '\\/')).join('|')})$`,
    );
    onResolve({ filter: names }, ({ path }) => ({ path: path.includes(':') ? path : `node:${path}`, external: true }));
  },
};

function embeddedAssets(folder: string): Plugin {
  return {
    name: 'embedded-assets',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^lotok:assets$/ }, ({ path }) => ({ path, namespace: 'lotok' }));
      onLoad({ filter: /.*/, namespace: 'lotok' }, async () => {
        const assets: Record<string, { base64: string; contentType: string }> = {};
        for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
          const contentType = contentTypes[extname(entry.name)];
          if (!entry.isFile() || contentType === undefined) continue;
          const file = join(entry.parentPath, entry.name);
          assets[relative(folder, file)] = { base64: (await readFile(file)).toString('base64'), contentType };
        }
        return { contents: `export const assets = ${JSON.stringify(assets)};`, loader: 'js' };
      });
    },
  };
}

if (import.meta.main) {
  const outfile = process.argv[2];
  if (outfile === undefined) throw new Error('usage: node scripts/edge-worker-bundle.ts OUTFILE');
  await bundleWorker('edge/worker.ts', outfile);
}
