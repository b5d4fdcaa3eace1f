// The circuit breaker of one target: stops calling what keeps failing, and tries it again now and then.

import {
  BrokenCircuitError,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
  type IBackoff,
  type IBreaker,
  SamplingBreaker,
} from 'cockatiel';
import { backoffMs } from '../backoff.ts';

export interface Breaker {
  /** False while calls would be refused at once; true again when a probe is due. */
  readonly lets: boolean;
  /** Rejects with `BreakerOpen` without calling when open. Errors that `isFailure` denies count as answers. */
  run<Result>(call: () => Promise<Result>): Promise<Result>;
}

/** Refused without a call. */
export class BreakerOpen extends Error {
  constructor(target: string) {
    super(`the circuit breaker of ${target} is open`);
    this.name = 'BreakerOpen';
  }
}

/** Closed, half open, open. */
export type BreakerState = 0 | 1 | 2;

export interface BreakerOptions {
  readonly target: string;
  /** What speaks against the target itself. */
  readonly isFailure: (error: Error) => boolean;
  readonly onState: (state: BreakerState) => void;
  /** The first pause before a probe; it grows up to thirty seconds. */
  readonly probeAfterMs?: number | undefined;
}

const longestPauseMs = 30_000;
const consecutiveFailures = 5;
const sampling = { threshold: 0.5, duration: 10_000, minimumRps: 1 };

export function createBreaker({ target, isFailure, onState, probeAfterMs = 1_000 }: BreakerOptions): Breaker {
  let probeAt = 0;
  // A backoff of our own, so that `lets` knows when the next probe is due.
  const pause = ({ attempt }: { readonly attempt: number }): IBackoff<{ readonly attempt: number }> => {
    const duration = backoffMs(attempt - 1, { firstMs: probeAfterMs, longestMs: longestPauseMs });
    probeAt = Date.now() + duration;
    return { duration, next: pause };
  };
  const policy = circuitBreaker(handleWhen(isFailure), {
    halfOpenAfter: { next: pause },
    breaker: eitherBreaker(new ConsecutiveBreaker(consecutiveFailures), new SamplingBreaker(sampling)),
  });
  policy.onStateChange((state) => onState(state === CircuitState.Closed ? 0 : state === CircuitState.HalfOpen ? 1 : 2));
  onState(0);
  return {
    get lets() {
      return policy.state === CircuitState.Closed || (policy.state === CircuitState.Open && Date.now() >= probeAt);
    },
    async run(call) {
      // Cockatiel lets others wait for the probe, for as long as it takes; a caller has its own deadline.
      if (policy.state === CircuitState.HalfOpen) throw new BreakerOpen(target);
      try {
        return await policy.execute(call);
      } catch (error) {
        throw error instanceof BrokenCircuitError ? new BreakerOpen(target) : error;
      }
    },
  };
}

/** A dead target fails every time and is noticed at once; an ailing one is noticed by its share of failures. */
function eitherBreaker(...breakers: readonly IBreaker[]): IBreaker {
  return {
    get state() {
      return breakers.map((each) => each.state);
    },
    set state(states: unknown) {
      for (const [index, each] of breakers.entries()) each.state = (states as readonly unknown[])[index];
    },
    success(state) {
      for (const each of breakers) each.success(state);
    },
    failure: (state) => breakers.map((each) => each.failure(state)).includes(true),
  };
}
