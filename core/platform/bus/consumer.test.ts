// A consumer's promise: each event's effect once, nothing lost, and nothing that is broken in the way of the rest.
import { PGlite } from '@electric-sql/pglite';
import { type Generated, Kysely, PGliteDialect, sql, type Transaction } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventTypes } from '../../../contracts/events.ts';
import { ProblemError } from '../../../contracts/problem.ts';
import { openTestDatabase } from '../../../tests/database.ts';
import { until } from '../../../tests/until.ts';
import { testClock } from '../../../tests/world.ts';
import type { DatabaseProvider } from '../db/database.ts';
import { createInboxTable, type InboxTables } from '../db/inbox.ts';
import { silentLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { currentTraceId, injectTrace, inSpan, startTracing } from '../telemetry/tracing.ts';
import type { Bus, Incoming, IncomingMessage, OutgoingMessage } from './bus.ts';
import { type ConsumerOptions, startConsumer } from './consumer.ts';
import { deadLetterTopic } from './dead-letters.ts';
import { openEmbeddedBus } from './embedded.ts';
import type { BusTables } from './embedded-log.ts';

type Tables = InboxTables & { effects: { id: Generated<number>; ad: string; version: number } };

const topic = 'ads.v1';
const adId = uuidv7();
const clock = testClock();
let pglite: PGlite;
let databases: DatabaseProvider;
let db: Kysely<Tables>;
let bus: Bus;
let running: AsyncDisposable[];

beforeAll(async () => {
  databases = await openTestDatabase();
  db = await databases.open<Tables>('search', {
    '001': {
      async up(schema) {
        await createInboxTable(schema);
        await schema.schema
          .createTable('effects')
          .addColumn('id', 'integer', (column) => column.generatedAlwaysAsIdentity().primaryKey())
          .addColumn('ad', 'text', (column) => column.notNull())
          .addColumn('version', 'integer', (column) => column.notNull())
          .execute();
      },
    },
  });
});
afterAll(() => databases[Symbol.asyncDispose]());
beforeEach(async () => {
  pglite = await PGlite.create();
  bus = await openEmbeddedBus({
    db: new Kysely<BusTables>({ dialect: new PGliteDialect({ pglite }) }),
    log: silentLog,
  });
  await bus.ensureTopics([topic, deadLetterTopic(topic)]);
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((each) => each[Symbol.asyncDispose]()));
  await bus[Symbol.asyncDispose]();
  await pglite.close();
  await db.deleteFrom('effects').execute();
  await db.deleteFrom('inbox').execute();
});

type Handler = NonNullable<ConsumerOptions<Tables>['handlers']['ad.deleted']>;
const applied: Handler = async ({ data }, trx) => {
  await trx.insertInto('effects').values({ ad: data.ad_id, version: data.version }).execute();
};

function consume(handler: Handler, options: Partial<ConsumerOptions<Tables>> = {}) {
  const consumer = startConsumer<Tables>({
    service: 'search',
    bus,
    db,
    handlers: { 'ad.deleted': handler },
    clock,
    log: silentLog,
    metrics: createMetrics({ part: 'test' }),
    maxAttempts: 3,
    ...options,
  });
  running.push(consumer);
  return consumer;
}

const event = (version: number, changed: Partial<Record<string, string | undefined>> = {}): OutgoingMessage => {
  const headers = { ce_id: uuidv7(), ce_type: 'ad.deleted', ce_time: '2026-11-24T10:00:00Z', ...changed };
  const data = { ad_id: adId, category: 'bicycles', seller_id: uuidv7(), version };
  const given = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { key: adId, value: JSON.stringify(data), headers: Object.fromEntries(given) };
};
const effects = async (): Promise<number[]> =>
  (await db.selectFrom('effects').select('version').orderBy('id').execute()).map(({ version }) => version);
const effectsAre = (versions: number[]) =>
  until(`the effects are ${versions}`, async () => String(await effects()) === String(versions));

/** What was put aside, as somebody who replays it would read it. */
function deadLetters(): IncomingMessage[] {
  const letters: IncomingMessage[] = [];
  const handle = async ([message]: Incoming): Promise<void> => void letters.push(message);
  running.push(bus.subscribe({ group: 'replay', topics: [deadLetterTopic(topic)], from: 'beginning', handle }));
  return letters;
}

