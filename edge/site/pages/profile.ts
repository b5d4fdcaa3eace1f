// A person's own data and what they want to hear.
import { html } from 'hono/html';
import { notificationKinds } from '../../../contracts/notifications.ts';
import { notice, time } from '../components.ts';
import { checkbox, formProblem, input, select } from '../fields.ts';
import { blankForm, type Form, failedForm, failedStatus, readForm } from '../form.ts';
import type { Html } from '../html.ts';
import { layout } from '../layout.ts';
import { rememberLanguage, requireSession, type SiteContext, type Visit } from '../visit.ts';

export async function profilePage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  return c.html(await view(visit, {}));
}

export async function changeProfile(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const values = await readForm(c.req.raw);
  const phone = (values.get('phone') ?? '').replace(/[\s()-]/g, '');
  try {
    const profile = await visit.client.get('changeMe', {
      body: {
        name: values.get('name') ?? '',
        phone: phone === '' ? null : phone,
        language: values.get('language') ?? '',
      },
    });
    rememberLanguage(c, profile.language);
    return c.redirect('/my/profile?saved=profile', 303);
  } catch (error) {
    return c.html(await view(visit, { profile: failedForm(visit.t, error, values) }), failedStatus(error));
  }
}

export async function changePreferences(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const values = await readForm(c.req.raw);
  const heard = values.getAll('kind');
  try {
    await visit.client.call('putPreferences', {
      preferences: {
        email: values.has('email'),
        in_app: values.has('in_app'),
        muted: notificationKinds.filter((kind) => !heard.includes(kind)),
      },
    });
    return c.redirect('/my/profile?saved=preferences', 303);
  } catch (error) {
    return c.html(await view(visit, { preferences: failedForm(visit.t, error, values) }), failedStatus(error));
  }
}

/** The address works again, says its owner. */
export async function unblockEmail(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  await visit.client.call('unblockEmail');
  return c.redirect('/my/profile?saved=preferences', 303);
}

async function view(visit: Visit, failed: { profile?: Form; preferences?: Form }): Promise<Html> {
  const { t, client, format, url } = visit;
  const [profile, preferences] = await Promise.all([client.get('me'), client.get('getPreferences')]);
  const form =
    failed.profile ?? blankForm({ name: profile.name, phone: profile.phone ?? '', language: profile.language });
  const heard =
    failed.preferences ??
    blankForm(
      new URLSearchParams([
        ...(preferences.email ? [['email', 'on']] : []),
        ...(preferences.in_app ? [['in_app', 'on']] : []),
        ...notificationKinds.filter((kind) => !preferences.muted.includes(kind)).map((kind) => ['kind', kind]),
      ]),
    );
  const saved = url.searchParams.get('saved');
  return layout(
    visit,
    { title: t.profile.title },
    html`
    <div class="narrow">
      <h1>${t.profile.title}</h1>
      <p class="muted">${profile.email} · ${t.profile.since} ${time(profile.created_at, format.day(profile.created_at), 'day')}</p>
      ${notice(saved === 'profile' ? t.profile.saved : null)}
      <form method="post" action="/my/profile" class="panel">
        <h2 class="h3">${t.profile.personal}</h2>
        ${formProblem(form)}
        ${input(form, t, { name: 'name', label: t.auth.name, autocomplete: 'name', maxlength: 60 })}
        ${input(form, t, { name: 'phone', label: t.profile.phone, type: 'tel', hint: t.profile.phoneHint, autocomplete: 'tel', maxlength: 24, required: false })}
        ${select(form, t, {
          name: 'language',
          label: t.profile.language,
          choices: [
            { value: 'ru', text: t.profile.languages.ru },
            { value: 'en', text: t.profile.languages.en },
          ],
        })}
        <button class="button">${t.save}</button>
      </form>
      ${notice(saved === 'preferences' ? t.profile.saved : null)}
      ${
        preferences.email_blocked &&
        html`<form method="post" action="/my/email/unblock" class="notice notice-bad" data-once><p>${t.profile.emailBlocked} ${time(preferences.email_blocked.since, format.day(preferences.email_blocked.since), 'day')}.</p><p class="muted small">${preferences.email_blocked.reason}</p><button class="button button-quiet">${t.profile.emailWorks}</button></form>`
      }
      <form method="post" action="/my/preferences" class="panel" id="preferences">
        <h2 class="h3">${t.profile.preferences}</h2>
        ${formProblem(heard)}
        <div class="field radios">${checkbox(heard, 'email', 'on', t.profile.byEmail)}${checkbox(heard, 'in_app', 'on', t.profile.inApp)}</div>
        <p class="hint">${t.profile.alwaysMoney}</p>
        <fieldset class="field radios two-columns"><legend>${t.profile.mutedTitle}</legend>
          ${notificationKinds.map((kind) => checkbox(heard, 'kind', kind, t.profile.kinds[kind]))}</fieldset>
        <button class="button">${t.save}</button>
      </form>
    </div>`,
  );
}
