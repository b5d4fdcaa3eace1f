// A picture on its way from the visitor's machine to the object store, and then checked by media.

export const maxBytes = 10 * 1024 * 1024;
export const types = ['image/jpeg', 'image/png', 'image/webp'];

/**
 * @param {File} file
 * @param {{ progress?: (percent: number) => void, sent?: () => void, signal: AbortSignal }} options
 * @returns {Promise<string>} the id of the picture, once it is ready
 */
export async function uploadPicture(file, { progress = () => {}, sent = () => {}, signal }) {
  const upload = await post('/my/photos', { content_type: file.type, size: file.size }, signal);
  await put(upload, file, progress, signal);
  sent();
  const media = await post(`/my/photos/${upload.media_id}/complete`, {}, signal);
  if (media.status === 'rejected') throw new Error('rejected');
  return upload.media_id;
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