describe('a backlog', () => {
  it('is worked off in few transactions, in the order of what they lock, and of each lock in its own', async () => {
    const others = [uuidv7(), uuidv7()].sort();
    const of = (ad: string | undefined, version: number): OutgoingMessage => {
      const sent = event(version);
      return { ...sent, value: JSON.stringify({ ...JSON.parse(sent.value), ad_id: ad }) };
    };
    await bus.publish(topic, [of(others[1], 1), of(others[0], 2), of(others[1], 3), of(others[0], 4)]);
    const transactions = new Set<unknown>();
    consume(
      async (heard, trx) => {
        transactions.add(trx);
        await applied(heard, trx);
      },
      { lockOf: (data) => ('ad_id' in data ? data.ad_id : '') },
    );
    await effectsAre([2, 4, 1, 3]);
    expect(transactions.size).toBe(1);
  });

  it('loses and repeats nothing for one among it that cannot be processed', async () => {
    const letters = deadLetters();
    const [first, poison, last] = [event(1), event(2), event(3)];
    await bus.publish(topic, [first, poison, { ...event(9), value: '{' }, last, first]);
    consume(async (heard, trx) => {
      await applied(heard, trx);
      if (heard.data.version === 2) throw new Error('never');
    });
    await effectsAre([1, 3]);
    await until('both are put aside', () => letters.length === 2);
    expect(letters.map(({ headers }) => headers['dlq_reason'])).toEqual([
      'after 3 tries: never',
      expect.stringContaining('JSON'),
    ]);
  });
});

describe('an event', () => {
  it('has its effect once, however often it comes', async () => {
    const [first, second] = [event(1), event(2)];
    consume(applied);
    await bus.publish(topic, [first, first, second, first]);
    await bus.publish(topic, [second, first, event(3)]);
    await effectsAre([1, 2, 3]);
  });

  it('has its effect once when it comes many times at once', async () => {
    const same = event(1);
    // Under other keys: in other partitions, so that they are handled at the same time.
    const copies = Array.from({ length: 16 }, (_, index) => ({ ...same, key: `key-${index}` }));
    consume(applied);
    await bus.publish(topic, [...copies, ...copies]);
    await until('all are handled', async () => (await bus.lag('core-search', [topic])).every(({ lag }) => lag === 0));
    expect(await effects()).toEqual([1]);
  });

  it('is remembered in the transaction of its effect', async () => {
    let failures = 0;
    const half: Handler = async (heard, trx) => {
      await applied(heard, trx);
      failures += 1;
      if (failures === 1) throw new Error('after the effect');
    };
    const sent = event(1);
    consume(half);
    await bus.publish(topic, [sent]);
    await effectsAre([1]);
    expect(failures, 'the first effect was undone, and so was the memory of it').toBe(2);
    const remembered = await db.selectFrom('inbox').select('event_id').execute();
    expect(remembered).toEqual([{ event_id: sent.headers['ce_id'] }]);
  });

  it('of a type that nobody here hears is passed by', async () => {
    const letters = deadLetters();
    consume(applied);
    await bus.publish(topic, [
      event(1, { ce_type: 'ad.painted' }),
      { ...event(2, { ce_type: 'ad.changed' }), value: '{' },
    ]);
    await bus.publish(topic, [event(3)]);
    await effectsAre([3]);
    expect(letters).toEqual([]);
  });

  it('may carry fields that are newer than we', async () => {
    const sent = event(1);
    consume(applied);
    await bus.publish(topic, [{ ...sent, value: JSON.stringify({ ...JSON.parse(sent.value), colour: 'green' }) }]);
    await effectsAre([1]);
  });

  it('is handled in the trace of who caused it', async () => {
    await using _tracing = startTracing({ service: 'test' });
    const headers: Record<string, string> = {};
    const caused = await inSpan('request', {}, () => {
      injectTrace(headers);
      return currentTraceId();
    });
    const traces: (string | undefined)[] = [];
    consume(async () => void traces.push(currentTraceId()));
    await bus.publish(topic, [event(1, headers), event(2, { traceparent: 'nonsense' })]);
    await until('both are handled', () => traces.length === 2);
    expect(traces[0]).toBe(caused);
    expect(traces[1]).toMatch(/^[0-9a-f]{32}$/);
    expect(traces[1]).not.toBe(caused);
  });

  it('tells its id, its time and its data', async () => {
    const heard: unknown[] = [];
    const sent = event(7);
    consume(async (each) => void heard.push(each));
    await bus.publish(topic, [sent]);
    await until('it is heard', () => heard.length === 1);
    expect(heard[0]).toEqual({
      id: sent.headers['ce_id'],
      type: 'ad.deleted',
      time: new Date('2026-11-24T10:00:00Z'),
      data: eventTypes['ad.deleted'].data.parse(JSON.parse(sent.value)),
    });
  });
});

