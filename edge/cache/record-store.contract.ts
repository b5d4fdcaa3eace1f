// What every place for a second level does, whichever runtime it is on.
import { describe, expect, it } from 'vitest';
import type { RecordStore } from './second-level.ts';

export const nameOf = (digit: number): string => digit.toString(16).padStart(64, '0');
const record = (size: number, fill = 1): Uint8Array<ArrayBuffer> => new Uint8Array(size).fill(fill);

export function recordStoreContract(what: string, open: (maxBytes: number) => Promise<RecordStore>): void {
  describe(`${what} as a second level`, () => {
    it('gives back what was put, and the newer of two', async () => {
      const store = await open(10_000);
      expect(await store.get(nameOf(1))).toBeNull();
      await store.put(nameOf(1), record(100, 1));
      await store.put(nameOf(1), record(200, 2));
      expect(await store.get(nameOf(1))).toEqual(record(200, 2));
      await store.delete(nameOf(1));
      expect(await store.get(nameOf(1))).toBeNull();
    });

    it('stays within its bytes, forgetting what nobody asked for longest', async () => {
      const store = await open(1_000);
      await store.put(nameOf(1), record(400));
      await store.put(nameOf(2), record(400));
      await store.get(nameOf(1));
      await store.put(nameOf(3), record(400));
      const there = await Promise.all([1, 2, 3].map(async (digit) => (await store.get(nameOf(digit))) !== null));
      expect(there).toEqual([true, false, true]);
    });

    it('leaves aside what is larger than all its room', async () => {
      const store = await open(1_000);
      await store.put(nameOf(1), record(400));
      await store.put(nameOf(2), record(1_001));
      expect(await store.get(nameOf(2))).toBeNull();
      expect(await store.get(nameOf(1))).not.toBeNull();
    });

    it('takes many at once', async () => {
      const store = await open(100_000);
      await Promise.all(Array.from({ length: 40 }, (_, index) => store.put(nameOf(index % 4), record(500, index % 4))));
      for (const digit of [0, 1, 2, 3]) expect(await store.get(nameOf(digit))).toEqual(record(500, digit));
    });
  });
}
