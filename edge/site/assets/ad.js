// An ad's page, live: its price, and whether it is still for sale.
import { liveParts } from './parts.js';
import { live } from './site.js';

const root = /** @type {HTMLElement} */ (document.querySelector('[data-ad]'));
const { ad = '', gone = '' } = root.dataset;
const refresh = liveParts(root, location.pathname + location.search);

/** @param {string} text */
function announce(text) {
  const line = root.querySelector('[data-announce]');
  if (line) line.textContent = text;
}

function showGone() {
  const box = root.querySelector('[data-buy]');
  const notice = Object.assign(document.createElement('p'), { className: 'notice notice-plain', textContent: gone });
  box?.replaceChildren(notice);
  announce(gone);
}

/** @returns {number} */
const shownVersion = () => Number(root.querySelector('[data-version]')?.getAttribute('data-version'));

/** The page may be older than the stream. */
async function follow() {
  // The browser may keep an answer for seconds; the edge knows what is out of date.
  const response = await fetch(`/v1/ads/${ad}`, { cache: 'no-cache' });
  if (response.status === 404) return showGone();
  if (!response.ok) throw new Error(`/v1/ads/${ad}: ${response.status}`);
  const { version } = await response.json();
  if (version <= shownVersion()) return;
  await refresh();
  const told = root.querySelectorAll('[data-part="buy"] :is(.price, .badge)');
  announce([...told].map(({ textContent }) => textContent).join(', '));
}

/** News may be quicker than the purge of cached answers, by a moment. */
const mostTries = 6;

/** @param {{ version?: number }} news */
async function followNews({ version = 0 }, tries = 1) {
  await follow().catch((error) => console.warn(error));
  if (shownVersion() < version && tries < mostTries)
    setTimeout(() => followNews({ version }, tries + 1), 100 * 2 ** tries);
}

live?.subscribe({ channels: [`ad:${ad}`], on: { 'ad.changed': (news) => void followNews(news) }, present: follow });
