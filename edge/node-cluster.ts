// The edge on Node on several cores: a supervisor holds the port, hands connections to its workers in turn, and
// starts each again that ends.
import cluster, { type Worker } from 'node:cluster';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { EdgeConfig } from './config.ts';
import { createLog } from './log.ts';
import { type FromSupervisor, FromWorker } from './node-cluster-messages.ts';
import { createSiblings, farewell } from './siblings.ts';
import { createSupervisorMetrics } from './telemetry/metrics.ts';

export interface RunningEdge extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
}

export interface EdgeCluster extends RunningEdge {
  /** Puts a fresh worker in the place of each, one after another, without a moment in which nobody listens. */
  renew(): Promise<void>;
}

interface Member {
  readonly worker: Worker;
  /** Rejects when the worker ends before it listens. */
  readonly ready: Promise<Extract<FromWorker, { kind: 'ready' }>>;
  readonly ended: Promise<void>;
  /** Nobody takes the place of one that was told to leave. */
  leaving: boolean;
}

const startMs = 30_000;
/** A worker that has not ended so long after it should have is hung. */
const graceMs = 3_000;
const shortestBackoffMs = 100;
const longestBackoffMs = 10_000;
/** Ends that are longer ago count no more. */
const rememberEndsMs = 60_000;

/** Rejects when one of the first workers can't start. The workers read their configuration from the environment. */
export async function startEdgeCluster(
  { logLevel, ticketSecret }: EdgeConfig,
  { workers: count, drainMs }: { readonly workers: number; readonly drainMs: number },
): Promise<EdgeCluster> {
  const log = createLog(logLevel, (line) => process.stdout.write(`${line}\n`), { part: 'edge-supervisor' });
  const metrics = createSupervisorMetrics();
  const members = new Map<number, Member>();
  const stopping = new AbortController();
  const { signal } = stopping;
  /** Tickets of one worker open streams at another. */
  const env = ticketSecret === undefined ? { TICKET_SECRET: randomBytes(32).toString('base64url') } : {};
  let ends: number[] = [];

  let hear: (message: unknown) => void = () => undefined;
  const tell = ({ worker }: Member, message: FromSupervisor): void => {
    if (worker.isConnected()) worker.send(message);
  };
  const relay = (message: unknown, from?: Member): void => {
    for (const member of members.values()) if (member !== from) tell(member, { kind: 'sibling', message });
  };
  const siblings = createSiblings(
    {
      id: 'supervisor',
      post: relay,
      listen: (listener) => {
        hear = listener;
      },
    },
    log,
  );
  siblings.answerWith({
    metrics: () => metrics.registry.getMetricsAsJSON(),
    ready: () => !signal.aborted,
    forget: () => undefined,
  });
  metrics.watchWorkers(() => members.size);

  cluster.setupPrimary({ exec: join(import.meta.dirname, 'node-worker.ts'), args: [], execArgv: [] });

  function launch(): Member {
    const worker = cluster.fork(env);
    const ready = Promise.withResolvers<Extract<FromWorker, { kind: 'ready' }>>();
    const ended = Promise.withResolvers<void>();
    const member: Member = { worker, ready: ready.promise, ended: ended.promise, leaving: false };
    ready.promise.catch(() => undefined);
    members.set(worker.id, member);
    const late = setTimeout(() => worker.process.kill('SIGKILL'), startMs);
    worker.on('message', (said: unknown) => {
      const message = FromWorker.parse(said);
      if (message.kind === 'ready') {
        clearTimeout(late);
        return ready.resolve(message);
      }
      relay(message.message, member);
      hear(message.message);
    });
    // Its channel may break while it ends; the exit tells.
    worker.on('error', (error) => log.warn('edge.worker_failed', { worker: worker.id, error }));
    worker.once('exit', (code, killedBy) => {
      clearTimeout(late);
      members.delete(worker.id);
      const bye = farewell(String(worker.id));
      relay(bye);
      hear(bye);
      ready.reject(new Error(`a worker ended with ${killedBy || code} before it listened`));
      ended.resolve();
      if (!member.leaving && !signal.aborted) void replace(worker.id, killedBy || code);
    });
    return member;
  }

  /** With pauses that grow while workers keep ending, and shrink again when they stay. */
  async function replace(worker: number, cause: number | string): Promise<void> {
    const now = performance.now();
    ends = [...ends.filter((at) => now - at < rememberEndsMs), now];
    const backoff = Math.min(longestBackoffMs, shortestBackoffMs * 2 ** (ends.length - 1));
    const pauseMs = Math.round(backoff * (0.5 + Math.random() / 2));
    metrics.restarts.inc();
    log.error('edge.worker_ended', { worker, cause, restart_in_ms: pauseMs });
    await pause(pauseMs, undefined, { signal }).then(launch, () => undefined);
  }

  async function dismiss(member: Member): Promise<void> {
    member.leaving = true;
    tell(member, { kind: 'leave' });
    const late = setTimeout(() => member.worker.process.kill('SIGKILL'), drainMs + graceMs);
    await member.ended;
    clearTimeout(late);
  }

  async function end(): Promise<void> {
    stopping.abort();
    const all = [...members.values()];
    const dismissed: Promise<void>[] = [];
    // One after another, so that whoever comes meanwhile is still answered; but none waits for a slow one.
    for (const member of all) {
      dismissed.push(dismiss(member));
      await Promise.race([dismissed.at(-1), pause(drainMs / all.length)]);
    }
    await Promise.all(dismissed);
  }

  let renewing: Promise<void> | undefined;
  async function renewAll(): Promise<void> {
    for (const old of [...members.values()]) {
      if (signal.aborted) return;
      await launch().ready;
      await dismiss(old);
    }
  }

  const first = Array.from({ length: count }, launch);
  try {
    const [listening] = await Promise.all(first.map(({ ready }) => ready));
    if (!listening) throw new Error('a cluster has at least one worker');
    return {
      url: listening.url,
      port: listening.port,
      renew: () => {
        renewing ??= renewAll().finally(() => {
          renewing = undefined;
        });
        return renewing;
      },
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}
