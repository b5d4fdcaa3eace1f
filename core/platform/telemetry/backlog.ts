// What waits: events in the outboxes and messages that consumers are behind, measured every few seconds.
import type { Kysely } from 'kysely';
import { type EventType, eventTypes } from '../../../contracts/events.ts';
import type { Bus } from '../bus/bus.ts';
import { consumerGroup } from '../bus/consumer.ts';
import type { OutboxTables } from '../db/outbox.ts';
import { type Loop, startLoop } from '../loop.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

export interface WatchedService {
  readonly name: string;
  readonly db: Kysely<OutboxTables>;
  readonly hears: readonly EventType[];
}

const everyMs = 5_000;

export function startBacklogLoop(options: {
  readonly services: readonly WatchedService[];
  readonly bus: Bus;
  readonly metrics: Metrics;
  readonly log: Log;
}): Promise<Loop> {
  const { services, bus, metrics, log } = options;
  return startLoop({
    name: 'backlog',
    pollMs: everyMs,
    log,
    run: async () => {
      for (const { name, db, hears } of services) {
        const { waiting } = await db
          .selectFrom('outbox')
          .select((select) => select.fn.countAll<number>().as('waiting'))
          .where('published_at', 'is', null)
          .executeTakeFirstOrThrow();
        metrics.outboxPending.set({ service: name }, Number(waiting));
        if (hears.length === 0) continue;
        const group = consumerGroup(name);
        const topics = [...new Set(hears.map((type) => eventTypes[type].topic))];
        for (const { topic, partition, lag } of await bus.lag(group, topics)) {
          metrics.busLag.set({ group, topic, partition: String(partition) }, lag);
        }
      }
      return false;
    },
  });
}
