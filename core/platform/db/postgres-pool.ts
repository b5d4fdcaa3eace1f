// Connections to PostgreSQL: few round trips, and one that died is replaced, also when nobody told us of its death.
import type { Socket } from 'node:net';
import {
  type DatabaseConnection,
  PostgresDialect,
  type PostgresDialectConfig,
  PostgresDriver,
  type PostgresPool,
  type PostgresPoolClient,
  type PostgresQueryResult,
  type TransactionSettings,
} from 'kysely';
import pg from 'pg';
import type { Log } from '../telemetry/log.ts';
import { laterMark } from './later.ts';

/** Longer than the server lets a statement run: no answer until then means that there will be none. */
export const answerTimeoutMs = 20_000;
/** Also how long a query may wait for a free connection. */
export const connectTimeoutMs = 10_000;

export interface PoolOptions extends Pick<pg.PoolConfig, 'connectionString' | 'max' | 'options' | 'application_name'> {
  readonly log: Log;
  /** 0 waits for ever, as a migration has to. */
  readonly answerTimeoutMs: number;
}

/** Its connections send what they are given without waiting for earlier answers, and in one write per turn. */
export function openPool({ log, answerTimeoutMs: query_timeout, ...config }: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    ...config,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout,
    keepAlive: true,
    // Not in the types yet. A connection on which an answer is overdue is destroyed, with all that waits on it.
    pipeline: true,
  } as pg.PoolConfig);
  pool.on('connect', (client) => {
    // A connection may break at any time, also between two statements of a transaction, when neither the pool nor a
    // query listens: the next statement is told. Unheard it would end the process.
    client.on('error', () => undefined);
    writeTurnsAtOnce((client as unknown as { readonly connection: { readonly stream: Socket } }).connection.stream);
  });
  pool.on('error', (error) => log.warn('database.connection_lost', { error: error.message }));
  return pool;
}

/**
 * The pool as Kysely uses it: each statement is parsed by the server once per connection, and may be planned once for
 * all values. What has to be known to use a partial index is written into the statement (`sql.lit`). A connection on
 * which an answer was not given in time is not used again.
 */
export const poolForKysely = (pool: pg.Pool): PostgresPool => ({
  options: pool.options,
  async connect(): Promise<PostgresPoolClient> {
    const client = await pool.connect();
    let dead: unknown;
    let inTransaction = false;
    /** Statements that were sent, and whose answers the commit waits for. */
    const unanswered: Promise<unknown>[] = [];
    const query = async <Row>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>> => {
      if (dead !== undefined) throw dead;
      const control = transactionControl.exec(text)?.[0];
      if (control) inTransaction = control === 'begin' || control === 'start';
      if (control === 'rollback') unanswered.length = 0;
      const send = () => client.query(prepared(text, [...parameters]) as pg.QueryConfig);
      if (inTransaction && text.startsWith(laterMark)) {
        const answer = send();
        answer.catch(() => undefined); // told by the commit
        unanswered.push(answer);
        return { command: 'SELECT', rowCount: 0, rows: [] };
      }
      try {
        if (control !== 'commit') return (await send()) as unknown as PostgresQueryResult<Row>;
        // Sent at once; where an earlier statement failed, its own error says more than the commit's.
        const [answer] = await Promise.all([send(), ...unanswered.splice(0)]);
        return answer as unknown as PostgresQueryResult<Row>;
      } catch (error) {
        if (isUnanswered(error)) dead = error;
        // An earlier statement is what failed.
        if (isAborted(error)) await Promise.all(unanswered);
        if (!isOutdated(error)) throw error;
        statements.clear();
        generation += 1;
        // A transaction is over with its first error, and its caller tries again.
        if (inTransaction) throw error;
        return (await send()) as unknown as PostgresQueryResult<Row>;
      }
    };
    return {
      query: query as PostgresPoolClient['query'],
      release: (discard) => client.release(discard === true || dead !== undefined),
    };
  },
  end: () => pool.end(),
});

const transactionControl = /^(begin|start|commit|rollback)\b/;

/** Names of prepared statements by their text. Texts come from code; lists of values make many, so not all get one. */
const statements = new Map<string, string>();
const mostStatements = 1_000;
let generation = 0;

function prepared(text: string, values: unknown[]): { name?: string; text: string; values: unknown[] } {
  if (values.length === 0) return { text, values };
  const known = statements.get(text);
  if (known !== undefined) return { name: known, text, values };
  if (statements.size >= mostStatements) return { text, values };
  const name = `${generation}_${statements.size}`;
  statements.set(text, name);
  return { name, text, values };
}

/** A migration has changed what a prepared statement returns: it has to be prepared anew, under another name. */
const isOutdated = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.code === '0A000' && error.message.includes('cached plan');

const isAborted = (error: unknown): boolean => error instanceof pg.DatabaseError && error.code === '25P02';

/** pg names the error by its text only. */
const isUnanswered = (error: unknown): boolean => error instanceof Error && error.message === 'Query read timeout';

/** `begin` travels with the transaction's first statement. */
export class PipelineDialect extends PostgresDialect {
  readonly #config: PostgresDialectConfig;

  constructor(config: PostgresDialectConfig) {
    super(config);
    this.#config = config;
  }

  override createDriver(): PostgresDriver {
    return new PipelineDriver(this.#config);
  }
}

class PipelineDriver extends PostgresDriver {
  readonly #begun = new WeakMap<DatabaseConnection, Promise<void>>();

  /** The server works through a connection's statements in order, so nobody has to wait for the answer to this one. */
  override async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    const begun = super.beginTransaction(connection, settings);
    begun.catch(() => undefined); // told by the commit, and by each statement of a connection that is gone
    this.#begun.set(connection, begun);
  }

  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#begun.get(connection);
    await super.commitTransaction(connection);
  }
}

/** What is written before the turn ends goes out together: each write costs the server a turn of its own. */
function writeTurnsAtOnce(stream: Socket): void {
  const write = stream.write.bind(stream);
  let corked = false;
  stream.write = ((...content: Parameters<typeof write>) => {
    if (!corked) {
      corked = true;
      stream.cork();
      process.nextTick(() => {
        corked = false;
        stream.uncork();
      });
    }
    return write(...content);
  }) as typeof stream.write;
}
