import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PaymentStatus, paymentStatuses } from '../../contracts/payments.ts';
import type { ProviderStatus } from './providers/provider.ts';
import { answerTo, countsForPayout, hear, type Intent, isFinal, type PayoutState } from './rules.ts';

const words: readonly ProviderStatus[] = [
  'pending',
  'lapsing',
  'authorized',
  'captured',
  'cancelled',
  'declined',
  'refunded',
];
const intents: readonly (Intent | null)[] = [null, 'capture', 'void', 'refund', 'return'];
/** The life of a payment, as its users know it. */
const follows: Readonly<Record<PaymentStatus, readonly PaymentStatus[]>> = {
  in_progress: ['authorized', 'failed', 'voided'],
  authorized: ['captured', 'voided'],
  captured: ['refunded'],
  failed: [],
  voided: [],
  refunded: [],
};
/** All that can happen to one payment at a provider, in order. */
const histories: readonly (readonly ProviderStatus[])[] = [
  ['pending', 'declined'],
  ['pending', 'cancelled'],
  ['pending', 'authorized', 'cancelled'],
  ['pending', 'authorized', 'captured'],
  ['pending', 'authorized', 'captured', 'refunded'],
];
const anyWord = fc.constantFrom(...words);
const anySource = fc.constantFrom('answer' as const, 'webhook' as const);

const play = (told: readonly ProviderStatus[]) => {
  let status: PaymentStatus = 'in_progress';
  let intent: Intent | null = null;
  const path: PaymentStatus[] = [];
  for (const word of told) {
    const heard = hear(status, intent, word, 'webhook');
    path.push(...heard.path);
    status = heard.path.at(-1) ?? status;
    intent = heard.intent;
  }
  return { status, intent, path };
};

describe('a payment', () => {
  it('only ever takes steps of its life, whatever the provider says', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...paymentStatuses),
        fc.constantFrom(...intents),
        anyWord,
        anySource,
        (from, intent, word, source) => {
          let status = from;
          for (const next of hear(from, intent, word, source).path) {
            expect(follows[status]).toContain(next);
            status = next;
          }
          if (isFinal(from)) expect(status).toBe(from);
        },
      ),
    );
  });

  it('ends the same, without a step back, in whatever order and however often webhooks come', () => {
    fc.assert(
      fc.property(
        fc
          .constantFrom(...histories)
          .chain((history) =>
            fc
              .tuple(
                fc.shuffledSubarray([...history], { minLength: history.length }),
                fc.array(fc.constantFrom(...history), { maxLength: 5 }),
              )
              .map(([shuffled, again]) => ({ history, told: [...shuffled, ...again] })),
          ),
        ({ history, told }) => {
          const inOrder = play(history);
          const mixed = play(told);
          expect(new Set(mixed.path).size).toBe(mixed.path.length);
          // An authorisation that was let go may be heard of in the wrong order: no money was kept either way.
          if (inOrder.status === 'voided') expect(['voided', 'failed']).toContain(mixed.status);
          else expect(mixed.status).toBe(inOrder.status);
        },
      ),
    );
  });

  it('that can’t be called off is given up here, and looked after until it has ended there', () => {
    expect(hear('in_progress', 'void', 'lapsing', 'answer')).toEqual({ path: ['voided'], intent: 'return' });
    expect(hear('voided', 'return', 'lapsing', 'answer').intent).toBe('return');
    expect(hear('voided', 'return', 'authorized', 'answer').intent).toBe('return');
    expect(hear('voided', 'return', 'cancelled', 'answer').intent).toBeNull();
    // Nobody wanted it to end.
    expect(hear('in_progress', null, 'lapsing', 'answer')).toEqual({ path: [], intent: null });
  });

  it('that has ended here wants back what the provider took afterwards', () => {
    for (const status of ['failed', 'voided'] as const) {
      for (const word of ['authorized', 'captured'] as const) {
        expect(hear(status, null, word, 'webhook')).toEqual({ path: [], intent: 'return' });
      }
    }
    // Only the provider's present word says that it gave it back.
    expect(hear('voided', 'return', 'cancelled', 'webhook').intent).toBe('return');
    expect(hear('voided', 'return', 'cancelled', 'answer').intent).toBeNull();
  });

  it('keeps a wish only where it can still come true', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...paymentStatuses),
        fc.constantFrom('capture' as const, 'void' as const, 'refund' as const),
        anyWord,
        anySource,
        (from, intent, word, source) => {
          const { path, intent: left } = hear(from, intent, word, source);
          if (left !== intent) return;
          expect(answerTo[intent](path.at(-1) ?? from, left)).toBe('do');
        },
      ),
    );
  });
});

describe('an answer about a payout', () => {
  const row = (status: PayoutState['status'], provider_id: string | null, refusals = 0): PayoutState => ({
    status,
    provider_id,
    refusals,
  });
  const asked = row('pending', null);

  it('counts while nothing else has come', () => {
    for (const answer of ['pending', 'paid', 'failed'] as const)
      expect(countsForPayout(asked, asked, answer)).toBe(true);
  });

  it('that it is paid counts always, and nothing counts after that', () => {
    for (const present of [row('failed', null, 1), row('pending', 'out_2', 1)])
      expect(countsForPayout(asked, present, 'paid')).toBe(true);
    for (const answer of ['pending', 'paid', 'failed'] as const)
      expect(countsForPayout(asked, row('paid', 'out_1'), answer)).toBe(false);
  });

  it('that it has begun counts also after a no to the same request, and not when another one was made since', () => {
    expect(countsForPayout(asked, row('failed', null, 1), 'pending')).toBe(true);
    expect(countsForPayout(asked, row('failed', 'out_1', 1), 'pending')).toBe(false);
    expect(countsForPayout(asked, row('pending', null, 1), 'pending')).toBe(false);
    expect(countsForPayout(asked, row('pending', 'out_2', 1), 'pending')).toBe(false);
  });

  it('that it is refused counts only while nobody knows better', () => {
    expect(countsForPayout(asked, row('pending', 'out_1'), 'failed')).toBe(false);
    expect(countsForPayout(asked, row('pending', null, 1), 'failed')).toBe(false);
    expect(countsForPayout(asked, row('failed', null, 1), 'failed')).toBe(false);
    expect(countsForPayout(row('pending', 'out_1'), row('pending', 'out_1'), 'failed')).toBe(true);
  });
});
