// The API's documents: machine-readable ones, and a page that needs no script.
import { Hono } from 'hono';
import { asyncApi } from '../../contracts/asyncapi.ts';
import { openApi } from '../../contracts/openapi.ts';
import type { EdgeEnv } from '../context.ts';
import { onlyMethods } from '../methods.ts';
import { docsPage, docsStyle } from './page.ts';

/** Made when first asked for, as few edges ever are. */
export function createDocs(): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>();
  const made = new Map<string, string>();
  const once = (name: string, origin: string, make: () => string): string => {
    const key = `${name} ${origin}`;
    const known = made.get(key) ?? make();
    // The origin comes from the client, so only a few are kept.
    if (made.size < 32) made.set(key, known);
    return known;
  };
  const cacheControl = 'public, max-age=300';

  app.get('/openapi.json', (c) => {
    const { origin } = c.env.context;
    c.set('route', '/openapi.json');
    return c.body(
      once('openapi', origin, () => JSON.stringify(openApi(origin))),
      200,
      { 'content-type': 'application/json', 'cache-control': cacheControl },
    );
  });
  app.get('/asyncapi.json', (c) => {
    const { origin } = c.env.context;
    c.set('route', '/asyncapi.json');
    return c.body(
      once('asyncapi', origin, () => JSON.stringify(asyncApi(origin))),
      200,
      { 'content-type': 'application/json', 'cache-control': cacheControl },
    );
  });
  app.get('/docs/style.css', (c) =>
    c.body(docsStyle, 200, { 'content-type': 'text/css; charset=utf-8', 'cache-control': cacheControl }),
  );
  app.get('/docs', (c) => {
    const { origin } = c.env.context;
    c.set('route', '/docs');
    return c.html(
      once('docs', origin, () => docsPage(openApi(origin), asyncApi(origin))),
      200,
      {
        'content-security-policy':
          "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        'cache-control': cacheControl,
      },
    );
  });
  for (const path of ['/openapi.json', '/asyncapi.json', '/docs']) app.all(path, onlyMethods('GET, HEAD'));
  return app;
}
