// Fewer round trips to PostgreSQL: `begin` travels with the transaction's first statement, and statements that don't
// wait for each other travel together.
import type { Socket } from 'node:net';
import {
  type DatabaseConnection,
  PostgresDialect,
  type PostgresDialectConfig,
  PostgresDriver,
  type TransactionSettings,
} from 'kysely';
import pg from 'pg';

/** A pool whose connections send what they are given without waiting for earlier answers, and in one write per turn. */
export function createPool(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({ ...config, pipeline: true } as pg.PoolConfig);
  pool.on('connect', (client) => {
    writeTurnsAtOnce((client as unknown as { readonly connection: { readonly stream: Socket } }).connection.stream);
  });
  return pool;
}

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
