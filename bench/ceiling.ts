// The ceiling: a loop that writes, reads and sends as often as an order does, without any of our code.
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import pg from 'pg';
import { inParallel } from './buyers.ts';

export interface CeilingOptions {
  readonly databaseUrl: string;
  readonly brokers: string;
  readonly orders: number;
  readonly atOnce: number;
  /** Of one order. */
  readonly writes: number;
  readonly reads: number;
  readonly sends: number;
}

const topic = 'bench';

/** Orders per second. */
export async function ceilingOf(options: CeilingOptions): Promise<number> {
  const { databaseUrl, brokers, orders, atOnce, writes, reads, sends } = options;
  const pool = new pg.Pool({ connectionString: databaseUrl, max: atOnce });
  const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 4 }] });
  await admin.disconnect();
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const value = 'x'.repeat(500);
  try {
    await pool.query('create table bare (id bigint generated always as identity primary key, value text not null)');
    const send = () => producer.send({ topic, acks: -1, messages: [{ key: 'bare', value }] });
    const write = async (): Promise<void> => {
      const client = await pool.connect();
      try {
        await client.query('begin');
        await client.query('insert into bare (value) values ($1)', [value]);
        await client.query('commit');
      } finally {
        client.release();
      }
    };
    const began = performance.now();
    await inParallel(atOnce, orders, async (order) => {
      for (let index = 0; index < Math.max(writes, reads, sends); index += 1) {
        if (index < writes) await write();
        if (index < reads) await pool.query('select value from bare where id = $1', [order]);
        if (index < sends) await send();
      }
    });
    return orders / ((performance.now() - began) / 1000);
  } finally {
    await producer.disconnect();
    await pool.end();
  }
}
