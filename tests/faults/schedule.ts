// Which faults come when: a plan that hangs on the seed alone.
import type { FaultKind } from './faults.ts';
import type { Layout } from './layout.ts';
import { between, luckOf } from './luck.ts';

export interface PlannedFault {
  readonly number: number;
  readonly kind: FaultKind;
  readonly target: string;
  /** Since the beginning. */
  readonly atMs: number;
  readonly forMs: number;
}

export interface PlanOptions {
  readonly seed: number;
  readonly kinds: readonly FaultKind[];
  readonly layout: Layout;
  readonly durationMs: number;
  /** From one to the next, on average. */
  readonly everyMs: number;
  /** How many may be under way at the same time. */
  readonly atOnce: number;
}

interface Busy {
  readonly target: string;
  readonly untilMs: number;
}

/** Tries to find one that fits in now; after that the moment passes. */
const mostTries = 20;

/**
 * Kinds are drawn as from a bag, each as often as its weight says before any comes again more often: also a short run
 * meets almost all of them. What is struck is left alone until it works again.
 */
export function planFaults({ seed, kinds, layout, durationMs, everyMs, atOnce }: PlanOptions): PlannedFault[] {
  const luck = luckOf(seed, 'faults');
  const planned: PlannedFault[] = [];
  let busy: Busy[] = [];
  let bag: FaultKind[] = [];
  const draw = (): FaultKind => {
    if (bag.length === 0) bag = luck.shuffle(kinds.flatMap((kind) => Array.from({ length: kind.weight }, () => kind)));
    const kind = bag.pop();
    if (!kind) throw new Error('there are no kinds of faults');
    return kind;
  };
  const targetOf = (kind: FaultKind): string => {
    const [first, ...others] = kind.targets(layout).filter((group) => group.length > 0);
    if (!first) throw new Error(`${kind.name} has nothing to strike`);
    const [target, ...rest] = luck.pick([first, ...others]);
    return luck.pick([target ?? '', ...rest]);
  };

  for (let atMs = between(luck, 0, everyMs); atMs < durationMs; atMs += between(luck, 0.2, 1.8) * everyMs) {
    busy = busy.filter(({ untilMs }) => untilMs > atMs);
    if (busy.length >= atOnce) continue;
    const passedOver: FaultKind[] = [];
    for (let tries = 0; tries < mostTries; tries += 1) {
      const kind = draw();
      const target = targetOf(kind);
      if (busy.some((each) => each.target === target)) {
        passedOver.push(kind);
        continue;
      }
      const forMs = Math.min(between(luck, ...kind.seconds) * 1000, durationMs - atMs);
      busy.push({ target, untilMs: atMs + forMs + kind.recoverySeconds * 1000 });
      planned.push({ number: planned.length + 1, kind, target, atMs: Math.round(atMs), forMs: Math.round(forMs) });
      break;
    }
    bag.unshift(...passedOver);
  }
  return planned;
}
