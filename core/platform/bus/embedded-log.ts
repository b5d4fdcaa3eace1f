// The embedded log: topics, messages and offsets as tables of the schema `bus`.
import { randomUUID } from 'node:crypto';
import { type ColumnType, type Kysely, sql } from 'kysely';
import type { Clock } from '../clock.ts';
import type { IncomingMessage, OutgoingMessage } from './bus.ts';

type Bigint = ColumnType<number | string | bigint, number, number>;
type Timestamp = ColumnType<Date, Date, Date>;

export interface BusTables {
  /** `keep_ms`: how long retention leaves messages alone, where a topic has a time of its own. */
  topics: {
    name: string;
    partitions: number;
    epoch: string;
    keep_ms: ColumnType<number | string | null, number | undefined, number>;
  };
  partitions: { topic: string; partition: number; next_offset: Bigint };
  messages: {
    topic: string;
    partition: number;
    offset: Bigint;
    key: string;
    value: string;
    headers: ColumnType<Record<string, string>, string, string>;
    timestamp: Timestamp;
  };
  /** `next_offset` is where the group goes on. */
  offsets: { group: string; topic: string; partition: number; next_offset: Bigint; updated_at: Timestamp };
}

export interface Retention {
  /** The newest messages of a topic that are kept, spread over its partitions. */
  readonly messagesPerTopic: number;
  readonly ageMs: number;
  /** A group that nobody has subscribed to for so long is forgotten, so that it can't hold messages for ever. */
  readonly idleGroupMs: number;
}

/** Several statements of one append, so that none grows without bound. */
const appendBatch = 500;

