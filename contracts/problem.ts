// Errors as RFC 9457 problem details. `type` is stable; clients may rely on it.
import { z } from 'zod';

export const FieldError = z.object({
  field: z.string().meta({ description: 'Path of the field, such as `price.amount`' }),
  message: z.string(),
});
export type FieldError = z.infer<typeof FieldError>;

export const Problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    errors: z.array(FieldError).optional(),
    trace_id: z.string().optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details' });
export type Problem = z.infer<typeof Problem>;

/** Every problem Lotok answers with: its HTTP status and its title. */
export const problems = {
  'invalid-json': [400, 'The body is not valid JSON'],
  'invalid-parameter': [400, 'A parameter of the request is invalid'],
  unauthenticated: [401, 'A valid access token is needed'],
  'invalid-credentials': [401, 'Email or password is wrong'],
  'invalid-signature': [401, 'The signature is missing or wrong'],
  'payment-declined': [402, 'The payment was declined'],
  forbidden: [403, 'You may not do this'],
  blocked: [403, 'One of you has blocked the other'],
  'not-found': [404, 'There is no such thing'],
  'method-not-allowed': [405, 'This method is not offered here'],
  'request-timeout': [408, 'The request did not arrive in time'],
  conflict: [409, 'The present state does not allow this'],
  'ad-reserved': [409, 'The ad is reserved for another buyer'],
  'ad-not-for-sale': [409, 'The ad is not for sale'],
  'own-ad': [409, 'You cannot buy your own ad'],
  'email-taken': [409, 'An account with this email exists'],
  'request-in-progress': [409, 'The first request with this key is still running'],
  'precondition-failed': [412, 'The resource was changed meanwhile'],
  'content-too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'The body has an unsupported type'],
  'invalid-field': [422, 'A field of the body is invalid'],
  'idempotency-key-reused': [422, 'This Idempotency-Key was used with another request'],
  'precondition-required': [428, 'The If-Match header is needed'],
  'too-many-requests': [429, 'Too many requests'],
  'headers-too-large': [431, 'The header fields are too large'],
  internal: [500, 'Something went wrong on our side'],
  'bad-gateway': [502, 'The service behind gave no valid answer'],
  unavailable: [503, 'The service is not available right now'],
  'payment-unavailable': [503, 'The payment service is not available right now'],
  'delivery-unavailable': [503, 'The delivery service is not available right now'],
  timeout: [504, 'The service behind did not answer in time'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof problems;

export const problemType = (code: ProblemCode): string => `urn:lotok:problem:${code}`;

export interface ProblemExtras {
  readonly detail?: string | undefined;
  readonly errors?: readonly FieldError[] | undefined;
  /** Response headers that belong to the problem, such as `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly cause?: unknown;
}

/** An expected failure with a stable code; transports turn it into their own form. */
export class ProblemError extends Error {
  readonly code: ProblemCode;
  readonly extras: ProblemExtras;

  constructor(code: ProblemCode, extras: ProblemExtras = {}) {
    super(extras.detail ?? problems[code][1], { cause: extras.cause });
    this.name = 'ProblemError';
    this.code = code;
    this.extras = extras;
  }

  get status(): number {
    return problems[this.code][0];
  }

  toProblem(traceId?: string): Problem {
    const [status, title] = problems[this.code];
    return {
      type: problemType(this.code),
      title,
      status,
      ...(this.extras.detail === undefined ? {} : { detail: this.extras.detail }),
      ...(this.extras.errors === undefined ? {} : { errors: [...this.extras.errors] }),
      ...(traceId === undefined ? {} : { trace_id: traceId }),
    };
  }

  /** The whole HTTP answer; works wherever `Response` does. */
  toResponse(traceId?: string): Response {
    return new Response(JSON.stringify(this.toProblem(traceId)), {
      status: this.status,
      headers: { 'cache-control': 'no-store', ...this.extras.headers, 'content-type': 'application/problem+json' },
    });
  }
}

export const fieldErrors = (error: z.ZodError): FieldError[] =>
  error.issues.slice(0, 20).map((issue) => ({ field: issue.path.join('.') || '(body)', message: issue.message }));
