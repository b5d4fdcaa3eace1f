// News from core: cached answers that are out of date, sessions that ended. By the fan-in, or asked of the hub.
import { CacheInvalidation, cacheChannel, SessionRevoked, sessionChannel } from '../contracts/stream.ts';
import type { Sessions } from './auth/sessions.ts';
import type { Cache } from './cache/engine.ts';
import type { Log } from './log.ts';
import type { Platform, StreamHub } from './platform.ts';
import { HubMessages, hubMessagesRequest } from './streams/durable-object.ts';
import type { FanIn } from './streams/fanin.ts';

interface News {
  readonly event: string;
  readonly data: unknown;
}

export interface Listeners {
  readonly cache: Cache;
  readonly sessions: Sessions;
  readonly log: Log;
}

/**
 * While the stream is behind, the cache trusts nothing that it holds, and core is asked about sessions; after a gap
 * what is held is forgotten, and every session that was there before is asked about once.
 */
export function listenForNews(fanIn: FanIn, { cache, sessions, log }: Listeners): Disposable {
  cache.trusted = false;
  sessions.newsBehind();
  const listening = new DisposableStack();
  listening.use(
    fanIn.listen(cacheChannel, {
      onMessage: (message) => hearOfCache(message, cache, log),
      onGap: () => cache.invalidateAll(),
      onBehind: () => {
        cache.trusted = false;
      },
      onCaughtUp: () => {
        cache.trusted = true;
      },
    }),
  );
  listening.use(
    fanIn.listen(sessionChannel, {
      onMessage: (message) => hearOfSessions(message, sessions, log),
      onGap: () => sessions.newsLost(),
      onBehind: () => sessions.newsBehind(),
      onCaughtUp: () => sessions.newsCaughtUp(),
    }),
  );
  return listening;
}

/** How old the hub's last answer may be before what is stored may be sent. */
const freshForMs = 500;

/**
 * Where an isolate can't hold a connection, it asks the hub before it answers, at most twice a second;
 * requests that come meanwhile wait for the same question.
 */
export function createNewsPoll(
  { streamHub: hub, clock, waitUntil }: Pick<Platform, 'clock' | 'waitUntil'> & { readonly streamHub: StreamHub },
  { cache, sessions, log }: Listeners,
): () => Promise<void> {
  const after = new Map<string, string>();
  let asked = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | undefined;

  const ask = async (channel: string, hear: (news: News) => void, onGap: () => void): Promise<void> => {
    const response = await hub.fetch(hubMessagesRequest(channel, after.get(channel) ?? null));
    if (!response.ok) throw new Error(`the hub answered ${response.status}`);
    const { gap, messages, next } = HubMessages.parse(await response.json());
    if (gap) onGap();
    for (const message of messages) hear(message);
    after.set(channel, next);
  };

  const askBoth = async (): Promise<void> => {
    const started = clock();
    try {
      await Promise.all([
        ask(
          cacheChannel,
          (news) => hearOfCache(news, cache, log),
          () => cache.invalidateAll(),
        ),
        ask(
          sessionChannel,
          (news) => hearOfSessions(news, sessions, log),
          () => sessions.newsLost(),
        ),
      ]);
      cache.trusted = true;
      sessions.newsCaughtUp();
    } catch (error) {
      cache.trusted = false;
      sessions.newsBehind();
      log.warn('news.unavailable', { error });
    }
    asked = started;
    asking = undefined;
  };

  return async () => {
    if (clock() - asked < freshForMs) return;
    if (!asking) {
      asking = askBoth();
      waitUntil(asking);
    }
    await asking;
  };
}

function hearOfCache({ event, data }: News, cache: Cache, log: Log): void {
  if (event !== 'cache.invalidate') return;
  const news = CacheInvalidation.safeParse(data);
  if (news.success) {
    cache.invalidateGroups(news.data.groups);
    return;
  }
  // Not understood, so anything may have changed.
  log.error('news.malformed', { event });
  cache.invalidateAll();
}

function hearOfSessions({ event, data }: News, sessions: Sessions, log: Log): void {
  if (event !== 'session.revoked') return;
  const news = SessionRevoked.safeParse(data);
  if (news.success) sessions.end(news.data.sid, news.data.until);
  else {
    // Not understood, so any session may have ended.
    log.error('news.malformed', { event });
    sessions.newsLost();
  }
}
