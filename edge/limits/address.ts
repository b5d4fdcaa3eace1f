// The client's address: the peer's, or what trusted proxies say about whom they speak for.

export type Network = (address: string) => boolean;

/** Networks such as `10.0.0.0/8`, `fd00::/8` or single addresses. Throws on anything else. */
export function networks(list: readonly string[]): Network {
  const parsed = list.map((text) => {
    const [base = '', prefix] = text.split('/');
    const address = parseAddress(base);
    const bits = prefix === undefined ? 128 : Number(prefix) + (base.includes(':') ? 0 : 96);
    if (address === null || !/^\d*$/.test(prefix ?? '') || !Number.isInteger(bits) || bits < 0 || bits > 128)
      throw new Error(`no network: ${text}`);
    // Whoever writes this means that anybody may say who they are.
    if (prefix !== undefined && Number(prefix) === 0) throw new Error(`not a network but everybody: ${text}`);
    const shift = BigInt(128 - bits);
    return { shift, start: address >> shift };
  });
  return (text) => {
    if (parsed.length === 0) return false;
    const address = parseAddress(plain(text));
    return address !== null && parsed.some(({ shift, start }) => address >> shift === start);
  };
}

/** What a hop says about the one before it. Only the last of them is our own proxy's word. */
export interface Hop {
  readonly address: string;
  readonly host?: string | undefined;
  readonly proto?: string | undefined;
}

/** The field in which our proxies speak: one of the two, since they pass on as it is what a client wrote in the other. */
export type ForwardedField = 'x-forwarded-for' | 'forwarded';

/** Hops in the order in which they were written. */
export function hopsOf(headers: Headers, field: ForwardedField): Hop[] {
  const value = headers.get(field) ?? '';
  if (field === 'forwarded') return forwardedElements(value);
  const hops = value.split(',').map((hop): Hop => ({ address: withoutPort(hop.trim()) }));
  // These tell of the connection to the last proxy alone.
  return hops.with(-1, {
    address: hops.at(-1)?.address ?? '',
    host: headers.get('x-forwarded-host') ?? undefined,
    proto: headers.get('x-forwarded-proto') ?? undefined,
  });
}

/** RFC 7239, section 4. What can't be read is a hop without an address, at which the walk below ends. */
function forwardedElements(value: string): Hop[] {
  const elements = value.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? [];
  return elements.map((element) => {
    const parameters = new Map<string, string>();
    for (const [, name = '', quoted, token] of element.matchAll(
      /(?:^|;)\s*([\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^;,\s"]+))\s*(?=;|$)/g,
    ))
      parameters.set(name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, '$1') ?? token ?? '');
    return {
      address: withoutPort(parameters.get('for') ?? ''),
      host: parameters.get('host'),
      proto: parameters.get('proto'),
    };
  });
}

/** `192.0.2.1:4711` and `[2001:db8::1]:4711`. */
const withoutPort = (node: string): string =>
  node.replace(/^\[([^\]]*)\](?::\d+)?$/, '$1').replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1');

/**
 * Walks the hops from their end as long as each is trusted: what an untrusted client wrote at their
 * beginning is never reached.
 */
export function clientAddress(peer: string, hops: readonly Hop[], trusted: Network): string {
  let address = plain(peer);
  for (const hop of hops.toReversed()) {
    if (!trusted(address)) break;
    const next = plain(hop.address);
    if (parseAddress(next) === null) break;
    address = next;
  }
  return address;
}

/** One key for what one client can hold: an IPv6 customer has a whole /64. */
export function addressKey(address: string): string {
  const parsed = address.includes(':') ? parseAddress(address) : null;
  return parsed === null ? address : `${(parsed >> 64n).toString(16)}::/64`;
}

/** IPv4 inside IPv6 is written as IPv4, so that one client has one name. */
function plain(address: string): string {
  const dotted = address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '').replace(/^\[|\]$/g, '');
  const number = dotted.includes(':') ? parseAddress(dotted) : null;
  if (number === null || number >> 32n !== 0xffffn) return dotted;
  return [24n, 16n, 8n, 0n].map((shift) => (number >> shift) & 0xffn).join('.');
}

/** IPv4 as IPv4-mapped IPv6, so that both compare as one 128-bit number. */
function parseAddress(text: string): bigint | null {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (v4) {
    const bytes = v4.slice(1).map(Number);
    if (bytes.some((byte) => byte > 255)) return null;
    return 0xffff_0000_0000n + bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  }
  if (!/^[0-9a-f:]+$/i.test(text) || !text.includes(':')) return null;
  const [head = '', tail, more] = text.split('::');
  if (more !== undefined) return null;
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  const groups = [...left, ...Array.from({ length: tail === undefined ? 0 : missing }, () => '0'), ...right];
  if (groups.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return null;
  return groups.reduce((sum, group) => sum * 65_536n + BigInt(Number.parseInt(group, 16)), 0n);
}
