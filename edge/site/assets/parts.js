// Parts of a page that are fetched again when there is news; what hasn't changed stays, so that nobody loses what they type.
import { localiseTimes } from './site.js';

/**
 * @param {ParentNode} root whose `[data-part]` elements are replaced
 * @param {string} url of markup with the same parts
 * @param {(fresh: Element, shown: Element | null) => boolean} [isOlder] keeps what is shown
 * @returns {() => Promise<void>} fetches them; rejects when that fails
 */
export function liveParts(root, url, isOlder = () => false) {
  const shown = new Map(
    [...root.querySelectorAll('[data-part]')].map((part) => [part.getAttribute('data-part'), part.outerHTML]),
  );
  let refreshing = false;
  let refreshAgain = false;

  /** @param {string} markup */
  const replace = (markup) => {
    const fresh = new DOMParser().parseFromString(markup, 'text/html');
    for (const part of fresh.querySelectorAll('[data-part]')) {
      const name = part.getAttribute('data-part') ?? '';
      const old = root.querySelector(`[data-part="${CSS.escape(name)}"]`);
      if (!old || shown.get(name) === part.outerHTML || isOlder(part, old)) continue;
      shown.set(name, part.outerHTML);
      localiseTimes(part);
      old.replaceWith(part);
    }
  };

  // News that comes while the state is fetched asks for it once more.
  return async () => {
    if (refreshing) {
      refreshAgain = true;
      return;
    }
    refreshing = true;
    try {
      do {
        refreshAgain = false;
        const response = await fetch(url, { headers: { accept: 'text/html' }, cache: 'no-store' });
        // Signed out elsewhere: the page itself leads to the sign-in.
        if (response.redirected || response.status === 401) return location.reload();
        if (!response.ok) throw new Error(`${url}: ${response.status}`);
        replace(await response.text());
      } while (refreshAgain);
    } finally {
      refreshing = false;
    }
  };
}
