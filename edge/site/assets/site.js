// What every page gains from a script; each works without.
import { openLive } from './live.js';

document.documentElement.classList.add('js');

const { user } = document.body.dataset;
/** @type {Set<(state: { state: string }) => void>} */
const liveListeners = new Set();

/** What happens, as it happens: one connection for all tabs of a person; null for guests. */
export const live = user
  ? openLive({
      userId: user,
      share: true,
      token: async ({ refused }) => {
        if (!refused) return undefined;
        // The cookie has run out: a request of the storefront renews it, if it is still the same person's session.
        const { status } = await fetch('/my/session', { cache: 'no-store' });
        if (status === 401) return null;
        if (status !== 204) throw new Error(`/my/session: ${status}`);
        return undefined;
      },
      onState: (state) => {
        for (const listener of liveListeners) listener(state);
      },
    })
  : null;

/** @param {(state: { state: string }) => void} listener */
export function onLiveState(listener) {
  liveListeners.add(listener);
}

/** Numbers in the menu grow as news arrives. */
function countNews() {
  live?.subscribe({
    on: {
      notification: () => count('notifications'),
      'chat.message': ({ sender_id, conversation_id, removed }) => {
        if (sender_id !== user && !removed && location.pathname !== `/messages/${conversation_id}`) count('messages');
      },
    },
  });
}

/** A new ad for one of your searches shows itself on whatever page is open. */
function tellMatches() {
  const region = document.querySelector('[data-toasts]');
  if (!(region instanceof HTMLElement)) return;
  live?.subscribe({
    on: {
      'search.match': ({ ad_id, title, searches }) => {
        const toast = Object.assign(document.createElement('a'), { className: 'toast', href: `/ads/${ad_id}` });
        const names = searches.map(({ name }) => name).join(', ');
        toast.append(
          Object.assign(document.createElement('span'), { textContent: `${region.dataset.match} ${names}` }),
          Object.assign(document.createElement('strong'), { textContent: title }),
        );
        region.replaceChildren(toast);
      },
    },
  });
}

/** @param {string} what */
function count(what) {
  const link = document.querySelector(`[data-counted="${what}"]`);
  const number = link?.querySelector('.count');
  if (!(link instanceof HTMLElement) || !(number instanceof HTMLElement)) return;
  // From "99+" on it stays as it is.
  const next = number.hidden ? 1 : Number(number.textContent) + 1;
  if (!(next <= 99)) return;
  number.hidden = false;
  number.textContent = String(next);
  link.setAttribute('aria-label', `${link.dataset.label}: ${next}`);
}

/**
 * Times come in the server's zone; people read their own.
 * @param {ParentNode} root
 */
export function localiseTimes(root) {
  const locale = document.documentElement.lang === 'en' ? 'en-GB' : 'ru-RU';
  const formats = {
    time: new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' }),
    second: new Intl.DateTimeFormat(locale, {
      day: 'numeric',
      month: 'short',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    }),
    day: new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'long', year: 'numeric' }),
  };
  for (const element of root.querySelectorAll('time[data-local]')) {
    if (!(element instanceof HTMLTimeElement)) continue;
    const { local } = element.dataset;
    const style = local === 'day' || local === 'second' ? local : 'time';
    element.textContent = formats[style].format(new Date(element.dateTime));
  }
}

/** A second click while the first is under way does nothing; coming back to the page allows it again. */
function guardForms() {
  /** @param {HTMLFormElement} form @param {boolean} busy */
  const mark = (form, busy) => {
    form.toggleAttribute('data-busy', busy);
    for (const button of [...form.elements].filter((each) => each instanceof HTMLButtonElement)) {
      if (busy) button.setAttribute('aria-disabled', 'true');
      else button.removeAttribute('aria-disabled');
    }
  };
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.dataset.once === undefined || event.defaultPrevented) return;
    if (form.hasAttribute('data-busy')) event.preventDefault();
    else mark(form, true);
  });
  addEventListener('pageshow', () => {
    for (const form of document.querySelectorAll('form[data-busy]'))
      if (form instanceof HTMLFormElement) mark(form, false);
  });
}

