// Where a mail's last link leads: a page for people, and the one-click request of mail programs (RFC 8058).
import { html } from 'hono/html';
import { CallFailed, type Client, createClient } from '../client.ts';
import type { SiteDeps } from '../deps.ts';
import { readForm } from '../form.ts';
import type { Html } from '../html.ts';
import { layout } from '../layout.ts';
import type { SiteContext, Visit } from '../visit.ts';

/** Opening it changes nothing: programs that look at mails open every link in them. */
export async function unsubscribePage(c: SiteContext): Promise<Response> {
  return c.html(view(c.get('visit'), { token: c.req.query('token') ?? '' }));
}

export async function unsubscribe(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  const token = (await readForm(c.req.raw)).get('token') ?? '';
  const done = await turnOff(visit.client, token);
  return c.html(view(visit, { token, done }), done ? 200 : 400);
}

/** Comes from a mail program's servers, with neither cookies nor an origin: the token is all that it needs to have. */
export async function unsubscribeAtOnce(c: SiteContext, { api }: Pick<SiteDeps, 'api'>): Promise<Response> {
  const client = createClient({ api, context: c.env.context, token: undefined });
  const isOneClick = (await readForm(c.req.raw)).get('List-Unsubscribe') === 'One-Click';
  const answer = (text: string, status: 200 | 400 | 503): Response => {
    return c.text(text, status, { 'cache-control': 'no-store' });
  };
  try {
    const done = isOneClick && (await turnOff(client, c.req.query('token') ?? ''));
    return done ? answer('Unsubscribed', 200) : answer('This link is not valid', 400);
  } catch (error) {
    if (error instanceof CallFailed) return answer('Not now', 503); // the program comes again
    throw error;
  }
}

async function turnOff(client: Client, token: string): Promise<boolean> {
  try {
    await client.call('unsubscribe', { token });
    return true;
  } catch (error) {
    if (error instanceof CallFailed && (error.code === 'invalid-signature' || error.code === 'invalid-parameter'))
      return false;
    throw error;
  }
}

const view = (visit: Visit, { token, done }: { token: string; done?: boolean }): Html => {
  const { t } = visit;
  return layout(
    visit,
    { title: t.unsubscribe.title },
    html`<div class="narrow"><h1>${t.unsubscribe.title}</h1>
    ${
      done === undefined
        ? html`<form method="post" action="/unsubscribe" class="panel" data-once><p>${t.unsubscribe.text}</p><input type="hidden" name="token" value="${token}"><button class="button">${t.unsubscribe.button}</button></form>`
        : html`<p role="status">${done ? t.unsubscribe.done : t.unsubscribe.invalid}</p>`
    }
    <p><a href="/my/profile#preferences">${t.unsubscribe.preferences}</a></p></div>`,
  );
};
