// Evidence beside the services' tables: what the topics hold and who has heard it, as temporary tables of the one
// read-only transaction, so that invariants are plain joins.
import { hash } from 'node:crypto';
import { type Kysely, sql, type Transaction } from 'kysely';
import { type EventType, realtimeTopic, topicNames } from '../../contracts/events.ts';
import { type ServiceName, services } from '../../contracts/route.ts';
import type { IncomingMessage } from '../../core/platform/bus/bus.ts';
import { consumerGroup } from '../../core/platform/bus/consumer.ts';
import { deadLetterTopics, placeOf, readMark, replayOf } from '../../core/platform/bus/dead-letters.ts';
import { hearers } from './hearers.ts';

export interface Place {
  readonly topic: string;
  readonly partition: number;
}

/** Where the topics begin and end, and where their consumers are, at one moment. */
export interface Marks {
  readonly partitions: readonly (Place & { readonly low: number; readonly end: number })[];
  readonly groups: readonly (Place & { readonly service: ServiceName; readonly next: number })[];
}

/** The bus as a reader of its own sees it. Adapters: topics-kafka.ts, topics-embedded.ts. */
export interface Topics {
  marks(): Promise<Marks>;
  /** Shows every message that is there now, one at a time, in order within each partition. */
  read(visit: (message: IncomingMessage) => void | Promise<void>): Promise<void>;
}

export const topicsRead: readonly string[] = [...topicNames, ...deadLetterTopics];

export const groups: readonly (readonly [ServiceName, string])[] = services
  .filter((service) => hearers[service].length > 0)
  .map((service) => [service, consumerGroup(service)] as const);

/**
 * Made before the transaction begins, since a read-only one may fill temporary tables and not make them. Their rows
 * are gone with it.
 */
export async function prepareEvidence(db: Kysely<unknown>): Promise<void> {
  const tables = [
    // One row per message: `version` and `value` are what its kind is about (a status, a stage, a notification's id).
    sql`create temporary table if not exists messages (topic text, partition int, "offset" bigint, at timestamptz, key text, id text,
      type text, service text, version int, order_id uuid, value text, content uuid, early boolean, replay boolean) on commit delete rows`,
    sql`create temporary table if not exists dead_letters (place text, topic text, id text, type text, service text,
      consumer text, reason text, origin text) on commit delete rows`,
    // What operators decided about them.
    sql`create temporary table if not exists decisions (place text, action text) on commit delete rows`,
    // The outboxes of all services as one.
    sql`create temporary table if not exists said (service text, id text, topic text, key text, type text, content uuid,
      created_at timestamptz, published_at timestamptz) on commit delete rows`,
    // Of topics that have lost their oldest messages: before this, what is missing proves nothing.
    sql`create temporary table if not exists floors (topic text, at timestamptz) on commit delete rows`,
    sql`create temporary table if not exists group_places (service text, topic text, partition int, next_offset bigint)
      on commit delete rows`,
    sql`create temporary table if not exists lost_webhooks (id text) on commit delete rows`,
    sql`create temporary table if not exists watched (line int, id text, watcher text, order_id uuid, kind text, value text) on commit delete rows`,
  ];
  for (const table of tables) await table.execute(db);
}

/** Rows of one statement. */
const batchSize = 5_000;

export interface Gathered {
  readonly messages: number;
  /** Messages older than this database: another one's, on the same topics. */
  readonly foreign: number;
}

/**
 * Fills the tables. `early` are the marks from before the transaction saw the database, `late` those from after it.
 * The database's moment lies between the two, and each direction of the question has its own mark: what the database
 * calls published lies below the late ends, else it is lost; what lies below the early ends was committed before the
 * database was looked at, else nobody said it. With one mark alone one of the two would raise false alarms while the
 * system runs.
 */
