// The one mapping between problems and gRPC statuses, both ways.
import { Metadata, type ServiceError, status as Status } from '@grpc/grpc-js';
import { z } from 'zod';
import { FieldError, type ProblemCode, ProblemError, problems } from '../../../contracts/problem.ts';

/** A call that failed in a way that no rule foresees: the caller's defect or the callee's, never the user's doing. */
export class RpcError extends Error {
  readonly status: StatusName;

  constructor(status: StatusName, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RpcError';
    this.status = status;
  }
}

export type StatusName = keyof typeof Status;
export const statusName = (code: number): StatusName => (Status[code] as StatusName | undefined) ?? 'UNKNOWN';

/** What a server answers instead of a response. */
export interface Refusal {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

const problemHeader = 'lotok-problem-bin';
/** Trailers have a few kilobytes in all, so a problem brings no more than this. */
const mostErrors = 20;
const longestText = 300;

const ProblemDetails = z.object({
  code: z.enum(Object.keys(problems) as [ProblemCode, ...ProblemCode[]]),
  detail: z.string().max(longestText).optional(),
  errors: z.array(FieldError).max(mostErrors).optional(),
  retryAfter: z.string().max(40).optional(),
});

export function refusalOf(problem: ProblemError): Refusal {
  const { detail, errors, headers } = problem.extras;
  const details: z.input<typeof ProblemDetails> = {
    code: problem.code,
    detail: detail?.slice(0, longestText),
    errors: errors
      ?.slice(0, mostErrors)
      .map(({ field, message }) => ({ field: field.slice(0, 100), message: message.slice(0, 100) })),
    retryAfter: headers?.['retry-after'] ?? headers?.['Retry-After'],
  };
  const metadata = new Metadata();
  metadata.set(problemHeader, Buffer.from(JSON.stringify(details)));
  return { code: Status[statusOf(problem.code)], details: problem.code, metadata };
}

/** A refusal by the RPC layer itself. It carries no problem: the caller's code is wrong, not its user. */
export const plainRefusal = (status: StatusName, details: string): Refusal => ({
  code: Status[status],
  details,
  metadata: new Metadata(),
});

/** The problem that a server sent, if it sent one: its answer, not a failure on the way. */
export function problemOf(error: ServiceError): ProblemError | undefined {
  const [bytes] = error.metadata?.get(problemHeader) ?? [];
  if (!Buffer.isBuffer(bytes)) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
  const { success, data } = ProblemDetails.safeParse(json);
  if (!success) return undefined;
  const { code, detail, errors, retryAfter } = data;
  const headers = retryAfter === undefined ? undefined : { 'retry-after': retryAfter };
  return new ProblemError(code, { detail, errors, headers, cause: error });
}

/** What the caller's code gets to see. */
export function errorOf(error: ServiceError, call: string): Error {
  const problem = problemOf(error);
  if (problem) return problem;
  const name = statusName(error.code);
  // CANCELLED, when not by the caller itself, is a server that went away in the middle.
  if (name === 'UNAVAILABLE' || name === 'CANCELLED') return new ProblemError('unavailable', { cause: error });
  if (name === 'DEADLINE_EXCEEDED') return new ProblemError('timeout', { cause: error });
  return new RpcError(name, `${call}: ${name}: ${error.details}`, { cause: error });
}

function statusOf(code: ProblemCode): StatusName {
  switch (code) {
    case 'request-in-progress':
      return 'ABORTED'; // passes by itself, so the caller tries again
    case 'email-taken':
      return 'ALREADY_EXISTS';
    case 'method-not-allowed':
      return 'UNIMPLEMENTED';
    case 'too-many-requests':
      return 'RESOURCE_EXHAUSTED';
    case 'timeout':
      return 'DEADLINE_EXCEEDED';
    case 'internal':
      return 'INTERNAL';
    default:
      return statusOfHttp(problems[code][0]);
  }
}

function statusOfHttp(http: number): StatusName {
  switch (http) {
    case 401:
      return 'UNAUTHENTICATED';
    case 403:
      return 'PERMISSION_DENIED';
    case 404:
      return 'NOT_FOUND';
    case 402:
    case 409:
    case 412:
    case 428:
      return 'FAILED_PRECONDITION';
    case 502:
    case 503:
      return 'UNAVAILABLE';
    default:
      return http < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL';
  }
}
