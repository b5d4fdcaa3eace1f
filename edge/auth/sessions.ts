// Sessions that ended before their tokens did, and what to think of sessions while news of that may be missing.
import { LRUCache } from 'lru-cache';

export interface Sessions {
  /** `until` (Unix seconds) is when the last of the session's tokens expires. */
  end(sid: string, until: number): void;
  hasEnded(sid: string): boolean;
  /** Fires when the session ends, or when it may have ended unheard; dispose of it when nobody waits any more. */
  watch(sid: string): { readonly signal: AbortSignal } & Disposable;
  /** From now on news of ended sessions may be late. */
  newsBehind(): void;
  /** What was late has been heard. */
  newsCaughtUp(): void;
  /** News up to now is lost. Streams end: whoever has one comes again and is looked at anew. */
  newsLost(): void;
  /** Whether the session may have ended without our hearing of it. `issuedAt` (Unix seconds) is its token's. */
  mayHaveEnded(sid: string, issuedAt: number | undefined): boolean;
  /** Core was asked at `askedAt` (ms), and the session was alive. */
  confirm(sid: string, askedAt: number): void;
}

/** Late news comes within this, or core is asked. */
const patienceMs = 2_000;
/** While news is late, what core said of a session counts for this long. */
const confirmedForMs = 5_000;
const maxRemembered = 100_000;

export function createSessions(clock: () => number, toleranceSeconds: number): Sessions {
  const ended = new LRUCache<string, number>({ max: maxRemembered });
  const confirmed = new LRUCache<string, number>({ max: maxRemembered });
  const watched = new Map<string, Set<AbortController>>();
  /** What ended before we began to listen is unknown, too. */
  let lostUntil = clock();
  let behindSince: number | null = null;

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
    newsBehind() {
      behindSince ??= clock();
    },
    newsCaughtUp() {
      behindSince = null;
    },
    newsLost() {
      lostUntil = clock();
      for (const watchers of watched.values()) for (const watcher of watchers) watcher.abort();
    },
    mayHaveEnded(sid, issuedAt) {
      const now = clock();
      const confirmedAt = confirmed.get(sid) ?? Number.NEGATIVE_INFINITY;
      if (behindSince !== null && now - behindSince > patienceMs) return now - confirmedAt > confirmedForMs;
      const bornLater = issuedAt !== undefined && (issuedAt - toleranceSeconds) * 1000 > lostUntil;
      return !bornLater && confirmedAt <= lostUntil;
    },
    confirm(sid, askedAt) {
      confirmed.set(sid, Math.max(askedAt, confirmed.get(sid) ?? 0));
    },
  };
}
