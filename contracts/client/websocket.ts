// The same messages over a WebSocket: for React Native, whose `fetch` does not stream.
import { type Ending, type Incoming, refusal, type Transport } from './transport.ts';

export const webSocket: Transport = async ({ url, token, since, fetch, signal }, ear): Promise<Ending> => {
  const address = new URL(url);
  if (since !== undefined) address.searchParams.set('last_event_id', since);
  if (token !== undefined) {
    // Browsers' sockets can't set headers, so a ticket stands for the token.
    const ticket = await ticketFor(new URL('/v1/stream/tickets', url), token, fetch, signal);
    if (typeof ticket !== 'string') return ticket;
    address.searchParams.set('ticket', ticket);
  }
  address.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return new Promise((resolve) => {
    const socket = new WebSocket(address);
    let opened = false;
    // A dead connection never answers the close, so nobody waits for that.
    const leave = (): void => {
      resolve({ why: 'ended' });
      socket.close();
    };
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    socket.addEventListener('message', (event) => {
      const message = incoming(event.data);
      if (signal.aborted) return;
      if (!message) return socket.close();
      if (message.event === 'open') {
        opened = true;
        ear.opened(message.id);
      } else if (message.event === 'ping') {
        ear.alive();
        socket.send('{"op":"pong"}');
      } else if (message.event === 'pong') {
        ear.alive();
      } else {
        ear.message(message);
      }
    });
    socket.addEventListener('close', ({ code, reason }) => {
      signal.removeEventListener('abort', leave);
      resolve(opened ? { why: 'ended' } : { why: 'unreachable', cause: new Error(`closed with ${code} ${reason}`) });
    });
  });
};

async function ticketFor(
  url: URL,
  token: string,
  fetch: typeof globalThis.fetch,
  signal: AbortSignal,
): Promise<string | Ending> {
  try {
    const response = await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${token}` }, signal });
    if (!response.ok) return await refusal(response);
    const { ticket } = (await response.json()) as { ticket?: unknown };
    if (typeof ticket !== 'string') throw new Error('the answer has no ticket in it');
    return ticket;
  } catch (cause) {
    return { why: 'unreachable', cause };
  }
}

/** Null for what our servers never say. */
function incoming(text: unknown): Incoming | null {
  if (typeof text !== 'string') return null;
  try {
    const { id = '', event, data } = JSON.parse(text) as Partial<Incoming>;
    return typeof id === 'string' && typeof event === 'string' ? { id, event, data } : null;
  } catch {
    return null;
  }
}
