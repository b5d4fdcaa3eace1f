// Lists of ads, live: how many new ones there are in the category, or for each saved search.
import { live } from './site.js';

/** @param {Element} line a hidden line or number that counts */
function countOn(line) {
  if (!(line instanceof HTMLElement)) return;
  const number = line.querySelector('[data-number]') ?? line;
  number.textContent = String(Number(number.textContent) + 1);
  line.hidden = false;
}

const category = document.querySelector('[data-new-in]');
if (category instanceof HTMLElement) {
  live?.subscribe({
    channels: [`category:${category.dataset.newIn}`],
    on: { 'ad.published': () => countOn(category) },
  });
}

if (document.querySelector('[data-search]')) {
  live?.subscribe({
    on: {
      'search.match': ({ searches }) => {
        for (const { id } of searches) {
          const line = document.querySelector(`[data-search="${CSS.escape(id)}"]`);
          if (line) countOn(line);
        }
      },
    },
  });
}
