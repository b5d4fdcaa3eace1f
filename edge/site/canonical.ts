// One name for a developer's machine: cookies belong to a host, and the payment page returns to the public address.

/**
 * Where a page that was opened as `http://localhost:8080` or `http://[::1]:8080` is at home, when that is
 * `http://127.0.0.1:8080` (or the other way round); null for any other address. Without this a buyer would come
 * back from paying signed out. Another port is left alone: it is a tunnel from another machine.
 */
export function canonicalAddress(request: Request, origin: string, publicUrl: string | undefined): string | null {
  if (publicUrl === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) return null;
  const here = new URL(origin);
  const home = new URL(publicUrl);
  const isAlias =
    here.hostname !== home.hostname &&
    here.protocol === home.protocol &&
    here.port === home.port &&
    isLoopback(here) &&
    isLoopback(home);
  if (!isAlias) return null;
  const { pathname, search } = new URL(request.url);
  return `${home.origin}${pathname}${search}`;
}

const isLoopback = ({ hostname }: URL): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
