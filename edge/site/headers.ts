// Headers of every page: no script that this very page doesn't name, no style or frame that is not ours.
import type { SiteConfig } from './deps.ts';
import type { SiteContext } from './visit.ts';

export function securityHeaders(c: SiteContext, { mediaOrigins, demo }: SiteConfig): void {
  const media = ['', ...mediaOrigins].join(' ');
  // The checkout form redirects to the payment provider's page, and browsers hold redirects to `form-action` too.
  const payment = c.req.path.startsWith('/checkout/') ? ` https:${demo ? ' http:' : ''}` : '';
  c.header(
    'content-security-policy',
    [
      "default-src 'none'",
      // Modules that such a script imports come with its nonce.
      `script-src 'nonce-${c.env.context.requestId}'`,
      "style-src 'self'",
      `img-src 'self' data: blob:${media}`,
      `connect-src 'self'${media}`,
      "base-uri 'none'",
      `form-action 'self'${payment}`,
      "frame-ancestors 'none'",
    ].join('; '),
  );
  c.header('x-content-type-options', 'nosniff');
  c.header('referrer-policy', 'strict-origin-when-cross-origin');
  c.header('permissions-policy', 'camera=(), microphone=(), geolocation=(), payment=()');
  if (c.env.context.origin.startsWith('https:')) c.header('strict-transport-security', 'max-age=31536000');
}
