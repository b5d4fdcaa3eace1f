// Pictures of an ad: each goes straight to the object store, with a preview and its progress.

const form = /** @type {HTMLFormElement} */ (document.querySelector('[data-ad-form]'));
const list = /** @type {HTMLElement} */ (form.querySelector('[data-uploads]'));
const template = /** @type {HTMLTemplateElement} */ (form.querySelector('[data-upload-template]'));
const input = /** @type {HTMLInputElement} */ (form.querySelector('[data-upload-input]'));
const button = /** @type {HTMLElement} */ (form.querySelector('[data-upload-button]'));
const problem = /** @type {HTMLElement} */ (form.querySelector('[data-upload-problem]'));
/** @type {Record<'uploading' | 'processing' | 'tooLarge' | 'wrongType' | 'tooMany' | 'uploadFailed' | 'wait' | 'main', string>} */
const texts = JSON.parse(form.dataset.texts ?? '{}');

const maxBytes = 10 * 1024 * 1024;
const maxPhotos = 10;
const types = ['image/jpeg', 'image/png', 'image/webp'];
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
    const upload = await post('/my/photos', { content_type: file.type, size: file.size }, abort.signal);
    await put(
      upload,
      file,
      (percent) => {
        bar.value = percent;
      },
      abort.signal,
    );
    bar.removeAttribute('value');
    state.textContent = texts.processing;
    const media = await post(`/my/photos/${upload.media_id}/complete`, {}, abort.signal);
    if (media.status === 'rejected') throw new Error('rejected');
    id.value = upload.media_id;
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

/** @param {string} url @param {object} body @param {AbortSignal} signal */
async function post(url, body, signal) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.json();
}

/**
 * XMLHttpRequest, since fetch doesn't tell how much of a body was sent.
 * @param {{ upload_url: string, method: string, headers: Record<string, string> }} upload
 * @param {File} file
 * @param {(percent: number) => void} progress
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function put({ upload_url, method, headers }, file, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, upload_url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener('progress', ({ loaded, total }) => progress((100 * loaded) / Math.max(1, total)));
    request.addEventListener('load', () =>
      request.status < 300 ? resolve() : reject(new Error(`upload: ${request.status}`)),
    );
    request.addEventListener('error', () => reject(new Error('upload: no connection')));
    request.addEventListener('abort', () => reject(new Error('upload: stopped')));
    signal.addEventListener('abort', () => request.abort());
    request.send(file);
  });
}
