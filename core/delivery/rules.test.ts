import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DeliveryStage, deliveryStages } from '../../contracts/delivery.ts';
import { answerToCancel, hear, isFinal, isUnwanted } from './rules.ts';

const way: readonly DeliveryStage[] = ['created', 'accepted', 'in_transit', 'at_pickup_point', 'delivered'];
const anyStage = fc.constantFrom(...deliveryStages);

const play = (told: readonly DeliveryStage[]) => {
  let stage: DeliveryStage | null = null;
  const path: DeliveryStage[] = [];
  for (const word of told) {
    const steps = hear(stage, word);
    path.push(...steps);
    stage = steps.at(-1) ?? stage;
  }
  return { stage, path };
};

describe('a parcel', () => {
  it('takes no step back and no step twice, whatever is told in whatever order', () => {
    fc.assert(
      fc.property(fc.array(anyStage, { maxLength: 20 }), (told) => {
        const { path } = play(told);
        expect(new Set(path).size).toBe(path.length);
        const onWay = path.filter((stage) => way.includes(stage)).map((stage) => way.indexOf(stage));
        expect(onWay).toEqual(onWay.toSorted((a, b) => a - b));
        const end = path.findIndex((stage) => isFinal(stage));
        if (end >= 0) expect(path).toHaveLength(end + 1);
        // Nothing was invented but the registration.
        for (const stage of path) if (stage !== 'created') expect(told).toContain(stage);
      }),
    );
  });

  it('is where the latest of what was told says, in any order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...way], { minLength: 1 }), (told) => {
        const latest = Math.max(...told.map((stage) => way.indexOf(stage)));
        expect(play(told).stage).toBe(way[latest]);
      }),
    );
  });

  it('may come back after it was delivered, and is not lost then', () => {
    expect(hear('delivered', 'returned')).toEqual(['returned']);
    expect(hear('delivered', 'lost')).toEqual([]);
    expect(hear('delivered', 'cancelled')).toEqual([]);
  });

  it('can be cancelled only before the courier has it', () => {
    const answers = deliveryStages.map((stage) => [stage, answerToCancel(stage)]);
    expect(Object.fromEntries(answers)).toMatchObject({
      created: 'do',
      cancelled: 'done',
      accepted: 'never',
      lost: 'never',
    });
    expect(answers.filter(([, answer]) => answer === 'do')).toHaveLength(1);
  });

  it('that is cancelled here is unwanted for as long as the courier has it', () => {
    const unwanted = deliveryStages.filter((word) => isUnwanted('cancelled', word));
    expect(unwanted).toEqual(way);
    for (const stage of [null, ...deliveryStages])
      if (stage !== 'cancelled') expect(deliveryStages.some((word) => isUnwanted(stage, word))).toBe(false);
  });
});
