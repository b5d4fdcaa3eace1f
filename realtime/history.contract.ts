// What every history does; run by history-memory.test.ts and history-redis.test.ts.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChannelMessage, Position } from '../contracts/stream.ts';
import { until } from '../tests/until.ts';
import type { Appended, BridgedMessage, History, HistoryLimits } from './history.ts';

export interface HistoryWorld extends AsyncDisposable {
  readonly history: History;
}

export type MakeHistory = (options: {
  readonly clock: () => number;
  readonly limits: Partial<HistoryLimits>;
}) => Promise<HistoryWorld>;

const hourMs = 3_600_000;

export function describeHistory(name: string, make: MakeHistory): void {
  describe(`the history ${name}`, () => {
    let now = Date.now();
    let world: HistoryWorld;
    let history: History;
    const limits = { maxCount: 5, maxAgeMs: 2 * hourMs, maxIds: 8 };

    beforeEach(async () => {
      now = Date.now();
      world = await make({ clock: () => now, limits });
      history = world.history;
    });
    afterEach(() => world[Symbol.asyncDispose]());

    const message = (channel: string, offset: number, more: Partial<BridgedMessage> = {}): BridgedMessage => ({
      channel,
      partition: 0,
      offset,
      time: now,
      event: 'order.status',
      data: { offset },
      ...more,
    });
    const says = async (channel: string, offset: number, more: Partial<BridgedMessage> = {}) =>
      (await history.append([message(channel, offset, more)]))[0];
    const offsets = (messages: readonly ChannelMessage[]): number[] => messages.map(({ position }) => position.offset);

    it('replays what came after a place, in order, each with the one before it', async () => {
      const { head: start } = await history.read('user:a');
      await says('user:a', 1);
      await says('user:b', 2);
      await says('user:a', 3);
      const { messages, gap, head } = await history.read('user:a', start);
      expect(gap).toBe(false);
      expect(messages.map(({ position, previous, data }) => [position.offset, previous, data])).toEqual([
        [1, null, { offset: 1 }],
        [3, 1, { offset: 3 }],
      ]);
      expect(head.offset).toBe(3);
      expect(offsets((await history.read('user:a', messages[0]?.position)).messages)).toEqual([3]);
      expect((await history.read('user:a', head)).messages).toEqual([]);
    });

    it('tells the place before all messages from every other', async () => {
      const { head } = await history.read('user:a');
      expect(head.offset).toBe(0);
      await says('user:a', 1);
      expect(offsets((await history.read('user:a', head)).messages)).toEqual([1]);
    });

    it('ignores what was bridged before', async () => {
      const { head } = await history.read('user:a');
      expect(await says('user:a', 7)).toEqual({ appended: true, previous: null });
      expect(await says('user:a', 7)).toEqual({ appended: false, known: 'place' });
      expect(await says('user:a', 6)).toEqual({ appended: false, known: 'place' });
      expect(await says('user:a', 8)).toEqual({ appended: true, previous: 7 });
      expect(offsets((await history.read('user:a', { ...head, time: now + 1 })).messages)).toEqual([7, 8]);
    });

    it('takes many at once as it takes one after another', async () => {
      const { head } = await history.read('user:a');
      await says('user:a', 1, { id: 'paid' });
      const results = await history.append([
        message('user:a', 1, { id: 'paid' }),
        message('user:b', 2),
        message('user:a', 3, { id: 'in_delivery' }),
        message('user:a', 4, { id: 'paid' }),
        message('user:a', 5, { id: 'delivered' }),
      ]);
      expect(results).toEqual([
        { appended: false, known: 'place' },
        { appended: true, previous: null },
        { appended: true, previous: 1 },
        { appended: false, known: 'id' },
        { appended: true, previous: 3 },
      ]);
      expect(offsets((await history.read('user:a', head)).messages)).toEqual([1, 3, 5]);
      expect(await history.append([])).toEqual([]);
    });

    it('hears its own probe', async () => {
      await expect(history.probe(AbortSignal.timeout(5_000))).resolves.toBeUndefined();
    });

    it('keeps partitions apart', async () => {
      await says('user:a', 9, { partition: 0 });
      expect(await says('user:b', 3, { partition: 1 })).toEqual({ appended: true, previous: null });
    });

    it('admits a gap once more came after a place than it keeps', async () => {
      const places: Position[] = [];
      for (let offset = 1; offset <= 8; offset += 1) {
        await says('user:a', offset);
        places.push((await history.read('user:a')).head);
      }
      const reached = await Promise.all(places.map((place) => history.read('user:a', place)));
      expect(reached.map(({ gap }) => gap)).toEqual([true, true, false, false, false, false, false, false]);
      expect(offsets(reached[2]?.messages ?? [])).toEqual([4, 5, 6, 7, 8]);
      expect(reached[0]).toMatchObject({ messages: [], head: { offset: 8 } });
    });

    it('admits a gap for a place that is older than what it keeps, and none for a younger one in a quiet channel', async () => {
      const { head: early } = await history.read('user:a');
      now += hourMs;
      const { head: late } = await history.read('user:a');
      now += 1.5 * hourMs;
      expect((await history.read('user:a', early)).gap).toBe(true);
      expect(await history.read('user:a', late)).toMatchObject({ gap: false, messages: [] });
      await says('user:a', 4);
      expect((await history.read('user:a', early)).gap).toBe(true);
      expect(offsets((await history.read('user:a', late)).messages)).toEqual([4]);
    });

    it('lets go of messages that are too old once newer ones come', async () => {
      const { head } = await history.read('user:a');
      await says('user:a', 1);
      await says('user:a', 2);
      now += 3 * hourMs;
      await says('user:a', 3);
      expect((await history.read('user:a', head)).gap).toBe(true);
      const all = await history.read('user:a', { ...head, offset: 2, time: now });
      expect(all).toMatchObject({ gap: false });
      expect(offsets(all.messages)).toEqual([3]);
    });

    it('knows no places of another epoch, nor beyond its end', async () => {
      await says('user:a', 1);
      const { head } = await history.read('user:a');
      expect((await history.read('user:a', { ...head, epoch: 'another' })).gap).toBe(true);
      expect((await history.read('user:a', { ...head, offset: 2 })).gap).toBe(true);
    });

    it('wakes those who listen, with the same messages that are replayed', async () => {
      const heard: ChannelMessage[] = [];
      const listening = await history.listen('user:a', {
        message: (message) => heard.push(message),
        interrupted: () => {},
      });
      const { head } = await history.read('user:a');
      await says('user:a', 1, { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' });
      await says('user:b', 2);
      await says('user:a', 3);
      await until('both messages are heard', () => heard.length === 2);
      expect(heard).toEqual((await history.read('user:a', head)).messages);
      expect(heard[0]?.traceparent).toBe('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
      await listening[Symbol.asyncDispose]();
      const again: ChannelMessage[] = [];
      await using _ = await history.listen('user:a', {
        message: (message) => again.push(message),
        interrupted: () => {},
      });
      await says('user:a', 4);
      await until('the second listener hears', () => again.length === 1);
      expect(offsets(heard)).toEqual([1, 3]);
    });

    it('wakes nobody for what was bridged before', async () => {
      const heard: ChannelMessage[] = [];
      await using _ = await history.listen('user:a', {
        message: (message) => heard.push(message),
        interrupted: () => {},
      });
      await says('user:a', 1);
      await says('user:a', 1);
      await says('user:a', 2);
      await until('the second message is heard', () => heard.some(({ position }) => position.offset === 2));
      expect(offsets(heard)).toEqual([1, 2]);
    });

    it('drops an event that its channel has already, and goes on as if it had not come', async () => {
      const heard: ChannelMessage[] = [];
      await using _ = await history.listen('user:a', {
        message: (message) => heard.push(message),
        interrupted: () => {},
      });
      const { head } = await history.read('user:a');
      await says('user:a', 1, { id: 'paid' });
      await says('user:a', 2, { id: 'in_delivery' });
      expect(await says('user:a', 3, { id: 'paid' })).toEqual({ appended: false, known: 'id' });
      expect((await history.read('user:a')).head.offset, 'nobody is given its place').toBe(2);
      expect(await says('user:a', 3, { id: 'paid' }), 'its place counts as bridged').toEqual({
        appended: false,
        known: 'place',
      });
      expect(await says('user:a', 4, { id: 'delivered' })).toEqual({ appended: true, previous: 2 });
      await until('the last message is heard', () => heard.some(({ position }) => position.offset === 4));
      expect(offsets(heard)).toEqual([1, 2, 4]);
      expect(offsets((await history.read('user:a', head)).messages)).toEqual([1, 2, 4]);
    });

    it('takes the same id in another channel, and a message without one, for what they are: news', async () => {
      await says('user:a', 1, { id: 'paid' });
      expect(await says('user:b', 2, { id: 'paid' })).toMatchObject({ appended: true });
      await says('user:a', 3);
      expect(await says('user:a', 4)).toEqual({ appended: true, previous: 3 });
    });

    it('knows an event also when its message is no longer kept, so long as not too many came after it', async () => {
      const { maxCount, maxIds } = limits;
      for (let offset = 1; offset <= maxIds; offset += 1) await says('user:a', offset, { id: `event ${offset}` });
      expect(maxIds).toBeGreaterThan(maxCount);
      expect(await says('user:a', maxIds + 1, { id: 'event 1' })).toEqual({ appended: false, known: 'id' });
      await says('user:a', maxIds + 2, { id: 'one more' });
      expect(await says('user:a', maxIds + 3, { id: 'event 1' })).toMatchObject({ appended: true });
      expect(await says('user:a', maxIds + 4, { id: 'event 3' })).toEqual({ appended: false, known: 'id' });
    });

    it('remembers no event longer than it keeps messages', async () => {
      await says('user:a', 1, { id: 'paid' });
      now += 3 * hourMs;
      await says('user:a', 2, { id: 'completed' });
      expect(await says('user:a', 3, { id: 'paid' })).toMatchObject({ appended: true });
    });
  });

  describe(`repeats in the history ${name}`, () => {
    const channels = ['user:a', 'user:b', 'ad:7'] as const;
    const say = fc.record({
      do: fc.constant('say' as const),
      channel: fc.nat({ max: channels.length - 1 }),
      // Few, so that they come again, sooner or later; some have none.
      id: fc.option(fc.nat({ max: 6 })),
    });
    const command = fc.oneof(
      { weight: 8, arbitrary: say },
      // The bus hands over again what it has not committed.
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant('again' as const), messages: fc.integer({ min: 1, max: 4 }) }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('skip' as const), partition: fc.nat({ max: 1 }) }) },
    );

    it('never show, whatever is repeated and whatever comes between', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(command, { maxLength: 40, size: 'max' }), async (commands) => {
          const now = Date.now();
          const limits = { maxCount: 100, maxAgeMs: hourMs, maxIds: 100 };
          await using world = await make({ clock: () => now, limits });
          const { history } = world;
          const heads = new Map<string, Position>();
          const heard: ChannelMessage[] = [];
          await using listening = new AsyncDisposableStack();
          for (const channel of channels) {
            heads.set(channel, (await history.read(channel)).head);
            const listener = { message: (message: ChannelMessage) => heard.push(message), interrupted: () => {} };
            listening.use(await history.listen(channel, listener));
          }

          const logs: (BridgedMessage | null)[][] = [[], []];
          const shown = new Map<string, BridgedMessage[]>(channels.map((channel) => [channel, []]));
          for (const each of commands) {
            if (each.do === 'skip') {
              const log = logs[each.partition] ?? [];
              log.push(null);
              await history.skip({ partition: each.partition, offset: log.length, time: now });
            } else if (each.do === 'again') {
              for (const message of logs.flatMap((log) => log.slice(-each.messages)))
                if (message) expect(await history.append([message])).toEqual([{ appended: false, known: 'place' }]);
            } else {
              const channel = channels[each.channel] ?? 'user:a';
              const partition = each.channel % 2;
              const log = logs[partition] ?? [];
              const message: BridgedMessage = {
                channel,
                partition,
                offset: log.length + 1,
                ...(each.id === null ? {} : { id: `event ${each.id}` }),
                time: now,
                event: 'order.status',
                data: { id: each.id },
              };
              log.push(message);
              const before = shown.get(channel) ?? [];
              const isRepeat = each.id !== null && before.some(({ id }) => id === message.id);
              const expected: Appended = isRepeat
                ? { appended: false, known: 'id' }
                : { appended: true, previous: before.at(-1)?.offset ?? null };
              expect(await history.append([message])).toEqual([expected]);
              if (!isRepeat) before.push(message);
            }
          }

          for (const [channel, messages] of shown) {
            const expected = messages.map(({ offset }, index) => [offset, messages[index - 1]?.offset ?? null]);
            const { gap, head, messages: replayed } = await history.read(channel, heads.get(channel));
            expect({ gap, epoch: head.epoch }).toEqual({ gap: false, epoch: heads.get(channel)?.epoch });
            expect(replayed.map(({ position, previous }) => [position.offset, previous])).toEqual(expected);
            const live = () => heard.filter((message) => message.channel === channel);
            await until('the last message is heard', () => live().length >= expected.length);
            expect(live()).toEqual(replayed);
          }
        }),
        { numRuns: 40 },
      );
    });
  });
}
