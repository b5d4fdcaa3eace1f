// Upstreams: one try becomes several where that is safe, none where the upstream is known to be down.
import { type Context, SpanKind } from '@opentelemetry/api';
import { BrokenCircuitError, CircuitState, circuitBreaker, handleType, SamplingBreaker } from 'cockatiel';
import { ProblemError } from '../../contracts/problem.ts';
import { crowded } from '../limits/shedding.ts';
import type { Platform, UpstreamRequest } from '../platform.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import { traceparent } from '../telemetry/tracing.ts';
import { createConcurrencyLimit, noConcurrencyLimit } from './concurrency.ts';
import { createRetryBudget } from './retry-budget.ts';

export interface ForwardRequest extends UpstreamRequest {
  /** Names the upstream in metrics; breaker and budget belong to its origin. */
  readonly service: string;
  readonly trace: Context;
  /** The same request twice has the effect of one, and its body can be sent again. */
  readonly repeatable: boolean;
  /** For all tries together. */
  readonly timeoutMs: number;
  /** Whose answers take about the same time; the service's, when not given. */
  readonly route?: string;
}

export interface UpstreamLimits {
  /** Requests at once to one origin; null where any number may wait for any time. */
  readonly maxConcurrency: number | null;
  readonly random?: () => number;
}

export interface Upstream {
  /** Resolves with the upstream's answer, whatever its status; throws `timeout`, `bad-gateway` or `unavailable`. */
  forward(request: ForwardRequest): Promise<Response>;
}

const maxTries = 3;
const firstPauseMs = 25;

