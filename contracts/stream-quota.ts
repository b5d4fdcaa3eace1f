// How many streams one address may have at once: whoever opens them without end must not take the place of all others.
import { ProblemError } from './problem.ts';

/** Behind one address may be the users of a whole mobile network. */
export const defaultStreamsPerAddress = 1_000;

export class StreamQuota {
  readonly #most: number;
  readonly #open = new Map<string, number>();

  /** `most`: 0 for any number. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Throws `too-many-requests`; call what it returns once when the stream ends. An unknown address has no bounds. */
  take(address: string): () => void {
    if (this.#most === 0 || address === '') return () => undefined;
    const open = this.#open.get(address) ?? 0;
    if (open >= this.#most) {
      throw new ProblemError('too-many-requests', {
        detail: `One address may have ${this.#most} streams at once`,
        headers: { 'retry-after': '30' },
      });
    }
    this.#open.set(address, open + 1);
    return () => {
      const rest = (this.#open.get(address) ?? 1) - 1;
      if (rest > 0) this.#open.set(address, rest);
      else this.#open.delete(address);
    };
  }
}
