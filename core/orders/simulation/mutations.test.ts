// Whether the simulation finds what is wrong: each test breaks one thing, and some world must show it.
import { afterEach, describe, expect, it, vi } from 'vitest';
import type * as decide from '../decide.ts';
import type { SagaState } from '../decide.ts';
import type * as sagaModule from '../saga.ts';
import { type State, saga, type Transition } from '../saga.ts';
import { Coverage } from './coverage.testing.ts';
import { explore } from './explore.testing.ts';
import { type Product, product } from './product.testing.ts';

const mostSeeds = 20_000;

/** The defect of the first world that shows one. */
function found(broken: Partial<Product>): string {
  const coverage = new Coverage();
  const failed = explore({ product: { ...product, ...broken }, coverage, from: 0, seeds: mostSeeds });
  const { currentTestName: name } = expect.getState();
  if (!failed) expect.fail(`${name}: nobody noticed in ${mostSeeds} worlds`);
  console.log(`${name}: ${failed.defect} (${coverage.worlds} worlds)`);
  return failed.defect ?? '';
}

afterEach(() => {
  vi.doUnmock('../saga.ts');
  vi.resetModules();
});

/** The decisions over another table. */
async function withTable(change: Partial<Record<keyof typeof saga, Partial<State>>>): Promise<Partial<Product>> {
  const table = Object.fromEntries(
    Object.entries(saga).map(([status, state]) => [status, { ...state, ...change[status as keyof typeof saga] }]),
  ) as typeof saga;
  vi.resetModules();
  vi.doMock('../saga.ts', async (original) => ({
    ...(await original<typeof sagaModule>()),
    saga: table,
    next: (status: keyof typeof saga, event: keyof State['on']) => table[status].on[event] ?? null,
  }));
  return { decide: (await import('../decide.ts')) as typeof decide };
}

/** A line of the table that owes other commands. */
const owing = (status: keyof typeof saga, event: keyof State['on'], commands: Transition['commands'] = []) => ({
  [status]: { on: { ...saga[status].on, [event]: { ...saga[status].on[event], commands } } },
});

