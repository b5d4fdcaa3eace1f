// What the answer to a step's call means to the saga, when it is not the one that was hoped for.
import { type ProblemCode, problems } from '../../contracts/problem.ts';
import type { Outcome } from './decide.ts';
import type { SagaEvent, Step } from './saga.ts';

/** The target, or somebody behind it, was not there, or had no time. Anything else is an answer, also a bad one. */
const silences: readonly ProblemCode[] = [
  'unavailable',
  'payment-unavailable',
  'delivery-unavailable',
  'timeout',
  'too-many-requests',
  'request-in-progress',
];

/** What was never made needs no undoing. */
const undoing: readonly Step[] = ['cancel_shipment', 'return_money'];

/** What a final no leads to: an event of the saga, nothing that it knows (null), or what was wanted all the same. */
const refusals: Partial<Readonly<Record<Step, SagaEvent | 'done' | null>>> = {
  mark_ad_sold: 'ad_refused',
  create_shipment: 'parcel_refused',
  capture_payment: null,
  pay_out_seller: null,
  cancel_shipment: 'cancellation_refused',
  return_money: null,
  // An ad that is gone, or that this order no longer holds, needs no release.
  release_ad: 'done',
};

/** After a call that failed with this problem, or with something that is none (null). */
export function outcomeOf(step: Step, code: ProblemCode | null, why: string): Outcome {
  if (code === 'not-found' && undoing.includes(step)) return { result: 'done', nothing: why };
  const event = refusals[step];
  if (code === null || event === undefined || !isRefusal(code))
    return { result: 'failed', answered: code === null || !silences.includes(code), why };
  return event === 'done' ? { result: 'done' } : { result: 'refused', event, why };
}

/** Refusals are rules speaking (4xx); trouble on the way (5xx, too many requests, still running) passes. */
export const isRefusal = (code: ProblemCode): boolean => problems[code][0] < 500 && !silences.includes(code);
