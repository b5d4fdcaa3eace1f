// How much of the load on a service may be calls sent again. Where all of it fails, repeats would only keep it down.
import { performance } from 'node:perf_hooks';

export interface RetryBudget {
  /** Every first try earns a share of a retry. */
  earn(): void;
  /** True when one may be made again. */
  spend(): boolean;
}

/** A fifth of the calls may be repeated, and ten a second however few calls there are: counted in fifths. */
const cost = 5;
const perCall = 1;
const perSecond = 10 * cost;
/** What may be saved up: ten quiet seconds. */
const most = 10 * perSecond;

export function createRetryBudget(now: () => number = () => performance.now()): RetryBudget {
  let left = most;
  let at = now();
  const add = (amount: number): void => {
    left = Math.min(most, left + amount);
  };
  return {
    earn: () => add(perCall),
    spend() {
      const then = at;
      at = now();
      add(((at - then) / 1000) * perSecond);
      if (left < cost) return false;
      left -= cost;
      return true;
    },
  };
}
