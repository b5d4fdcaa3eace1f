// Header fields that every answer carries for the browser's sake, and who may read the API from other origins.
import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import type { HeaderPairs } from './cache/cache-answer.ts';
import type { EdgeConfig } from './config.ts';
import type { EdgeEnv } from './context.ts';

const nothing = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export interface Security {
  /** Reached over TLS. */
  readonly secure: boolean;
  /** Pages of any origin may show and read what the API answers. */
  readonly shared: boolean;
}

/** Only what is missing: pages that need more than nothing set a policy of their own. */
export function addSecurityHeaders(headers: Headers, { secure, shared }: Security): void {
  const isPage = headers.get('content-type')?.startsWith('text/html') === true;
  setMissing(headers, 'x-content-type-options', 'nosniff');
  setMissing(headers, 'referrer-policy', 'no-referrer');
  setMissing(headers, 'content-security-policy', nothing);
  setMissing(headers, 'cross-origin-resource-policy', isPage ? 'same-origin' : shared ? 'cross-origin' : 'same-site');
  if (isPage) {
    setMissing(headers, 'cross-origin-opener-policy', 'same-origin');
    setMissing(headers, 'origin-agent-cluster', '?1');
  }
  if (secure) setMissing(headers, 'strict-transport-security', 'max-age=31536000');
}

/** GraphiQL, which only developers get, brings its scripts from elsewhere and writes some into its page. */
export const graphiqlPolicy: MiddlewareHandler<EdgeEnv> = async (c, next) => {
  await next();
  if (c.res.headers.get('content-type')?.startsWith('text/html'))
    c.header(
      'content-security-policy',
      "default-src 'self' https: data: blob:; script-src 'self' https: blob: 'unsafe-inline' 'unsafe-eval'; style-src 'self' https: 'unsafe-inline'; frame-ancestors 'none'",
    );
};

const setMissing = (headers: Headers, name: string, value: string): void => {
  if (!headers.has(name)) headers.set(name, value);
};

export const isSecure = ({ publicUrl, tlsCertFile }: EdgeConfig): boolean =>
  tlsCertFile !== undefined || publicUrl?.startsWith('https:') === true;

export const anyOrigin = ({ corsOrigins }: EdgeConfig): boolean => corsOrigins.includes('*');

const exposed = ['ETag', 'Location', 'Retry-After', 'RateLimit', 'RateLimit-Policy', 'Cache-Status', 'X-Request-Id'];

/** The API carries tokens in headers, never cookies, so credentials are not allowed across origins. */
export const crossOrigin = (config: EdgeConfig): MiddlewareHandler<EdgeEnv> =>
  cors({
    origin: anyOrigin(config) ? '*' : [...config.corsOrigins],
    allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowHeaders: [
      'Authorization',
      'Content-Type',
      'Idempotency-Key',
      'If-Match',
      'If-None-Match',
      'Last-Event-ID',
      'traceparent',
    ],
    exposeHeaders: exposed,
    maxAge: 86_400,
  });

/** The same beside the fields of an answer that comes straight from the cache; it may vary by more than the origin. */
export function withCrossOrigin(
  fields: HeaderPairs,
  config: EdgeConfig,
  origin: string | null | undefined,
): HeaderPairs {
  return [...fields, ...Object.entries(crossOriginHeaders(config, origin))];
}

/** The same for an answer that is to be stored. */
export function crossOriginHeaders(config: EdgeConfig, origin: string | null | undefined): Record<string, string> {
  const expose = { 'access-control-expose-headers': exposed.join(',') };
  if (anyOrigin(config)) return { 'access-control-allow-origin': '*', ...expose };
  if (origin == null || !config.corsOrigins.includes(origin)) return { vary: 'Origin' };
  return { 'access-control-allow-origin': origin, vary: 'Origin', ...expose };
}