describe('a message that can never be processed', () => {
  const cases: [what: string, message: OutgoingMessage, reason: RegExp][] = [
    ['no id', event(1, { ce_id: undefined }), /headers: .*ce_id/s],
    ['an endless id', event(1, { ce_id: 'x'.repeat(101) }), /headers: .*ce_id/s],
    ['no type', event(1, { ce_type: undefined }), /headers: .*ce_type/s],
    ['no time', event(1, { ce_time: 'yesterday' }), /headers: .*ce_time/s],
    ['no JSON', { ...event(1), value: '{"ad_id":' }, /not JSON/],
    ['other data', { ...event(1), value: '{"ad_id":"1"}' }, /data: .*ad_id/s],
  ];
  it.each(cases)('with %s is put aside at once, and those behind it go on', async (_, broken, reason) => {
    const letters = deadLetters();
    consume(applied);
    await bus.publish(topic, [broken, event(2)]);
    await effectsAre([2]);
    await until('it was put aside', () => letters.length === 1);
    const [letter] = letters;
    expect(letter).toMatchObject({ key: broken.key, value: broken.value });
    expect(letter?.headers).toMatchObject(broken.headers);
    expect(letter?.headers['dlq_reason']).toMatch(reason);
    expect(letter?.headers['dlq_reason']?.length).toBeLessThanOrEqual(1000);
    expect(letter?.headers['dlq_consumer']).toBe('search');
    expect(letter?.headers['dlq_source']).toMatch(/^ads\.v1\/\d+\/0$/);
    expect(letter?.headers['dlq_at']).toBe(clock.now().toISOString());
  });

  it('because a rule says no is put aside after one try', async () => {
    const letters = deadLetters();
    let tries = 0;
    consume(async (heard, trx) => {
      if (heard.data.version !== 1) return applied(heard, trx);
      tries += 1;
      throw new ProblemError('conflict', { detail: 'The ad is sold' });
    });
    await bus.publish(topic, [event(1), event(2)]);
    await effectsAre([2]);
    await until('it was put aside', () => letters.length === 1);
    expect(tries, 'in company, then alone').toBe(2);
    expect(letters[0]?.headers['dlq_reason']).toContain('The ad is sold');
  });
});

