// The HTTP client of a partner company's API: deadlines, retries where they do no harm, a circuit breaker.
import { ExponentialBackoff, handleType, retry } from 'cockatiel';
import { ProblemError } from '../../../contracts/problem.ts';
import { BreakerOpen, createBreaker } from '../rpc/breaker.ts';
import { inheritedDeadline } from '../rpc/deadline.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface PartnerCalls {
  /** The partner's name in metrics and logs. */
  readonly name: string;
  readonly log: Log;
  readonly metrics: Metrics;
  /** For one try. */
  readonly timeoutMs?: number;
}

export interface PartnerOptions extends PartnerCalls {
  readonly baseUrl: () => string;
  /** A bearer token that stays the same, or something that knows how to get one. */
  readonly apiKey: string | Authorization;
  /** How this partner calls `Idempotency-Key`. */
  readonly idempotencyHeader?: string;
}

export interface Authorization {
  /** The value of the `authorization` header; null for none. */
  header(): Promise<string | null>;
  /** The partner did not take it (401). True when another one may do better. */
  refused?(): boolean;
}

export interface PartnerRequest {
  /** What the call is for, in metrics. */
  readonly operation: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** Sent as a form, in place of a JSON body. */
  readonly form?: Readonly<Record<string, string>>;
  /** With it a POST may be sent again. */
  readonly idempotencyKey?: string;
  /** A POST that only asks. */
  readonly readsOnly?: boolean;
  /** The answer is a file: its bytes are what comes back. */
  readonly file?: true;
}

/** Answers the JSON of a 2xx, or its bytes; throws `PartnerRefusal` or `PartnerUnavailable`. */
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
const largestFile = 8 * 1024 * 1024;
const mostRetries = 3;

export function createPartner(options: PartnerOptions): Partner {
  const { baseUrl, apiKey, idempotencyHeader = 'idempotency-key' } = options;
  const authorization: Authorization = typeof apiKey === 'string' ? { header: async () => `Bearer ${apiKey}` } : apiKey;
  const calling = createPartnerCalls(options);

  const once = async (request: PartnerRequest, leftMs: number): Promise<unknown> => {
    const { operation, method, path, idempotencyKey, file } = request;
    const content = contentOf(request);
    const send = async (): Promise<{ status: number; bytes: Buffer }> => {
      const credentials = await authorization.header();
      try {
        const response = await fetch(new URL(path, baseUrl()), {
          method,
          headers: {
            accept: file ? '*/*' : 'application/json',
            ...(credentials === null ? {} : { authorization: credentials }),
            ...(content ? { 'content-type': content.type } : {}),
            ...(idempotencyKey === undefined ? {} : { [idempotencyHeader]: idempotencyKey }),
          },
          ...(content ? { body: content.body } : {}),
          redirect: 'error',
          signal: AbortSignal.timeout(leftMs),
        });
        return { status: response.status, bytes: await readBytes(response, file ? largestFile : largestAnswer) };
      } catch (error) {
        throw new PartnerUnavailable(`${operation}: no answer`, { cause: error });
      }
    };
    let answer = await send();
    // Nothing was done for a caller that the partner doesn't know, so the same may be sent with a new token.
    if (answer.status === 401 && authorization.refused?.()) answer = await send();
    const { status, bytes } = answer;
    if (saysNothing(status)) throw new PartnerUnavailable(`${operation}: ${status}`);
    if (file && status < 400) return bytes;
    const json = parseJson(operation, bytes);
    if (status >= 400) throw new PartnerRefusal(operation, status, json);
    return json;
  };

  return (request) => {
    const { operation, method, idempotencyKey, readsOnly = method === 'GET' } = request;
    const repeatable = readsOnly || idempotencyKey !== undefined;
    return calling({ operation, repeatable }, (leftMs) => once(request, leftMs));
  };
}

/** What every call of a partner gets, also by a library of its own: retries, a breaker, a deadline, metrics. */
export function createPartnerCalls({ name, log, metrics, timeoutMs = 3_000 }: PartnerCalls) {
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

  return async <Result>(
    { operation, repeatable }: { readonly operation: string; readonly repeatable: boolean },
    once: (leftMs: number) => Promise<Result>,
  ): Promise<Result> => {
    const stop = metrics.partnerSeconds.startTimer({ partner: name, operation });
    const inTime = async (): Promise<Result> => {
      const leftMs = Math.min(timeoutMs, inheritedDeadline() - Date.now());
      if (leftMs <= 0) throw new ProblemError('timeout', { detail: `${operation}: no time left` });
      return once(leftMs);
    };
    try {
      const call = (): Promise<Result> => breaker.run(inTime);
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

function contentOf({ body, form }: PartnerRequest): { readonly type: string; readonly body: string } | undefined {
  if (form) return { type: 'application/x-www-form-urlencoded', body: new URLSearchParams(form).toString() };
  return body === undefined ? undefined : { type: 'application/json', body: JSON.stringify(body) };
}

function parseJson(operation: string, bytes: Buffer): unknown {
  try {
    return bytes.byteLength === 0 ? null : JSON.parse(bytes.toString());
  } catch (error) {
    throw new PartnerUnavailable(`${operation}: the answer is not JSON`, { cause: error });
  }
}

async function readBytes(response: Response, largest: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > largest) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
