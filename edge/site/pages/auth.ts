// Signing in, registering, signing out.
import { html } from 'hono/html';
import {
  demoBuyer,
  demoBuyer2,
  demoModerator,
  demoOperator,
  demoPassword,
  demoSellers,
} from '../../../contracts/demo.ts';
import { createClient } from '../client.ts';
import { ownPath } from '../csrf.ts';
import type { SiteDeps } from '../deps.ts';
import { formProblem, input } from '../fields.ts';
import { blankForm, type Form, failedForm, failedStatus, readForm } from '../form.ts';
import type { Html } from '../html.ts';
import { icon } from '../icons.ts';
import { layout } from '../layout.ts';
import { endSession, refreshToken, startSession } from '../session.ts';
import { rememberLanguage, type SiteContext, type Visit } from '../visit.ts';

const demoAccounts = [
  ['buyer', demoBuyer],
  ['buyer2', demoBuyer2],
  ['seller', demoSellers[0]],
  ['moderator', demoModerator],
  ['operator', demoOperator],
] as const;

const returnOf = ({ url }: Visit, values: URLSearchParams = url.searchParams): string =>
  ownPath(values.get('return'), url.origin);

const signInView = (visit: Visit, form: Form, back: string): Html => {
  const { t, config } = visit;
  return layout(
    visit,
    { title: t.auth.signInTitle },
    html`
    <div class="narrow">
      <h1>${t.auth.signInTitle}</h1>
      ${back !== '/' && html`<p class="muted">${t.auth.continueTo}</p>`}
      <form method="post" action="/sign-in" class="panel">
        ${formProblem(form)}
        <input type="hidden" name="return" value="${back}">
        ${input(form, t, { name: 'email', label: t.auth.email, type: 'email', autocomplete: 'username', inputmode: 'email', maxlength: 254 })}
        ${input(form, t, { name: 'password', label: t.auth.password, type: 'password', autocomplete: 'current-password', maxlength: 200 })}
        <button class="button button-large">${t.auth.signIn}</button>
        <p>${t.auth.noAccount} <a href="/register?return=${encodeURIComponent(back)}">${t.auth.register}</a></p>
      </form>
      ${
        config.demo &&
        html`<section class="panel demo" aria-labelledby="demo">
        <h2 id="demo" class="h3">${t.auth.demoTitle}</h2>
        <p class="muted">${t.auth.demoText}</p>
        <div class="demo-accounts">
          ${demoAccounts.map(
            ([key, { email, name }]) => html`<form method="post" action="/sign-in">
            <input type="hidden" name="return" value="${back}"><input type="hidden" name="email" value="${email}"><input type="hidden" name="password" value="${demoPassword}">
            <button class="demo-account">${icon('user', 22)}<span><strong>${t.auth.demo[key]}</strong>${name !== t.auth.demo[key] && ` ${name}`}<br><span class="muted small">${email}</span></span></button>
          </form>`,
          )}
        </div>
      </section>`
      }
    </div>`,
  );
};

const registerView = (visit: Visit, form: Form, back: string): Html => {
  const { t } = visit;
  return layout(
    visit,
    { title: t.auth.registerTitle },
    html`
    <div class="narrow">
      <h1>${t.auth.registerTitle}</h1>
      <form method="post" action="/register" class="panel">
        ${formProblem(form)}
        <input type="hidden" name="return" value="${back}">
        ${input(form, t, { name: 'name', label: t.auth.name, hint: t.auth.nameHint, autocomplete: 'name', maxlength: 60 })}
        ${input(form, t, { name: 'email', label: t.auth.email, type: 'email', autocomplete: 'username', inputmode: 'email', maxlength: 254 })}
        ${input(form, t, { name: 'password', label: t.auth.password, type: 'password', hint: t.auth.passwordHint, autocomplete: 'new-password', maxlength: 200 })}
        <button class="button button-large">${t.auth.register}</button>
        <p>${t.auth.haveAccount} <a href="/sign-in?return=${encodeURIComponent(back)}">${t.auth.signIn}</a></p>
      </form>
    </div>`,
  );
};

export function signInPage(c: SiteContext): Response | Promise<Response> {
  const visit = c.get('visit');
  return visit.session ? c.redirect(returnOf(visit), 303) : c.html(signInView(visit, blankForm(), returnOf(visit)));
}

export function registerPage(c: SiteContext): Response | Promise<Response> {
  const visit = c.get('visit');
  return visit.session ? c.redirect(returnOf(visit), 303) : c.html(registerView(visit, blankForm(), returnOf(visit)));
}

export async function signIn(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  const values = await readForm(c.req.raw);
  const back = returnOf(visit, values);
  try {
    const tokens = await visit.client.get('login', {
      credentials: { email: values.get('email')?.trim() ?? '', password: values.get('password') ?? '' },
    });
    startSession(c, visit.context, tokens);
    return c.redirect(back, 303);
  } catch (error) {
    return c.html(signInView(visit, failedForm(visit.t, error, values), back), failedStatus(error));
  }
}

export async function register(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  const values = await readForm(c.req.raw);
  const back = returnOf(visit, values);
  const name = values.get('name')?.trim();
  try {
    const tokens = await visit.client.get('register', {
      registration: {
        email: values.get('email')?.trim() ?? '',
        password: values.get('password') ?? '',
        language: visit.language,
        ...(name ? { name } : {}),
      },
    });
    startSession(c, visit.context, tokens);
    return c.redirect(back, 303);
  } catch (error) {
    return c.html(registerView(visit, failedForm(visit.t, error, values), back), failedStatus(error));
  }
}

/** The cookies go whatever core says: a visitor who signs out of a shared computer has to be signed out of it. */
export async function signOut(c: SiteContext, { api, log }: SiteDeps): Promise<Response> {
  const { context } = c.get('visit');
  const token = refreshToken(c.req.raw, context);
  endSession(c, context);
  if (token !== undefined) {
    const client = createClient({ api, context, token: undefined });
    await client.call('logout', { body: { refresh_token: token } }).catch((error: unknown) => {
      log.warn('site.logout_failed', { error, trace_id: context.traceId });
    });
  }
  return c.redirect('/', 303);
}

export async function switchLanguage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  const values = await readForm(c.req.raw);
  rememberLanguage(c, values.get('language') === 'en' ? 'en' : 'ru');
  return c.redirect(returnOf(visit, values), 303);
}
