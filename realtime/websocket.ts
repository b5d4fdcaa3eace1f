// `/v1/ws`: a client's stream as JSON messages, straight from this node.
import type { WebSocket } from 'ws';
import { socketClose, socketOpening, socketText } from '../contracts/client-stream.ts';
import type { ClientStream } from './clients.ts';

export interface SocketTimes {
  readonly pingMs: number;
}

export const socketTimes: SocketTimes = { pingMs: 15_000 };

/** The subprotocol of `/v1/ws`; a browser sends its token beside it as `bearer.` and the token. */
export const clientSubprotocol = 'lotok.v1';

/** Clients have nothing to say but `{"op":"ping"}`. */
export const maxClientMessageBytes = 1024;
const maxBufferedBytes = 1024 * 1024;

/** Resolves when the socket is closed. */
export async function serveClientSocket(
  socket: WebSocket,
  stream: ClientStream,
  clock: () => number,
  { pingMs } = socketTimes,
): Promise<void> {
  const { watch, firstId, delivered, unauthorised, leave } = stream;
  const close = ([code, reason]: readonly [code: number, reason: string]): void => {
    socket.close(code, reason);
    watch.end('left');
  };
  const stopPinging = keepAlive(socket, pingMs);
  socket.on('close', () => watch.end('left'));
  socket.on('message', (data, isBinary) => {
    if (!isBinary && isPing(String(data))) socket.send('{"event":"pong","data":{}}');
    else close(socketClose.tooMuch);
  });
  try {
    socket.send(socketOpening(firstId));
    for (let event = await watch.next(); event; event = await watch.next()) {
      socket.send(socketText(event));
      delivered(event, clock());
      if (socket.bufferedAmount > maxBufferedBytes) watch.end('too_slow');
    }
    if (socket.readyState !== socket.OPEN) return;
    if (watch.ended === 'too_slow') close(socketClose.tooSlow);
    else close(unauthorised() ? socketClose.tokenExpired : socketClose.goingAway);
  } finally {
    stopPinging();
    leave();
  }
}

/** Pings, and ends a connection that leaves a ping unanswered until the next one (RFC 6455, section 5.5.2). */
export function keepAlive(socket: WebSocket, pingMs: number): () => void {
  let answered = true;
  socket.on('pong', () => {
    answered = true;
  });
  const pinging = setInterval(() => {
    if (!answered) {
      socket.terminate();
      return;
    }
    answered = false;
    socket.ping();
  }, pingMs);
  socket.once('close', () => clearInterval(pinging));
  return () => clearInterval(pinging);
}

function isPing(text: string): boolean {
  try {
    const message: unknown = JSON.parse(text);
    return (
      typeof message === 'object' &&
      message !== null &&
      'op' in message &&
      (message.op === 'ping' || message.op === 'pong')
    );
  } catch {
    return false;
  }
}
