// The outbox says what was committed, all of it, in order; at least once, and of two relays one at a time.
import type { Kysely } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AdId, UserId } from '../../../contracts/common.ts';
import { openTestDatabase } from '../../../tests/database.ts';
import { until } from '../../../tests/until.ts';
import { type TestClock, testClock } from '../../../tests/world.ts';
import type { Bus, OutgoingMessage } from '../bus/bus.ts';
import { silentLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { currentTraceId, inSpan, startTracing } from '../telemetry/tracing.ts';
import type { DatabaseProvider } from './database.ts';
import { createOutbox, createOutboxTables, type Outbox, type OutboxTables, startRelay } from './outbox.ts';

let databases: DatabaseProvider;
let db: Kysely<OutboxTables>;
let clock: TestClock;
let outbox: Outbox;
let relays: AsyncDisposable[];
let endings: (() => void)[];

beforeEach(async () => {
  databases = await openTestDatabase();
  db = await databases.open<OutboxTables>('ads', { '001_outbox': { up: createOutboxTables } });
  clock = testClock();
  outbox = createOutbox('ads', clock);
  relays = [];
  endings = [];
});
afterEach(async () => {
  for (const end of endings) end();
  await Promise.all(relays.map((relay) => relay[Symbol.asyncDispose]()));
  await databases[Symbol.asyncDispose]();
});

interface Published extends OutgoingMessage {
  readonly topic: string;
}

/** A bus that keeps what it is given; `fail` decides what becomes of a publication, before and after it is stored. */
function keepingBus() {
  const published: Published[] = [];
  const bus = {
    published,
    before: async (): Promise<void> => undefined,
    after: async (): Promise<void> => undefined,
    async publish(topic: string, messages: readonly OutgoingMessage[]) {
      await bus.before();
      published.push(...messages.map((message) => ({ ...message, topic })));
      await bus.after();
    },
    versions: () => published.map(({ value }) => (JSON.parse(value) as { version: number }).version),
  };
  return bus satisfies Pick<Bus, 'publish'>;
}

async function relayTo(bus: Pick<Bus, 'publish'>, onLook = (): void => undefined): Promise<AsyncDisposable> {
  const looking = {
    now: () => {
      onLook();
      return clock.now();
    },
  };
  const metrics = createMetrics({ part: 'test' });
  const relay = await startRelay({ service: 'ads', databases, db, bus, clock: looking, log: silentLog, metrics });
  relays.push(relay);
  return relay;
}

const ad = uuidv7() as AdId;
const seller = uuidv7() as UserId;
/** The event of an ad's deletion; `version` tells one from another. */
const say = (version: number, key: string = ad): Promise<string> =>
  db
    .transaction()
    .execute((trx) =>
      outbox.add(trx, 'ad.deleted', key, { ad_id: ad, category: 'bicycles', seller_id: seller, version }),
    );
const waiting = async (): Promise<number> =>
  (await db.selectFrom('outbox').select('id').where('published_at', 'is', null).execute()).length;
const ids = (messages: readonly Published[]) => messages.map(({ headers }) => headers['ce_id']);
const count = (length: number): number[] => Array.from({ length }, (_, index) => index);

describe('the outbox', () => {
  it('publishes what was committed in order, more than one batch of it, and nothing twice', async () => {
    const bus = keepingBus();
    await db.transaction().execute(async (trx) => {
      for (const version of count(450)) {
        const key = `ad-${version % 7}`;
        await outbox.add(trx, 'ad.deleted', key, { ad_id: ad, category: 'bicycles', seller_id: seller, version });
      }
    });
    await relayTo(bus);
    await until('all is published', async () => (await waiting()) === 0);
    expect(bus.versions()).toEqual(count(450));
    expect(new Set(ids(bus.published)).size).toBe(450);
  });

  it('says nothing of a transaction that was rolled back', async () => {
    const bus = keepingBus();
    await relayTo(bus);
    const rolledBack = db.transaction().execute(async (trx) => {
      await outbox.add(trx, 'ad.deleted', ad, { ad_id: ad, category: 'bicycles', seller_id: seller, version: 1 });
      throw new Error('changed my mind');
    });
    await expect(rolledBack).rejects.toThrow('changed my mind');
    await say(2);
    await until('the committed one is published', () => bus.published.length > 0);
    expect(bus.versions()).toEqual([2]);
  });

  it('writes CloudEvents that carry the trace of who caused them', async () => {
    await using _tracing = startTracing({ service: 'test' });
    const bus = keepingBus();
    const traceId = await inSpan('request', {}, async () => {
      await say(1);
      return currentTraceId();
    });
    await db
      .transaction()
      .execute((trx) => outbox.addRealtime(trx, [`ad:${ad}`], { event: 'ad.changed', data: { id: ad } }));
    await relayTo(bus);
    await until('both are published', () => bus.published.length === 2);
    const event = bus.published.find(({ topic }) => topic === 'ads.v1');
    expect(event?.key).toBe(ad);
    expect(event?.headers).toEqual({
      ce_specversion: '1.0',
      ce_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      ce_type: 'ad.deleted',
      ce_source: '/core/ads',
      ce_time: clock.now().toISOString(),
      'content-type': 'application/json',
      traceparent: expect.stringContaining(`00-${traceId}-`),
    });
    const live = bus.published.find(({ topic }) => topic === 'realtime.v1');
    expect(live).toMatchObject({ key: `ad:${ad}`, headers: { ce_type: 'ad.changed' } });
    expect(JSON.parse(live?.value ?? '')).toEqual({ event: 'ad.changed', data: { id: ad } });
  });

  it('is relayed as soon as it is committed, not when a pause ends', async () => {
    const bus = keepingBus();
    await relayTo(bus);
    const began = performance.now();
    for (const version of count(12)) {
      await say(version);
      await until('it is published', () => bus.published.length === version + 1, { everyMs: 2 });
    }
    // The relay looks by itself once a second.
    expect(performance.now() - began).toBeLessThan(6_000);
    expect(bus.versions()).toEqual(count(12));
  });
});

describe('a bus in trouble', () => {
  it('that is down for a while loses nothing', async () => {
    const bus = keepingBus();
    let refused = 0;
    bus.before = async () => {
      refused += 1;
      throw new Error('the bus is down');
    };
    await relayTo(bus);
    for (const version of count(5)) await say(version);
    await until('it has been tried several times', () => refused >= 3);
    expect(await waiting()).toBe(5);
    bus.before = async () => undefined;
    await until('all is published', async () => (await waiting()) === 0);
    expect(bus.versions()).toEqual(count(5));
  });

  it('that stored without saying so gets the same events again', async () => {
    const bus = keepingBus();
    bus.after = async () => {
      bus.after = async () => undefined;
      throw new Error('the connection is lost');
    };
    await say(1);
    await relayTo(bus);
    await until('it is marked', async () => (await waiting()) === 0);
    expect(bus.versions()).toEqual([1, 1]);
    expect(new Set(ids(bus.published)).size, 'the same event').toBe(1);
  });

  it('on one topic keeps no other topic from being published', async () => {
    const bus = keepingBus();
    const seen: string[] = [];
    const publish = async (topic: string): Promise<void> => {
      seen.push(topic);
      if (topic === 'ads.v1') throw new Error('no leader for ads.v1');
    };
    await say(1);
    await db
      .transaction()
      .execute((trx) => outbox.addRealtime(trx, [`ad:${ad}`], { event: 'ad.changed', data: { id: ad } }));
    const relay = await relayTo({ publish });
    await until('both were tried', () => seen.includes('ads.v1') && seen.includes('realtime.v1'));
    await relay[Symbol.asyncDispose]();
    await relayTo(bus);
    await until('all is published', async () => (await waiting()) === 0);
    expect(bus.published.map(({ topic }) => topic)).toContain('ads.v1');
  });
});

describe('two relays', () => {
  it('work one at a time, and the other takes over at once from one that ends', async () => {
    const [first, second] = [keepingBus(), keepingBus()];
    const working = await relayTo(first);
    await say(0);
    await until('the first works', () => first.published.length === 1);
    await relayTo(second);
    for (const version of [1, 2, 3]) await say(version);
    await until('all is published', async () => (await waiting()) === 0);
    expect(first.versions()).toEqual([0, 1, 2, 3]);
    expect(second.versions()).toEqual([]);
    await working[Symbol.asyncDispose]();
    await say(4);
    await until('the second works', () => second.published.length === 1);
    expect(second.versions()).toEqual([4]);
  });

  it('replace one that died between publishing and marking, when its lease has run out', async () => {
    const [dead, heir] = [keepingBus(), keepingBus()];
    const stuck = Promise.withResolvers<void>();
    dead.after = () => stuck.promise;
    // A dead one is not waited for.
    endings.push(() => stuck.reject(new Error('gone')));
    await relayTo(dead);
    await say(1);
    await until('the first has published', () => dead.published.length === 1);
    let looks = 0;
    await relayTo(heir, () => {
      looks += 1;
    });
    clock.advance(9);
    const before = looks;
    await say(2);
    await until('the second has looked again, twice', () => looks >= before + 2);
    expect(heir.published).toEqual([]);
    clock.advance(2);
    await until('the second has taken over', async () => (await waiting()) === 0);
    expect(heir.versions()).toEqual([1, 2]);
    expect(ids(heir.published)[0], 'the same event again').toBe(ids(dead.published)[0]);
  });
});
