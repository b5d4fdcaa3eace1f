// The verification: everything is looked at in one read-only transaction, so that all books are of one moment.
import { readFile } from 'node:fs/promises';
import { type Kysely, sql, type Transaction } from 'kysely';
import { services } from '../../contracts/route.ts';
import { invariants } from './all.ts';
import type { Database } from './database.ts';
import { gatherEvidence, type Marks, prepareEvidence, type Topics, write } from './evidence.ts';
import type { Book, Invariant, Moment } from './invariant.ts';
import { embeddedTopics } from './topics-embedded.ts';
import { loadWatched } from './watched.ts';

export interface Violation {
  /** The rows it is about, by their ids. */
  readonly about: Readonly<Record<string, string>>;
  readonly expected: string;
  readonly found: string;
}

export interface Verdict {
  readonly name: string;
  readonly says: string;
  readonly status: 'holds' | 'violated' | 'unchecked';
  /** Why it could not be checked. */
  readonly reason?: string;
  /** All of them; at most `listed` are named. */
  readonly total: number;
  readonly violations: readonly Violation[];
  readonly durationMs: number;
}

export interface Report {
  readonly holds: boolean;
  readonly at: string;
  readonly mode: 'settled' | 'live';
  readonly boundSeconds: number;
  readonly orders: number;
  readonly messages: number;
  readonly notes: readonly string[];
  readonly verdicts: readonly Verdict[];
}

export interface VerifyOptions {
  readonly live: boolean;
  readonly boundSeconds: number;
  /** JSON lines of what watchers saw. */
  readonly watched?: string | undefined;
  /** Ids of webhooks, one on a line, that were lost on their way although somebody took them. */
  readonly lostWebhooks?: string | undefined;
  readonly progress: (line: string) => void;
}

const listed = 20;

/** Without Kafka the topics are those of the embedded bus, in the same database. */
export async function verify(database: Database, kafka: Topics | undefined, options: VerifyOptions): Promise<Report> {
  return database.db.connection().execute(async (session) => {
    await prepareEvidence(session);
    const early = await kafka?.marks();
    return session.transaction().execute(async (db) => {
      // PGlite's driver takes no settings, so both are told here. The first query fixes the moment.
      await sql`set transaction isolation level repeatable read, read only`.execute(db);
      const { rows } = await sql<{ now: Date }>`select now() as now`.execute(db);
      const at = database.stoppedAt ?? rows[0]?.now ?? new Date();
      return examine(db, kafka ?? embeddedTopics(db), early, at, options);
    });
  });
}

/** Looks at the database as this transaction sees it. The temporary tables are there (`prepareEvidence`). */
export async function examine(
  db: Transaction<unknown>,
  topics: Topics,
  early: Marks | undefined,
  at: Date,
  options: VerifyOptions,
): Promise<Report> {
  const { live, boundSeconds, watched, lostWebhooks, progress } = options;
  const books = await booksOf(db);
  const late = await topics.marks();
  progress('reading the topics');
  const { messages, foreign } = await gatherEvidence(db, topics, {
    early: early ?? late,
    late,
    progress: (done, of) => progress(`read ${done} of ${of} messages`),
  });
  if (watched !== undefined) await loadWatched(db, watched);
  if (lostWebhooks !== undefined) {
    const ids = (await readFile(lostWebhooks, 'utf8')).split('\n').filter(Boolean);
    await write(db, 'lost_webhooks', [['id', 'text', ids]]);
  }

  const bound = new Date(at.getTime() - boundSeconds * 1000);
  const moment: Moment = { at, calmBefore: live ? bound : afterAll(at), overdueBefore: bound };
  const verdicts: Verdict[] = [];
  for (const [index, invariant] of invariants.entries()) {
    progress(`${index + 1} of ${invariants.length}: ${invariant.name}`);
    const missing = missingBook(invariant, books, watched);
    verdicts.push(missing ? unchecked(invariant, missing) : await judge(db, invariant, moment));
  }
  const { rows } = await sql<{ orders: number }>`select count(*)::int as orders from orders.orders`.execute(db);
  return {
    holds: verdicts.every(({ status }) => status !== 'violated'),
    at: at.toISOString(),
    mode: live ? 'live' : 'settled',
    boundSeconds,
    orders: rows[0]?.orders ?? 0,
    messages,
    notes: await notesOf(db, foreign),
    verdicts,
  };
}

/** Clocks of several machines differ a little; nothing is written a day ahead. */
const afterAll = (at: Date): Date => new Date(at.getTime() + 86_400_000);

async function judge(
  db: Transaction<unknown>,
  { name, says, violations }: Invariant,
  moment: Moment,
): Promise<Verdict> {
  const began = performance.now();
  try {
    const { rows } = await sql<Record<string, unknown>>`
      select *, count(*) over ()::int as total from (${violations(moment)}) as broken order by 1, 2 limit ${listed}`.execute(
      db,
    );
    const total = Number(rows[0]?.['total'] ?? 0);
    return {
      name,
      says,
      status: total === 0 ? 'holds' : 'violated',
      total,
      violations: rows.map(violationOf),
      durationMs: Math.round(performance.now() - began),
    };
  } catch (error) {
    throw new Error(`${name} could not be checked`, { cause: error });
  }
}

function violationOf({ expected, found, total: _, ...about }: Record<string, unknown>): Violation {
  const ids = Object.entries(about).filter(([, value]) => value !== null);
  return {
    about: Object.fromEntries(ids.map(([name, value]) => [name, String(value)])),
    expected: String(expected),
    found: String(found),
  };
}

const unchecked = ({ name, says }: Invariant, reason: string): Verdict => ({
  name,
  says,
  status: 'unchecked',
  reason,
  total: 0,
  violations: [],
  durationMs: 0,
});

const elsewhere: Readonly<Record<Exclude<Book, 'watched'>, string>> = {
  sandbox_psp: 'the payment provider keeps its books elsewhere',
  sandbox_courier: 'the courier keeps its books elsewhere',
  mailbox: 'mails leave by SMTP',
};

function missingBook({ needs }: Invariant, books: ReadonlySet<string>, watched: string | undefined): string | null {
  if (needs === undefined) return null;
  if (needs === 'watched') return watched === undefined ? 'nobody wrote down what they saw (--watched FILE)' : null;
  return books.has(needs) ? null : elsewhere[needs];
}

/** The schemas that are there; all services' must be. */
async function booksOf(db: Kysely<unknown>): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ name: string }>`
    select distinct schemaname as name from pg_tables where tablename = 'kysely_migration'`.execute(db);
  const books = new Set(rows.map(({ name }) => name));
  const missing = services.filter((service) => !books.has(service));
  if (missing.length > 0)
    throw new Error(`the database has no tables of ${missing.join(', ')}: has core ever run on it?`);
  return books;
}

async function notesOf(db: Transaction<unknown>, foreign: number): Promise<string[]> {
  const notes: string[] = [];
  if (foreign > 0) notes.push(`${foreign} messages are older than this database and were left out`);
  const { rows } = await sql<{ topic: string; at: string }>`
    select topic, at::text as at from pg_temp.floors order by topic`.execute(db);
  for (const { topic, at } of rows) {
    notes.push(
      at === 'infinity'
        ? `${topic} has lost its oldest messages: what is missing there can't be told`
        : `${topic} has lost its oldest messages: nothing from before ${at} was asked for there`,
    );
  }
  return notes;
}
