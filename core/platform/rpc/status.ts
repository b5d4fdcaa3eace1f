// The one mapping between problems and gRPC statuses, both ways.
import { Metadata, type ServiceError, status as Status } from '@grpc/grpc-js';
import { type ProblemCode, ProblemError, problems } from '../../../contracts/problem.ts';
import type { Any } from '../../../proto/generated/google/protobuf/any.ts';
import {
  BadRequest,
  ErrorInfo,
  type MessageFns,
  RetryInfo,
} from '../../../proto/generated/google/rpc/error_details.ts';
import { Status as RpcStatus } from '../../../proto/generated/google/rpc/status.ts';

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

const detailsHeader = 'grpc-status-details-bin';
const domain = 'lotok';
/** Trailers have a few kilobytes in all, so a problem brings no more than this. */
const mostErrors = 20;
const longestText = 300;

/** A problem as a status with details by google.rpc (https://google.aip.dev/193), which other clients understand too. */
export function refusalOf(problem: ProblemError): Refusal {
  const { detail, errors, headers } = problem.extras;
  const code = Status[statusOf(problem.code)];
  const details: Any[] = [
    packed(ErrorInfo, 'ErrorInfo', { reason: reasonOf(problem.code), domain, metadata: {} }),
    ...(errors
      ? [
          packed(BadRequest, 'BadRequest', {
            fieldViolations: errors.slice(0, mostErrors).map(({ field, message }) => ({
              field: field.slice(0, 100),
              description: message.slice(0, 100),
              reason: '',
              localizedMessage: undefined,
            })),
          }),
        ]
      : []),
  ];
  const seconds = Number(headers?.['retry-after'] ?? Number.NaN);
  if (Number.isFinite(seconds))
    details.push(packed(RetryInfo, 'RetryInfo', { retryDelay: { seconds: Math.ceil(seconds), nanos: 0 } }));
  const status = { code, message: detail?.slice(0, longestText) ?? '', details };
  const metadata = new Metadata();
  metadata.set(detailsHeader, Buffer.from(RpcStatus.encode(status).finish()));
  return { code, details: problem.code, metadata };
}

/** A refusal by the RPC layer itself. It carries no problem: the caller's code is wrong, not its user. */
export const plainRefusal = (status: StatusName, details: string): Refusal => ({
  code: Status[status],
  details,
  metadata: new Metadata(),
});

/** The problem that a server sent, if it sent one: its answer, not a failure on the way. */
export function problemOf(error: ServiceError): ProblemError | undefined {
  const [bytes] = error.metadata?.get(detailsHeader) ?? [];
  if (!Buffer.isBuffer(bytes)) return undefined;
  try {
    const { message, details } = RpcStatus.decode(bytes);
    const info = unpacked(ErrorInfo, 'ErrorInfo', details);
    const code = info?.domain === domain ? codeOfReason.get(info.reason) : undefined;
    if (!code) return undefined;
    const violations = unpacked(BadRequest, 'BadRequest', details)?.fieldViolations;
    const errors = violations
      ?.slice(0, mostErrors)
      .map(({ field, description }) => ({ field, message: description.slice(0, longestText) }));
    const delay = unpacked(RetryInfo, 'RetryInfo', details)?.retryDelay;
    const headers = delay && { 'retry-after': String(delay.seconds) };
    return new ProblemError(code, {
      detail: message.slice(0, longestText) || undefined,
      errors,
      headers,
      cause: error,
    });
  } catch {
    return undefined; // not by us, and not what it says it is
  }
}

/** ErrorInfo's reasons are in capitals: `AD_RESERVED`. */
const reasonOf = (code: ProblemCode): string => code.replaceAll('-', '_').toUpperCase();
const codeOfReason = new Map((Object.keys(problems) as ProblemCode[]).map((code) => [reasonOf(code), code]));

const typeUrl = (name: string): string => `type.googleapis.com/google.rpc.${name}`;

const packed = <Message>(type: MessageFns<Message>, name: string, message: Message): Any => ({
  typeUrl: typeUrl(name),
  value: Buffer.from(type.encode(message).finish()),
});

function unpacked<Message>(type: MessageFns<Message>, name: string, details: readonly Any[]): Message | undefined {
  const found = details.find((each) => each.typeUrl === typeUrl(name));
  return found && type.decode(found.value);
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
