// What stands behind the Cache API on this machine's workerd, as a data centre does on Cloudflare: it keeps whole HTTP
// messages in memory. workerd asks with GET, stores with PUT (the body is the message) and removes with PURGE.

/** @type {Map<string, Uint8Array>} */
const messages = new Map();
const maxBytes = 64 * 1024 * 1024;
let bytes = 0;

const forget = (url) => {
  bytes -= messages.get(url)?.byteLength ?? 0;
  return messages.delete(url);
};

export default {
  async fetch(request) {
    if (request.method === 'PURGE') return new Response(null, { status: forget(request.url) ? 200 : 404 });
    if (request.method === 'PUT') {
      const message = new Uint8Array(await request.arrayBuffer());
      forget(request.url);
      messages.set(request.url, message);
      bytes += message.byteLength;
      for (const url of messages.keys()) if (bytes > maxBytes) forget(url);
      return new Response(null, { status: 204 });
    }
    const message = messages.get(request.url);
    if (!message) return new Response(null, { status: 504, headers: { 'cf-cache-status': 'MISS' } });
    return read(message);
  },
};

function read(message) {
  let end = 0;
  while (!(message[end] === 13 && message[end + 2] === 13)) end += 1;
  const [statusLine, ...lines] = new TextDecoder().decode(message.subarray(0, end)).split('\r\n');
  const headers = new Headers({ 'cf-cache-status': 'HIT' });
  for (const line of lines) headers.append(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim());
  const chunked = headers.get('transfer-encoding') === 'chunked';
  headers.delete('transfer-encoding');
  const body = message.subarray(end + 4);
  return new Response(chunked ? unchunked(body) : body, { status: Number(statusLine.split(' ')[1]), headers });
}

function unchunked(body) {
  const parts = [];
  for (let at = 0; ; ) {
    let end = at;
    while (body[end] !== 13) end += 1;
    const size = Number.parseInt(new TextDecoder().decode(body.subarray(at, end)), 16);
    if (size === 0) break;
    parts.push(body.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
  return new Blob(parts).stream();
}
