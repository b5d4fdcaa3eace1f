// Style and scripts: served under an address that holds a hash of them all, so that browsers may keep them for ever.
import { Hono } from 'hono';
import type { SiteDeps } from './deps.ts';

const names = [
  'site.css',
  'site.js',
  'live.js',
  'parts.js',
  'upload.js',
  'order.js',
  'ad.js',
  'searches.js',
  'chat.js',
  'sell.js',
  'icon.svg',
] as const;
export type AssetName = (typeof names)[number];

export interface Assets {
  /** The public address of a file. */
  url(name: AssetName): string;
}

/** Hashed when first asked for: the files are the same for the life of an instance. */
export function createAssets(deps: Pick<SiteDeps, 'asset'>): () => Promise<Assets & { readonly hash: string }> {
  let loaded: Promise<Assets & { readonly hash: string }> | undefined;
  const load = async () => {
    const files = names.map((name) => deps.asset(name)?.bytes ?? new Uint8Array());
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await new Blob(files).arrayBuffer()));
    const hash = [...digest.subarray(0, 6)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return { hash, url: (name: AssetName) => `/assets/${hash}/${name}` };
  };
  return () => (loaded ??= load());
}

export function assetRoutes(deps: Pick<SiteDeps, 'asset'>, assets: ReturnType<typeof createAssets>) {
  const app = new Hono();
  // The live client for other people's pages, under an address that stays: docs/clients.md tells how to use it.
  app.get('/live.js', async (c) => {
    const file = deps.asset('live.js');
    if (!file) return c.notFound();
    const etag = `"${(await assets()).hash}"`;
    const headers = {
      etag,
      'cache-control': 'public, max-age=300',
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
    };
    return hasAlready(c.req.header('if-none-match'), etag)
      ? c.body(null, 304, headers)
      : c.body(file.bytes, 200, { ...headers, 'content-type': file.contentType });
  });
  return app.get('/assets/:hash/:name', async (c, next) => {
    const name = c.req.param('name');
    const file = names.some((each) => each === name) ? deps.asset(name) : null;
    if (!file) return next();
    const { hash } = await assets();
    const etag = `"${hash}"`;
    // An instance of another version may be asked for this one's files while a new version rolls out.
    const current = c.req.param('hash') === hash;
    const headers = {
      etag,
      'cache-control': current ? 'public, max-age=31536000, immutable' : 'no-cache',
      'x-content-type-options': 'nosniff',
    };
    if (hasAlready(c.req.header('if-none-match'), etag)) return c.body(null, 304, headers);
    return c.body(file.bytes, 200, { ...headers, 'content-type': file.contentType });
  });
}

const hasAlready = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch?.split(',').some((each) => each.trim().replace(/^W\//, '') === etag) ?? false;
