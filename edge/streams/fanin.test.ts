import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { MuxReply, MuxRequest, Position } from '../../contracts/stream.ts';
import { Past, Witness } from '../../realtime/continuity.testing.ts';
import type { EdgeSocket } from '../platform.ts';
import { createFanIn } from './fanin.ts';
import { silentLog } from './world.testing.ts';

const channel = 'user:a';

type Listeners = {
  message?: (event: { data: unknown }) => void;
  close?: (event: { code: number; reason: string }) => void;
};

/** A realtime node behind a network: each request and each reply arrives only when the test says so. */
class SteppedNode {
  readonly past = new Past();
  readonly #requests: MuxRequest[] = [];
  readonly #replies: MuxReply[] = [];
  readonly #answers: MuxReply[] = [];
  #listeners: Listeners = {};
  #subscribed = false;
  reachable = true;

  readonly connect = async (): Promise<EdgeSocket> => {
    if (!this.reachable) throw new Error('unreachable');
    const listeners: Listeners = {};
    this.#listeners = listeners;
    this.#requests.length = 0;
    this.#replies.length = 0;
    this.#answers.length = 0;
    this.#subscribed = false;
    return {
      send: (text) => {
        const request = JSON.parse(text) as MuxRequest;
        if (this.#listeners === listeners && request.op !== 'ping') this.#requests.push(request);
      },
      close: () => {
        if (this.#listeners === listeners) this.#forgetConnection();
      },
      addEventListener: (type: string, listener: unknown) => Object.assign(listeners, { [type]: listener }),
    };
  };

  say(step: number): void {
    const message = this.past.say(step);
    if (this.#subscribed) this.#replies.push({ op: 'message', message });
  }

  renew(): void {
    this.past.renew();
    if (this.#subscribed) this.#replies.push({ op: 'lost', channel, head: this.past.head });
  }

  drain(): void {
    this.#replies.push({ op: 'drain' });
  }

  cut(): void {
    const { close } = this.#listeners;
    this.#forgetConnection();
    close?.({ code: 1006, reason: '' });
  }

  /** The node takes the next request; false when none waits. */
  take(): boolean {
    const request = this.#requests.shift();
    if (request?.op === 'subscribe') {
      this.#replies.push({ op: 'subscribed', request: request.request, channel, ...this.#read(request.since) });
      this.#subscribed = true;
    } else if (request?.op === 'unsubscribe') this.#subscribed = false;
    else if (request?.op === 'replay') {
      this.#answers.push({ op: 'replayed', request: request.request, channel, ...this.#read(request.since) });
    }
    return request !== undefined;
  }

  /** A replay that was read is sent: other replies may have overtaken it. False when none waits. */
  answer(): boolean {
    const reply = this.#answers.shift();
    if (reply) this.#replies.push(reply);
    return reply !== undefined;
  }

  /** The next reply reaches the edge; false when none waits. */
  deliver(): boolean {
    const reply = this.#replies.shift();
    if (reply) this.#listeners.message?.({ data: JSON.stringify(reply) });
    return reply !== undefined;
  }

  #read(since: Position | undefined) {
    const { head, messages, gap } = this.past.read(since);
    return { head, messages: [...messages], gap };
  }

  #forgetConnection(): void {
    this.#listeners = {};
    this.#requests.length = 0;
    this.#replies.length = 0;
    this.#answers.length = 0;
    this.#subscribed = false;
  }
}

const command = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('say' as const), step: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('take' as const, 'answer' as const, 'deliver' as const) }) },
  // Now and then everything arrives, so that what comes next meets an old channel.
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('join' as const), since: fc.option(fc.nat({ max: 20 })) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'drain' as const, 'leave' as const, 'wait' as const) }),
  },
);
const forgetting = fc.oneof(
  { weight: 15, arbitrary: command },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('renew' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('prune' as const), count: fc.integer({ min: 1, max: 4 }) }) },
);
type Command = typeof forgetting extends fc.Arbitrary<infer Each> ? Each : never;

async function play(commands: readonly Command[]): Promise<string[]> {
  const node = new SteppedNode();
  const fanIn = createFanIn({
    nodes: ['http://node'],
    token: 'a-token-for-the-test',
    connect: node.connect,
    log: silentLog,
    clock: Date.now,
    random: () => 0.5,
    // Little is remembered, so that replays go to the node, too; nothing lingers long.
    limits: { maxRemembered: 2, lingerMs: 1_000 },
  });
  await vi.advanceTimersByTimeAsync(0);
  const places: Position[] = [node.past.head];
  const present: { witness: Witness; detach: () => void }[] = [];

  for (const each of commands) {
    switch (each.do) {
      case 'say':
        node.say(each.step);
        places.push(node.past.head);
        break;
      case 'join': {
        const since = each.since === null ? undefined : places[each.since % places.length];
        const witness = new Witness(node.past, since);
        const attachment = fanIn.attach(channel, since, witness);
        void attachment.caughtUp.then((found) => {
          witness.caughtUp(found);
          attachment.start();
        });
        present.push({ witness, detach: attachment.detach });
        break;
      }
      case 'settle':
        while (node.take() || node.answer() || node.deliver()) await vi.advanceTimersByTimeAsync(0);
        break;
      case 'leave':
        present.shift()?.detach();
        break;
      case 'wait':
        await vi.advanceTimersByTimeAsync(2_000);
        break;
      case 'prune':
        node.past.prune(each.count);
        break;
      default:
        node[each.do]();
    }
    await vi.advanceTimersByTimeAsync(0);
  }

  await vi.advanceTimersByTimeAsync(12_000);
  while (node.take() || node.answer() || node.deliver()) await vi.advanceTimersByTimeAsync(500);
  // One more message, so that a loss that only the next one shows is shown.
  node.say(1);
  while (node.take() || node.answer() || node.deliver()) await vi.advanceTimersByTimeAsync(500);
  const complaints = present.flatMap(({ witness }) => witness.check());
  await fanIn[Symbol.asyncDispose]();
  return complaints;
}

describe('a channel at an edge', () => {
  const always = async (commands: fc.Arbitrary<Command>): Promise<void> => {
    vi.useFakeTimers();
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(commands, { maxLength: 60, size: 'max' }), async (each) => {
          expect(await play(each)).toEqual([]);
        }),
        { numRuns: 300 },
      );
    } finally {
      vi.useRealTimers();
    }
  };

  it('hands over every message once and in order, in whatever order requests, replies, messages and cuts come', () =>
    always(command));

  it('admits what is lost when the node forgets meanwhile', () => always(forgetting));
});