describe('a handler that fails', () => {
  it('is tried again until it passes, and keeps the order', async () => {
    const letters = deadLetters();
    let failures = 0;
    consume(async (heard, trx) => {
      if (heard.data.version === 1 && failures < 2) {
        failures += 1;
        throw new Error('not yet');
      }
      await applied(heard, trx);
    });
    await bus.publish(topic, [event(1), event(2)]);
    await effectsAre([1, 2]);
    expect(letters).toEqual([]);
  });

  it('is tried so often and not more, then its message is put aside and those behind it go on', async () => {
    const letters = deadLetters();
    let tries = 0;
    consume(async (heard, trx) => {
      if (heard.data.version !== 1) return applied(heard, trx);
      tries += 1;
      throw new Error(`never ${'!'.repeat(2000)}`);
    });
    await bus.publish(topic, [event(1), event(2)]);
    await effectsAre([2]);
    await until('it was put aside', () => letters.length === 1);
    expect(tries, 'in company, then alone').toBe(1 + 3);
    expect(letters[0]?.headers['dlq_reason']).toMatch(/^after 3 tries: never !+$/);
    expect(letters[0]?.headers['dlq_reason']).toHaveLength(1000);
    expect(letters[0]?.headers['dlq_tries']).toBe('3');
  });

  it('and whose message cannot be put aside waits with it, without being asked so often again', async () => {
    const letters = deadLetters();
    let tries = 0;
    let refusals = 0;
    const publish: Bus['publish'] = async (to, messages) => {
      if (to === deadLetterTopic(topic) && refusals < 2) {
        refusals += 1;
        throw new Error('the bus is down');
      }
      await bus.publish(to, messages);
    };
    consume(
      async () => {
        tries += 1;
        throw new Error('never');
      },
      { bus: { ...bus, publish } },
    );
    await bus.publish(topic, [event(1)]);
    await until('it was put aside', () => letters.length === 1);
    expect(refusals).toBe(2);
    expect(tries, 'three, and one before each refusal was made up for').toBe(5);
  });

  it('because the database is away waits for it, however long that takes', async () => {
    const letters = deadLetters();
    const outage = { on: true, asked: 0 };
    const away = (): never => {
      outage.asked += 1;
      throw new Error('connect ECONNREFUSED');
    };
    // The real database behind a connection that is sometimes not there.
    const shaky = new Proxy(db, {
      get: (target, name) => {
        if (outage.on && (name === 'transaction' || name === 'getExecutor')) return away;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    consume(applied, { db: shaky, maxAttempts: 2 });
    await bus.publish(topic, [event(1)]);
    await until('it has been tried more often than a bad message is', () => outage.asked >= 6);
    outage.on = false;
    await effectsAre([1]);
    expect(letters).toEqual([]);
  });
});

describe('a replay', () => {
  const replay = (sent: OutgoingMessage, service: string, more: Record<string, string> = {}): OutgoingMessage => ({
    ...sent,
    headers: { ...sent.headers, dlq_replay_for: service, dlq_replay_of: 'ads.v1.dlq/0/1', dlq_replays: '1', ...more },
  });

  it('is handled by the service that it is for, and by no other', async () => {
    consume(applied);
    await bus.publish(topic, [replay(event(1), 'ads'), replay(event(2), 'search'), event(3)]);
    await effectsAre([2, 3]);
  });

  it('has its effect once, however often it is replayed', async () => {
    const sent = event(1);
    consume(applied);
    await bus.publish(topic, [replay(sent, 'search'), sent, replay(sent, 'search'), event(2)]);
    await effectsAre([1, 2]);
  });

  it('that fails again is put aside again, with the count of its replays', async () => {
    const letters = deadLetters();
    consume(async () => {
      throw new ProblemError('conflict', { detail: 'still ill' });
    });
    await bus.publish(topic, [replay(event(1), 'search', { dlq_replays: '4' })]);
    await until('it was put aside', () => letters.length === 1);
    expect(letters[0]?.headers).toMatchObject({
      dlq_consumer: 'search',
      dlq_tries: '1',
      dlq_replays: '4',
      dlq_replay_of: 'ads.v1.dlq/0/1',
    });
  });

  it('of what the service no longer hears is put aside, not lost', async () => {
    const letters = deadLetters();
    consume(applied);
    await bus.publish(topic, [replay(event(1, { ce_type: 'ad.painted' }), 'search')]);
    await until('it was put aside', () => letters.length === 1);
    expect(letters[0]?.headers['dlq_reason']).toBe('search hears no ad.painted');
  });
});

it('never lets an effect be seen before its event is remembered', async () => {
  // Both or neither, at any moment: read in one statement.
  const handler: Handler = async (heard, trx: Transaction<Tables>) => applied(heard, trx);
  consume(handler);
  await bus.publish(
    topic,
    Array.from({ length: 20 }, (_, index) => event(index)),
  );
  const differing: unknown[] = [];
  await until(
    'all have happened',
    async () => {
      const { rows } = await sql<{ effects: number; ids: number }>`
      select (select count(*)::int from search.effects) as effects, (select count(*)::int from search.inbox) as ids
    `.execute(db);
      const [row] = rows;
      if (row?.effects !== row?.ids) differing.push(row);
      return row?.effects === 20;
    },
    { everyMs: 1 },
  );
  expect(differing).toEqual([]);
});
