// The client's address: the peer's, or what trusted proxies say about whom they speak for.

export type Network = (address: string) => boolean;

/** Networks such as `10.0.0.0/8`, `fd00::/8` or single addresses. Throws on anything else. */
export function networks(list: readonly string[]): Network {
  const parsed = list.map((text) => {
    const [base = '', prefix] = text.split('/');
    const address = parseAddress(base);
    const bits = prefix === undefined ? 128 : Number(prefix) + (base.includes(':') ? 0 : 96);
    if (address === null || !Number.isInteger(bits) || bits < 0 || bits > 128) throw new Error(`no network: ${text}`);
    const shift = BigInt(128 - bits);
    return { shift, start: address >> shift };
  });
  return (text) => {
    if (parsed.length === 0) return false;
    const address = parseAddress(plain(text));
    return address !== null && parsed.some(({ shift, start }) => address >> shift === start);
  };
}

/**
 * Walks `X-Forwarded-For` from its end as long as each hop is trusted: what an untrusted client
 * wrote at its beginning is never reached.
 */
export function clientAddress(peer: string, forwardedFor: string | null, trusted: Network): string {
  let address = plain(peer);
  if (forwardedFor === null || !trusted(address)) return address;
  for (const hop of forwardedFor.split(',').reverse()) {
    const next = plain(hop.trim());
    if (parseAddress(next) === null) return address;
    address = next;
    if (!trusted(address)) break;
  }
  return address;
}

/** One key for what one client can hold: an IPv6 customer has a whole /64. */
export function addressKey(address: string): string {
  const parsed = address.includes(':') ? parseAddress(address) : null;
  return parsed === null ? address : `${(parsed >> 64n).toString(16)}::/64`;
}

/** IPv4 inside IPv6 is written as IPv4, so that one client has one name. */
const plain = (address: string): string =>
  address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '').replace(/^\[|\]$/g, '');

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
