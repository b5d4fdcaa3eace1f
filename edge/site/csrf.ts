// Cross-site requests: whatever changes something has to come from a page of ours.

/**
 * Browsers say where a request comes from in `Sec-Fetch-Site`, or, on plain HTTP and in older ones,
 * in `Origin`. One that says neither is refused: API clients use `/v1` with a bearer token.
 */
export function isSameOrigin(request: Request, origin: string): boolean {
  if (request.method === 'GET' || request.method === 'HEAD') return true;
  const site = request.headers.get('sec-fetch-site');
  if (site !== null) return site === 'same-origin' || site === 'none';
  return request.headers.get('origin') === origin;
}

/** A place of ours to go back to after signing in; `/` for anything else. */
export function ownPath(value: string | null | undefined, origin: string): string {
  if (!value?.startsWith('/') || value.length > 2000) return '/';
  const url = URL.parse(value, origin);
  return url?.origin === new URL(origin).origin ? `${url.pathname}${url.search}${url.hash}` : '/';
}
