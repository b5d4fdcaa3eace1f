// Conditional reads: 304 for who has the answer already (RFC 9110, section 13.1.2).

const keptBy304 = [
  'cache-control',
  'cdn-cache-control',
  'cache-groups',
  'content-location',
  'date',
  'etag',
  'expires',
  'vary',
];

/** The answer, or only its headers when `If-None-Match` names it. */
export function unlessKnown(request: Request, response: Response): Response {
  const etag = response.headers.get('etag');
  if (request.method !== 'GET' || response.status !== 200 || etag === null) return response;
  if (!namesTag(request.headers.get('if-none-match'), etag)) return response;
  const headers = [...response.headers].filter(([name]) => keptBy304.includes(name));
  return new Response(null, { status: 304, headers });
}

/** Weak comparison: a proxy that compressed the answer may have weakened its tag. */
export function namesTag(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false;
  if (ifNoneMatch.trim() === '*') return true;
  const opaque = (tag: string): string => tag.replace(/^W\//, '');
  return (ifNoneMatch.match(/(?:W\/)?"[^"]*"/g) ?? []).some((tag) => opaque(tag) === opaque(etag));
}
