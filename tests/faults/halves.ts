// Each half alone: with the other zone's processes away, what is left has to carry a purchase to its end. A loop, a
// consumer or a pool that never recovered would not show as long as its twin does all the work.
import { type ProcessPlan, type Zone, zones } from './layout.ts';
import type { Load } from './load.ts';
import type { Part } from './part.ts';
import type { Stage } from './stage.ts';

/** Numbers that the load's own purchases never reach. */
const firstNumber = 10_000_000;
const purchasesOfEach = 2;

export async function provesHalves(
  { layout, parts }: Pick<Stage, 'layout' | 'parts'>,
  load: Pick<Load, 'buysOne'>,
): Promise<string[]> {
  const failures: string[] = [];
  for (const [index, zone] of zones.entries()) {
    const others = layout.processes.filter((plan) => plan.zone !== zone).flatMap((plan) => partOf(parts, plan));
    await Promise.all(others.map((part) => part.keepAway()));
    const numbers = Array.from(
      { length: purchasesOfEach },
      (_, count) => firstNumber + index * purchasesOfEach + count,
    );
    const bought = await Promise.all(numbers.map((number) => load.buysOne(number)));
    if (bought.includes(false)) failures.push(failure(zone, bought));
    await Promise.all(others.map((part) => part.letBack()));
  }
  return failures;
}

const partOf = (parts: ReadonlyMap<string, Part>, { name }: ProcessPlan): Part[] => {
  const part = parts.get(name);
  return part ? [part] : [];
};

const failure = (zone: Zone, bought: readonly boolean[]): string =>
  `zone ${zone} alone carried ${bought.filter(Boolean).length} of ${bought.length} purchases to their ends`;
