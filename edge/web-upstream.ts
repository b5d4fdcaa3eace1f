// How the edge on Deno and on workerd reaches upstreams: by the runtime's own fetch.
import type { UpstreamRequest } from './platform.ts';

export function fetchFromWeb({ url, method, headers, body, signal }: UpstreamRequest): Promise<Response> {
  const sent = new Headers(headers);
  // These runtimes decode bodies but leave their fields as they were; so bodies come undecoded.
  sent.set('accept-encoding', 'identity');
  return fetch(url, { method, headers: sent, redirect: 'manual', body: body ?? null, ...(signal ? { signal } : {}) });
}
