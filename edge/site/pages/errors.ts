// Pages for what went wrong, in words that help.
import { html } from 'hono/html';
import type { Html } from '../html.ts';
import { type IconName, icon } from '../icons.ts';
import { layout } from '../layout.ts';
import type { Visit } from '../visit.ts';

export type Trouble = 'notFound' | 'broken' | 'offline' | 'forbidden' | 'crossSite' | 'tooMany';
export const troubleStatus = {
  notFound: 404,
  broken: 500,
  offline: 503,
  forbidden: 403,
  crossSite: 403,
  tooMany: 429,
} as const satisfies Record<Trouble, number>;

const symbols: Readonly<Record<Trouble, IconName>> = {
  notFound: 'search',
  broken: 'wrench',
  offline: 'plug',
  forbidden: 'shield',
  crossSite: 'shield',
  tooMany: 'alert',
};

export const troublePage = (visit: Visit, trouble: Trouble): Html => {
  const { t, context, url } = visit;
  const texts = {
    notFound: [t.errors.notFoundTitle, t.errors.notFoundText],
    broken: [t.errors.brokenTitle, t.errors.brokenText],
    offline: [t.errors.offlineTitle, t.errors.offlineText],
    forbidden: [t.errors.forbiddenTitle, t.errors.forbiddenText],
    crossSite: [t.errors.forbiddenTitle, t.errors.crossSiteText],
    tooMany: [t.errors.tooManyTitle, t.errors.tooManyText],
  } as const satisfies Record<Trouble, readonly [title: string, text: string]>;
  const [title, text] = texts[trouble];
  const again = trouble === 'offline' || trouble === 'broken' || trouble === 'tooMany';
  return layout(
    visit,
    { title },
    html`<div class="narrow trouble">
    ${icon(symbols[trouble], 56)}
    <h1>${title}</h1>
    <p>${text}</p>
    <p class="actions">${again && html`<a class="button" href="${url.pathname + url.search}">${t.errors.retry}</a>`}<a class="button button-quiet" href="/">${t.errors.home}</a></p>
    ${trouble === 'broken' && html`<p class="muted small">${t.errors.trace}: <span class="code">${context.traceId}</span></p>`}
  </div>`,
  );
};
