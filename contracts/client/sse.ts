// Server-sent events by `fetch`, which unlike `EventSource` can say who we are and hears why it was refused.
import { type Ear, type Ending, refusal, type Transport } from './transport.ts';

export const sse: Transport = async ({ url, token, since, fetch, signal }, ear): Promise<Ending> => {
  let response: Response;
  try {
    response = await fetch(url, {
      headers: {
        accept: 'text/event-stream',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(since === undefined ? {} : { 'last-event-id': since }),
      },
      cache: 'no-store',
      signal,
    });
  } catch (cause) {
    return { why: 'unreachable', cause };
  }
  if (!response.ok) return refusal(response);
  if (!response.body) return { why: 'unreachable', cause: new Error('this fetch cannot stream: use the WebSocket') };
  const parse = sseParser(ear);
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { why: 'ended' };
      parse(decoder.decode(value, { stream: true }));
    }
  } catch {
    // Broken off or, by the signal, given up: what was heard counts, and the next connection goes on from there.
    await reader.cancel().catch(() => undefined);
    return { why: 'ended' };
  }
};

const mostChars = 1024 * 1024;

/** Feeds chunks of text, cut anywhere, to `ear` (HTML, section 9.2.6). Throws when a message has no end. */
export function sseParser(ear: Ear): (chunk: string) => void {
  let rest = '';
  let id = '';
  let event = '';
  let data: string[] = [];
  const line = (text: string): void => {
    if (text === '') dispatch();
    else if (text.startsWith(':')) ear.alive();
    else take(text);
  };
  const take = (text: string): void => {
    const colon = text.indexOf(':');
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(colon + (text[colon + 1] === ' ' ? 2 : 1));
    if (field === 'id') id = value;
    else if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
    else if (field === 'retry' && /^\d{1,9}$/.test(value)) ear.retry(Number(value));
  };
  const dispatch = (): void => {
    // An id without data is the stream's opening.
    if (data.length > 0) ear.message({ id, event, data: JSON.parse(data.join('\n')) as unknown });
    else if (id !== '') ear.opened(id);
    event = '';
    data = [];
  };
  return (chunk) => {
    const text = rest + chunk;
    // A CR at the end may be the first half of a CRLF.
    const whole = text.endsWith('\r') ? text.slice(0, -1) : text;
    const lines = whole.split(/\r\n|\n|\r/);
    rest = (lines.pop() ?? '') + text.slice(whole.length);
    if (rest.length > mostChars) throw new Error('a line of the stream has no end');
    for (const each of lines) line(each);
  };
}
