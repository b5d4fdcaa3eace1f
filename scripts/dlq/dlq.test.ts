// An operator's way through dead letters: see what was put aside, mend its cause, replay it, and nobody else notices.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { type Generated, Kysely, PGliteDialect } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ProblemError } from '../../contracts/problem.ts';
import type { Bus, OutgoingMessage } from '../../core/platform/bus/bus.ts';
import { startConsumer } from '../../core/platform/bus/consumer.ts';
import { deadLetterOf, deadLetterTopic, deadLetterTopics } from '../../core/platform/bus/dead-letters.ts';
import { openEmbeddedBus } from '../../core/platform/bus/embedded.ts';
import type { BusTables } from '../../core/platform/bus/embedded-log.ts';
import { openKafkaBus } from '../../core/platform/bus/kafka.ts';
import type { DatabaseProvider } from '../../core/platform/db/database.ts';
import { createInboxTable, type InboxTables } from '../../core/platform/db/inbox.ts';
import { openPGlite } from '../../core/platform/db/pglite.ts';
import { silentLog } from '../../core/platform/telemetry/log.ts';
import { createMetrics } from '../../core/platform/telemetry/metrics.ts';
import { createKafkaClient } from '../../kafka/client.ts';
import { openTestDatabase } from '../../tests/database.ts';
import { ownTopics } from '../../tests/own-topics.ts';
import { describeWith } from '../../tests/services.ts';
import { until } from '../../tests/until.ts';
import { testClock } from '../../tests/world.ts';
import { runDlq } from './run.ts';

const topic = 'ads.v1';
const clock = testClock();

type Tables = InboxTables & { effects: { id: Generated<number>; ad: string; version: number } };
const schema = {
  '001': {
    async up(db: Kysely<unknown>) {
      await createInboxTable(db);
      await db.schema
        .createTable('effects')
        .addColumn('id', 'integer', (column) => column.generatedAlwaysAsIdentity().primaryKey())
        .addColumn('ad', 'text', (column) => column.notNull())
        .addColumn('version', 'integer', (column) => column.notNull())
        .execute();
    },
  },
};

interface TestBus extends AsyncDisposable {
  readonly bus: Bus;
}

async function embedded(): Promise<TestBus> {
  const pglite = await PGlite.create();
  const db = new Kysely<BusTables>({ dialect: new PGliteDialect({ pglite }) });
  const bus = await openEmbeddedBus({ db, log: silentLog });
  return {
    bus,
    async [Symbol.asyncDispose]() {
      await bus[Symbol.asyncDispose]();
      await db.destroy();
    },
  };
}

async function onKafka(address: string): Promise<TestBus> {
  const options = { brokers: address.split(','), clientId: 'dlq-test', log: silentLog };
  const { bus, made } = ownTopics(await openKafkaBus(options));
  return {
    bus,
    async [Symbol.asyncDispose]() {
      await bus[Symbol.asyncDispose]();
      const admin = createKafkaClient(options).admin();
      await admin.connect();
      await admin.deleteTopics({ topics: [...made] });
      await admin.disconnect();
    },
  };
}

const event = (version: number, headers: Record<string, string> = {}): OutgoingMessage => {
  const ad = uuidv7();
  return {
    key: ad,
    value: JSON.stringify({ ad_id: ad, category: 'bicycles', seller_id: uuidv7(), version }),
    headers: { ce_id: uuidv7(), ce_type: 'ad.deleted', ce_time: '2026-11-25T10:00:00Z', ...headers },
  };
};

