// The page that shows the embedded mailbox: every mail's whole text, newest first.
import { createHash } from 'node:crypto';
import { html, raw } from 'hono/html';

export interface KeptMail {
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly sent_at: string;
}

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; }
p.note { margin: 0 0 1.5rem; opacity: .7; }
article { border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: .75rem; padding: 1rem 1.25rem; margin: 0 0 1rem; }
h2 { font-size: 1.05rem; margin: 0 0 .25rem; }
.about { font-size: .85rem; opacity: .7; margin: 0 0 .75rem; overflow-wrap: anywhere; }
pre { font: inherit; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
`;
const styleHash = createHash('sha256').update(style).digest('base64');
const common = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

export const mailPageHeaders = {
  ...common,
  'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
};
/** A mail as its reader's program shows it: styles in attributes, nothing loaded, nothing run. */
export const mailViewHeaders = {
  ...common,
  'content-security-policy':
    "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

export function mailPage(mails: readonly KeptMail[], to: string | undefined): string {
  const articles = mails.map(
    (mail) => html`<article id="${mail.id}">
<h2>${mail.subject}</h2>
<p class="about"><a href="?to=${encodeURIComponent(mail.to)}">${mail.to}</a> · <time datetime="${mail.sent_at}">${mail.sent_at.slice(0, 19).replace('T', ' ')} UTC</time> · <a href="/sandbox/mail/${encodeURIComponent(mail.id)}">HTML</a></p>
<pre>${mail.text}</pre>
</article>
`,
  );
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sandbox mailbox</title>
<style>${raw(style)}</style>
</head>
<body>
<h1>Sandbox mailbox</h1>
<p class="note">${to === undefined ? 'Every mail that would have been sent, newest first.' : html`Mails to ${to}. <a href="/sandbox/mail">All mails</a>`}</p>
<main>
${mails.length === 0 ? html`<p>No mail yet.</p>` : articles}
</main>
</body>
</html>
`);
}
