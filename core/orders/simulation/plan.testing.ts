// What chance decides about a world before it begins: who buys what, how long things may take, and what goes wrong there.
// Most worlds have only a few kinds of trouble, but much of those: together they would hide one another.
import type { Chance } from '../../ads/seed/random.ts';
import type { Patience } from '../../platform/patience.ts';
import type { Rules } from '../decide.ts';
import type { CourierHabits } from './courier.testing.ts';
import { fair, spread, type Weather } from './engine.testing.ts';
import { clear, type Roads } from './network.testing.ts';
import type { Purchase } from './orders.testing.ts';
import type { ProviderHabits } from './provider.testing.ts';
import { once, type Repeats } from './topics.testing.ts';

export interface Plan {
  readonly ads: number;
  readonly purchases: readonly (Purchase & { readonly atMs: number })[];
  readonly timeoutSeconds: Rules['timeoutSeconds'];
  readonly patience: Patience;
  readonly people: Habits;
  readonly weather: Weather;
  readonly roads: Roads;
  readonly repeats: Repeats;
  readonly provider: ProviderHabits;
  readonly courier: CourierHabits;
  readonly webhooksInOrder: boolean;
  readonly outages: readonly Outage[];
  /** From this step on nothing goes wrong any more. */
  readonly calmAfterSteps: number;
}

/** What people do, each as a probability. */
export interface Habits {
  readonly pays: number;
  readonly declines: number;
  /** At each status that the buyer sees. */
  readonly cancels: number;
  readonly accepts: number;
  /** At each stage of the parcel. */
  readonly mishap: number;
  readonly stalls: number;
  readonly lapses: number;
  /** Whether anybody looks at orders that need a person. */
  readonly operatorComes: boolean;
  readonly operatorSkips: number;
  /** Takes an order back that is in no trouble. */
  readonly operatorMeddles: number;
}

export interface Outage {
  readonly who: 'ads' | 'payments' | 'delivery' | 'notices' | 'provider' | 'courier';
  readonly atMs: number;
  readonly forMs: number;
}

const minute = 60_000;
const longestOutageMs = 40 * minute;
const outages = ['ads', 'payments', 'delivery', 'notices', 'provider', 'courier'] as const;

export function planOf(chance: Chance): Plan {
  const sometimes = (probability: number): boolean => chance.next() < probability;
  const peaceful = sometimes(0.12);
  const rate = (most: number): number => (peaceful || sometimes(0.55) ? 0 : most * chance.next() ** 2);
  // The ads are away from the payment until the hold has run out, and others wait for this one.
  const isHoldLost = !peaceful && sometimes(0.05);
  const ads = isHoldLost || sometimes(0.85) ? 1 : 2;
  const buyers = isHoldLost ? 3 : chance.pick([1, 1, 2, 2, 3]);
  const purchases = Array.from({ length: buyers }, (_, key) => ({
    key,
    buyer: key,
    ad: chance.whole(0, ads - 1),
    wish: { method: chance.pick(['door', 'pickup'] as const), refused: sometimes(0.06), quoted: !sometimes(0.04) },
    atMs: key === 0 ? 0 : spread(chance, 60 * minute),
  }));
  return {
    ads,
    purchases,
    timeoutSeconds: {
      payment: isHoldLost ? 60 : chance.pick([60, 300, 900]),
      handover: chance.pick([300, 2_400]),
      delivery: chance.pick([600, 3_600]),
      acceptance: chance.pick([300, 1_800]),
    },
    patience: {
      failures: chance.pick([2, 3, 5]),
      giveUpAfterMs: chance.pick([5 * minute, 20 * minute]),
      lateAfterMs: chance.pick([minute, 5 * minute]),
    },
    people: {
      pays: chance.pick([1, 0.9, 0.6]),
      declines: chance.pick([0, 0.1]),
      cancels: chance.pick([0, 0, 0.15, 0.4]),
      accepts: chance.pick([1, 0.5]),
      mishap: chance.pick([0, 0.05, 0.2]),
      stalls: chance.pick([0, 0.05, 0.2]),
      lapses: chance.pick([0, 0, 0.1]),
      operatorComes: sometimes(0.85),
      operatorSkips: chance.pick([0, 0, 0.3]),
      operatorMeddles: chance.pick([0, 0, 0.2]),
    },
    weather: peaceful
      ? fair
      : {
          crash: rate(0.05),
          freeze: rate(0.05),
          delay: rate(0.25),
          hurry: rate(0.15),
          skew: rate(0.05),
          jump: sometimes(0.8) ? 0 : 0.3,
        },
    roads: peaceful
      ? clear
      : {
          lostRequest: rate(0.3),
          lostAnswer: rate(0.3),
          twice: rate(0.3),
          lateRequest: rate(0.2),
          broken: rate(0.4),
        },
    repeats: peaceful ? once : { sentAgain: rate(0.4), readAgain: rate(0.4), putAside: rate(0.15) },
    provider: {
      refuses: sometimes(0.7) ? 0 : rate(0.3),
      slowPayouts: sometimes(0.2),
      failedPayouts: sometimes(0.5) ? 0 : 0.5,
    },
    courier: { refuses: sometimes(0.7) ? 0 : rate(0.3) },
    webhooksInOrder: sometimes(0.5),
    outages: isHoldLost
      ? [{ who: 'ads', atMs: chance.whole(50, 20_000), forMs: chance.whole(12 * minute, 20 * minute) }]
      : peaceful || sometimes(0.6)
        ? []
        : Array.from({ length: chance.whole(1, 2) }, () => outageOf(chance)),
    calmAfterSteps: chance.whole(50, 700),
  };
}

const outageOf = (chance: Chance): Outage => ({
  who: chance.pick(outages),
  atMs: spread(chance, 60 * minute),
  forMs: chance.next() < 0.3 ? chance.whole(12 * minute, longestOutageMs) : spread(chance, longestOutageMs),
});
