// What every bus does, whichever adapter it is: the suite that embedded.test.ts and kafka.test.ts run.
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Bus, Incoming, IncomingMessage, OutgoingMessage, SubscriptionOptions } from './bus.ts';

export interface BusHarness extends AsyncDisposable {
  /** A new connection to the same bus, as a process started again would make. */
  open(): Promise<Bus>;
  /** Deletes a topic behind the bus's back. */
  deleteTopic(topic: string): Promise<void>;
}

const eventually = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, { timeout: 25_000, interval: 20 });
const message = (key: string, value: string, headers: Record<string, string> = {}): OutgoingMessage => ({
  key,
  value,
  headers,
});
const numbered = (key: string, count: number, from = 0): OutgoingMessage[] =>
  Array.from({ length: count }, (_, index) => message(key, `${key}-${from + index}`));
const values = (messages: readonly IncomingMessage[], key?: string): string[] =>
  messages.filter((each) => key === undefined || each.key === key).map((each) => each.value);

export function busContract(start: () => Promise<BusHarness>): void {
  let harness: BusHarness;
  let bus: Bus;
  let topic: string;
  let group: string;

  beforeEach(async () => {
    harness = await start();
    bus = await harness.open();
    topic = `contract.${randomUUID()}`;
    group = `group-${randomUUID()}`;
    await bus.ensureTopics([topic]);
  });
  afterEach(async () => {
    await bus[Symbol.asyncDispose]();
    await harness[Symbol.asyncDispose]();
  });

  const collect = (
    on: Bus,
    options: Partial<SubscriptionOptions> = {},
  ): AsyncDisposable & { ready: Promise<void>; seen: IncomingMessage[] } => {
    const seen: IncomingMessage[] = [];
    const handle = async ([each]: Incoming): Promise<void> => {
      seen.push(each);
    };
    return Object.assign(on.subscribe({ group, topics: [topic], from: 'beginning', handle, ...options }), { seen });
  };

  describe('delivery', () => {
    it('keeps the messages of a key in order and in one partition', async () => {
      const keys = Array.from({ length: 8 }, (_, index) => `key-${index}`);
      for (let round = 0; round < 5; round += 1) {
        await bus.publish(
          topic,
          keys.flatMap((key) => numbered(key, 4, round * 4)),
        );
      }
      await using subscription = collect(bus);
      await eventually(() => expect(subscription.seen).toHaveLength(160));
      for (const key of keys) {
        expect(values(subscription.seen, key)).toEqual(numbered(key, 20).map((each) => each.value));
        const own = subscription.seen.filter((each) => each.key === key);
        expect(new Set(own.map((each) => each.partition)).size).toBe(1);
        expect(own.map((each) => each.offset)).toEqual(own.map((each) => each.offset).toSorted((a, b) => a - b));
      }
      expect(new Set(subscription.seen.map((each) => each.partition)).size).toBeGreaterThan(1);
    });

    it('carries headers, Unicode, empty values, topic, offset and time', async () => {
      const began = Date.now();
      const sent = message('ключ-🚲', 'Привет, мир 🚲\n"\\u0000"', { traceparent: '00-abc-def-01', имя: 'Ёлка' });
      await bus.publish(topic, [sent, message('ключ-🚲', '')]);
      await using subscription = collect(bus);
      await eventually(() => expect(subscription.seen).toHaveLength(2));
      const [first, second] = subscription.seen;
      expect(first).toMatchObject({ ...sent, topic });
      expect(first?.timestamp.getTime()).toBeGreaterThan(began - 5_000);
      expect(first?.timestamp.getTime()).toBeLessThan(Date.now() + 5_000);
      expect(second).toMatchObject({ value: '', headers: {}, partition: first?.partition });
      expect(second?.offset).toBe((first?.offset ?? 0) + 1);
    });

    it('carries a big message, and many that are big together', async () => {
      const big = 'ж'.repeat(350_000);
      await bus.publish(
        topic,
        Array.from({ length: 4 }, (_, index) => message('big', `${index}${big}`)),
      );
      await using subscription = collect(bus);
      await eventually(() => expect(subscription.seen).toHaveLength(4));
      expect(values(subscription.seen).map((value) => value[0])).toEqual(['0', '1', '2', '3']);
      expect(subscription.seen.every((each) => each.value.slice(1) === big)).toBe(true);
    });

    it('brings a message to a waiting subscriber within a fraction of a second', async () => {
      await using subscription = collect(bus);
      await subscription.ready;
      const delays: number[] = [];
      for (let index = 0; index < 20; index += 1) {
        const began = performance.now();
        await bus.publish(topic, [message(`key-${index}`, `${index}`)]);
        await vi.waitFor(() => expect(subscription.seen).toHaveLength(index + 1), { timeout: 10_000, interval: 1 });
        delays.push(performance.now() - began);
      }
      const median = delays.toSorted((a, b) => a - b)[10] ?? Number.POSITIVE_INFINITY;
      expect(median).toBeLessThan(150);
    });

    it('refuses to publish to a topic that nobody made', async () => {
      await expect(bus.publish(`missing.${randomUUID()}`, [message('a', 'b')])).rejects.toThrow();
    });

    it('makes a topic once, however often it is asked for', async () => {
      await bus.publish(topic, [message('a', 'kept')]);
      const epoch = await bus.epoch(topic);
      await Promise.all([bus.ensureTopics([topic, topic]), bus.ensureTopics([topic])]);
      expect(await bus.epoch(topic)).toBe(epoch);
      await using subscription = collect(bus);
      await eventually(() => expect(values(subscription.seen)).toEqual(['kept']));
    });
  });

  describe('a group', () => {
    it('gives each message to one of its members, and everything to each other group', async () => {
      await using first = collect(bus);
      await first.ready;
      await using second = collect(bus);
      await second.ready;
      await using alone = collect(bus, { group: `${group}-other` });
      await alone.ready;
      const keys = Array.from({ length: 40 }, (_, index) => `key-${index}`);
      await eventually(async () => {
        // Published until both have a share: taking partitions over takes the group a moment.
        await bus.publish(
          topic,
          keys.map((key) => message(key, randomUUID())),
        );
        expect(first.seen.length).toBeGreaterThan(0);
        expect(second.seen.length).toBeGreaterThan(0);
      });
      await eventually(async () => {
        const lags = await bus.lag(group, [topic]);
        expect(lags.every(({ lag }) => lag === 0)).toBe(true);
        expect(new Set(values([...first.seen, ...second.seen])).size).toBe(new Set(values(alone.seen)).size);
      });
    });

    it('hands a leaving member’s partitions to those who stay', async () => {
      const first = collect(bus);
      await first.ready;
      await using second = collect(bus);
      await second.ready;
      await first[Symbol.asyncDispose]();
      const sent = Array.from({ length: 40 }, (_, index) => message(`key-${index}`, `${index}`));
      await bus.publish(topic, sent);
      await eventually(() => expect(new Set(values(second.seen)).size).toBe(40));
      expect(first.seen).toHaveLength(0);
    });

    it('begins at the end when asked to, and goes on from there after being away', async () => {
      await bus.publish(topic, numbered('before', 3));
      const first = collect(bus, { from: 'end' });
      await first.ready;
      await first[Symbol.asyncDispose]();
      await bus.publish(topic, numbered('away', 3));
      await using second = collect(bus, { from: 'end' });
      await eventually(() => expect(values(second.seen)).toEqual(numbered('away', 3).map((each) => each.value)));
      expect(first.seen).toHaveLength(0);
    });

    it('hears several topics', async () => {
      const another = `${topic}.another`;
      await bus.ensureTopics([another]);
      await using subscription = collect(bus, { topics: [topic, another] });
      await bus.publish(topic, [message('a', 'one')]);
      await bus.publish(another, [message('a', 'two')]);
      await eventually(() => expect(values(subscription.seen).toSorted()).toEqual(['one', 'two']));
      expect(subscription.seen.find((each) => each.value === 'two')?.topic).toBe(another);
    });

    it('goes on where it was after the process was started again', async () => {
      await bus.publish(topic, numbered('key', 5));
      const first = collect(bus);
      await eventually(() => expect(first.seen).toHaveLength(5));
      await first[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
      bus = await harness.open();
      await bus.publish(topic, numbered('key', 3, 5));
      await using second = collect(bus);
      await eventually(() => expect(values(second.seen)).toEqual(numbered('key', 3, 5).map((each) => each.value)));
    });
  });

  describe('a handler', () => {
    it('that fails gets the same message again, before any that is behind it', async () => {
      await bus.publish(topic, numbered('key', 4));
      const calls: string[] = [];
      let failures = 3;
      await using _ = collect(bus, {
        handle: async ([{ value }]) => {
          calls.push(value);
          if (value === 'key-1' && failures-- > 0) throw new Error('not yet');
        },
      });
      await eventually(() => expect(calls).toContain('key-3'));
      expect(calls).toEqual(['key-0', 'key-1', 'key-1', 'key-1', 'key-1', 'key-2', 'key-3']);
    });

    it('that fails does not hold up other partitions', async () => {
      const done: string[] = [];
      let healed = false;
      await using _ = collect(bus, {
        handle: async ([{ key, value }]) => {
          if (key === 'ill' && !healed) throw new Error('ill');
          done.push(value);
        },
      });
      await bus.publish(topic, [message('ill', 'ill')]);
      const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);
      await bus.publish(
        topic,
        keys.map((key) => message(key, key)),
      );
      await eventually(() => expect(done.length).toBeGreaterThan(5));
      expect(done).not.toContain('ill');
      healed = true;
      await eventually(() => expect(done).toHaveLength(21));
    });

    it('gets several of a backlog at once when it asks for that, and all of them again when it fails', async () => {
      await bus.publish(topic, numbered('key', 10));
      const calls: string[][] = [];
      let failures = 1;
      await using _ = collect(bus, {
        atOnce: 4,
        handle: async (messages) => {
          calls.push(values(messages));
          if (calls.length === 2 && failures-- > 0) throw new Error('not yet');
        },
      });
      await eventually(() => expect(calls.flat()).toContain('key-9'));
      const handled = calls.toSpliced(1, 1).flat();
      expect(handled).toEqual(Array.from({ length: 10 }, (_each, index) => `key-${index}`));
      expect(calls[2], 'what failed came again').toEqual(calls[1]);
      expect(Math.max(...calls.map(({ length }) => length))).toBe(4);
      await bus.publish(topic, numbered('key', 1, 10));
      await eventually(() => expect(calls.at(-1)).toEqual(['key-10']));
    });

    it('runs once at a time per partition', async () => {
      const running = new Map<number, number>();
      let most = 0;
      let handled = 0;
      await using _ = collect(bus, {
        handle: async ([{ partition }]) => {
          const now = (running.get(partition) ?? 0) + 1;
          running.set(partition, now);
          most = Math.max(most, now);
          await new Promise((resolve) => setImmediate(resolve));
          running.set(partition, now - 1);
          handled += 1;
        },
      });
      await Promise.all(numbered('a', 30).map((each) => bus.publish(topic, [each])));
      await bus.publish(topic, [...numbered('b', 30), ...numbered('c', 30)]);
      await eventually(() => expect(handled).toBe(90));
      expect(most).toBe(1);
    });

    it('is told by the signal when its subscription ends, and the message comes again to the next one', async () => {
      await bus.publish(topic, numbered('key', 2));
      const started = Promise.withResolvers<void>();
      let told = false;
      const dying = collect(bus, {
        handle: (_messages, signal) =>
          new Promise((_resolve, reject) => {
            started.resolve();
            signal.addEventListener('abort', () => {
              told = true;
              reject(new Error('interrupted'));
            });
          }),
      });
      await started.promise;
      await dying[Symbol.asyncDispose]();
      expect(told).toBe(true);
      await using next = collect(bus);
      await eventually(() => expect(values(next.seen)).toEqual(['key-0', 'key-1']));
    });

    it('that finishes although the bus closes counts as done', async () => {
      await bus.publish(topic, numbered('key', 2));
      const started = Promise.withResolvers<void>();
      const finish = Promise.withResolvers<void>();
      const handled: string[] = [];
      collect(bus, {
        handle: async ([{ value }]) => {
          started.resolve();
          await finish.promise;
          handled.push(value);
        },
      });
      await started.promise;
      const closing = bus[Symbol.asyncDispose]();
      finish.resolve();
      await closing;
      expect(handled).toEqual(['key-0']);
      bus = await harness.open();
      await using next = collect(bus);
      await eventually(() => expect(values(next.seen)).toEqual(['key-1']));
    });

    it('may publish', async () => {
      const answers = `${topic}.answers`;
      await bus.ensureTopics([answers]);
      await using _ = collect(bus, {
        handle: async ([{ key, value }]) => bus.publish(answers, [message(key, `re: ${value}`)]),
      });
      await using heard = collect(bus, { group: `${group}-answers`, topics: [answers] });
      await bus.publish(topic, numbered('key', 3));
      await eventually(() => expect(values(heard.seen)).toEqual(['re: key-0', 're: key-1', 're: key-2']));
    });
  });

  describe('an operator', () => {
    it('sees how far a group is behind', async () => {
      const total = async (): Promise<number> =>
        (await bus.lag(group, [topic])).reduce((sum, partition) => sum + partition.lag, 0);
      await bus.publish(topic, [...numbered('a', 3), ...numbered('b', 2)]);
      expect(await total()).toBe(5);
      expect((await bus.lag(group, [topic])).length).toBeGreaterThan(1);
      const subscription = collect(bus);
      await eventually(async () => expect(await total()).toBe(0));
      await subscription[Symbol.asyncDispose]();
      await bus.publish(topic, numbered('c', 4));
      expect(await total()).toBe(4);
    });

    it('reads all that topics keep, in order within each partition, and moves no group', async () => {
      const another = `${topic}.another`;
      const empty = `${topic}.empty`;
      await bus.ensureTopics([another, empty]);
      const keys = Array.from({ length: 6 }, (_, index) => `key-${index}`);
      await bus.publish(
        topic,
        keys.flatMap((key) => numbered(key, 50)),
      );
      await bus.publish(another, [message('key-0', 'elsewhere', { имя: 'Ёлка' })]);
      const seen: IncomingMessage[] = [];
      let visiting = 0;
      await bus.readAll([topic, another, empty], async (each) => {
        visiting += 1;
        expect(visiting, 'one at a time').toBe(1);
        // What comes meanwhile is not waited for, or this would never end.
        if (seen.length % 50 === 0) await bus.publish(topic, numbered('later', 1));
        seen.push(each);
        visiting -= 1;
      });
      expect(seen).toHaveLength(301);
      for (const key of keys) {
        const own = seen.filter((each) => each.key === key && each.topic === topic);
        expect(values(own)).toEqual(numbered(key, 50).map((each) => each.value));
        expect(own.map(({ offset }) => offset)).toEqual(own.map(({ offset }) => offset).toSorted((a, b) => a - b));
      }
      expect(seen.find((each) => each.topic === another)).toMatchObject({
        value: 'elsewhere',
        headers: { имя: 'Ёлка' },
      });
      const lags = await bus.lag(group, [topic]);
      expect(lags.reduce((sum, { lag }) => sum + lag, 0)).toBe(307);
      await using subscription = collect(bus);
      await eventually(() => expect(subscription.seen).toHaveLength(307));
    });

    it('reads nothing from empty topics, and stops reading when told so by an error', async () => {
      const seen: string[] = [];
      await bus.readAll([topic], ({ value }) => void seen.push(value));
      expect(seen).toEqual([]);
      await bus.publish(topic, numbered('key', 10));
      const reading = bus.readAll([topic], ({ value }) => {
        seen.push(value);
        if (value === 'key-2') throw new Error('enough');
      });
      await expect(reading).rejects.toThrow('enough');
      expect(seen).toEqual(['key-0', 'key-1', 'key-2']);
      await expect(bus.readAll([`missing.${randomUUID()}`], () => {})).rejects.toThrow();
    });

    it('tells one life of a topic from another', async () => {
      const epoch = await bus.epoch(topic);
      expect(epoch).not.toBe('');
      await using sameBus = await harness.open();
      expect(await sameBus.epoch(topic)).toBe(epoch);
      await bus[Symbol.asyncDispose]();
      await harness.deleteTopic(topic);
      bus = await harness.open();
      await eventually(() => bus.ensureTopics([topic]));
      await eventually(async () => expect(await bus.epoch(topic)).not.toBe(epoch));
      await expect(bus.epoch(`missing.${randomUUID()}`)).rejects.toThrow();
    });

    it('closes twice without harm, and a closed bus refuses work', async () => {
      await bus[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
      await expect(bus.publish(topic, [message('a', 'b')])).rejects.toThrow(/closed/);
      expect(() => collect(bus)).toThrow(/closed/);
    });
  });
}
