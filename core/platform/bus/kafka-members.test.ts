// Consumers that die or freeze in the middle of a batch, on real Kafka and PostgreSQL: each event has its effect, once.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Admin } from 'kafkajs';
import type { Kysely } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createKafkaClient } from '../../../kafka/client.ts';
import { createDatabase } from '../../../tests/database.ts';
import { type OwnTopics, ownTopics } from '../../../tests/own-topics.ts';
import { describeWith } from '../../../tests/services.ts';
import { Hopeless, until } from '../../../tests/until.ts';
import { openPostgres } from '../db/postgres.ts';
import { silentLog } from '../telemetry/log.ts';
import type { OutgoingMessage } from './bus.ts';
import { consumerGroup } from './consumer.ts';
import { deadLetterTopic } from './dead-letters.ts';
import { openKafkaBus } from './kafka.ts';
import { type EffectTables, effectMigrations, type Member } from './member.testing.ts';

const topic = 'ads.v1';

describeWith('postgres', 'consumers on PostgreSQL', (server) =>
  describeWith('kafka', 'and Kafka', (brokers) => {
    const shared = new AsyncDisposableStack();
    let databaseUrl: string;
    let db: Kysely<EffectTables>;
    let admin: Admin;
    let own: OwnTopics;
    const children: ChildProcess[] = [];

    beforeAll(async () => {
      const database = shared.use(await createDatabase(server));
      databaseUrl = database.url;
      const databases = shared.use(await openPostgres({ url: databaseUrl, poolSize: 2, log: silentLog }));
      db = await databases.open<EffectTables>('search', effectMigrations);
      admin = createKafkaClient({ brokers: brokers.split(','), clientId: 'members-test', log: silentLog }).admin();
      await admin.connect();
      shared.defer(() => admin.disconnect());
    });
    afterAll(() => shared.disposeAsync());
    beforeEach(async () => {
      own = ownTopics(await openKafkaBus({ brokers: brokers.split(','), clientId: 'members-test', log: silentLog }));
      await own.bus.ensureTopics([topic, deadLetterTopic(topic)]);
    });
    afterEach(async () => {
      for (const child of children.splice(0)) {
        child.kill('SIGKILL');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      }
      await own.bus[Symbol.asyncDispose]();
      await admin.deleteTopics({ topics: [...own.made] });
      await db.deleteFrom('effects').execute();
      await db.deleteFrom('inbox').execute();
    });

    const start = (name: string): { readonly child: ChildProcess; readonly output: () => string } => {
      const member: Member = {
        name,
        brokers,
        databaseUrl,
        prefix: own.prefix,
        // As short as brokers allow by default.
        sessionTimeoutMs: 6_000,
        workMs: 50,
      };
      const child = spawn(process.execPath, [join(import.meta.dirname, 'member.testing.ts')], {
        env: { ...process.env, MEMBER: JSON.stringify(member) },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      children.push(child);
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
      return { child, output: () => output };
    };
    const publish = (versions: readonly number[]) =>
      own.bus.publish(
        topic,
        versions.map((version): OutgoingMessage => {
          const ad = uuidv7();
          return {
            key: ad,
            value: JSON.stringify({ ad_id: ad, category: 'bicycles', seller_id: uuidv7(), version }),
            headers: { ce_id: uuidv7(), ce_type: 'ad.deleted', ce_time: '2026-11-25T10:00:00Z' },
          };
        }),
      );
    const range = (first: number, count: number): number[] =>
      Array.from({ length: count }, (_, index) => first + index);
    const effects = () => db.selectFrom('effects').select(['version', 'member']).execute();
    const effectsOf = async (name: string): Promise<number> =>
      (await effects()).filter(({ member }) => member === name).length;
    const has = (what: string, condition: () => Promise<boolean>) =>
      until(what, condition, { timeoutMs: 60_000, everyMs: 50 });
    const allOnce = async (versions: readonly number[]): Promise<void> => {
      await has('all have had their effect', async () => (await effects()).length >= versions.length);
      const happened = (await effects()).map(({ version }) => version).toSorted((one, other) => one - other);
      expect(happened).toEqual(versions);
      const letters: string[] = [];
      await own.bus.readAll([deadLetterTopic(topic)], ({ value }) => void letters.push(value));
      expect(letters).toEqual([]);
    };
    /** Undefined while the group shares its partitions out anew. */
    const membersOfGroup = async (): Promise<number | undefined> => {
      const { groups } = await admin.describeGroups([own.prefix + consumerGroup('search')]);
      return groups[0]?.state === 'Stable' ? groups[0].members.length : undefined;
    };
    const groupIs = (members: number) =>
      has(`the group is calm with ${members}`, async () => (await membersOfGroup()) === members);

    /** Two members that have both begun with a backlog. */
    const atWork = async (one: string, other: string) => {
      const members = [start(one), start(other)] as const;
      await has('both are there', async () => {
        for (const { child, output } of members) if (child.exitCode !== null) throw new Hopeless(output());
        return (await membersOfGroup()) === 2;
      });
      await publish(range(0, 300));
      await has('both are at work', async () => (await effectsOf(one)) > 10 && (await effectsOf(other)) > 10);
      return members;
    };

    it('one of them is killed in the middle of a batch: the other does its work', { timeout: 120_000 }, async () => {
      const [dying, staying] = await atWork('dying', 'staying');
      dying.child.kill('SIGKILL');
      const left = 300 - (await effects()).length;
      expect(left, 'it had not come to an end').toBeGreaterThan(20);
      await allOnce(range(0, 300));
      await groupIs(1);
      expect(staying.output()).toBe('');
    });

    it('one of them freezes past its session: what it held is done once, and it comes back', {
      timeout: 120_000,
    }, async () => {
      const [frozen, staying] = await atWork('frozen', 'staying');
      frozen.child.kill('SIGSTOP');
      await groupIs(1);
      frozen.child.kill('SIGCONT');
      await allOnce(range(0, 300));
      await groupIs(2);
      const before = await effectsOf('frozen');
      await publish(range(300, 100));
      await allOnce(range(0, 400));
      expect(await effectsOf('frozen'), 'it has its share again').toBeGreaterThan(before);
      expect(frozen.output() + staying.output()).toBe('');
    });
  }),
);
