// One page view: who looks, in which language, and what its page needs to answer.
import type { Context } from 'hono';
import { setCookie } from 'hono/cookie';
import type { Language } from '../../contracts/common.ts';
import type { RequestContext } from '../context.ts';
import type { Assets } from './assets.ts';
import { type Client, createClient } from './client.ts';
import type { SiteDeps } from './deps.ts';
import { chooseLanguage, type Format, formats, type Strings, strings } from './i18n.ts';
import { readCookie, type Session } from './session.ts';

export interface Visit {
  readonly context: RequestContext;
  /** As the visitor typed it: scheme and host are the public ones. */
  readonly url: URL;
  readonly language: Language;
  readonly t: Strings;
  readonly format: Format;
  readonly session: Session | null;
  readonly client: Client;
  readonly assets: Assets;
  readonly config: SiteDeps['config'];
  /** How many notifications are new; null for guests and while that can't be told. */
  readonly unread: Promise<number | null>;
  /** The same for messages. */
  readonly unreadMessages: Promise<number | null>;
  /** Remembered city, chosen by the visitor earlier. */
  readonly city: string | undefined;
}

export interface SiteEnv {
  Bindings: { readonly context: RequestContext };
  Variables: { visit: Visit; route: string };
}
export type SiteContext = Context<SiteEnv>;

const languageCookie = 'lotok_language';
const cityCookie = 'lotok_city';

export function createVisit(
  request: Request,
  context: RequestContext,
  deps: SiteDeps,
  session: Session | null,
  assets: Assets,
): Visit {
  const language = chooseLanguage(readCookie(request.headers, languageCookie), request.headers.get('accept-language'));
  const client = createClient({ api: deps.api, context, token: session?.token });
  const { pathname, search } = new URL(request.url);
  // A page without its badge is better than no page.
  const countUnread = (list: 'listNotifications' | 'listConversations'): Promise<number | null> =>
    session && request.method === 'GET'
      ? client.get(list, { limit: 1 }).then(
          ({ unread }) => unread,
          () => null,
        )
      : Promise.resolve(null);
  const city = readCookie(request.headers, cityCookie);
  return {
    context,
    language,
    session,
    client,
    assets,
    unread: countUnread('listNotifications'),
    unreadMessages: countUnread('listConversations'),
    url: new URL(pathname + search, context.origin),
    t: strings[language],
    format: formats[language],
    config: deps.config,
    city: city !== undefined && /^[a-z0-9-]{1,64}$/.test(city) ? city : undefined,
  };
}

/** Pages that need an account call this first; the visitor comes back after signing in. */
export function requireSession(visit: Visit): Session {
  if (!visit.session) throw new SignInNeeded();
  return visit.session;
}
export class SignInNeeded extends Error {}

export const signInUrl = (visit: Visit, back = visit.url.pathname + visit.url.search): string =>
  `/sign-in?return=${encodeURIComponent(back)}`;

const preferenceSeconds = 365 * 24 * 3600;
/** Remembers how a visitor likes the site: nothing secret. */
const remember = (c: SiteContext, name: string, value: string): void =>
  setCookie(c, name, value, {
    path: '/',
    maxAge: preferenceSeconds,
    sameSite: 'Lax',
    httpOnly: true,
    secure: c.env.context.origin.startsWith('https:'),
  });
export const rememberCity = (c: SiteContext, city: string): void => remember(c, cityCookie, city);
export const rememberLanguage = (c: SiteContext, language: Language): void => remember(c, languageCookie, language);