function operating(open: () => Promise<TestBus>): void {
  let databases: DatabaseProvider;
  let world: TestBus;
  let bus: Bus;
  /** Why a service can't handle events now. */
  let illness: Partial<Record<string, Error>>;
  let running: AsyncDisposable[];

  beforeAll(async () => {
    databases = await openTestDatabase();
  });
  afterAll(() => databases[Symbol.asyncDispose]());
  beforeEach(async () => {
    world = await open();
    bus = world.bus;
    illness = {};
    running = [];
    await bus.ensureTopics([topic]);
    await bus.ensureTopics(deadLetterTopics);
    for (const service of ['search', 'notifications']) {
      const db = await databases.open<Tables>(service, schema);
      await db.deleteFrom('effects').execute();
      const handler = async ({ data }: { data: { ad_id: string; version: number } }, trx: Kysely<Tables>) => {
        await trx.insertInto('effects').values({ ad: data.ad_id, version: data.version }).execute();
        const error = illness[service];
        if (error) throw error;
      };
      running.push(
        startConsumer<Tables>({
          service,
          bus,
          db,
          handlers: { 'ad.deleted': handler },
          clock,
          log: silentLog,
          metrics: createMetrics({ part: 'test' }),
          maxAttempts: 2,
        }),
      );
    }
  });
  afterEach(async () => {
    await Promise.all(running.map((each) => each[Symbol.asyncDispose]()));
    await world[Symbol.asyncDispose]();
  });

  const effects = async (service: string): Promise<number[]> => {
    const db = await databases.open<Tables>(service, schema);
    return (await db.selectFrom('effects').select('version').orderBy('version').execute()).map(
      ({ version }) => version,
    );
  };
  const effectsAre = (service: string, versions: number[]) =>
    until(`${service} has ${versions}`, async () => String(await effects(service)) === String(versions), {
      timeoutMs: 25_000,
    });

  /** What the operator reads, and the exit code. */
  const dlq = async (...args: string[]): Promise<{ code: number; out: string[]; err: string }> => {
    const out: string[] = [];
    const err: string[] = [];
    const connection = { bus, name: 'on the test’s bus', isEmbedded: false, [Symbol.asyncDispose]: async () => {} };
    const code = await runDlq([...args, '--by', 'ops@desk'], {
      connect: async () => connection,
      print: (line) => out.push(line),
      complain: (line) => err.push(line),
    });
    return { code, out, err: err.join('\n') };
  };
  /** Ids of what waits. */
  const waiting = async (): Promise<string[]> =>
    (await dlq('list')).out.flatMap((line) => /^\S+\.dlq\/\d+\/\d+/.exec(line)?.[0] ?? []);
  const waits = async (number = 1): Promise<string[]> => {
    await until(`${number} wait`, async () => (await waiting()).length === number, { timeoutMs: 25_000, everyMs: 100 });
    return waiting();
  };

  it('shows what waits and why, replays it once its cause is mended, and disturbs nobody else', async () => {
    illness['search'] = new ProblemError('conflict', { detail: 'The index is read only' });
    const sent = event(1);
    await bus.publish(topic, [sent]);
    const [id = ''] = await waits();
    await effectsAre('notifications', [1]);

    const { code, out } = await dlq('list', '--topic', topic, '--consumer', 'search');
    expect(code).toBe(0);
    expect(out[0]).toMatch(new RegExp(`^${id}  2026-\\S+  search  ad\\.deleted  ${sent.key}  1 try$`));
    expect(out[1]).toBe('    after 1 try: The index is read only');
    expect(out[2]).toBe('1 dead letter waiting on the test’s bus');
    expect((await dlq('list', '--consumer', 'notifications')).out).toEqual([
      '0 dead letters waiting on the test’s bus',
    ]);
    const shown = (await dlq('show', id)).out.join('\n');
    expect(shown).toContain(`  ce_id: ${sent.headers['ce_id']}`);
    expect(shown).toContain('    "version": 1');
    expect(shown).toContain('takes it as ad.deleted: what failed is the consumer’s handling');
    expect(shown).toContain('state     waits');

    illness = {};
    expect((await dlq('replay', id, '--note', 'index mended')).out).toEqual([`replayed ${id} to ads.v1 for search`]);
    await effectsAre('search', [1]);
    expect(await waiting()).toEqual([]);
    const told = (await dlq('list', '--all')).out.join('\n');
    expect(told).toMatch(/^ {4}replayed 2\S+Z by ops@desk: index mended$/m);

    const refused = await dlq('replay', id);
    expect(refused).toMatchObject({ code: 1, out: [] });
    expect(refused.err).toMatch(/was replayed .* by ops@desk.*--again/);
    await dlq('replay', id, '--again');
    // What comes behind the replays is handled after them.
    await bus.publish(topic, [{ ...event(2), key: sent.key }]);
    await effectsAre('search', [1, 2]);
    await effectsAre('notifications', [1, 2]);
  });

  it('puts aside again what fails again, and counts its replays', async () => {
    illness['search'] = new ProblemError('conflict', { detail: 'still ill' });
    await bus.publish(topic, [event(1)]);
    for (const replays of ['', ', 1 replay', ', 2 replays']) {
      const [id = ''] = await waits();
      expect((await dlq('list')).out[0]).toMatch(new RegExp(`1 try${replays}$`));
      await dlq('replay', id);
      await until('it is back', async () => (await waiting())[0] !== undefined && (await waiting())[0] !== id, {
        timeoutMs: 25_000,
        everyMs: 100,
      });
    }
    illness = {};
    const [last = ''] = await waits();
    expect((await dlq('show', last)).out.join('\n')).toMatch(/replays {3}3, the last one of ads\.v1\.dlq/);
    await dlq('replay', '--all');
    await effectsAre('search', [1]);
    expect((await dlq('list', '--all')).out.at(-1)).toBe('4 dead letters on the test’s bus');
  });

  it('replays all that waits, or those of one consumer, in the order they came', async () => {
    illness['search'] = new ProblemError('conflict');
    illness['notifications'] = new ProblemError('conflict');
    for (const version of [1, 2, 3]) await bus.publish(topic, [event(version)]);
    await waits(6);
    const dry = await dlq('replay', '--all', '--consumer', 'search', '--dry-run');
    expect(dry.out).toHaveLength(3);
    expect(dry.out[0]).toMatch(/^would replay \S+ to ads\.v1 for search$/);
    await waits(6);
    illness = {};
    expect((await dlq('replay', '--all', '--consumer', 'search')).out).toHaveLength(3);
    await effectsAre('search', [1, 2, 3]);
    expect(await effects('notifications')).toEqual([]);
    await waits(3);
    expect((await dlq('replay', '--all', '--topic', 'orders.v1')).out).toEqual(['nothing waits']);
    await dlq('replay', '--all');
    await effectsAre('notifications', [1, 2, 3]);
    expect((await dlq('replay', '--all')).out).toEqual(['nothing waits']);
    expect(await effects('search')).toEqual([1, 2, 3]);
  });

  it('that dies between replay and mark replays twice, harmlessly', async () => {
    illness['search'] = new ProblemError('conflict');
    const sent = event(1);
    await bus.publish(topic, [sent]);
    const [id = ''] = await waits();
    illness = {};
    const healthy = bus;
    bus = {
      ...healthy,
      publish: async (to, messages) => {
        if (to === deadLetterTopic(topic)) throw new Error('cut off');
        await healthy.publish(to, messages);
      },
    };
    expect(await dlq('replay', id)).toMatchObject({ code: 1, err: 'cut off' });
    bus = healthy;
    expect(await waiting(), 'it was not marked').toEqual([id]);
    expect((await dlq('replay', id)).code).toBe(0);
    await bus.publish(topic, [{ ...event(2), key: sent.key }]);
    await effectsAre('search', [1, 2]);
    expect(await waiting()).toEqual([]);
  });

  it('says what the contract refuses, and lets it be discarded with a reason', async () => {
    const sent = { ...event(1), value: JSON.stringify({ ad_id: '1', version: '\u009b2Jone' }) };
    await bus.publish(topic, [sent]);
    const [one = '', other = ''] = await waits(2);
    const shown = (await dlq('show', one)).out.join('\n');
    expect(shown).toContain('refuses it as ad.deleted:');
    expect(shown).toMatch(/→ at ad_id/);
    expect(shown, 'a terminal is not for messages to steer').not.toContain('\u009b');
    expect(shown).toContain('"version": "\\u009b2Jone"');

    expect(await dlq('discard', one)).toMatchObject({ code: 2, out: [] });
    expect(await dlq('discard', one, other, 'ads.v1.dlq/0/999', '--note', 'nonsense')).toMatchObject({
      code: 1,
      out: [],
      err: 'no such dead letter: ads.v1.dlq/0/999',
    });
    expect(await waiting(), 'one that is unknown changes nothing for the others').toHaveLength(2);
    expect((await dlq('discard', one, '--note', 'nonsense\nof a test')).out).toEqual([`discarded ${one}`]);
    expect(await waiting()).toEqual([other]);
    expect((await dlq('show', one)).out.join('\n')).toMatch(/state {5}discarded \S+ by ops@desk: nonsense of a test/);
    expect((await dlq('discard', one, '--note', 'twice')).err).toMatch(/was discarded/);
  });

  it('shows no more than was asked for, and says how much is left', async () => {
    illness['search'] = new ProblemError('conflict');
    await bus.publish(
      topic,
      Array.from({ length: 5 }, (_, version) => event(version)),
    );
    await waits(5);
    const { out } = await dlq('list', '--limit', '2');
    expect(out).toHaveLength(6);
    expect(out.slice(-2)).toEqual([
      'and 3 more: --limit shows more of them',
      '5 dead letters waiting on the test’s bus',
    ]);
  });

  it('replays nothing that was put aside in part, nor what is no letter', async () => {
    const source = { topic, partition: 0, offset: 7, timestamp: clock.now() };
    const huge = { ...event(1), value: 'x'.repeat(900_000), ...source };
    const letter = deadLetterOf(huge, { service: 'search', reason: 'too big', tries: 1, at: clock.now() });
    await bus.publish(deadLetterTopic(topic), [letter, { key: 'k', value: 'v', headers: {} }]);
    const [id = ''] = await waits();
    expect((await dlq('list')).out.at(-1)).toMatch(/^1 message there that no consumer has put aside, such as ads\.v1/);
    expect(await dlq('replay', id)).toMatchObject({
      code: 1,
      err: `${id} was too big to be put aside whole: only ads.v1/0/7 has it`,
    });
    expect((await dlq('show', id)).out.join('\n')).toContain('read the message at its source');
    expect((await dlq('replay', '--all')).out).toEqual(['nothing waits']);
    const stranger = /such as (\S+)$/.exec((await dlq('list')).out.at(-1) ?? '')?.[1] ?? '';
    expect((await dlq('show', stranger)).out.join('\n')).toContain('no consumer has put this here');
    expect((await dlq('replay', stranger)).err).toBe(`no such dead letter: ${stranger}`);
  });
}

