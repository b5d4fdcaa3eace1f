// Cache keys: one name for all spellings of one resource.

/** The whole address, as it came: right for any origin. */
export const addressKey = (url: string): string => {
  const hash = url.indexOf('#');
  return hash === -1 ? url : url.slice(0, hash);
};

/**
 * Path and sorted query without what only advertisers read. For routes whose meaning we know; the
 * order of different parameters and the host don't matter there.
 */
export function routeKey(url: string): string {
  const path = url.indexOf('/', url.indexOf('//') + 2);
  const query = url.indexOf('?', path);
  if (path === -1) return '/';
  if (query === -1) return url.slice(path);
  const text = url.slice(query + 1);
  if (!text.includes('&') && !tracking.test(text)) return text === '' ? url.slice(path, query) : url.slice(path);
  const parts = text.split('&').filter((part) => part !== '' && !tracking.test(part));
  if (parts.length === 0) return url.slice(path, query);
  // A stable sort by name: several values of one parameter keep their order, which may have a meaning.
  parts.sort((a, b) => compare(nameOf(a), nameOf(b)));
  return `${url.slice(path, query)}?${parts.join('&')}`;
}

const tracking = /^(utm_\w+|gclid|gbraid|wbraid|dclid|fbclid|yclid|ymclid|msclkid|mc_[ce]id|_openstat|ysclid)(=|$)/;
const nameOf = (part: string): string => part.split('=', 1)[0] ?? '';
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
