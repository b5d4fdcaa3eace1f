// Cache keys: one name for all spellings of one resource.

/** The whole address, as it came: right for any origin. */
export const addressKey = (url: string): string => {
  const hash = url.indexOf('#');
  return hash === -1 ? url : url.slice(0, hash);
};

/**
 * Path and sorted query, without parameters that `means` nothing to what is behind: what advertisers add, and
 * what somebody makes up to get past the cache. For routes that we know; the host and the order of different
 * parameters don't matter there.
 */
export const routeKeyOf =
  (means: (parameter: string) => boolean) =>
  (url: string): string => {
    const path = url.indexOf('/', url.indexOf('//') + 2);
    const query = url.indexOf('?', path);
    if (path === -1) return '/';
    if (query === -1) return url.slice(path);
    const parts = url
      .slice(query + 1)
      .split('&')
      .filter((part) => part !== '' && means(decoded(nameOf(part))));
    if (parts.length === 0) return url.slice(path, query);
    // A stable sort by name: several values of one parameter keep their order, which may have a meaning.
    if (parts.length > 1) parts.sort((a, b) => compare(nameOf(a), nameOf(b)));
    return `${url.slice(path, query)}?${parts.join('&')}`;
  };

const nameOf = (part: string): string => part.split('=', 1)[0] ?? '';
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** As what is behind will read it: `pr%69ce` is a price too, and must not pass for nothing. */
function decoded(name: string): string {
  if (!name.includes('%') && !name.includes('+')) return name;
  try {
    return decodeURIComponent(name.replaceAll('+', ' '));
  } catch {
    return name;
  }
}
