// A payment's life as tables: what the provider's word makes of it, and what we still want from the provider.
import type { PaymentStatus } from '../../contracts/payments.ts';
import type { ProviderPayout, ProviderStatus } from './providers/provider.ts';

/**
 * What was decided here and the provider has yet to do. Written down before the provider is called, so a crash forgets
 * nothing. `return` gives back money that nobody wanted: taken at the provider after the payment had ended here.
 */
export type Intent = 'capture' | 'void' | 'refund' | 'return';

/** By our status and the provider's word: the statuses to go through, each a change that is told. Old news leads nowhere. */
const paths: Readonly<Record<PaymentStatus, Partial<Readonly<Record<ProviderStatus, readonly PaymentStatus[]>>>>> = {
  in_progress: {
    authorized: ['authorized'],
    captured: ['authorized', 'captured'],
    refunded: ['authorized', 'captured', 'refunded'],
    declined: ['failed'],
    cancelled: ['failed'],
  },
  authorized: {
    captured: ['captured'],
    refunded: ['captured', 'refunded'],
    // The provider let the amount go, by our wish or because its time was up.
    cancelled: ['voided'],
    declined: ['voided'],
  },
  captured: { refunded: ['refunded'] },
  failed: {},
  voided: {},
  refunded: {},
};

export interface Heard {
  readonly path: readonly PaymentStatus[];
  readonly intent: Intent | null;
}

/** Whose word it is: an answer to us is about now, a webhook about some moment before. */
export type Source = 'answer' | 'webhook';

/** What follows when the provider says `word` of a payment. */
export function hear(status: PaymentStatus, intent: Intent | null, word: ProviderStatus, source: Source): Heard {
  const path = pathOf(status, intent, word);
  const end = path.at(-1) ?? status;
  // The buyer may still pay it, so it is looked after until it has ended there.
  if (status === 'in_progress' && end === 'voided' && word === 'lapsing') return { path, intent: 'return' };
  if ((end === 'failed' || end === 'voided') && (word === 'authorized' || word === 'captured')) {
    return { path, intent: 'return' };
  }
  return { path, intent: intent !== null && stillWanted(intent, end, word, source) ? intent : null };
}

function pathOf(status: PaymentStatus, intent: Intent | null, word: ProviderStatus): readonly PaymentStatus[] {
  if (status === 'in_progress' && intent === 'void') {
    if (word === 'cancelled' || word === 'lapsing') return ['voided'];
    // The buyer was quicker than the provider heard of our decision: it stands, nobody is told of a payment.
    if (word === 'authorized') return [];
  }
  return paths[status][word] ?? [];
}

function stillWanted(intent: Intent, status: PaymentStatus, word: ProviderStatus, source: Source): boolean {
  switch (intent) {
    case 'capture':
      return status === 'authorized';
    case 'void':
      return status === 'in_progress' || status === 'authorized';
    case 'refund':
      return status === 'captured';
    case 'return':
      return source === 'webhook' || !hasEnded(word);
    default:
      return intent satisfies never;
  }
}

const hasEnded = (word: ProviderStatus): boolean => word === 'cancelled' || word === 'declined' || word === 'refunded';

/** Statuses that nothing follows. */
export const isFinal = (status: PaymentStatus): boolean =>
  status === 'failed' || status === 'voided' || status === 'refunded';

/** The part of a payout's row that says which of its requests it knows of. */
export interface PayoutState {
  /** `waiting`: the seller has not said where to. */
  readonly status: ProviderPayout['status'] | 'waiting';
  readonly provider_id: string | null;
  readonly refusals: number;
}

/**
 * Whether an answer about a payout still counts. Several may be under way at once, also to requests of different keys, and
 * come in any order: a no to one of them must not hide that another one has begun the payout.
 * @param asked the row as it was when the provider was asked
 * @param present the row as it is now
 */
export function countsForPayout(asked: PayoutState, present: PayoutState, answer: ProviderPayout['status']): boolean {
  if (present.status === 'paid' || answer === 'paid') return present.status !== 'paid';
  const isOfPresent = asked.refusals === present.refusals;
  // The same request was refused when it came for the second time, and that was heard first.
  const wasHidden =
    present.status === 'failed' && present.provider_id === null && present.refusals === asked.refusals + 1;
  if (answer === 'pending') return isOfPresent || wasHidden;
  return isOfPresent && present.status === 'pending' && asked.provider_id === present.provider_id;
}

/** A refund that leaves something: the sale goes on. */
export const givesPart = ({
  intent,
  intent_amount,
}: {
  intent: Intent | null;
  intent_amount: number | null;
}): boolean => intent === 'refund' && intent_amount !== null;

/** What a caller may ask for: `do` it, it is `done` already, `later` (something else runs first), or `never`. */
export type Answer = 'do' | 'done' | 'later' | 'never';

export const answerTo = {
  capture(status: PaymentStatus, intent: Intent | null): Answer {
    if (status === 'captured') return 'done';
    if (status !== 'authorized' || intent === 'void') return 'never';
    return 'do';
  },
  void(status: PaymentStatus, intent: Intent | null): Answer {
    if (status === 'voided' || status === 'failed') return 'done';
    if (status === 'captured' || status === 'refunded') return 'never';
    return intent === 'capture' ? 'later' : 'do';
  },
  refund(status: PaymentStatus, intent: Intent | null): Answer {
    if (status === 'refunded') return 'done';
    if (status === 'authorized' && intent === 'capture') return 'later';
    return status === 'captured' ? 'do' : 'never';
  },
  /** `refund` decided earlier stands: the seller gets nothing. */
  payOut(status: PaymentStatus, intent: Intent | null): Answer {
    if (status === 'authorized' && intent === 'capture') return 'later';
    return status === 'captured' && intent === null ? 'do' : 'never';
  },
} as const;