export async function openLog(
  anyDb: Kysely<BusTables>,
  { clock, partitionsPerTopic }: { clock: Clock; partitionsPerTopic: number },
) {
  const db = anyDb.withSchema('bus');
  await createTables(db);
  /** Where each partition ends. One process owns the database, so memory is as good as the table. */
  const ends = new Map<string, number>();
  const partitionCounts = new Map<string, number>();
  const epochs = new Map<string, string>();
  const waiting = new Map<string, Set<() => void>>();

  const load = async (): Promise<void> => {
    for (const topic of await db.selectFrom('topics').selectAll().execute()) {
      partitionCounts.set(topic.name, topic.partitions);
      epochs.set(topic.name, topic.epoch);
    }
    for (const row of await db.selectFrom('partitions').selectAll().execute()) {
      ends.set(place(row.topic, row.partition), Number(row.next_offset));
    }
  };
  await load();

  const count = (topic: string): number => {
    const partitions = partitionCounts.get(topic);
    if (partitions === undefined) throw new Error(`no such topic: ${topic}`);
    return partitions;
  };
  const end = (topic: string, partition: number): number => ends.get(place(topic, partition)) ?? 0;

  return {
    partitions: (topic: string): number[] => Array.from({ length: count(topic) }, (_, partition) => partition),
    end,

    epoch(topic: string): string {
      count(topic);
      return epochs.get(topic) ?? '';
    },

    async ensureTopics(topics: readonly string[]): Promise<void> {
      const missing = [...new Set(topics)].filter((topic) => !partitionCounts.has(topic));
      if (missing.length === 0) return;
      await db.transaction().execute(async (trx) => {
        const numbers = Array.from({ length: partitionsPerTopic }, (_, partition) => partition);
        await trx
          .insertInto('topics')
          .values(missing.map((name) => ({ name, partitions: partitionsPerTopic, epoch: randomUUID() })))
          .onConflict((conflict) => conflict.doNothing())
          .execute();
        await trx
          .insertInto('partitions')
          .values(missing.flatMap((topic) => numbers.map((partition) => ({ topic, partition, next_offset: 0 }))))
          .onConflict((conflict) => conflict.doNothing())
          .execute();
      });
      await load();
    },

    /** From now on retention drops nothing of the topics that is younger. */
    async keep(topics: readonly string[], ms: number): Promise<void> {
      if (topics.length === 0) return;
      await db
        .updateTable('topics')
        .set((update) => ({ keep_ms: update.fn<number>('greatest', ['keep_ms', update.val(ms)]) }))
        .where('name', 'in', topics)
        .execute();
    },

    async append(topic: string, messages: readonly OutgoingMessage[]): Promise<void> {
      const partitions = count(topic);
      for (let first = 0; first < messages.length; first += appendBatch) {
        const batch = messages.slice(first, first + appendBatch).map((message) => ({
          ...message,
          partition: partitionOf(message.key, partitions),
        }));
        for (const [partition, next] of await insert(db, topic, batch, clock.now())) {
          const key = place(topic, partition);
          ends.set(key, Math.max(next, ends.get(key) ?? 0));
          for (const wake of waiting.get(key) ?? []) wake();
        }
      }
    },

    async read(topic: string, partition: number, from: number, limit: number): Promise<IncomingMessage[]> {
      const rows = await db
        .selectFrom('messages')
        .selectAll()
        .where('topic', '=', topic)
        .where('partition', '=', partition)
        .where('offset', '>=', from)
        .orderBy('offset')
        .limit(limit)
        .execute();
      return rows.map((row) => ({ ...row, offset: Number(row.offset), timestamp: new Date(row.timestamp) }));
    },

    /** Resolves when the partition reaches beyond `offset` or the signal fires. */
    grown(topic: string, partition: number, offset: number, signal: AbortSignal): Promise<void> {
      const key = place(topic, partition);
      return new Promise((resolve) => {
        if (signal.aborted || end(topic, partition) > offset) return resolve();
        const wakers = waiting.get(key) ?? new Set();
        waiting.set(key, wakers);
        const done = (): void => {
          wakers.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        wakers.add(done);
        signal.addEventListener('abort', done, { once: true });
      });
    },

    /** Gives a group that is new to a topic its first place, so that later restarts go on from there. */
    async pin(group: string, topic: string, from: 'beginning' | 'end'): Promise<void> {
      const values = Array.from({ length: count(topic) }, (_, partition) => ({
        group,
        topic,
        partition,
        next_offset: from === 'beginning' ? 0 : end(topic, partition),
        updated_at: clock.now(),
      }));
      await db
        .insertInto('offsets')
        .values(values)
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    },

    async commit(group: string, topic: string, partition: number, next: number): Promise<void> {
      const values = { next_offset: next, updated_at: clock.now() };
      await db
        .insertInto('offsets')
        .values({ group, topic, partition, ...values })
        .onConflict((conflict) => conflict.columns(['group', 'topic', 'partition']).doUpdateSet(values))
        .execute();
    },

    async committed(group: string, topic: string): Promise<Map<number, number>> {
      const rows = await db
        .selectFrom('offsets')
        .select(['partition', 'next_offset'])
        .where('group', '=', group)
        .where('topic', '=', topic)
        .execute();
      return new Map(rows.map((row) => [row.partition, Number(row.next_offset)]));
    },

    /** The first offset that is still kept, of each partition that has any. */
    async begins(topic: string): Promise<Map<number, number>> {
      const rows = await db
        .selectFrom('messages')
        .select((select) => ['partition', select.fn.min('offset').as('first')])
        .where('topic', '=', topic)
        .groupBy('partition')
        .execute();
      return new Map(rows.map((row) => [row.partition, Number(row.first)]));
    },

    /** Drops what retention no longer covers, and never what a group has not read. */
    async trim(retention: Retention, liveGroups: readonly string[]): Promise<void> {
      const now = clock.now();
      const before = (ms: number): Date => new Date(now.getTime() - ms);
      if (liveGroups.length > 0) {
        await db.updateTable('offsets').set({ updated_at: now }).where('group', 'in', liveGroups).execute();
      }
      await db.deleteFrom('offsets').where('updated_at', '<', before(retention.idleGroupMs)).execute();
      await sql`
        delete from bus.messages m
        using (
          select p.topic, p.partition, p.next_offset - ceil(${retention.messagesPerTopic}::numeric / t.partitions) as surplus,
            coalesce(min(o.next_offset), p.next_offset) as read,
            ${now}::timestamptz - t.keep_ms * interval '1 millisecond' as kept_since
          from bus.partitions p
          join bus.topics t on t.name = p.topic
          left join bus.offsets o on o.topic = p.topic and o.partition = p.partition
          group by p.topic, p.partition, p.next_offset, t.partitions, t.keep_ms
        ) bound
        where m.topic = bound.topic and m.partition = bound.partition and m."offset" < bound.read
          and case when bound.kept_since is null
            then m."offset" < bound.surplus or m.timestamp < ${before(retention.ageMs)}
            else m.timestamp < bound.kept_since end
      `.execute(db);
    },
  };
}
export type EmbeddedLog = Awaited<ReturnType<typeof openLog>>;

const place = (topic: string, partition: number): string => `${topic}/${partition}`;

/** FNV-1a over UTF-16 code units: spreads well, never changes. */
function partitionOf(key: string, partitions: number): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % partitions;
}

