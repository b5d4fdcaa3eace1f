// A parcel's way as a table of ranks: what the courier's word makes of it.
import type { DeliveryStage } from '../../contracts/delivery.ts';
import type { CourierStage } from './couriers/courier.ts';

/** Higher is later. Who has two ranks alike can't follow each other. */
const ranks: Readonly<Record<DeliveryStage, number>> = {
  created: 1,
  accepted: 2,
  in_transit: 3,
  at_pickup_point: 4,
  delivered: 5,
  returned: 9,
  lost: 9,
  cancelled: 9,
};

/** Stages that nothing follows. A delivered parcel may still come back. */
export const isFinal = (stage: DeliveryStage | null): boolean =>
  stage === 'returned' || stage === 'lost' || stage === 'cancelled';

/**
 * The stages to go through when the courier says `word`; empty for what is old or known. Stages that were skipped are
 * not invented, except that a parcel which is anywhere was registered. `null` is a parcel whose registration is not
 * known to have happened.
 */
export function hear(stage: DeliveryStage | null, word: CourierStage): readonly DeliveryStage[] {
  if (word === null) return [];
  // What was never registered is not there to be stopped. A parcel that has moved since was registered all the same.
  if (word === 'refused') return stage === null || stage === 'created' ? ['cancelled'] : [];
  if (stage === null) return word === 'created' ? ['created'] : ['created', word];
  if (isFinal(stage)) return [];
  if (stage === 'delivered') return word === 'returned' ? ['returned'] : [];
  return ranks[word] > ranks[stage] ? [word] : [];
}

/**
 * The courier has a parcel that is cancelled here: it had said no to it, and yes when the same request came to it once
 * more. The no was told, so the parcel has to be stopped.
 */
export const isUnwanted = (stage: DeliveryStage | null, word: CourierStage): boolean =>
  stage === 'cancelled' && word !== null && word !== 'refused' && !isFinal(word);

/** Whether a cancellation can be asked for: `do` it, it is `done` already, or `never`: the courier has the parcel. */
export function answerToCancel(stage: DeliveryStage | null): 'do' | 'done' | 'never' {
  if (stage === 'cancelled') return 'done';
  return stage === null || stage === 'created' ? 'do' : 'never';
}
