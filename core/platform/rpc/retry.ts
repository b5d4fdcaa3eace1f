// When a gRPC call is sent again, how long it waits before that, and what speaks against a target.
import { type ServiceError, status as Status } from '@grpc/grpc-js';
import { BulkheadRejectedError } from 'cockatiel';
import { BreakerOpen } from './breaker.ts';
import { problemOf } from './status.ts';

export const mostAttempts = 6;
const firstPauseMs = 50;
const longestPauseMs = 1_000;

/** Exponential backoff with full jitter, so that callers who failed together don't return together. */
export const pauseMs = (attempt: number, random = Math.random): number =>
  random() * Math.min(longestPauseMs, firstPauseMs * 2 ** (attempt - 1));

export const isServiceError = (error: unknown): error is ServiceError =>
  error instanceof Error && typeof (error as Partial<ServiceError>).code === 'number' && 'details' in error;

/** What may pass by itself. A deadline counts only when it was that of one try. */
export function isPassing(error: unknown, tryTimedOut: boolean): boolean {
  if (error instanceof BulkheadRejectedError) return true;
  if (!isServiceError(error)) return false;
  switch (error.code) {
    case Status.UNAVAILABLE:
    case Status.ABORTED:
    case Status.RESOURCE_EXHAUSTED:
    case Status.CANCELLED: // not by the caller, who asks nothing more then: the server went away
      return true;
    case Status.DEADLINE_EXCEEDED:
      return tryTimedOut;
    default:
      return false;
  }
}

/** A problem is an answer: who can still say no, or that somebody behind is away, is alive. */
export function isTargetFailure(error: Error): boolean {
  if (error instanceof BreakerOpen || !isServiceError(error) || problemOf(error)) return false;
  switch (error.code) {
    case Status.UNAVAILABLE:
    case Status.DEADLINE_EXCEEDED:
    case Status.INTERNAL:
    case Status.UNKNOWN:
      return true;
    default:
      return false;
  }
}