/** One statement, so offsets have no gaps and nothing of it is seen half done. Returns the new ends. */
async function insert(
  db: Kysely<BusTables>,
  topic: string,
  messages: readonly (OutgoingMessage & { readonly partition: number })[],
  now: Date,
): Promise<[partition: number, next: number][]> {
  const { rows } = await sql<{ partition: number; next_offset: unknown }>`
    with incoming as (
      select (item->>'partition')::int as partition, item->>'key' as key, item->>'value' as value,
        item->'headers' as headers, position
      from jsonb_array_elements(${JSON.stringify(messages)}::text::jsonb) with ordinality as list(item, position)
    ), moved as (
      update bus.partitions p set next_offset = p.next_offset + grown.count
      from (select partition, count(*) as count from incoming group by partition) grown
      where p.topic = ${topic} and p.partition = grown.partition
      returning p.partition, p.next_offset, p.next_offset - grown.count as first
    ), stored as (
      insert into bus.messages (topic, partition, "offset", key, value, headers, timestamp)
      select ${topic}, i.partition, m.first + row_number() over (partition by i.partition order by i.position) - 1,
        i.key, i.value, i.headers, ${now}
      from incoming i join moved m using (partition)
    )
    select partition, next_offset from moved
  `.execute(db);
  return rows.map((row) => [row.partition, Number(row.next_offset)]);
}

async function createTables(db: Kysely<BusTables>): Promise<void> {
  // Asked first: a role that may not create schemas may still own this one.
  const schema = await sql`select 1 from pg_namespace where nspname = 'bus'`.execute(db);
  if (schema.rows.length === 0) await sql`create schema if not exists bus`.execute(db);
  await sql`create table if not exists bus.topics (
    name text primary key, partitions int not null, epoch text not null)`.execute(db);
  await sql`alter table bus.topics add column if not exists keep_ms bigint`.execute(db);
  await sql`create table if not exists bus.partitions (
    topic text not null references bus.topics on delete cascade, partition int not null, next_offset bigint not null,
    primary key (topic, partition))`.execute(db);
  await sql`create table if not exists bus.messages (
    topic text not null, partition int not null, "offset" bigint not null, key text not null, value text not null,
    headers jsonb not null, timestamp timestamptz not null, primary key (topic, partition, "offset"),
    foreign key (topic, partition) references bus.partitions on delete cascade)`.execute(db);
  await sql`create table if not exists bus.offsets (
    "group" text not null, topic text not null, partition int not null, next_offset bigint not null,
    updated_at timestamptz not null, primary key ("group", topic, partition),
    foreign key (topic, partition) references bus.partitions on delete cascade)`.execute(db);
}
