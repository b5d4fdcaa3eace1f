// The order's page, live: each message says its news at once, then the page's parts are fetched anew.
import { liveParts } from './parts.js';
import { live, localiseTimes, onLiveState } from './site.js';

const root = /** @type {HTMLElement} */ (document.getElementById('order'));
const parts = /** @type {HTMLElement} */ (document.getElementById('order-parts'));
const order = root.dataset.order ?? '';
/**
 * @type {{ status: Record<string, string>, statusEvent: Record<string, string>, explained: Record<string, string>, reason: Record<string, string>,
 *   stage: Record<string, string>, live: string, connecting: string, reconnecting: string }}
 */
const texts = JSON.parse(root.dataset.texts ?? '{}');

/** News may be told twice (live and replayed) or late; the headline never goes back. */
const rank = ['pending_payment', 'paid', 'in_delivery', 'delivered', 'completed', 'cancelling', 'cancelled'];

/** @param {'on' | 'off' | 'lost'} state @param {string} text */
function showConnection(state, text) {
  const line = root.querySelector('.live');
  if (!(line instanceof HTMLElement)) return;
  line.hidden = false;
  line.dataset.live = state;
  const label = line.querySelector('[data-live-text]');
  if (label) label.textContent = text;
}

/** @param {string} text */
function announce(text) {
  const line = root.querySelector('[data-announce]');
  if (line) line.textContent = text;
}

/** @param {string} key @param {string} text @param {string} at */
function addToTimeline(key, text, at) {
  const list = parts.querySelector('[data-timeline]');
  if (!list || list.querySelector(`[data-entry="${CSS.escape(key)}"]`)) return;
  const entry = document.createElement('li');
  entry.dataset.entry = key;
  entry.className = 'is-new';
  const label = Object.assign(document.createElement('span'), { textContent: text });
  const time = Object.assign(document.createElement('time'), { dateTime: at });
  time.dataset.local = 'time';
  entry.append(document.createElement('span'), label, time);
  list.prepend(entry);
  localiseTimes(entry);
}

/** @param {{ status: string, cancel_reason: string | null, at: string }} news */
function showStatus({ status, cancel_reason, at }) {
  const headline = parts.querySelector('[data-status]');
  const text = texts.status[status];
  if (!(headline instanceof HTMLElement) || text === undefined) return;
  addToTimeline(`order:${status}`, texts.statusEvent[status] ?? text, at);
  if (rank.indexOf(status) <= rank.indexOf(headline.dataset.status ?? '')) return;
  headline.dataset.status = status;
  headline.textContent = text;
  const explained = parts.querySelector('[data-explained]');
  if (explained)
    explained.textContent = (cancel_reason && texts.reason[cancel_reason]) || texts.explained[status] || '';
  announce(text);
}

/** @param {{ stage: string, at: string }} news */
function showStage({ stage, at }) {
  const text = texts.stage[stage];
  if (text === undefined) return;
  addToTimeline(`delivery:${stage}`, text, at);
  announce(text);
}

/** A status that was told since an answer was made stays; the next answer has it. @param {Element} fresh @param {Element | null} old */
function isOlder(fresh, old) {
  if (fresh.getAttribute('data-part') !== 'now') return false;
  /** @param {Element | null | undefined} part */
  const status = (part) => rank.indexOf(part?.querySelector('[data-status]')?.getAttribute('data-status') ?? '');
  return status(fresh) < status(old);
}

const refresh = liveParts(parts, `/orders/${order}/now`, isOlder);

/** After news, the page's other parts. Offline nothing is lost: the stream's return tells what was missed. */
const follow = () => refresh().catch((error) => console.warn(error));

onLiveState(({ state }) => {
  if (state === 'live') showConnection('on', texts.live);
  else if (state === 'connecting') showConnection('off', texts.connecting);
  else showConnection('lost', texts.reconnecting);
  // Signed out elsewhere: the page itself leads to the sign-in.
  if (state === 'signed_out') location.reload();
});
showConnection('off', texts.connecting);
live?.subscribe({
  order,
  on: {
    'order.status': (news) => {
      showStatus(news);
      void follow();
    },
    'delivery.stage': (news) => {
      showStage(news);
      void follow();
    },
    notification: () => void follow(),
  },
  present: refresh,
});
