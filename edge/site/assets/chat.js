// Conversations, live: messages arrive, ticks appear, and writing needs no new page.
import { liveParts } from './parts.js';
import { live } from './site.js';
import { maxBytes, types, uploadPicture } from './upload.js';

const list = document.querySelector('[data-conversations]');
if (list) {
  const refresh = liveParts(list, `/messages/now${location.search}`);
  const follow = () => void refresh().catch((error) => console.warn(error));
  live?.subscribe({ on: { 'chat.message': follow, 'chat.read': follow }, present: refresh });
}

const thread = document.querySelector('[data-chat]');
if (thread instanceof HTMLElement) showThread(thread);

/** @param {HTMLElement} root */
function showThread(root) {
  const conversation = root.dataset.chat ?? '';
  const parts = /** @type {HTMLElement} */ (root.querySelector('.chat-parts'));
  const isNewest = !new URLSearchParams(location.search).has('cursor');
  const fetchParts = liveParts(parts, `/messages/${conversation}/now${location.search}`);
  const newest = () => Number(parts.querySelector('[data-newest]')?.getAttribute('data-newest'));
  let read = newest();

  const scrollDown = () => root.querySelector('#newest')?.scrollIntoView({ block: 'end' });

  async function refresh() {
    const before = newest();
    // Whoever looks at older messages is left there.
    const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 200;
    await fetchParts();
    if (newest() > before && atEnd) scrollDown();
    await markRead();
  }

  /** What is on a hidden page was not read. */
  async function markRead() {
    const upTo = newest();
    if (!isNewest || document.visibilityState !== 'visible' || upTo <= read) return;
    const response = await fetch(`/messages/${conversation}/read`, {
      method: 'POST',
      body: new URLSearchParams({ up_to: String(upTo) }),
    });
    if (response.ok) read = Math.max(read, upTo);
  }

  const warn = (/** @type {unknown} */ error) => console.warn(error);
  document.addEventListener('visibilitychange', () => void markRead().catch(warn));
  /** @param {{ conversation_id: string }} news */
  const follow = ({ conversation_id }) => {
    if (conversation_id === conversation) void refresh().catch(warn);
  };
  live?.subscribe({ on: { 'chat.message': follow, 'chat.read': follow }, present: refresh });
  if (isNewest && newest() > 0) scrollDown();
  const form = root.querySelector('[data-write]');
  if (form instanceof HTMLFormElement) writeWithoutReload(root, form, refresh);
}

/** @param {HTMLElement} root @param {HTMLFormElement} form @param {() => Promise<void>} refresh */
function writeWithoutReload(root, form, refresh) {
  const problem = /** @type {HTMLElement} */ (root.querySelector('[data-problem]'));
  const key = /** @type {HTMLInputElement} */ (form.querySelector('[name=key]'));
  const text = /** @type {HTMLTextAreaElement} */ (form.querySelector('[name=text]'));
  const texts = JSON.parse(root.dataset.texts ?? '{}');
  const uploads = attachPictures(form, (words) => showProblem(words), texts);
  let sending = false;

  /** @param {string} words */
  function showProblem(words) {
    problem.replaceChildren(
      ...(words
        ? [Object.assign(document.createElement('p'), { className: 'notice notice-bad', textContent: words })]
        : []),
    );
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (sending) return;
    if (uploads.running()) return showProblem(texts.wait);
    sending = true;
    const body = new URLSearchParams([...new FormData(form)].map(([name, value]) => [name, String(value)]));
    try {
      const response = await fetch(form.action, { method: 'POST', body });
      if (response.ok) {
        // The next message is another one.
        key.value = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16)).join('-');
        text.value = '';
        uploads.clear();
        showProblem('');
        await refresh();
        root.querySelector('#newest')?.scrollIntoView({ block: 'end' });
      } else {
        const page = new DOMParser().parseFromString(await response.text(), 'text/html');
        showProblem(page.querySelector('[data-problem]')?.textContent?.trim() || texts.failed);
      }
    } catch {
      // It may have arrived: sent again with the same key it is the same message.
      showProblem(texts.failed);
    } finally {
      sending = false;
      text.focus();
    }
  });
  text.addEventListener('keydown', (event) => {
    // On a phone Enter is a new line.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || !matchMedia('(pointer: fine)').matches) return;
    event.preventDefault();
    form.requestSubmit();
  });
}

/** @param {HTMLFormElement} form @param {(words: string) => void} showProblem @param {Record<string, string>} texts */
function attachPictures(form, showProblem, texts) {
  const list = /** @type {HTMLElement} */ (form.querySelector('[data-uploads]'));
  const attach = /** @type {HTMLElement} */ (form.querySelector('[data-attach]'));
  const input = /** @type {HTMLInputElement} */ (attach.querySelector('input'));
  const most = Number(attach.dataset.most);
  const running = new Set();
  attach.hidden = false;

  /** @param {File} file */
  async function add(file) {
    const item = document.createElement('li');
    const abort = new AbortController();
    const preview = URL.createObjectURL(file);
    const remove = Object.assign(document.createElement('button'), { type: 'button', className: 'link' });
    remove.textContent = texts.remove ?? '';
    item.append(Object.assign(document.createElement('img'), { src: preview, alt: file.name }), remove);
    remove.addEventListener('click', () => {
      abort.abort();
      item.remove();
    });
    list.append(item);
    running.add(item);
    try {
      const value = await uploadPicture(file, { signal: abort.signal });
      item.append(Object.assign(document.createElement('input'), { type: 'hidden', name: 'attachments', value }));
    } catch {
      // One that was removed is gone already.
      if (!abort.signal.aborted) {
        item.remove();
        showProblem(`${file.name}: ${texts.uploadFailed}`);
      }
    } finally {
      running.delete(item);
      URL.revokeObjectURL(preview);
    }
  }

  input.addEventListener('change', () => {
    showProblem('');
    for (const file of input.files ?? []) {
      if (!types.includes(file.type)) showProblem(`${file.name}: ${texts.wrongType}`);
      else if (file.size > maxBytes) showProblem(`${file.name}: ${texts.tooLarge}`);
      else if (list.children.length >= most) showProblem(texts.tooMany ?? '');
      else void add(file);
    }
    input.value = '';
  });
  return { running: () => running.size > 0, clear: () => list.replaceChildren() };
}