/** Choosing from a list is the whole answer: the form goes without a button. */
function submitOnChange() {
  document.addEventListener('change', ({ target }) => {
    const form = target instanceof HTMLSelectElement ? target.form : null;
    if (form?.dataset.autoSubmit !== undefined) form.requestSubmit();
  });
}

function openPanels() {
  if (!matchMedia('(min-width: 60rem)').matches) return;
  for (const panel of document.querySelectorAll('details[data-open-when-wide]')) panel.setAttribute('open', '');
}

/** The account menu closes when one clicks elsewhere or presses Escape. */
function closeMenus() {
  const menu = document.querySelector('details.account');
  if (!menu) return;
  document.addEventListener('click', ({ target }) => {
    if (target instanceof Node && !menu.contains(target)) menu.removeAttribute('open');
  });
  menu.addEventListener('keydown', (event) => {
    if (!(event instanceof KeyboardEvent) || event.key !== 'Escape') return;
    menu.removeAttribute('open');
    menu.querySelector('summary')?.focus();
  });
}

/** Small pictures move the strip of large ones, and show which of them is seen. */
function galleries() {
  const gallery = document.querySelector('[data-gallery]');
  const strip = gallery?.querySelector('.gallery-strip');
  const links = [...(gallery?.querySelectorAll('.gallery-thumbs a') ?? [])];
  if (!strip || links.length === 0) return;
  links.forEach((link, index) => {
    link.addEventListener('click', (event) => {
      event.preventDefault();
      strip.scrollTo({ left: index * strip.clientWidth, behavior: 'smooth' });
    });
  });
  const mark = () => {
    const seen = Math.round(strip.scrollLeft / Math.max(1, strip.clientWidth));
    for (const [index, link] of links.entries()) link.setAttribute('aria-current', String(index === seen));
  };
  strip.addEventListener('scroll', mark, { passive: true });
  mark();
}

/** Words that others searched for, while one types. */
function suggestions() {
  const input = document.querySelector('#site-search');
  const list = document.querySelector('#search-suggestions');
  if (!(input instanceof HTMLInputElement) || !list) return;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;
  /** @type {AbortController | undefined} */
  let running;
  input.addEventListener('input', () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      running?.abort();
      const q = input.value.trim();
      if (q.length < 2) return list.replaceChildren();
      running = new AbortController();
      try {
        const response = await fetch(`/v1/search/suggestions?${new URLSearchParams({ q })}`, {
          signal: running.signal,
        });
        if (!response.ok) return;
        /** @type {{ items: string[] }} */
        const { items } = await response.json();
        list.replaceChildren(...items.map((text) => Object.assign(document.createElement('option'), { value: text })));
      } catch {
        // Overtaken by the next letter, or offline: typing goes on without help.
      }
    }, 200);
  });
}

/** A point on the map is chosen in the list, and the one that is chosen is seen on the map. */
function pointsMap() {
  const map = document.querySelector('.map');
  if (!map) return;
  /** @param {string} id */
  const inputOf = (id) => document.querySelector(`input[name="pickup_point"][value="${CSS.escape(id)}"]`);
  const marks = [...map.querySelectorAll('[data-point]')];
  const show = () => {
    for (const mark of marks) {
      const input = inputOf(mark.getAttribute('data-point') ?? '');
      mark.toggleAttribute('data-chosen', input instanceof HTMLInputElement && input.checked);
    }
  };
  map.addEventListener('click', (event) => {
    const mark = event.target instanceof Element ? event.target.closest('[data-point]') : null;
    const input = mark && inputOf(mark.getAttribute('data-point') ?? '');
    if (!(input instanceof HTMLInputElement)) return;
    event.preventDefault();
    input.checked = true;
    input.focus({ preventScroll: true });
    input.closest('.choice')?.scrollIntoView({ block: 'nearest' });
    show();
  });
  document.addEventListener('change', show);
  show();
}

localiseTimes(document);
pointsMap();
guardForms();
submitOnChange();
openPanels();
closeMenus();
galleries();
suggestions();
countNews();
tellMatches();
const problem = document.querySelector('[data-focus]');
if (problem instanceof HTMLElement) problem.focus();
if (location.hash === '#report') document.querySelector('details#report')?.setAttribute('open', '');
