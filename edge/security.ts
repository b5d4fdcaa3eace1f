// Header fields that every answer carries for the browser's sake, and who may read the API from other origins.
import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import type { EdgeConfig } from './config.ts';
import type { EdgeEnv } from './context.ts';

const apiPolicy = "default-src 'none'; frame-ancestors 'none'";

/** Only what is missing: pages set a policy of their own. */
export function addSecurityHeaders(headers: Headers, secure: boolean): void {
  setMissing(headers, 'x-content-type-options', 'nosniff');
  setMissing(headers, 'referrer-policy', 'no-referrer');
  if (!headers.get('content-type')?.startsWith('text/html')) setMissing(headers, 'content-security-policy', apiPolicy);
  if (secure) setMissing(headers, 'strict-transport-security', 'max-age=31536000');
}

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

/** The same for an answer that comes straight from the cache. */
export function crossOriginHeaders(config: EdgeConfig, origin: string | null | undefined): Record<string, string> {
  const expose = { 'access-control-expose-headers': exposed.join(',') };
  if (anyOrigin(config)) return { 'access-control-allow-origin': '*', ...expose };
  if (origin == null || !config.corsOrigins.includes(origin)) return { vary: 'Origin' };
  return { 'access-control-allow-origin': origin, vary: 'Origin', ...expose };
}