describe('dead letters on the embedded bus', () => operating(embedded));
describeWith('kafka', 'dead letters on Kafka', (address) => operating(() => onKafka(address)));

describe('the command line', () => {
  const root = join(import.meta.dirname, '../..');
  const run = (
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<{ code: number; out: string; err: string }> =>
    new Promise((resolve) => {
      const surroundings = { ...process.env, KAFKA_BROKERS: '', LOTOK_SERVICES: 'env', ...env };
      execFile(process.execPath, ['scripts/dlq.ts', ...args], { cwd: root, env: surroundings }, (error, out, err) =>
        resolve({ code: error ? Number(error.code) : 0, out, err }),
      );
    });
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lotok-dlq-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const refused: [args: string[], complaint: RegExp][] = [
    [['fly'], /there is no such command/],
    [['list', '--topic', 'realtime.v1'], /there is none for realtime\.v1; there are ads\.v1\.dlq/],
    [['list', '--consumer', 'nobody'], /must be one of ads, users/],
    [['list', '--limit', '0'], /limit/],
    [['list', 'orders.v1.dlq/0/1'], /list takes none/],
    [['list', '--again'], /Unrecognized key: "again"/],
    [['show'], /show takes one/],
    [['show', 'orders.v1/0/1'], /no id such as orders\.v1\.dlq\/0\/17: orders\.v1\/0\/1/],
    [['replay'], /name some, or all by --all/],
    [['replay', '--all', 'orders.v1.dlq/0/1'], /name some, or all by --all/],
    [['replay', 'orders.v1.dlq/0/1', '--topic', 'orders.v1'], /choose among --all/],
    [['replay', '--all', '--again'], /for letters that are named/],
    [['discard', 'orders.v1.dlq/0/1'], /must say why/],
    [['list', '--bogus'], /Unknown option '--bogus'/],
  ];
  it('refuses what makes no sense, says why, and touches nothing', async () => {
    for (const [args, complaint] of refused) {
      const complaints: string[] = [];
      const code = await runDlq(args, {
        connect: () => Promise.reject(new Error('connected')),
        print: () => {},
        complain: (line) => complaints.push(line),
      });
      expect([args, code, complaints.join('\n')]).toEqual([args, 2, expect.stringMatching(complaint)]);
      expect(complaints.join('\n')).toContain('npm run dlq -- list');
    }
  });

  it('works on an embedded data folder that nobody uses, and leaves one alone that somebody does', async () => {
    expect(await run(['list'], { LOTOK_DATA: join(folder, 'elsewhere') })).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^no data in \S+elsewhere: name a folder/),
    });
    {
      await using databases = await openPGlite({ folder: join(folder, 'database') });
      await using bus = await openEmbeddedBus({ db: await databases.open('bus', {}), log: silentLog });
      await bus.ensureTopics([topic, ...deadLetterTopics]);
      const source = { topic, partition: 0, offset: 7, timestamp: clock.now() };
      const failed = { service: 'search', reason: 'ill', tries: 12, at: clock.now() };
      await bus.publish(deadLetterTopic(topic), [deadLetterOf({ ...event(1), ...source }, failed)]);
      const busy = await run(['list', '--data', folder]);
      expect(busy).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/another process uses the data/) });
    }
    const listed = await run(['list', '--data', folder]);
    expect(listed).toMatchObject({ code: 0, err: '' });
    expect(listed.out).toContain(`1 dead letter waiting in ${folder}`);
    const replayed = await run(['replay', '--all', '--data', folder]);
    expect(replayed.out).toMatch(
      /^replayed ads\.v1\.dlq\/\d\/0 to ads\.v1 for search\nThey are handled when Lotok starts/,
    );
    expect((await run(['list'], { LOTOK_DATA: folder })).out).toContain('0 dead letters waiting');
    await using databases = await openPGlite({ folder: join(folder, 'database') });
    await using bus = await openEmbeddedBus({ db: await databases.open('bus', {}), log: silentLog });
    const replays: unknown[] = [];
    await bus.readAll([topic], ({ headers }) => void replays.push(headers['dlq_replay_for']));
    expect(replays).toEqual(['search']);
  });

  describeWith('kafka', 'with brokers', (brokers) => {
    it('asks Kafka, and says when there is none', async () => {
      const listed = await run(['list', '--limit', '1'], { KAFKA_BROKERS: brokers, LOTOK_DATA: folder });
      expect(listed).toMatchObject({ code: 0, err: '' });
      expect(listed.out).toMatch(new RegExp(`waiting on Kafka at ${brokers}`));
      const absent = await run(['show', 'ads.v1.dlq/0/99999999'], { KAFKA_BROKERS: brokers });
      expect(absent).toMatchObject({ code: 1, err: 'no such dead letter: ads.v1.dlq/0/99999999\n' });
      const nobody = await run(['list'], { KAFKA_BROKERS: '127.0.0.1:1' });
      expect(nobody).toMatchObject({ code: 1, err: expect.stringMatching(/connect/i) });
    });
  });
});
