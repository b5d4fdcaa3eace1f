// Forgets what nobody will ask for again: relayed events, and ids of events that can no longer come twice.
import type { Kysely } from 'kysely';
import type { Clock } from '../clock.ts';
import { type Loop, startLoop } from '../loop.ts';
import type { ServiceTables } from '../service.ts';
import type { Log } from '../telemetry/log.ts';
import { idsKeptMs } from './inbox.ts';

const hourMs = 3_600_000;
export const relayedKeptMs = 24 * hourMs;
const atOnce = 5_000;

export function startHousekeeping(options: {
  readonly databases: readonly Kysely<ServiceTables>[];
  readonly clock: Clock;
  readonly log: Log;
}): Promise<Loop> {
  const { databases, clock, log } = options;
  return startLoop({
    name: 'housekeeping',
    pollMs: hourMs,
    log,
    run: async () => {
      const now = clock.now().getTime();
      // One service's trouble must not keep the others' tables growing.
      const results = await Promise.allSettled(databases.map((db) => forget(db, now)));
      const failed = results.find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
      return results.some((result) => result.status === 'fulfilled' && result.value);
    },
  });
}

/** True when more is left: a statement that deletes all of a long backlog would run into its time limit, every time. */
async function forget(db: Kysely<ServiceTables>, now: number): Promise<boolean> {
  const relayed = await db
    .deleteFrom('outbox')
    .where('id', 'in', (select) =>
      select
        .selectFrom('outbox')
        .select('id')
        .where('published_at', '<', new Date(now - relayedKeptMs))
        .limit(atOnce),
    )
    .executeTakeFirst();
  const ids = await db
    .deleteFrom('inbox')
    .where('event_id', 'in', (select) =>
      select
        .selectFrom('inbox')
        .select('event_id')
        .where('received_at', '<', new Date(now - idsKeptMs))
        .limit(atOnce),
    )
    .executeTakeFirst();
  return relayed.numDeletedRows === BigInt(atOnce) || ids.numDeletedRows === BigInt(atOnce);
}
