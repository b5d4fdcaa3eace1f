// A watch as JSON messages over a WebSocket that the platform has upgraded.
import { type StreamRequest, socketClose, socketOpening, socketText } from '../../contracts/client-stream.ts';
import type { EdgeSocket } from '../platform.ts';
import { openWatch, type StreamServing, type StreamWho, streamTimes } from './serving.ts';

/** Clients have little to say: `{"op":"ping"}` and `{"op":"pong"}`. */
const maxIncomingChars = 1024;
const maxBufferedBytes = 1024 * 1024;

/** Call it as soon as the socket is there; resolves when the socket is closed. */
export async function serveSocket(
  socket: EdgeSocket,
  wanted: StreamRequest,
  who: StreamWho,
  serving: StreamServing,
): Promise<void> {
  const { clock } = serving;
  const times = { ...streamTimes, ...serving.times };
  const gone = new AbortController();
  /** Undefined for a client that only listens: it isn't asked for pongs. */
  let heard: number | undefined;
  const close = ([code, reason]: readonly [code: number, reason: string]): void => {
    gone.abort();
    socket.close(code, reason);
  };
  socket.addEventListener('close', () => gone.abort());
  socket.addEventListener('error', () => gone.abort());
  socket.addEventListener('message', ({ data }) => {
    heard = clock();
    const op = typeof data === 'string' && data.length <= maxIncomingChars ? opOf(data) : null;
    if (op === 'ping') socket.send('{"event":"pong","data":{}}');
    else if (op !== 'pong') close(socketClose.tooMuch);
  });
  // The standard's WebSocket has no ping frames, so pings are messages.
  const pinging = setInterval(() => {
    if (heard !== undefined && clock() - heard > times.silenceMs) close(socketClose.silent);
    else if (!gone.signal.aborted) socket.send('{"event":"ping","data":{}}');
  }, times.pingMs);

  const opened = await openWatch(wanted, who, {
    ...serving,
    signal: AbortSignal.any([serving.signal, gone.signal]),
  }).catch((error: unknown) => {
    clearInterval(pinging);
    gone.abort();
    socket.close(1013, 'try again later');
    throw error;
  });
  const { watch, delivered, finish } = opened;
  try {
    const id = await watch.opened;
    if (id !== null) socket.send(socketOpening(id));
    for (let event = await watch.next(); event; event = await watch.next()) {
      socket.send(socketText(event));
      delivered(event);
      if ((socket.bufferedAmount ?? 0) > maxBufferedBytes) watch.end('too_slow');
    }
    if (gone.signal.aborted) return;
    if (watch.ended === 'too_slow') close(socketClose.tooSlow);
    else if (clock() >= who.expiresAt || who.revoked?.aborted) close(socketClose.tokenExpired);
    else close(socketClose.goingAway);
  } finally {
    clearInterval(pinging);
    watch.end('left');
    finish();
  }
}

function opOf(text: string): unknown {
  try {
    const message: unknown = JSON.parse(text);
    return typeof message === 'object' && message !== null && 'op' in message ? message.op : null;
  } catch {
    return null;
  }
}
