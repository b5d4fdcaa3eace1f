// Pictures of an ad: each goes straight to the object store, with a preview and its progress.
import { maxBytes, types, uploadPicture } from './upload.js';

const form = /** @type {HTMLFormElement} */ (document.querySelector('[data-ad-form]'));
const list = /** @type {HTMLElement} */ (form.querySelector('[data-uploads]'));
const template = /** @type {HTMLTemplateElement} */ (form.querySelector('[data-upload-template]'));
const input = /** @type {HTMLInputElement} */ (form.querySelector('[data-upload-input]'));
const button = /** @type {HTMLElement} */ (form.querySelector('[data-upload-button]'));
const problem = /** @type {HTMLElement} */ (form.querySelector('[data-upload-problem]'));
/** @type {Record<'uploading' | 'processing' | 'tooLarge' | 'wrongType' | 'tooMany' | 'uploadFailed' | 'wait' | 'main', string>} */
const texts = JSON.parse(form.dataset.texts ?? '{}');

const maxPhotos = 10;
const running = new Set();

button.hidden = false;

input.addEventListener('change', () => {
  problem.textContent = '';
  for (const file of input.files ?? []) {
    if (!types.includes(file.type)) problem.textContent = `${file.name}: ${texts.wrongType}`;
    else if (file.size > maxBytes) problem.textContent = `${file.name}: ${texts.tooLarge}`;
    else if (list.children.length >= maxPhotos) problem.textContent = texts.tooMany;
    else void add(file);
  }
  input.value = '';
});

list.addEventListener('click', ({ target }) => {
  const pressed = target instanceof Element ? target.closest('button') : null;
  const item = pressed?.closest('li');
  if (!pressed || !item) return;
  if (pressed.dataset.remove !== undefined) {
    item.dispatchEvent(new Event('removed'));
    item.remove();
    input.focus();
  } else {
    list.prepend(item);
  }
});

form.addEventListener('submit', (event) => {
  if (running.size === 0) return;
  event.preventDefault();
  problem.textContent = texts.wait;
  problem.scrollIntoView({ block: 'center' });
});

/** @param {File} file */
async function add(file) {
  const item = /** @type {HTMLElement} */ (
    /** @type {DocumentFragment} */ (template.content.cloneNode(true)).firstElementChild
  );
  const picture = /** @type {HTMLImageElement} */ (item.querySelector('img'));
  const id = /** @type {HTMLInputElement} */ (item.querySelector('input'));
  const bar = /** @type {HTMLProgressElement} */ (item.querySelector('progress'));
  const state = /** @type {HTMLElement} */ (item.querySelector('.upload-state'));
  const abort = new AbortController();
  const preview = URL.createObjectURL(file);
  picture.src = preview;
  // Without an id yet, the form must not send it.
  id.disabled = true;
  bar.hidden = false;
  state.textContent = texts.uploading;
  item.addEventListener('removed', () => abort.abort());
  list.append(item);
  running.add(item);
  try {
    id.value = await uploadPicture(file, {
      progress: (percent) => {
        bar.value = percent;
      },
      sent: () => {
        bar.removeAttribute('value');
        state.textContent = texts.processing;
      },
      signal: abort.signal,
    });
    id.disabled = false;
    state.textContent = '';
  } catch {
    // A removed picture is gone from the page already; any other failure is told beside the picture.
    item.classList.add('upload-failed');
    state.textContent = texts.uploadFailed;
  } finally {
    bar.hidden = true;
    running.delete(item);
    if (running.size === 0 && problem.textContent === texts.wait) problem.textContent = '';
  }
}
