import { describe, expect, it } from 'vitest';
import { createConcurrencyLimit } from './concurrency.ts';

interface Arrival {
  readonly at: number;
  readonly route: string;
  readonly read: boolean;
  readonly workMs: number;
}

interface Outcome extends Arrival {
  /** Undefined when it was refused. */
  readonly tookMs: number | undefined;
}

/** A core that does so many things at once, whatever waits; in virtual time. */
function play(arrivals: readonly Arrival[], { workers, most }: { workers: number; most: number }): Outcome[] {
  let now = 0;
  const limit = createConcurrencyLimit({ now: () => now, most });
  const free = Array.from({ length: workers }, () => 0);
  const ends: { at: number; leave: () => void }[] = [];
  const outcomes: Outcome[] = [];
  for (const arrival of arrivals) {
    while ((ends[0]?.at ?? Number.POSITIVE_INFINITY) <= arrival.at) {
      const end = ends.shift();
      now = end?.at ?? now;
      end?.leave();
    }
    now = arrival.at;
    const leave = limit.enter(arrival);
    if (!leave) {
      outcomes.push({ ...arrival, tookMs: undefined });
      continue;
    }
    const worker = free.indexOf(Math.min(...free));
    const end = Math.max(free[worker] ?? 0, now) + arrival.workMs;
    free[worker] = end;
    const place = ends.findIndex(({ at }) => at > end);
    ends.splice(place < 0 ? ends.length : place, 0, { at: end, leave });
    outcomes.push({ ...arrival, tookMs: end - now });
  }
  return outcomes;
}

/** A sequence that looks random and is always the same. */
function luck(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function load(seconds: number, perSecond: number, kind: (random: () => number) => Omit<Arrival, 'at'>): Arrival[] {
  const random = luck();
  let at = 0;
  return Array.from({ length: seconds * perSecond }, () => {
    at += (-Math.log(1 - random()) * 1000) / perSecond;
    return { at, ...kind(random) };
  });
}

const later = (seconds: number) => (outcome: Outcome) => outcome.at > seconds * 1000;
const accepted = (outcomes: readonly Outcome[]) => outcomes.filter(({ tookMs }) => tookMs !== undefined);
const quantile = (outcomes: readonly Outcome[], share: number): number => {
  const times = accepted(outcomes).map(({ tookMs = 0 }) => tookMs);
  return times.sort((a, b) => a - b)[Math.floor(times.length * share)] ?? Number.NaN;
};

const listing = (random: () => number) => ({ route: 'GET /v1/ads', read: true, workMs: 15 + 10 * random() });
/** Ten at once, each 20 ms: 500 in a second. */
const workers = 10;

describe('what an upstream is given at once', () => {
  const rested = play(load(10, 200, listing), { workers, most: 1_000 });

  it('is all that comes while it can do it', () => {
    expect(accepted(rested)).toHaveLength(rested.length);
  });

  it('keeps answers about as fast under three times what it can do, and keeps it busy', () => {
    const crowded = play(load(120, 1_500, listing), { workers, most: 1_000 }).filter(later(10));
    expect(quantile(crowded, 0.5) / quantile(rested, 0.5)).toBeLessThan(3);
    expect(quantile(crowded, 0.99) / quantile(rested, 0.99)).toBeLessThan(5);
    const doneInASecond = accepted(crowded).length / 110;
    expect(doneInASecond / 500).toBeGreaterThan(0.85);
  });

  it('is everything again when the crowd has gone', () => {
    const crowd = load(20, 1_500, listing);
    const calm = load(20, 200, listing).map((arrival) => ({ ...arrival, at: arrival.at + 21_000 }));
    const outcomes = play([...crowd, ...calm], { workers, most: 1_000 }).filter(later(22));
    expect(accepted(outcomes)).toHaveLength(outcomes.length);
  });

  it('is not cut because some routes are slow by nature', () => {
    const mixed = load(60, 100, (random) =>
      random() < 0.3 ? { route: 'POST /v1/auth/login', read: false, workMs: 300 } : listing(random),
    );
    const outcomes = play(mixed, { workers: 100, most: 1_000 });
    expect(accepted(outcomes)).toHaveLength(outcomes.length);
  });

  it('finds its way when the upstream becomes slower for good', () => {
    const slower = load(180, 1_000, (random) => ({ ...listing(random), workMs: 60 + 20 * random() }));
    const before = load(20, 200, listing);
    const outcomes = play([...before, ...slower.map((each) => ({ ...each, at: each.at + 20_000 }))], {
      workers,
      most: 1_000,
    }).filter(later(120));
    // Ten at once, each 70 ms.
    expect(accepted(outcomes).length / 80 / (10_000 / 70)).toBeGreaterThan(0.8);
    expect(quantile(outcomes, 0.99) / 70).toBeLessThan(5);
  });

  it('leaves room for orders when reads crowd', () => {
    const mixed = load(60, 1_500, (random) =>
      random() < 0.05 ? { route: 'POST /v1/orders', read: false, workMs: 20 } : listing(random),
    );
    const outcomes = play(mixed, { workers, most: 1_000 }).filter(later(10));
    const share = (read: boolean): number => {
      const those = outcomes.filter((each) => each.read === read);
      return accepted(those).length / those.length;
    };
    expect(share(false)).toBeGreaterThan(2 * share(true));
  });

  it('is never more than the most that is allowed', () => {
    const limit = createConcurrencyLimit({ now: () => 0, most: 3 });
    const entered = Array.from({ length: 5 }, () => limit.enter({ route: 'a', read: false }));
    expect(entered.filter((leave) => leave === null)).toHaveLength(2);
    entered[0]?.();
    entered[0]?.();
    expect([limit.enter({ route: 'a', read: false }), limit.enter({ route: 'a', read: false })].map(Boolean)).toEqual([
      true,
      false,
    ]);
  });
});
