import { describe, expect, it } from 'vitest';
import { describeHistory } from './history.contract.ts';
import { MemoryHistory } from './history-memory.ts';

describeHistory('in memory', async (options) => {
  const history = new MemoryHistory({ topicEpoch: 'life1', ...options });
  return { history, [Symbol.asyncDispose]: () => history[Symbol.asyncDispose]() };
});

describe('the history in memory, rebuilt from the log', () => {
  const clock = () => 10_000_000;
  const say = (history: MemoryHistory, offset: number) =>
    history.append([{ channel: 'user:a', partition: 0, offset, time: 9_000_000 + offset, event: 'e', data: {} }]);

  it('serves places that were given before the restart', async () => {
    await using before = new MemoryHistory({ topicEpoch: 'life1', clock });
    for (const offset of [1, 2, 3]) await say(before, offset);
    const place = (await before.read('user:a')).head;
    await using after = new MemoryHistory({ topicEpoch: 'life1', clock });
    for (const offset of [1, 2, 3, 4]) await say(after, offset);
    expect(await after.read('user:a', place)).toMatchObject({ gap: false, messages: [{ position: { offset: 4 } }] });
  });

  it('admits a gap where the log was cut meanwhile', async () => {
    await using before = new MemoryHistory({ topicEpoch: 'life1', clock });
    await say(before, 1);
    const place = { ...(await before.read('user:a')).head, time: 9_000_001 };
    await using after = new MemoryHistory({ topicEpoch: 'life1', clock });
    for (const offset of [5, 6]) await say(after, offset);
    expect((await after.read('user:a', place)).gap).toBe(true);
  });
});
