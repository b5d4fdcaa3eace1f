// Where the dead letters are: on Kafka, or in an embedded data folder that no process uses.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Bus } from '../../core/platform/bus/bus.ts';
import { deadLetterTopics } from '../../core/platform/bus/dead-letters.ts';
import { openEmbeddedBus } from '../../core/platform/bus/embedded.ts';
import { openKafkaBus } from '../../core/platform/bus/kafka.ts';
import { idsKeptMs } from '../../core/platform/db/inbox.ts';
import { openPGlite } from '../../core/platform/db/pglite.ts';
import { createLogger, type Log } from '../../core/platform/telemetry/log.ts';
import { findServices } from '../services/state.ts';

export interface Connection extends AsyncDisposable {
  readonly bus: Bus;
  /** For people. */
  readonly name: string;
  readonly isEmbedded: boolean;
}

/** A folder that is named counts most, then `KAFKA_BROKERS`, `LOTOK_DATA`, what `npm run services` started, `.lotok`. */
export async function connect(env: NodeJS.ProcessEnv, data: string | undefined): Promise<Connection> {
  const log = createLogger({ service: 'dlq', level: 'warn', destination: process.stderr });
  const folder = data ?? (env['KAFKA_BROKERS'] ? undefined : env['LOTOK_DATA']);
  const brokers = folder === undefined ? findServices(env).kafka : undefined;
  const opened = new AsyncDisposableStack();
  try {
    const bus = opened.use(
      brokers === undefined
        ? await openFolder(folder ?? '.lotok', log, opened)
        : await openKafkaBus({ brokers: brokers.split(','), clientId: 'dlq', log }),
    );
    await bus.ensureTopics(deadLetterTopics, { keepMs: idsKeptMs });
    return {
      bus,
      name: brokers === undefined ? `in ${folder ?? '.lotok'}` : `on Kafka at ${brokers}`,
      isEmbedded: brokers === undefined,
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

async function openFolder(folder: string, log: Log, opened: AsyncDisposableStack): Promise<Bus> {
  const database = join(folder, 'database');
  if (!existsSync(database))
    throw new Error(`no data in ${folder}: name a folder by --data, or brokers in KAFKA_BROKERS`);
  const databases = opened.use(await openPGlite({ folder: database }));
  // Nobody subscribes here, so groups would look idle to retention and lose what they have not read.
  const retention = { checkEveryMs: Number.POSITIVE_INFINITY };
  return openEmbeddedBus({ db: await databases.open('bus', {}), log, retention });
}
