// Sessions that ended before their tokens did: their tokens are refused, their streams closed.
import { LRUCache } from 'lru-cache';

export interface Sessions {
  /** `until` (Unix seconds) is when the last of the session's tokens expires. */
  end(sid: string, until: number): void;
  hasEnded(sid: string): boolean;
  /** Fires when the session ends; dispose of it when nobody waits any more. */
  watch(sid: string): { readonly signal: AbortSignal } & Disposable;
}

export function createSessions(clock: () => number, toleranceSeconds: number): Sessions {
  const ended = new LRUCache<string, number>({ max: 100_000 });
  const watched = new Map<string, Set<AbortController>>();
  return {
    end(sid, until) {
      ended.set(sid, until);
      for (const watcher of watched.get(sid) ?? []) watcher.abort();
    },
    hasEnded(sid) {
      const until = ended.get(sid);
      return until !== undefined && clock() / 1000 <= until + toleranceSeconds;
    },
    watch(sid) {
      const watcher = new AbortController();
      const watchers = watched.get(sid) ?? new Set();
      watchers.add(watcher);
      watched.set(sid, watchers);
      return {
        signal: watcher.signal,
        [Symbol.dispose]() {
          watchers.delete(watcher);
          if (watchers.size === 0 && watched.get(sid) === watchers) watched.delete(sid);
        },
      };
    },
  };
}
