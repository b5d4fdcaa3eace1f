// The topics of the embedded bus: tables of the same database, so they and everything else are seen at one moment.
import { sql, type Transaction } from 'kysely';
import type { ServiceName } from '../../contracts/route.ts';
import type { IncomingMessage } from '../../core/platform/bus/bus.ts';
import { groups, type Marks, type Topics, topicsRead } from './evidence.ts';

const batchSize = 2_000;

export function embeddedTopics(db: Transaction<unknown>): Topics {
  const marks = async (): Promise<Marks> => {
    const { rows: partitions } = await sql<{ topic: string; partition: number; low: number; end: number }>`
      select p.topic, p.partition, p.next_offset::int as end,
        coalesce((select min(m."offset") from bus.messages m where m.topic = p.topic and m.partition = p.partition),
          p.next_offset)::int as low
      from bus.partitions p where p.topic = any(${topicsRead})`.execute(db);
    const missing = topicsRead.filter((topic) => !partitions.some((each) => each.topic === topic));
    if (missing.length > 0) throw new Error(`the bus has no topic ${missing.join(', ')}: has core ever run on it?`);
    const { rows: places } = await sql<{ group: string; topic: string; partition: number; next: number }>`
      select "group", topic, partition, next_offset::int as next from bus.offsets`.execute(db);
    const serviceOf = new Map<string, ServiceName>(groups.map(([service, group]) => [group, service]));
    return {
      partitions,
      groups: places.flatMap(({ group, ...place }) => {
        const service = serviceOf.get(group);
        return service ? [{ ...place, service }] : [];
      }),
    };
  };

  return {
    marks,
    async read(visit) {
      for (const { topic, partition, low, end } of (await marks()).partitions) {
        for (let from = low; from < end; from += batchSize) {
          const { rows } = await sql<IncomingMessage>`
            select topic, partition, "offset"::int as offset, timestamp, key, value, headers from bus.messages
            where topic = ${topic} and partition = ${partition} and "offset" >= ${from} and "offset" < ${from + batchSize}
            order by "offset"`.execute(db);
          for (const message of rows) await visit(message);
        }
      }
    },
  };
}
