// Clients who come to the node directly: who they are, what they watch, and when that ends.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Tracer } from '@opentelemetry/api';
import { type ClientEvent, parseStreamRequest } from '../contracts/client-stream.ts';
import { ProblemError } from '../contracts/problem.ts';
import { SessionRevoked, sessionChannel } from '../contracts/stream.ts';
import type { Watch } from '../contracts/stream-watch.ts';
import type { Access } from './access.ts';
import type { Hub } from './hub.ts';
import type { Log } from './log.ts';
import type { RealtimeMetrics } from './metrics.ts';
import { traceDelivery } from './tracing.ts';

export interface ClientsOptions {
  readonly access: Access;
  readonly hub: Hub;
  readonly metrics: RealtimeMetrics;
  readonly tracer: Tracer;
  readonly log: Log;
  readonly clock: () => number;
  /** Whether the history can answer; before that every client is asked to come again. */
  readonly isReady: () => boolean;
}

export interface ClientQuestion {
  readonly kind: 'sse' | 'websocket';
  readonly token: string | null;
  readonly query: URLSearchParams;
  readonly lastEventId: string | null;
  /** Of the client, or of the proxy before it. */
  readonly address: string;
  /** See `WatchOptions`. */
  readonly onWaiting?: () => void;
}

export interface ClientStream {
  readonly watch: Watch;
  readonly firstId: string;
  delivered(event: ClientEvent, now: number): void;
  /** Whether the token, or its session, is at its end. */
  unauthorised(): boolean;
  /** Ends the watch and lets go of everything. */
  leave(): void;
}

export interface Clients extends AsyncDisposable {
  /** Throws `unauthenticated`, `invalid-parameter`, `too-many-requests` and `unavailable`. */
  open(question: ClientQuestion): Promise<ClientStream>;
}

/** How late the end of a token is noticed at most. */
const expiryCheckMs = 1_000;

export function createClients(options: ClientsOptions): Clients {
  const { access, hub, metrics, tracer, log, clock, isReady } = options;
  const bySession = new Map<string, Set<Watch>>();
  const expiries = new Map<Watch, number>();
  const expiring = setInterval(() => {
    const now = clock();
    for (const [watch, expiresAt] of expiries) if (now >= expiresAt) watch.end('left');
  }, expiryCheckMs);

  const closing = new AbortController();
  const hearRevocations = async (): Promise<void> => {
    for (const { signal } = closing; !signal.aborted; ) {
      const revocations = hub.attach(sessionChannel, undefined, {
        message: ({ event, data }) => {
          const revoked = event === 'session.revoked' ? SessionRevoked.safeParse(data).data : undefined;
          if (!revoked) return;
          access.revoke(revoked.sid, revoked.until);
          for (const watch of bySession.get(revoked.sid) ?? []) watch.end('left');
        },
        // Which sessions ended meanwhile isn't known; their tokens expire soon by themselves.
        lost: () => log.warn('sessions.lost'),
      });
      signal.addEventListener('abort', () => revocations.detach(), { once: true });
      try {
        await revocations.caughtUp;
        revocations.start();
        return;
      } catch (error) {
        revocations.detach();
        log.warn('sessions.unheard', { error });
        await sleep(1_000, undefined, { signal }).catch(() => undefined);
      }
    }
  };
  const hearing = hearRevocations();

  return {
    async open({ kind, token, query, lastEventId, address, onWaiting }) {
      const claims = await access.client(token);
      const request = parseStreamRequest(query, lastEventId, claims.sub);
      if (!isReady()) throw new ProblemError('unavailable', { headers: { 'retry-after': '1' } });
      const watch = hub.watch(request, address, onWaiting);
      const expiresAt = claims.exp * 1000;
      const openedAt = clock();
      expiries.set(watch, expiresAt);
      const ofSession = bySession.get(claims.sid) ?? new Set();
      bySession.set(claims.sid, ofSession.add(watch));
      metrics.connections.inc({ kind });
      let left = false;
      const leave = (): void => {
        if (left) return;
        left = true;
        watch.end('left');
        expiries.delete(watch);
        ofSession.delete(watch);
        if (ofSession.size === 0 && bySession.get(claims.sid) === ofSession) bySession.delete(claims.sid);
        metrics.connections.dec({ kind });
      };
      try {
        const firstId = await watch.opened;
        if (firstId === null) throw new ProblemError('unavailable', { headers: { 'retry-after': '1' } });
        return {
          watch,
          firstId,
          leave,
          unauthorised: () => clock() >= expiresAt || access.isRevoked(claims.sid),
          delivered(event, now) {
            if (event.event === 'reset') metrics.resets.inc({ kind });
            else metrics.messagesOut.inc({ kind });
            if (event.time !== undefined && event.time >= openedAt)
              metrics.latency.observe({ kind }, Math.max(0, now - event.time) / 1000);
            traceDelivery(tracer, `${kind} deliver`, event, now);
          },
        };
      } catch (error) {
        leave();
        if (error instanceof ProblemError) throw error;
        throw new ProblemError('unavailable', { headers: { 'retry-after': '1' }, cause: error });
      }
    },
    async [Symbol.asyncDispose]() {
      clearInterval(expiring);
      closing.abort();
      await hearing;
    },
  };
}