export async function gatherEvidence(
  db: Transaction<unknown>,
  topics: Topics,
  { early, late, progress }: { early: Marks; late: Marks; progress: (done: number, of: number) => void },
): Promise<Gathered> {
  await copyOutboxes(db);
  await write(db, 'group_places', [
    ['service', 'text', early.groups.map(({ service }) => service)],
    ['topic', 'text', early.groups.map(({ topic }) => topic)],
    ['partition', 'int', early.groups.map(({ partition }) => partition)],
    ['next_offset', 'bigint', early.groups.map(({ next }) => next)],
  ]);

  const earlyEnds = new Map(early.partitions.map((each) => [partitionOf(each), each.end]));
  const lateEnds = new Map(late.partitions.map((each) => [partitionOf(each), each.end]));
  const born = await birthOf(db);
  const firsts = new Map<string, IncomingMessage>();
  const total = late.partitions.reduce((sum, { low, end }) => sum + end - low, 0);
  let read = 0;
  let foreign = 0;
  let batch: IncomingMessage[] = [];
  const flush = async (): Promise<void> => {
    const full = batch;
    const [first] = full;
    if (!first) return;
    batch = [];
    await (deadLetterTopics.includes(first.topic)
      ? writeDeadLetters(db, full)
      : writeMessages(db, full, earlyEnds.get(partitionOf(first)) ?? 0));
    progress(read, total);
  };
  await topics.read((message) => {
    const partition = partitionOf(message);
    if (message.offset >= (lateEnds.get(partition) ?? 0)) return;
    if (!firsts.has(partition)) firsts.set(partition, message);
    read += 1;
    if (message.timestamp < born) {
      foreign += 1;
      return;
    }
    const [first] = batch;
    const isFull = first && (batch.length === batchSize || partitionOf(first) !== partition);
    const flushing = isFull ? flush() : undefined;
    batch.push(message);
    return flushing;
  });
  await flush();

  await writeFloors(db, late, firsts);
  // Else the planner takes the new tables for small ones.
  for (const table of ['messages', 'said'] as const) await sql`analyze pg_temp.${sql.ref(table)}`.execute(db);
  return { messages: read - foreign, foreign };
}

async function writeFloors(
  db: Transaction<unknown>,
  { partitions }: Marks,
  firsts: ReadonlyMap<string, IncomingMessage>,
): Promise<void> {
  const floors = new Map<string, string>();
  for (const each of partitions) {
    const first = firsts.get(partitionOf(each));
    // Retention may work while we read.
    if (each.low === 0 && (each.end === 0 || first?.offset === 0)) continue;
    // Nothing is left of a trimmed and empty partition, so nothing can be said of what it held.
    const at = first?.timestamp.toISOString() ?? nothingLeft;
    // ISO times of one length sort as texts, and before `infinity`.
    if (at > (floors.get(each.topic) ?? '')) floors.set(each.topic, at);
  }
  await write(db, 'floors', [
    ['topic', 'text', [...floors.keys()]],
    ['at', 'timestamptz', [...floors.values()]],
  ]);
}
const nothingLeft = 'infinity';

const partitionOf = ({ topic, partition }: Place): string => `${topic}/${partition}`;

/** When the oldest schema of this database was made. */
async function birthOf(db: Transaction<unknown>): Promise<Date> {
  const firsts = services.map(
    (service) => sql`select min(timestamp) as made from ${sql.table(`${service}.kysely_migration`)}`,
  );
  const { rows } = await sql<{ made: string }>`
    select min(made) as made from (${sql.join(firsts, sql` union all `)}) as migrations`.execute(db);
  return new Date(rows[0]?.made ?? 0);
}

async function copyOutboxes(db: Transaction<unknown>): Promise<void> {
  for (const service of services) {
    await sql`
      insert into pg_temp.said
      select ${service}, headers->>'ce_id', topic, key, headers->>'ce_type', md5(value)::uuid, created_at, published_at
      from ${sql.table(`${service}.outbox`)}`.execute(db);
  }
}

async function writeMessages(
  db: Transaction<unknown>,
  batch: readonly IncomingMessage[],
  earlyEnd: number,
): Promise<void> {
  const facts = batch.map((message) => factsOf(message));
  await write(db, 'messages', [
    ['topic', 'text', batch.map(({ topic }) => topic)],
    ['partition', 'int', batch.map(({ partition }) => partition)],
    ['offset', 'bigint', batch.map(({ offset }) => offset)],
    ['at', 'timestamptz', batch.map(({ timestamp }) => timestamp.toISOString())],
    ['key', 'text', batch.map(({ key }) => key)],
    ['id', 'text', batch.map(({ headers }) => headers['ce_id'] ?? null)],
    ['type', 'text', batch.map(({ headers }) => headers['ce_type'] ?? null)],
    ['service', 'text', batch.map(serviceOf)],
    ['version', 'int', facts.map(({ version }) => version ?? null)],
    ['order_id', 'uuid', facts.map(({ order }) => order ?? null)],
    ['value', 'text', facts.map(({ value }) => value ?? null)],
    ['content', 'uuid', batch.map(({ value }) => hash('md5', value))],
    ['early', 'boolean', batch.map(({ offset }) => offset < earlyEnd)],
    ['replay', 'boolean', batch.map((message) => replayOf(message) !== null)],
  ]);
}

