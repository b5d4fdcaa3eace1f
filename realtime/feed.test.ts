import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChannelMessage, Position } from '../contracts/stream.ts';
import type { CatchUp } from '../contracts/stream-watch.ts';
import { Past, Witness } from './continuity.testing.ts';
import { Feed } from './feed.ts';
import type { Appended, History, Listener } from './history.ts';
import { silentLog } from './log.ts';
import { createMetrics } from './metrics.ts';

/** A history behind a network: each step happens only when the test says so, and wake-ups can be cut. */
class SteppedHistory implements History {
  readonly ageMs = 0;
  readonly past = new Past();
  readonly #listeners = new Set<Listener>();
  readonly #toListen: (() => void)[] = [];
  readonly #toRead: (() => void)[] = [];
  readonly #toAnswer: (() => void)[] = [];
  readonly #toDeliver: ChannelMessage[] = [];
  #cut = false;

  say(step: number): void {
    const message = this.past.say(step);
    if (!this.#cut && this.#listeners.size > 0) this.#toDeliver.push(message);
  }

  cut(): void {
    this.#cut = true;
    this.#toDeliver.length = 0;
  }

  restore(): void {
    if (!this.#cut) return;
    this.#cut = false;
    this.#interrupt();
  }

  renew(): void {
    this.past.renew();
    if (!this.#cut) this.#interrupt();
  }

  /** Lets the next waiting thing of a kind happen; false when none waits. */
  step(kind: 'listen' | 'read' | 'answer' | 'deliver'): boolean {
    if (kind === 'deliver') {
      const message = this.#toDeliver.shift();
      if (message) for (const listener of this.#listeners) listener.message(message);
      return message !== undefined;
    }
    const next = { listen: this.#toListen, read: this.#toRead, answer: this.#toAnswer }[kind].shift();
    next?.();
    return next !== undefined;
  }

  append(): Promise<readonly Appended[]> {
    throw new Error('messages are said here, not bridged');
  }

  async probe(): Promise<void> {}

  skip(): Promise<void> {
    throw new Error('messages are said here, not bridged');
  }

  read(_channel: string, since?: Position): Promise<CatchUp> {
    return new Promise((resolve) => {
      // Between reading and the answer's arrival the world goes on.
      this.#toRead.push(() => {
        const found = this.past.read(since);
        this.#toAnswer.push(() => resolve(found));
      });
    });
  }

  listen(_channel: string, listener: Listener): Promise<AsyncDisposable> {
    return new Promise((resolve) => {
      this.#toListen.push(() => {
        this.#listeners.add(listener);
        resolve({ [Symbol.asyncDispose]: async () => void this.#listeners.delete(listener) });
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #interrupt(): void {
    for (const listener of this.#listeners) listener.interrupted();
  }
}

const command = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('say' as const), step: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('listen' as const, 'read' as const, 'answer' as const, 'deliver' as const),
    }),
  },
  // Now and then everything arrives, so that what comes next meets an old channel.
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('join' as const), since: fc.option(fc.nat({ max: 20 })) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'restore' as const, 'leave' as const) }) },
);
const forgetting = fc.oneof(
  { weight: 15, arbitrary: command },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('renew' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('prune' as const), count: fc.integer({ min: 1, max: 4 }) }) },
);
type Command = typeof forgetting extends fc.Arbitrary<infer Each> ? Each : never;

const metrics = createMetrics();
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function play(commands: readonly Command[]): Promise<string[]> {
  const history = new SteppedHistory();
  const feed = new Feed({
    channel: 'user:a',
    history,
    log: silentLog,
    metrics,
    maxKept: 1_000,
    onEmpty: () => {},
    onFailed: () => {},
  });
  const places: Position[] = [history.past.head];
  const present: { witness: Witness; detach: () => void }[] = [];

  for (const each of commands) {
    switch (each.do) {
      case 'say':
        history.say(each.step);
        places.push(history.past.head);
        break;
      case 'join': {
        const since = each.since === null ? undefined : places[each.since % places.length];
        const witness = new Witness(history.past, since);
        const attachment = feed.attach(since, witness);
        void attachment.caughtUp.then((found) => {
          witness.caughtUp(found);
          attachment.start();
        });
        present.push({ witness, detach: attachment.detach });
        break;
      }
      case 'settle':
        do await turn();
        while (history.step('listen') || history.step('read') || history.step('answer') || history.step('deliver'));
        break;
      case 'leave':
        present.shift()?.detach();
        break;
      case 'cut':
        history.cut();
        break;
      case 'restore':
        history.restore();
        break;
      case 'renew':
        history.renew();
        break;
      case 'prune':
        history.past.prune(each.count);
        break;
      default:
        history.step(each.do);
    }
    await turn();
  }

  history.restore();
  // One more message, so that a loss that only the next one shows is shown.
  do await turn();
  while (history.step('listen') || history.step('read') || history.step('answer') || history.step('deliver'));
  history.say(1);
  do await turn();
  while (history.step('deliver') || history.step('read') || history.step('answer'));
  await feed[Symbol.asyncDispose]();
  return present.flatMap(({ witness }) => witness.check());
}

describe('a channel at a realtime node', () => {
  it('hands over every message once and in order, in whatever order subscribing, reading, publishing and cuts happen', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 60, size: 'max' }), async (commands) => {
        expect(await play(commands)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('admits what is lost when the history forgets meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(forgetting, { maxLength: 60, size: 'max' }), async (commands) => {
        expect(await play(commands)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
