// The embedded bus keeps the bus's contract, and what it stores stays bounded.
import { PGlite } from '@electric-sql/pglite';
import { Kysely, PGliteDialect } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../tests/until.ts';
import { silentLog } from '../telemetry/log.ts';
import { busContract } from './contract.ts';
import { openEmbeddedBus } from './embedded.ts';
import type { BusTables } from './embedded-log.ts';

let pglite: PGlite;
let db: Kysely<BusTables>;
beforeAll(async () => {
  pglite = await PGlite.create();
  db = new Kysely<BusTables>({ dialect: new PGliteDialect({ pglite }) });
});
afterAll(() => db.destroy());

describe('the embedded bus', () => {
  busContract(async () => ({
    open: () => openEmbeddedBus({ db, log: silentLog }),
    async deleteTopic(topic) {
      await db.withSchema('bus').deleteFrom('topics').where('name', '=', topic).execute();
    },
    async [Symbol.asyncDispose]() {},
  }));
});

describe('retention of the embedded bus', () => {
  const topic = 'retention';
  let now = new Date('2026-01-01T00:00:00Z');
  const clock = { now: () => now };
  const retention = { messagesPerTopic: 20, ageMs: 3_600_000, idleGroupMs: 86_400_000, checkEveryMs: 0 };
  const open = () => openEmbeddedBus({ db, log: silentLog, clock, retention, partitionsPerTopic: 2 });
  const publish = async (bus: Awaited<ReturnType<typeof open>>, count: number): Promise<void> => {
    for (let index = 0; index < count; index += 1) {
      await bus.publish(topic, [{ key: 'same', value: `${index}`, headers: {} }]);
    }
  };
  const stored = async (): Promise<number> =>
    (await db.withSchema('bus').selectFrom('messages').select('offset').where('topic', '=', topic).execute()).length;
  const later = (ms: number): void => {
    now = new Date(now.getTime() + ms);
  };

  beforeEach(async () => {
    await using bus = await open();
    await bus.ensureTopics([topic]);
    await db.withSchema('bus').deleteFrom('topics').where('name', '=', topic).execute();
  });

  it('keeps the newest messages when nobody has still to read the older ones', async () => {
    await using bus = await open();
    await bus.ensureTopics([topic]);
    await publish(bus, 50);
    await until('only the newest are left', async () => (await stored()) === 10);
    const seen: number[] = [];
    await using _ = bus.subscribe({
      group: 'late',
      topics: [topic],
      from: 'beginning',
      handle: async ([{ offset }]) => void seen.push(offset),
    });
    await until('the rest is read', () => seen.length === 10);
    expect(seen[0]).toBe(40);
  });

  it('drops what is old, but never what a group has not read', async () => {
    await using bus = await open();
    await bus.ensureTopics([topic]);
    const handled: string[] = [];
    let ill = true;
    await using _ = bus.subscribe({
      group: 'slow',
      topics: [topic],
      from: 'beginning',
      handle: async ([{ value }]) => {
        if (ill && value === '3') throw new Error('ill');
        handled.push(value);
      },
    });
    await publish(bus, 30);
    await until('it has failed at the fourth', () => handled.length === 3);
    later(7_200_000);
    await publish(bus, 1);
    await until('what was read is gone', async () => (await stored()) === 28);
    later(10 * 86_400_000);
    await publish(bus, 1);
    expect(await stored(), 'a group with a subscriber is not idle').toBe(29);
    ill = false;
    await until('it has read all', () => handled.length === 32);
  });

  it('leaves a topic alone for as long as was asked, whatever comes after', async () => {
    await using bus = await open();
    await bus.ensureTopics([topic]);
    await bus.ensureTopics([topic], { keepMs: 86_400_000 });
    await bus.ensureTopics([topic], { keepMs: 1 });
    await publish(bus, 30);
    later(86_000_000);
    await publish(bus, 1);
    expect(await stored(), 'neither too many nor too old').toBe(31);
    later(500_000);
    await publish(bus, 1);
    await until('what is older is gone', async () => (await stored()) === 2);
  });

  it('gives groups the time to come back after a long pause, before it drops what they have not read', async () => {
    const before = await open();
    await before.ensureTopics([topic]);
    const group = { group: 'on holiday', topics: [topic], from: 'beginning' as const };
    const subscription = before.subscribe({ ...group, handle: async () => Promise.reject(new Error('not today')) });
    await subscription.ready;
    await publish(before, 3);
    await before[Symbol.asyncDispose]();
    later(8 * 86_400_000);
    const everyMinute = { ...retention, checkEveryMs: 60_000 };
    await using after = await openEmbeddedBus({ db, log: silentLog, clock, retention: everyMinute });
    // A relay may be quicker than the consumers.
    await publish(after, 5);
    const seen: string[] = [];
    await using _ = after.subscribe({ ...group, handle: async ([{ value }]) => void seen.push(value) });
    await until('all is read', () => seen.length === 8);
    expect(seen).toEqual(['0', '1', '2', '0', '1', '2', '3', '4']);
  });

  it('forgets a group that has not come back, so that it holds nothing for ever', async () => {
    await using bus = await open();
    const gone = bus.subscribe({ group: 'gone', topics: [topic], from: 'beginning', handle: async () => {} });
    await gone.ready;
    await gone[Symbol.asyncDispose]();
    await publish(bus, 30);
    expect(await stored()).toBe(30);
    later(2 * 86_400_000);
    await publish(bus, 1);
    await until('only the newest is young enough', async () => (await stored()) === 1);
    await publish(bus, 1);
    expect(await stored(), 'offsets go on').toBe(2);
    const rows = await db
      .withSchema('bus')
      .selectFrom('messages')
      .select('offset')
      .where('topic', '=', topic)
      .execute();
    expect(rows.map((row) => Number(row.offset)).toSorted((a, b) => a - b)).toEqual([30, 31]);
  });
});
