// A budget for retries: when an upstream is down, retries must not multiply what it gets.

export interface RetryBudget {
  /** Every first try earns a share of a retry. */
  earn(): void;
  /** True when a retry may be made; it is then paid for. */
  spend(): boolean;
}

/** At most `share` retries per request over time, with `reserve` for quiet hours. */
export function createRetryBudget({ share = 0.1, reserve = 10 } = {}): RetryBudget {
  let tokens = reserve;
  return {
    earn() {
      tokens = Math.min(tokens + share, reserve * 10);
    },
    spend() {
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
