// Making what is stored out of what was received, and bringing it up to date by a 304.
import type { HeaderPairs } from './cache-answer.ts';
import { parseContentRange } from './content-range.ts';
import { type Policy, policyOf } from './policy.ts';
import type { StoredResponse } from './store.ts';
import { parseStrings } from './structured-fields.ts';
import { type Fields, varyNames, varyValue } from './vary.ts';

/** Written anew with each answer, or about one transfer of the body only. */
const notStored = ['age', 'content-length', 'transfer-encoding'];
/** A 304 says nothing new about the body (RFC 9111, section 3.2), and these describe the body. */
const notUpdated = new Set(['content-encoding', 'content-length', 'content-md5', 'content-range', 'etag']);

export interface Received {
  readonly key: string;
  readonly status: number;
  /** Without hop-by-hop fields. */
  readonly received: Headers;
  readonly requestHeaders: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly policy: Policy;
  readonly label: string;
}

/** Changes what clients get; what caching is decided by stays as it was received. */
export type Prepare = (headers: Headers) => void;

export function storedResponse(
  { key, status, received, requestHeaders, body, policy, label }: Received,
  prepare: Prepare,
): StoredResponse {
  const part = status === 206 ? parseContentRange(received.get('content-range')) : null;
  // Where a part lies is told anew with each answer.
  const { 'content-range': position, ...others } = fieldsOf(received);
  const headers: Fields = part || position === undefined ? others : { ...others, 'content-range': position };
  const { groups, varyNames: names } = selectionOf(headers);
  return {
    key,
    status,
    headers,
    sent: preparedFields(headers, prepare),
    body,
    part,
    policy,
    label,
    groups,
    varyNames: names,
    varyValues: names.map((name) => varyValue(name, requestHeaders.get(name))),
    invalid: false,
  };
}

/** What the fields say of whom an answer is for, and of what it shows. */
export function selectionOf(headers: Fields): { groups: string[]; varyNames: string[] } {
  return {
    groups: parseStrings(String(headers['cache-groups'] ?? '')) ?? [],
    varyNames: varyNames(String(headers['vary'] ?? '')),
  };
}

/** Section 4.3.4: the stored answer with the 304's fields in place of its own. */
export function refreshed(
  stored: StoredResponse,
  received: Headers,
  times: { requestedAt: number; receivedAt: number },
  prepare: Prepare,
): StoredResponse {
  const fields: Record<string, string | string[]> = { ...stored.headers };
  for (const [name, value] of Object.entries(fieldsOf(received))) if (!notUpdated.has(name)) fields[name] = value;
  const headers = toHeaders(fields);
  // Age is not among the stored fields, but counts for how old the answer now is.
  const age = received.get('age');
  if (age !== null) headers.set('age', age);
  const policy = policyOf({ method: 'GET', authorized: false, status: stored.status, headers, ...times });
  const { latest: _before, ...kept } = stored;
  return {
    ...kept,
    headers: fields,
    sent: preparedFields(fields, prepare),
    policy,
    groups: selectionOf(fields).groups,
    invalid: false,
  };
}

function fieldsOf(headers: Headers): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = {};
  for (const [name, value] of headers) if (name !== 'set-cookie' && !notStored.includes(name)) fields[name] = value;
  const cookies = headers.getSetCookie();
  if (cookies.length > 0) fields['set-cookie'] = cookies;
  return fields;
}

export function preparedFields(fields: Fields, prepare: Prepare): HeaderPairs {
  const headers = toHeaders(fields);
  prepare(headers);
  return [...headers];
}

export function toHeaders(fields: Fields): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(fields))
    for (const each of typeof value === 'string' ? [value] : value) headers.append(name, each);
  return headers;
}
