// How long a thing is tried before a person has to look.

export interface Patience {
  /** Tries that failed with an answer: the same question will bring the same answer. */
  readonly failures: number;
  /** Since the first try. A target that does not answer at all is in trouble itself, and comes back. */
  readonly giveUpAfterMs: number;
  /** From then on a person sees it, while it goes on. */
  readonly lateAfterMs: number;
}

export const patience: Patience = {
  failures: 12,
  giveUpAfterMs: 24 * 3_600_000,
  lateAfterMs: 5 * 60_000,
};

export interface Trying {
  /** Tries that failed with an answer. */
  readonly failures: number;
  /** The first try. */
  readonly since: Date;
}

export const isOver = ({ failures, since }: Trying, now: Date, limits: Patience): boolean =>
  failures >= limits.failures || now.getTime() - since.getTime() >= limits.giveUpAfterMs;

export const isLate = ({ since }: Trying, now: Date, limits: Patience): boolean =>
  now.getTime() - since.getTime() >= limits.lateAfterMs;
