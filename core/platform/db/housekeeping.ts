// Forgets what nobody will ask for again: relayed events, and ids of events that can no longer come twice.
import type { Kysely } from 'kysely';
import type { Clock } from '../clock.ts';
import { type Loop, startLoop } from '../loop.ts';
import type { ServiceTables } from '../service.ts';
import type { Log } from '../telemetry/log.ts';

const hourMs = 3_600_000;
const relayedKeptMs = 24 * hourMs;
/** Far longer than topics keep events, and than a dead letter should wait for its replay. */
const idsKeptMs = 60 * 24 * hourMs;

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
      for (const db of databases) {
        await db
          .deleteFrom('outbox')
          .where('published_at', '<', new Date(now - relayedKeptMs))
          .execute();
        await db
          .deleteFrom('inbox')
          .where('received_at', '<', new Date(now - idsKeptMs))
          .execute();
      }
      return false;
    },
  });
}
