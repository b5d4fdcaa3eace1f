// The HTTP client of a partner company's API: deadlines, retries where they do no harm, a circuit breaker.
import { ExponentialBackoff, handleType, retry } from 'cockatiel';
import { ProblemError } from '../../../contracts/problem.ts';
import { BreakerOpen, createBreaker } from '../rpc/breaker.ts';
import { inheritedDeadline } from '../rpc/deadline.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface PartnerOptions {
  /** The partner's name in metrics and logs. */
  readonly name: string;
  readonly baseUrl: () => string;
  readonly apiKey: string;
  readonly log: Log;
  readonly metrics: Metrics;
  /** For one try. */
  readonly timeoutMs?: number;
}

export interface PartnerRequest {
  /** What the call is for, in metrics. */
  readonly operation: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  /** With it a POST may be sent again. */
  readonly idempotencyKey?: string;
  /** A POST that only asks. */
  readonly readsOnly?: boolean;
}

/** Answers the JSON of a 2xx; throws `PartnerRefusal` or `PartnerUnavailable`. */
export type Partner = (request: PartnerRequest) => Promise<unknown>;

/** The partner said no (4xx): asking again changes nothing. */
export class PartnerRefusal extends Error {
  readonly status: number;
  readonly body: unknown;

  constructor(operation: string, status: number, body: unknown) {
    super(`${operation} was refused with ${status}`);
    this.name = 'PartnerRefusal';
    this.status = status;
    this.body = body;
  }
}

/** No answer, or one that says nothing about the request: it may have had its effect or not. */
export class PartnerUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PartnerUnavailable';
  }
}

const largestAnswer = 1024 * 1024;
const mostRetries = 3;

export function createPartner({ name, baseUrl, apiKey, log, metrics, timeoutMs = 3_000 }: PartnerOptions): Partner {
  const breaker = createBreaker({
    target: name,
    isFailure: (error) => error instanceof PartnerUnavailable,
    onState: (state) => {
      metrics.rpcBreakerState.set({ service: name, target: 'api' }, state);
      if (state > 0) log.warn('partner.breaker', { partner: name, state: state === 2 ? 'open' : 'half open' });
    },
  });
  // Exponential with decorrelated jitter, which is what cockatiel does by default.
  const retrying = retry(handleType(PartnerUnavailable), {
    maxAttempts: mostRetries,
    backoff: new ExponentialBackoff({ initialDelay: 100, maxDelay: 1_000 }),
  });

  const once = async (request: PartnerRequest): Promise<unknown> => {
    const { operation, method, path, body, idempotencyKey } = request;
    const left = Math.min(timeoutMs, inheritedDeadline() - Date.now());
    if (left <= 0) throw new ProblemError('timeout', { detail: `${operation}: no time left` });
    let status: number;
    let text: string;
    try {
      const response = await fetch(new URL(path, baseUrl()), {
        method,
        headers: {
          accept: 'application/json',
          authorization: `Bearer ${apiKey}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: 'error',
        signal: AbortSignal.timeout(left),
      });
      status = response.status;
      text = await readText(response);
    } catch (error) {
      throw new PartnerUnavailable(`${operation}: no answer`, { cause: error });
    }
    if (saysNothing(status)) throw new PartnerUnavailable(`${operation}: ${status}`);
    let json: unknown;
    try {
      json = text === '' ? null : JSON.parse(text);
    } catch (error) {
      throw new PartnerUnavailable(`${operation}: the answer is not JSON`, { cause: error });
    }
    if (status >= 400) throw new PartnerRefusal(operation, status, json);
    return json;
  };

  return async (request) => {
    const { operation, method, idempotencyKey, readsOnly = method === 'GET' } = request;
    const stop = metrics.partnerSeconds.startTimer({ partner: name, operation });
    const repeatable = readsOnly || idempotencyKey !== undefined;
    try {
      const call = (): Promise<unknown> => breaker.run(() => once(request));
      const answer = await (repeatable
        ? retrying.execute(({ attempt }) => {
            if (attempt > 0) metrics.partnerRetries.inc({ partner: name, operation });
            return call();
          })
        : call());
      metrics.partnerCalls.inc({ partner: name, operation, result: 'ok' });
      return answer;
    } catch (error) {
      const refused = error instanceof PartnerRefusal;
      metrics.partnerCalls.inc({ partner: name, operation, result: refused ? 'refused' : 'unavailable' });
      throw error instanceof BreakerOpen ? new PartnerUnavailable(error.message, { cause: error }) : error;
    } finally {
      stop();
    }
  };
}

/** Trouble over there, too much at once, or a key that we have to put right: none of it is about the request. */
const saysNothing = (status: number): boolean =>
  status >= 500 || status === 401 || status === 403 || status === 408 || status === 429;

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > largestAnswer) throw new Error('the answer is too large');
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
