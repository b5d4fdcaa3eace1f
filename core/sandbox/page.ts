// The frame of the sandbox companies' pages: no scripts, nothing from elsewhere, small screens first.
import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import { html, raw } from 'hono/html';

export type Language = 'ru' | 'en';
type Html = ReturnType<typeof html>;

export interface Page {
  readonly language: Language;
  readonly title: string;
  readonly body: Html;
  /** Where a form's answer may lead, beside this site. */
  readonly formTarget?: string;
}

/** `?lang=`, else what the browser prefers. */
export function languageOf(c: Context): Language {
  const asked = c.req.query('lang');
  if (asked === 'ru' || asked === 'en') return asked;
  const tags = (c.req.header('accept-language') ?? '').toLowerCase().slice(0, 200).split(',');
  const known = tags.map((tag) => tag.trim().slice(0, 2)).find((tag) => tag === 'ru' || tag === 'en');
  return known === 'en' ? 'en' : 'ru';
}

export async function showPage(c: Context, page: Page, status: 200 | 404 | 422 = 200): Promise<Response> {
  const { language, title, body, formTarget } = page;
  c.header('cache-control', 'no-store');
  // Browsers check where a form's answer redirects to as well, so the shop is named too.
  const target = formTarget ? ` ${new URL(formTarget).origin}` : '';
  c.header(
    'content-security-policy',
    `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'self'${target}; base-uri 'none'; frame-ancestors 'none'`,
  );
  c.header('referrer-policy', 'same-origin');
  c.header('x-content-type-options', 'nosniff');
  return c.html(
    await html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${raw(style)}</style>
</head>
<body><main>${body}</main></body>
</html>`,
    status,
  );
}

const style = `
:root{color-scheme:light dark;--ink:#16202e;--muted:#5b6777;--line:#d9e0e8;--paper:#fff;--ground:#eef2f6;--brand:#0b5cd6;--on:#fff;--good:#0f7a4b;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--ink:#e8edf4;--muted:#9aa7b8;--line:#2c3848;--paper:#18212d;--ground:#0e151e;--brand:#5b9bff;--on:#08111f;--good:#4fd19a;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:27rem;margin:0 auto;padding:1rem}
@media (min-width:30rem){main{padding:3rem 1rem}}
.card{background:var(--paper);border:1px solid var(--line);border-radius:14px;padding:1.25rem;box-shadow:0 1px 2px rgba(0,0,0,.05)}
.head{display:flex;align-items:center;gap:.6rem;margin:.25rem 0 1rem;font-weight:600}
.mark{display:grid;place-items:center;width:2rem;height:2rem;border-radius:8px;background:var(--brand);color:var(--on);font-weight:700}
.tag{margin-left:auto;padding:.1rem .5rem;border:1px solid var(--line);border-radius:99px;font-size:.8rem;font-weight:400;color:var(--muted)}
h1{font-size:1.1rem;margin:0 0 .25rem;overflow-wrap:anywhere}
.sum{font-size:2rem;font-weight:700;letter-spacing:-.02em;margin:.25rem 0 1rem;font-variant-numeric:tabular-nums}
.muted{color:var(--muted);font-size:.9rem;margin:.25rem 0;overflow-wrap:anywhere}
form{display:grid;gap:.6rem;margin:1rem 0 0}
button,.button{display:block;width:100%;min-height:3rem;padding:.7rem 1rem;border:1px solid var(--line);border-radius:10px;background:transparent;color:var(--ink);font:inherit;text-align:center;text-decoration:none;cursor:pointer}
button.main{background:var(--brand);border-color:var(--brand);color:var(--on);font-weight:600}
button:focus-visible,.button:focus-visible,input:focus-visible{outline:3px solid var(--brand);outline-offset:2px}
label{display:grid;gap:.3rem}
input{width:100%;min-height:3rem;padding:.6rem .8rem;border:1px solid var(--line);border-radius:10px;background:transparent;color:inherit;font:inherit;font-size:1.3rem;letter-spacing:.25em}
.note{margin:1rem 0 0;padding:.75rem;border-radius:10px;background:var(--ground);font-size:.9rem}
.error{color:var(--bad);font-weight:600;margin:.5rem 0 0}
.good{color:var(--good)}.bad{color:var(--bad)}
ol{list-style:none;margin:1rem 0 0;padding:0;border-left:2px solid var(--line)}
li{position:relative;padding:0 0 1rem 1rem}
li::before{content:"";position:absolute;left:-.42rem;top:.45rem;width:.7rem;height:.7rem;border-radius:50%;background:var(--brand)}
time{display:block;color:var(--muted);font-size:.85rem}
.foot{margin:1rem .25rem;color:var(--muted);font-size:.85rem}
.foot a{color:inherit}
`;
const styleHash = createHash('sha256').update(style).digest('base64');
