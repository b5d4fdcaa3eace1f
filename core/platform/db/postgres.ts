// The real database: PostgreSQL, one schema and one role per service.
import { Kysely } from 'kysely';
import pg from 'pg';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { checkedIdentifier, type DatabaseProvider, migrate } from './database.ts';
import { createListener } from './postgres-listener.ts';
import { answerTimeoutMs, openPool, PipelineDialect, type PoolOptions, poolForKysely } from './postgres-pool.ts';

// int8 columns hold counters and minor units, all below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/** Keeps two processes from preparing roles and schemas at the same time. */
const prepareLock = 7_206_401;
/** Beside it: the space of the names of work that one process does alone. */
const aloneLocks = 7_206_402;

const statementMs = 15_000;
/** How often a connection that only listens is asked whether it lives. */
const pingMs = 15_000;

export interface PostgresOptions {
  /** A user that may create schemas and roles. */
  readonly url: string;
  /** Connections per service. */
  readonly poolSize: number;
  readonly log: Log;
  readonly metrics?: Metrics;
  /** How long it may take to answer, and between two questions to who only listens; for tests. */
  readonly timing?: Partial<Timing>;
}

interface Timing {
  readonly answerTimeoutMs: number;
  readonly pingMs: number;
}

export async function openPostgres(options: PostgresOptions): Promise<DatabaseProvider> {
  const { log } = options;
  const timing: Timing = { answerTimeoutMs, pingMs, ...options.timing };
  const admin = openPool({ connectionString: options.url, max: 2, log, answerTimeoutMs: timing.answerTimeoutMs });
  await admin.query('select 1');
  const opened: Kysely<unknown>[] = [];
  const pools: pg.Pool[] = [];
  options.metrics?.watchConnections(() => ({
    open: sum(pools, (pool) => pool.totalCount),
    idle: sum(pools, (pool) => pool.idleCount),
    waiting: sum(pools, (pool) => pool.waitingCount),
  }));
  const listener = createListener({ url: options.url, log, ...timing });
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await listener[Symbol.asyncDispose]();
    await Promise.all(opened.map((db) => db.destroy()));
    await admin.end();
  };

  const prepare = async (schema: string, role: string): Promise<void> => {
    const client = await admin.connect();
    try {
      await client.query('begin');
      await client.query('select pg_advisory_xact_lock($1)', [prepareLock]);
      const { rowCount } = await client.query('select 1 from pg_roles where rolname = $1', [role]);
      if (rowCount === 0) await createRole(client, role);
      const membership = await client.query(`select pg_has_role(current_user, $1, 'member') as held`, [role]);
      if (!membership.rows[0]?.held) await client.query(`grant ${role} to current_user`);
      await client.query('create extension if not exists pg_trgm');
      await client.query(`create schema if not exists ${schema} authorization ${role}`);
      await client.query('commit');
      client.release();
    } catch (error) {
      // Its end rolls back.
      client.release(true);
      throw error;
    }
  };

  return {
    kind: 'postgres',
    async open<Tables>(service: string, migrations: Parameters<DatabaseProvider['open']>[1]) {
      const schema = checkedIdentifier(service);
      const role = `lotok_${schema}`;
      await prepare(schema, role);
      // Each connection works as the service's own role, which owns its schema and nothing else.
      const own = `-c role=${role} -c search_path=${schema},public`;
      const connect = (
        settings: Pick<PoolOptions, 'max' | 'options' | 'answerTimeoutMs'>,
      ): { pool: pg.Pool; root: Kysely<unknown> } => {
        const pool = openPool({
          connectionString: options.url,
          application_name: `lotok-${schema}`,
          log,
          ...settings,
        });
        return { pool, root: new Kysely<unknown>({ dialect: new PipelineDialect({ pool: poolForKysely(pool) }) }) };
      };
      // A migration takes as long as its tables are big, and others wait for it.
      const migrating = connect({ max: 1, options: own, answerTimeoutMs: 0 });
      try {
        await migrate(migrating.root, schema, migrations);
      } finally {
        await migrating.root.destroy();
      }
      const limits = `-c statement_timeout=${statementMs} -c idle_in_transaction_session_timeout=${statementMs}`;
      const { pool, root } = connect({
        max: options.poolSize,
        options: `${own} ${limits}`,
        answerTimeoutMs: timing.answerTimeoutMs,
      });
      pools.push(pool);
      opened.push(root);
      // The connection's search path names the schema; naming it in each query would be work for each query.
      return root as unknown as Kysely<Tables>;
    },
    listen: async (channel, heard) => listener.listen(checkedIdentifier(channel), heard),
    async alone(name, work) {
      // The lock belongs to a connection of its own, so it is free again however the work or the process ends.
      const client = new pg.Client({
        connectionString: options.url,
        application_name: `lotok-alone-${name}`,
        keepAlive: true,
      });
      client.on('error', (error) => log.warn('database.connection_lost', { error: error.message }));
      await client.connect();
      try {
        await client.query('select pg_advisory_lock($1, hashtext($2))', [aloneLocks, name]);
        return await work();
      } finally {
        await client.end();
      }
    },
    async ping() {
      await admin.query('select 1');
    },
    [Symbol.asyncDispose]: () => (closing ??= close()),
  };
}

/** Roles belong to the whole cluster, beyond the lock of this database: another one may be making the same. */
async function createRole(client: pg.PoolClient, role: string): Promise<void> {
  await client.query('savepoint role');
  try {
    await client.query(`create role ${role} nologin`);
  } catch (error) {
    const { code } = error as pg.DatabaseError;
    if (code !== '42710' && code !== '23505') throw error;
    await client.query('rollback to savepoint role');
  }
}

const sum = (pools: readonly pg.Pool[], count: (pool: pg.Pool) => number): number =>
  pools.reduce((total, pool) => total + count(pool), 0);
