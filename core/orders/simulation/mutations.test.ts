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

/** Fails unless some world shows that this is broken: by what is wrong with an order, not by breaking itself. */
function find(broken: Partial<Product>): void {
  const coverage = new Coverage();
  const failed = explore({ product: { ...product, ...broken }, coverage, from: 0, seeds: mostSeeds });
  const { currentTestName: name } = expect.getState();
  if (!failed) expect.fail(`nobody noticed in ${mostSeeds} worlds`);
  expect(failed.defect).not.toContain('it broke');
  console.log(`${name}: ${failed.defect} (${coverage.worlds} worlds)`);
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
    find(broken);
  });

  it('that keeps what was captured when the parcel is lost', async () => {
    find(await withTable(owing('in_delivery', 'parcel_lost')));
  });

  it('that gives the money back before it stops the parcel', async () => {
    const broken = owing('paid', 'buyer_cancelled', ['return_money', 'cancel_shipment', 'release_ad']);
    find(await withTable(broken));
  });

  it('that does not stop the parcel', async () => {
    const broken = owing('paid', 'buyer_cancelled', ['return_money', 'release_ad']);
    find(await withTable(broken));
  });

  it('that keeps an ad from sale after a cancellation', async () => {
    const broken = owing('paid', 'buyer_cancelled', ['cancel_shipment', 'return_money']);
    find(await withTable(broken));
  });

  it('that sells an ad again whose goods are lost', async () => {
    const broken = owing('in_delivery', 'parcel_lost', ['return_money', 'release_ad']);
    find(await withTable(broken));
  });

  it('that does not go on when the courier was quicker than the cancellation', async () => {
    const { compensated } = saga.cancelling.on;
    const broken = { cancelling: { on: compensated ? { compensated } : {} } };
    find(await withTable(broken));
  });

  it('that waits for ever', async () => {
    const { timeout: _none, ...waiting } = saga.in_delivery;
    const broken = await withTable({ in_delivery: { ...waiting, timeout: undefined } as unknown as State });
    find(broken);
  });

  it('that captures nothing', async () => {
    find(await withTable(owing('paid', 'parcel_taken')));
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
    find(broken);
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
    find(broken);
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
    find({ ...broken, ways: { ...product.ways, inbox: false } });
  });

  it('that calls nobody', () => {
    const quiet = (decision: decide.Decision): decide.Decision => ({
      ...decision,
      state: { ...decision.state, order: { ...decision.state.order, needs_attention: null } },
    });
    const broken = withDecisions({ afterTry: (...tried) => quiet(real.afterTry(...tried)) });
    find(broken);
  });

  it('that takes silence for success', () => {
    const broken = {
      answers: {
        outcomeOf: (...[step, code, why]: Parameters<typeof product.answers.outcomeOf>) =>
          code === 'timeout' ? ({ result: 'done' } as const) : product.answers.outcomeOf(step, code, why),
      },
    };
    find(broken);
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
    find(broken);
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
    find(broken);
  });

  it('that pay sellers whatever the buyer got back', () => {
    find(withAnswers({ payOut: () => 'do' }));
  });

  it('that take a decision for its outcome', () => {
    const broken = withAnswers({
      void: (status, intent) => (intent === 'void' ? 'done' : real.answerTo.void(status, intent)),
    });
    find(broken);
  });
});

describe('delivery', () => {
  const real = product.delivery;
  const withRules = (change: Partial<typeof real>): Partial<Product> => ({ delivery: { ...real, ...change } });

  it('that never tells the courier to stop', () => {
    find(withRules({ answerToCancel: () => 'done' }));
  });

  it('that follows old news backwards', () => {
    const broken = withRules({
      hear: (stage, word) => (word === null || word === 'refused' || stage === word ? [] : [word]),
    });
    find(broken);
  });

  it('that lets a parcel stray which the courier had refused', () => {
    find(withRules({ isUnwanted: () => false }));
  });
});

describe('ads', () => {
  const real = product.holds;
  const withRules = (change: Partial<typeof real>): Partial<Product> => ({ holds: { ...real, ...change } });

  it('that sell to whoever asks', () => {
    const broken = withRules({
      sold: (ad, orderId) => ({ ...ad, status: 'sold', order_id: orderId, reserved_until: null }),
    });
    find(broken);
  });

  it('that let anybody end a hold', () => {
    const broken = withRules({ released: (ad) => ({ ...real.backOnSale(ad), order_id: null }) });
    find(broken);
  });

  it('that hold for two', () => {
    const broken = withRules({
      reserved: (ad, { orderId, until }) => ({ ...ad, status: 'reserved', order_id: orderId, reserved_until: until }),
    });
    find(broken);
  });
});

describe('ways of writing down', () => {
  const withWays = (change: Partial<Product['ways']>): Partial<Product> => ({ ways: { ...product.ways, ...change } });

  it('that tell of something in another transaction', () => {
    find(withWays({ outbox: false }));
  });

  it('that keep a timer in memory', () => {
    find(withWays({ timerInRow: false }));
  });

  it('that ask companies without keys', () => {
    find(withWays({ companyKeys: false }));
  });
});
