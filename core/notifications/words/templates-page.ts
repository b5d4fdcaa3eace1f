// A page for those who write words: each kind of mail in both languages, as text and as its reader sees it. Sandbox only.
import { createHash } from 'node:crypto';
import type { Hono } from 'hono';
import { html, raw } from 'hono/html';
import { Language, type OrderId } from '../../../contracts/common.ts';
import { NotificationKind, notificationKinds } from '../../../contracts/notifications.ts';
import { mailViewHeaders } from '../../platform/mail/mailbox-page.ts';
import { kindRules } from '../kinds.ts';
import { digestOf, type MailLinks, mailOf, type RenderedMail } from './render.ts';

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 76rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
.mails { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(34rem, 100%), 1fr)); }
article { border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: .75rem; padding: 1rem; min-width: 0; }
h2 { font-size: 1.05rem; margin: 0; }
p { margin: .25rem 0 .75rem; opacity: .7; }
pre { font: inherit; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 0 1rem; }
iframe { width: 100%; height: 30rem; border: 0; border-radius: .5rem; background: #fff; }
`;
const styleHash = createHash('sha256').update(style).digest('base64');
const headers = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
};

const digest = 'digest';
const names = [...notificationKinds.filter((kind) => kindRules[kind].mail), digest];

export function templatePages(app: Hono): void {
  app.get('/sandbox/templates', (c) => {
    const language = Language.catch('ru').parse(c.req.query('lang'));
    return c.body(page(language), 200, headers);
  });
  app.get('/sandbox/templates/:language/:name', (c) => {
    const language = Language.safeParse(c.req.param('language'));
    const mail = language.success ? example(c.req.param('name'), language.data) : null;
    if (!mail) return c.notFound();
    const framed = mailViewHeaders['content-security-policy'].replace(
      "frame-ancestors 'none'",
      "frame-ancestors 'self'",
    );
    return c.body(mail.html, 200, { ...mailViewHeaders, 'content-security-policy': framed });
  });
}

/** Nobody's order, with all that a mail can tell. */
const parameters = {
  ad_title: 'Велосипед «Аист»',
  total_amount: '1349900',
  total_currency: 'RUB',
  estimated_from: '2026-12-01',
  estimated_to: '2026-12-04',
  tracking_number: 'LT00000000000000',
  pickup_point: 'Центральный, Казань, ул. Ленина, 12',
  reason: 'parcel_lost',
  sender: 'Сергей',
  unread: '3',
};
const nobody = '01900000-0000-7000-8000-000000000000';

function example(name: string, language: Language): RenderedMail | null {
  const told = (kind: NotificationKind) => ({
    kind,
    order_id: kind === 'messages_unread' ? null : (nobody as OrderId),
    link: kind === 'messages_unread' ? `/messages/${nobody}` : null,
    parameters: kind === 'payment_failed' ? { ...parameters, reason: 'insufficient_funds' } : parameters,
  });
  const reader = { name: language === 'ru' ? 'Анна' : 'Anna', language };
  const links = (isMoney: boolean): MailLinks => ({ publicUrl: '', unsubscribe: isMoney ? null : '/unsubscribe' });
  if (name === digest) {
    const notices = notificationKinds
      .filter((kind) => kindRules[kind].gathers)
      .map((kind) => ({ notification: told(kind), order: undefined }));
    return digestOf(notices, reader, links(true));
  }
  const kind = NotificationKind.safeParse(name);
  if (!kind.success || !kindRules[kind.data].mail) return null;
  return mailOf(told(kind.data), undefined, reader, links(kindRules[kind.data].money));
}

const page = (language: Language): string =>
  String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mail templates</title>
<style>${raw(style)}</style>
</head>
<body>
<h1>Mail templates</h1>
<p>${Language.options.map((each) => (each === language ? html`<strong>${each}</strong> ` : html`<a href="?lang=${each}">${each}</a> `))}</p>
<main class="mails">
${names.map((name) => {
  const mail = example(name, language);
  return (
    mail &&
    html`<article id="${name}"><h2>${mail.subject}</h2><p>${name}</p><pre>${mail.text}</pre><iframe title="${name}" loading="lazy" sandbox src="/sandbox/templates/${language}/${name}"></iframe></article>
`
  );
})}</main>
</body>
</html>
`);
