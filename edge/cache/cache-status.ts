// Cache-Status (RFC 9211): what this cache did, for whoever debugs it.

export type ForwardReason = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'request' | 'stale' | 'partial';

export type CacheOutcome =
  | { readonly hit: true; readonly ttlSeconds: number; readonly detail?: string }
  | {
      readonly hit: false;
      readonly reason: ForwardReason;
      readonly status?: number;
      readonly stored?: boolean;
      readonly collapsed?: boolean;
      readonly detail?: string;
    };

export function cacheStatus(cache: string, outcome: CacheOutcome): string {
  const detail = outcome.detail === undefined ? '' : `; detail=${outcome.detail}`;
  if (outcome.hit) return `${cache}; hit; ttl=${outcome.ttlSeconds}${detail}`;
  const { reason, status, stored, collapsed } = outcome;
  return `${cache}; fwd=${reason}${status === undefined ? '' : `; fwd-status=${status}`}${stored ? '; stored' : ''}${collapsed ? '; collapsed' : ''}${detail}`;
}
