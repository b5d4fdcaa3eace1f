// How many requests one upstream is given at once: as many as it answers about as fast as when it has little to do.
//
// Beyond what an upstream can do at once, each further request only waits in it, and all that come later wait
// longer. So the limit grows a little while answers come in their usual time, and shrinks when they take more than
// twice of it (additive increase, multiplicative decrease). What is usual is the best that each route has shown in
// the last minute; every half minute the limit is halved for a moment, so that it shows even under lasting overload
// (as BBR does to find a path's round-trip time).

export interface ConcurrencyOptions {
  /** Milliseconds that only grow. */
  readonly now: () => number;
  readonly most: number;
  readonly onLimit?: (limit: number) => void;
}

export interface Admission {
  /** Times are compared with those of the same route. */
  readonly route: string;
  /** Reads give way first: a page can be looked at later, an order is lost. */
  readonly read: boolean;
}

export interface ConcurrencyLimit {
  /** Null when there is no room; call what it returns when the answer is there, or will not come. */
  enter(admission: Admission): (() => void) | null;
}

const least = 4;
const first = 200;
const shareOfReads = 0.9;
const tolerated = 2;
const shrink = 0.85;
/** Until it had to shrink for the first time, the limit grows faster. */
const firstGrowth = 1.5;
/** What is quicker varies for reasons of its own. */
const noiseMs = 10;
const windowMs = 100;
const windowSamples = 20;
const batchSamples = 10;
const usualForMs = 30_000;
const maxRoutes = 500;

/** For upstreams that are nobody's to protect. */
export const noConcurrencyLimit: ConcurrencyLimit = { enter: () => () => undefined };

export function createConcurrencyLimit({ now, most, onLimit }: ConcurrencyOptions): ConcurrencyLimit {
  const usual = new UsualTimes();
  let limit = Math.min(first, most);
  let shrunk = false;
  let probing = false;
  let inFlight = 0;
  let rotatedAt = now();
  let window = { began: now(), samples: 0, slowness: 0, wasFull: false };

  const room = (): number => (probing ? Math.max(least, Math.floor(limit / 2)) : Math.floor(limit));

  function adapt(at: number): void {
    if (window.samples < windowSamples || at - window.began < windowMs) return;
    if (!probing) {
      if (window.slowness / window.samples > tolerated) {
        limit = Math.max(Math.min(least, most), limit * shrink);
        shrunk = true;
      } else if (window.wasFull) {
        limit = Math.min(most, shrunk ? limit + Math.max(1, Math.sqrt(limit) / 2) : limit * firstGrowth);
      }
    }
    probing = window.wasFull && at - rotatedAt > usualForMs;
    if (at - rotatedAt > usualForMs) {
      rotatedAt = at;
      usual.rotate();
    }
    window = { began: at, samples: 0, slowness: 0, wasFull: false };
    onLimit?.(room());
  }

  return {
    enter({ route, read }) {
      const free = room();
      if (inFlight >= (read ? Math.max(1, Math.floor(free * shareOfReads)) : free)) {
        window.wasFull = true;
        return null;
      }
      inFlight += 1;
      if (inFlight >= free * 0.8) window.wasFull = true;
      const began = now();
      let left = false;
      return () => {
        if (left) return;
        left = true;
        inFlight -= 1;
        const at = now();
        window.samples += 1;
        window.slowness += usual.compare(route, at - began);
        adapt(at);
      };
    },
  };
}

/** For each route the best mean of a few answers in a row, of this half minute and the one before. */
class UsualTimes {
  #current = new Map<string, { best: number; sum: number; count: number }>();
  #previous = new Map<string, number>();

  /** How many times its usual time an answer took. */
  compare(route: string, ms: number): number {
    let known = this.#current.get(route);
    if (!known) {
      if (this.#current.size >= maxRoutes) return 1;
      known = { best: Number.POSITIVE_INFINITY, sum: 0, count: 0 };
      this.#current.set(route, known);
    }
    const usual = Math.min(known.best, this.#previous.get(route) ?? Number.POSITIVE_INFINITY);
    known.sum += ms;
    known.count += 1;
    if (known.count === batchSamples) {
      known.best = Math.min(known.best, known.sum / known.count);
      known.sum = 0;
      known.count = 0;
    }
    return Number.isFinite(usual) ? Math.max(ms, noiseMs) / Math.max(usual, noiseMs) : 1;
  }

  rotate(): void {
    this.#previous = new Map([...this.#current].map(([route, { best }]) => [route, best]));
    this.#current = new Map();
  }
}
