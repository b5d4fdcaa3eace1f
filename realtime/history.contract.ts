// What every history does; run by history-memory.test.ts and history-redis.test.ts.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChannelMessage, Position } from '../contracts/stream.ts';
import { until } from '../tests/until.ts';
import type { BridgedMessage, History, HistoryLimits } from './history.ts';

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
    const limits = { maxCount: 5, maxAgeMs: 2 * hourMs };

    beforeEach(async () => {
      now = Date.now();
      world = await make({ clock: () => now, limits });
      history = world.history;
    });
    afterEach(() => world[Symbol.asyncDispose]());

    const says = (channel: string, offset: number, more: Partial<BridgedMessage> = {}) =>
      history.append({ channel, partition: 0, offset, time: now, event: 'order.status', data: { offset }, ...more });
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
      expect(await says('user:a', 7)).toEqual({ appended: false });
      expect(await says('user:a', 6)).toEqual({ appended: false });
      expect(await says('user:a', 8)).toEqual({ appended: true, previous: 7 });
      expect(offsets((await history.read('user:a', { ...head, time: now + 1 })).messages)).toEqual([7, 8]);
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
  });
}