describe('a table', () => {
  it('that keeps the money of a paid order which the buyer cancels', async () => {
    const broken = await withTable(owing('paid', 'buyer_cancelled', ['cancel_shipment', 'release_ad']));
    expect(found(broken)).toMatch(/is cancelled, and its payment is authorized for hours/);
  });

  it('that keeps what was captured when the parcel is lost', async () => {
    expect(found(await withTable(owing('in_delivery', 'parcel_lost')))).toMatch(
      /is cancelled, and the payment is captured at the provider/,
    );
  });

  it('that gives the money back before it stops the parcel', async () => {
    const broken = owing('paid', 'buyer_cancelled', ['return_money', 'cancel_shipment', 'release_ad']);
    expect(found(await withTable(broken))).toMatch(/cancel_shipment can't be done/);
  });

  it('that does not stop the parcel', async () => {
    const broken = owing('paid', 'buyer_cancelled', ['return_money', 'release_ad']);
    expect(found(await withTable(broken))).toMatch(/was cancelled before the handover, its parcel is/);
  });

  it('that keeps an ad from sale after a cancellation', async () => {
    const broken = owing('paid', 'buyer_cancelled', ['cancel_shipment', 'return_money']);
    expect(found(await withTable(broken))).toMatch(/is cancelled, and its ad is/);
  });

  it('that sells an ad again whose goods are lost', async () => {
    const broken = owing('in_delivery', 'parcel_lost', ['return_money', 'release_ad']);
    expect(found(await withTable(broken))).toMatch(/its ad is (active|sold of)/);
  });

  it('that does not go on when the courier was quicker than the cancellation', async () => {
    const { compensated } = saga.cancelling.on;
    const broken = { cancelling: { on: compensated ? { compensated } : {} } };
    expect(found(await withTable(broken))).toMatch(/was cancelled before the handover, its parcel is/);
  });

  it('that waits for ever', async () => {
    const { timeout: _none, ...waiting } = saga.in_delivery;
    const broken = await withTable({ in_delivery: { ...waiting, timeout: undefined } as unknown as State });
    expect(found(broken)).toMatch(/was in_delivery for too long/);
  });

  it('that captures nothing', async () => {
    expect(found(await withTable(owing('paid', 'parcel_taken')))).toMatch(
      /is completed, and its payment is authorized/,
    );
  });
});

describe('a saga', () => {
  const real = product.decide;
  const withDecisions = (change: Partial<typeof decide>): Partial<Product> => ({ decide: { ...real, ...change } });

  it('that drops steps which were begun', () => {
    const dropping = (decision: decide.Decision | null, now: Date): decide.Decision | null => {
      const to = decision?.passages.at(-1)?.to;
      if (!decision || !to) return decision;
      const commands = decision.state.commands.map((command) =>
        saga[to].unwanted?.includes(command.step) && command.state === 'owed'
          ? { ...command, state: 'dropped' as const, finished_at: now }
          : command,
      );
      return { ...decision, state: { ...decision.state, commands } };
    };
    const broken = withDecisions({
      afterEvent: (state, event, now, rules) =>
        dropping(real.afterEvent(state, event, now, rules), now) as decide.Decision,
      afterCompensation: (state, now, rules) => dropping(real.afterCompensation(state, now, rules), now),
    });
    expect(found(broken)).toMatch(/cancel_shipment can't be done|its parcel is/);
  });

  it('that believes the failure of a try which another one has overtaken', () => {
    const broken = withDecisions({
      afterTry(state, { id }, outcome, now, rules) {
        const known = state.commands.find((command) => command.id === id);
        const reopened =
          known?.state === 'done' && outcome.result === 'failed'
            ? {
                ...state,
                commands: state.commands.map((each) => (each === known ? { ...each, state: 'owed' as const } : each)),
              }
            : state;
        return real.afterTry(reopened, { id, attempt: known?.attempts ?? 0 }, outcome, now, rules);
      },
    });
    expect(found(broken)).toMatch(/was done and is (owed|parked)/);
  });

  it('that hears everything once more', () => {
    const forgetful = (state: SagaState): SagaState => ({
      ...state,
      order: { ...state.order, payment_version: 0, delivery_version: 0 },
    });
    const broken = withDecisions({
      afterPaymentNews: (state, news, now, rules) => real.afterPaymentNews(forgetful(state), news, now, rules),
      afterParcelNews: (state, news, now, rules) => real.afterParcelNews(forgetful(state), news, now, rules),
    });
    expect(found({ ...broken, ways: { ...product.ways, inbox: false } })).toMatch(/thinks/);
  });

  it('that calls nobody', () => {
    const quiet = (decision: decide.Decision): decide.Decision => ({
      ...decision,
      state: { ...decision.state, order: { ...decision.state.order, needs_attention: null } },
    });
    const broken = withDecisions({ afterTry: (...tried) => quiet(real.afterTry(...tried)) });
    expect(found(broken)).toMatch(/has a parked step that nobody sees/);
  });

  it('that takes silence for success', () => {
    const broken = {
      answers: {
        outcomeOf: (...[step, code, why]: Parameters<typeof product.answers.outcomeOf>) =>
          code === 'timeout' ? ({ result: 'done' } as const) : product.answers.outcomeOf(step, code, why),
      },
    };
    expect(found(broken)).toMatch(/while its payment is authorized|and the payment is/);
  });

  it('that takes a cancellation which was refused for one that was made', () => {
    const broken = {
      answers: {
        outcomeOf(...[step, code, why]: Parameters<typeof product.answers.outcomeOf>) {
          const outcome = product.answers.outcomeOf(step, code, why);
          return outcome.result === 'refused' && step === 'cancel_shipment' ? ({ result: 'done' } as const) : outcome;
        },
      },
    };
    expect(found(broken)).toMatch(/was cancelled before the handover, its parcel is/);
  });
});

describe('payments', () => {
  const real = product.payments;
  const withRules = (change: Partial<typeof real>): Partial<Product> => ({ payments: { ...real, ...change } });
  const withAnswers = (change: Partial<typeof real.answerTo>) =>
    withRules({ answerTo: { ...real.answerTo, ...change } });

  it('that keep money which nobody wanted', () => {
    const broken = withRules({
      hear(...heard) {
        const { path, intent } = real.hear(...heard);
        return { path, intent: intent === 'return' ? null : intent };
      },
    });
    expect(found(broken)).toMatch(/is cancelled, and its payment is authorized for hours/);
  });

  it('that pay sellers whatever the buyer got back', () => {
    expect(found(withAnswers({ payOut: () => 'do' }))).toMatch(/the seller was paid/);
  });

  it('that take a decision for its outcome', () => {
    const broken = withAnswers({
      void: (status, intent) => (intent === 'void' ? 'done' : real.answerTo.void(status, intent)),
    });
    expect(found(broken)).toMatch(/is cancelled while its payment is authorized/);
  });

  it('that let a late answer hide a payout', () => {
    expect(found(withRules({ countsForPayout: (_asked, { status }) => status === 'pending' }))).toMatch(/payout/);
  });
});

describe('delivery', () => {
  const real = product.delivery;
  const withRules = (change: Partial<typeof real>): Partial<Product> => ({ delivery: { ...real, ...change } });

  it('that never tells the courier to stop', () => {
    expect(found(withRules({ answerToCancel: () => 'done' }))).toMatch(/could not be cancelled although/);
  });

  it('that follows old news backwards', () => {
    const broken = withRules({ hear: (stage, word) => (stage === word ? [] : [word]) });
    expect(found(broken)).toMatch(/its parcel is|the parcel is/);
  });

  it('that lets a parcel stray which the courier had refused', () => {
    expect(found(withRules({ isUnwanted: () => false }))).toMatch(/at the courier/);
  });
});

describe('ads', () => {
  const real = product.holds;
  const withRules = (change: Partial<typeof real>): Partial<Product> => ({ holds: { ...real, ...change } });

  it('that sell to whoever asks', () => {
    const broken = withRules({
      sold: (ad, orderId) => ({ ...ad, status: 'sold', order_id: orderId, reserved_until: null }),
    });
    expect(found(broken)).toMatch(/its ad is/);
  });

  it('that let anybody end a hold', () => {
    const broken = withRules({ released: (ad) => ({ ...real.backOnSale(ad), order_id: null }) });
    expect(found(broken)).toMatch(/its ad is/);
  });

  it('that hold for two', () => {
    const broken = withRules({
      reserved: (ad, { orderId, until }) => ({ ...ad, status: 'reserved', order_id: orderId, reserved_until: until }),
    });
    expect(found(broken)).toMatch(/its ad is/);
  });
});

describe('ways of writing down', () => {
  const withWays = (change: Partial<Product['ways']>): Partial<Product> => ({ ways: { ...product.ways, ...change } });

  it('that tell of something in another transaction', () => {
    expect(found(withWays({ outbox: false }))).toMatch(/thinks/);
  });

  it('that keep a timer in memory', () => {
    expect(found(withWays({ timerInRow: false }))).toMatch(/for too long/);
  });

  it('that ask companies without keys', () => {
    expect(found(withWays({ companyKeys: false }))).toMatch(/payout|refused|cancelled/);
  });
});