async function writeDeadLetters(db: Transaction<unknown>, batch: readonly IncomingMessage[]): Promise<void> {
  const marks = batch.flatMap((message) => readMark(message) ?? []);
  await write(db, 'decisions', [
    ['place', 'text', marks.map(({ of }) => of)],
    ['action', 'text', marks.map(({ action }) => action)],
  ]);
  const letters = batch.filter((message) => readMark(message) === null);
  const header = (name: string): (string | null)[] => letters.map(({ headers }) => headers[name] ?? null);
  await write(db, 'dead_letters', [
    ['place', 'text', letters.map(placeOf)],
    ['topic', 'text', letters.map(({ topic }) => topic)],
    ['id', 'text', header('ce_id')],
    ['type', 'text', header('ce_type')],
    ['service', 'text', letters.map(serviceOf)],
    ['consumer', 'text', header('dlq_consumer')],
    ['reason', 'text', header('dlq_reason')],
    ['origin', 'text', header('dlq_source')],
  ]);
}

const serviceOf = ({ headers }: IncomingMessage): string | null =>
  /^\/core\/([a-z]+)$/.exec(headers['ce_source'] ?? '')?.[1] ?? null;

interface Facts {
  readonly version?: number | undefined;
  readonly order?: string | undefined;
  readonly value?: string | undefined;
}

/** What a message is about. Of one that is not as its type says nothing is known: its content tells that it is wrong. */
function factsOf({ topic, headers, value }: IncomingMessage): Facts {
  try {
    const type = headers['ce_type'] ?? '';
    if (topic === realtimeTopic) return type in shown ? (shown[type]?.(JSON.parse(value).data) ?? {}) : {};
    return type in told ? (told[type as EventType]?.(JSON.parse(value)) ?? {}) : {};
  } catch {
    return {};
  }
}

type Data = Readonly<Record<string, unknown>>;
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const whole = (value: unknown): number | undefined => (Number.isSafeInteger(value) ? (value as number) : undefined);
const uuid = (value: unknown): string | undefined =>
  /^[0-9a-f-]{36}$/i.test(String(value)) ? String(value) : undefined;

const told: Partial<Readonly<Record<EventType, (data: Data) => Facts>>> = {
  'order.status_changed': (data) => ({
    version: whole(data['version']),
    order: uuid(data['order_id']),
    value: text(data['status']),
  }),
  'payment.status_changed': (data) => ({
    version: whole(data['version']),
    order: uuid(data['order_id']),
    value: text(data['status']),
  }),
  'delivery.stage_changed': (data) => ({
    version: whole(data['version']),
    order: uuid(data['order_id']),
    value: text(data['stage']),
  }),
  'ad.changed': (data) => ({ version: whole((data['ad'] as Data | undefined)?.['version']) }),
  'ad.deleted': (data) => ({ version: whole(data['version']) }),
};

const shown: Readonly<Record<string, (data: Data) => Facts>> = {
  'order.status': (data) => ({ order: uuid(data['order_id']), value: text(data['status']) }),
  'delivery.stage': (data) => ({ order: uuid(data['order_id']), value: text(data['stage']) }),
  notification: (data) => ({ order: uuid(data['order_id']), value: text(data['id']) }),
};

type Column = readonly [
  name: string,
  type: 'text' | 'int' | 'bigint' | 'uuid' | 'boolean' | 'timestamptz',
  values: readonly unknown[],
];

/** One statement for many rows, a column at a time: the fastest way that both databases take. */
export async function write(db: Transaction<unknown>, table: string, columns: readonly Column[]): Promise<void> {
  if (columns[0]?.[2].length === 0) return;
  const names = columns.map(([name]) => sql.ref(name));
  const values = columns.map(([, type, all]) => sql`${all}::${sql.raw(type)}[]`);
  await sql`insert into pg_temp.${sql.ref(table)} (${sql.join(names)}) select * from unnest(${sql.join(values)})`.execute(
    db,
  );
}
