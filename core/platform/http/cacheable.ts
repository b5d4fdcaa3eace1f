// Response headers of public answers that browsers keep shortly and edges keep until told otherwise.
import { createHash } from 'node:crypto';

export interface Cacheable {
  /** Cache groups (RFC 9875) by which a change makes the answer stale. */
  readonly groups: readonly string[];
  /** A strong entity tag; or `of`, what the answer is made from. */
  readonly etag?: string;
  readonly of?: unknown;
  readonly lastModified?: Date;
}

/** Edges hear of changes within a second (groups), browsers don't: hence two lifetimes (RFC 9213, RFC 5861). */
export function cacheable({ groups, etag, of, lastModified }: Cacheable): Record<string, string> {
  return {
    'cache-control': 'public, max-age=5, stale-while-revalidate=30',
    'cdn-cache-control': 'max-age=300, stale-while-revalidate=600, stale-if-error=86400',
    'cache-groups': groups.map((group) => `"${group}"`).join(', '),
    etag: etag ?? `"${createHash('sha256').update(JSON.stringify(of)).digest('base64url').slice(0, 22)}"`,
    ...(lastModified === undefined ? {} : { 'last-modified': lastModified.toUTCString() }),
  };
}
