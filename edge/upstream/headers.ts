// Header fields that concern one hop only, and those that the edge writes itself.
import { conditionalFields } from '../cache/conditional.ts';
import type { RequestContext } from '../context.ts';
import { traceparent } from '../telemetry/tracing.ts';

/** RFC 9110, section 7.6.1, and what older software sends. */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** What a client says about itself that only the edge may say. */
const setByEdge = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'x-request-id',
  'traceparent',
  'cf-connecting-ip',
];

/**
 * All that an answer for everybody may depend on: what it can be selected by with Vary, and conditions. Whatever else a
 * client says would be in the answer of those who come after it, without being in the cache's key.
 */
const readByAll = ['accept', 'accept-encoding', 'accept-language', ...conditionalFields];

export function sharedRequestHeaders(source: Headers, context: RequestContext): Headers {
  const chosen = new Headers();
  for (const name of readByAll) {
    const value = source.get(name);
    if (value !== null) chosen.set(name, value);
  }
  const headers = requestHeaders(chosen, context);
  // The host is the client's word, too.
  headers.delete('x-forwarded-host');
  headers.delete('x-forwarded-proto');
  return headers;
}

export function withoutHopByHop(source: Headers): Headers {
  const headers = new Headers(source);
  const named = source.get('connection');
  // A client could name `authorization` here; a field is removed only for the next hop, so that is its own loss.
  for (const name of named?.split(',') ?? []) if (/^[\w-]+$/.test(name.trim())) headers.delete(name.trim());
  for (const name of hopByHop) headers.delete(name);
  return headers;
}

/** A client's header fields as core should see them. */
export function requestHeaders(source: Headers, context: RequestContext): Headers {
  const headers = withoutHopByHop(source);
  for (const name of ['host', 'content-length', 'expect', ...setByEdge]) headers.delete(name);
  headers.set('x-request-id', context.requestId);
  headers.set('x-forwarded-for', context.address);
  const origin = new URL(context.origin);
  headers.set('x-forwarded-proto', origin.protocol.slice(0, -1));
  headers.set('x-forwarded-host', origin.host);
  const parent = traceparent(context.trace);
  if (parent) headers.set('traceparent', parent);
  return headers;
}