export function createUpstream(
  platform: Pick<Platform, 'fetchUpstream' | 'log'>,
  metrics: Metrics,
  tracing: Tracing,
  { maxConcurrency, random = Math.random }: UpstreamLimits,
): Upstream {
  const origins = new Map<string, ReturnType<typeof createOrigin>>();

  function originOf(url: string): ReturnType<typeof createOrigin> {
    const { origin } = new URL(url);
    let known = origins.get(origin);
    if (!known) {
      const { host } = new URL(origin);
      known = createOrigin({
        onState: (state) => {
          metrics.breaker.set({ origin: host }, breakerStates[state]);
          platform.log.warn('upstream.breaker', { origin, state: CircuitState[state] });
        },
        maxConcurrency,
        onLimit: (limit) => metrics.concurrencyLimit.set({ origin: host }, limit),
      });
      origins.set(origin, known);
    }
    return known;
  }

  async function forward(request: ForwardRequest): Promise<Response> {
    const { breaker, budget, concurrency } = originOf(request.url);
    const { service, method, route = service } = request;
    const deadline = performance.now() + request.timeoutMs;
    budget.earn();
    for (let attempt = 1; ; attempt++) {
      // Cockatiel lets others wait for the probe, for as long as it takes; they are told at once instead.
      if (breaker.state === CircuitState.HalfOpen) throw broken(service);
      const leave = concurrency.enter({ route: `${method} ${route}`, read: method === 'GET' || method === 'HEAD' });
      if (!leave) {
        metrics.shed.inc({ reason: 'upstream' });
        throw crowded(random);
      }
      let outcome: Response | Failure;
      try {
        outcome = await breaker.execute(() => tryOnce(request, deadline - performance.now()));
      } catch (error) {
        if (error instanceof BrokenCircuitError) throw broken(service, error);
        if (!(error instanceof Failure)) throw error;
        outcome = error;
      } finally {
        leave();
      }
      // A time-out has used the client's patience up; a further try would only add load.
      const transient =
        outcome instanceof Failure ? outcome.code === 'bad-gateway' : outcome.status === 502 || outcome.status === 503;
      const again = transient && request.repeatable && attempt < maxTries && !request.signal?.aborted && budget.spend();
      if (!again) {
        if (outcome instanceof Failure) {
          if (outcome.response) return outcome.response;
          throw new ProblemError(outcome.code, { cause: outcome.cause });
        }
        return outcome;
      }
      await (outcome instanceof Failure ? outcome.response : outcome)?.body?.cancel();
      metrics.upstreamRetries.inc({ service: request.service });
      const pause = firstPauseMs * 4 ** (attempt - 1);
      await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + random())));
    }
  }

  function broken(service: string, cause?: unknown): ProblemError {
    metrics.upstreamResponses.inc({ service, code: 'breaker_open' });
    return new ProblemError('unavailable', { headers: { 'retry-after': '2' }, cause });
  }

  async function tryOnce(
    { service, trace, signal, timeoutMs: _whole, route: _route, ...request }: ForwardRequest,
    timeoutMs: number,
  ): Promise<Response> {
    const started = performance.now();
    const deadline = new AbortController();
    const late = (): void => deadline.abort(new DOMException('no answer in time', 'TimeoutError'));
    const timer = setTimeout(late, Math.max(0, timeoutMs));
    const leave = (): void => deadline.abort(signal?.reason);
    signal?.addEventListener('abort', leave, { once: true });
    if (signal?.aborted) leave();
    const url = new URL(request.url);
    const attributes = { 'http.request.method': request.method, 'server.address': url.host, 'url.path': url.pathname };
    try {
      return await tracing.span(
        `${request.method} ${service}`,
        { parent: trace, kind: SpanKind.CLIENT, attributes },
        async (context, span) => {
          const headers = new Headers(request.headers);
          const parent = traceparent(context);
          if (parent) headers.set('traceparent', parent);
          const response = await platform.fetchUpstream({ ...request, headers, signal: deadline.signal });
          span.setAttribute('http.response.status_code', response.status);
          metrics.upstreamResponses.inc({ service, code: String(response.status) });
          if (response.status === 502 || response.status === 504) throw new Failure('bad-gateway', undefined, response);
          return response;
        },
      );
    } catch (error) {
      if (error instanceof Failure) throw error;
      if (signal?.aborted) throw new ProblemError('timeout', { detail: 'The client went away', cause: error });
      const code = deadline.signal.aborted ? 'timeout' : 'bad-gateway';
      metrics.upstreamResponses.inc({ service, code });
      platform.log.warn('upstream.failed', { service, code, error });
      throw new Failure(code, error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', leave);
      metrics.upstreamSeconds.observe({ service }, (performance.now() - started) / 1000);
    }
  }

  return { forward };
}

/** A try that speaks against the upstream's health; with its answer where it gave one. */
class Failure extends Error {
  readonly code: 'timeout' | 'bad-gateway';
  readonly response: Response | undefined;

  constructor(code: 'timeout' | 'bad-gateway', cause: unknown, response?: Response) {
    super(code, { cause });
    this.code = code;
    this.response = response;
  }
}

/**
 * Only failures of the connection, time-outs and gateway errors open the breaker: a plain 500 is a
 * defect of one route, and a 503 may be a refusal on purpose; neither should close every other route.
 */
function createOrigin({ onState, maxConcurrency, onLimit }: OriginOptions) {
  const breaker = circuitBreaker(handleType(Failure), {
    halfOpenAfter: 2_000,
    breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 2 }),
  });
  breaker.onStateChange(onState);
  const concurrency =
    maxConcurrency === null
      ? noConcurrencyLimit
      : createConcurrencyLimit({ now: () => performance.now(), most: maxConcurrency, onLimit });
  return { breaker, budget: createRetryBudget(), concurrency };
}

interface OriginOptions {
  readonly onState: (state: CircuitState) => void;
  readonly maxConcurrency: number | null;
  readonly onLimit: (limit: number) => void;
}

/** As in core: 2 is open. */
const breakerStates: Readonly<Record<CircuitState, number>> = {
  [CircuitState.Closed]: 0,
  [CircuitState.HalfOpen]: 1,
  [CircuitState.Open]: 2,
  [CircuitState.Isolated]: 2,
};
