// `npm run verify:invariants`: do the books of all services, the provider, the courier and the topics agree?
// Reads `DATABASE_URL` and `KAFKA_BROKERS`, else what `npm run services` has started, else the embedded data folder
// (`LOTOK_DATA`, `.lotok`), which `--data FOLDER` asks for by name. Changes nothing.
// Ends with 0 when all invariants hold, 1 when one is violated, 2 when that could not be found out.
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { type Database, openFolder, openServer } from './invariants/database.ts';
import { tableOf } from './invariants/report.ts';
import { type KafkaTopics, openKafkaTopics } from './invariants/topics-kafka.ts';
import { verify } from './invariants/verify.ts';
import { findServices } from './services/state.ts';

const Options = z.object({
  json: z.boolean().default(false),
  live: z.boolean().default(false),
  'bound-seconds': z.coerce.number().int().min(1).max(86_400).default(60),
  watched: z.string().min(1).optional(),
  'lost-webhooks': z.string().min(1).optional(),
  data: z.string().min(1).optional(),
});
type Options = z.output<typeof Options>;

function optionsOf(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean' },
      live: { type: 'boolean' },
      'bound-seconds': { type: 'string' },
      watched: { type: 'string' },
      'lost-webhooks': { type: 'string' },
      data: { type: 'string' },
    },
  });
  const result = Options.safeParse(values);
  if (!result.success) throw new Error(`options: ${z.prettifyError(result.error)}`);
  return result.data;
}

async function open({ data }: Options): Promise<{ database: Database; kafka: KafkaTopics | undefined }> {
  const { postgres, kafka } = data === undefined ? findServices(process.env) : {};
  if (postgres === undefined) {
    return { database: await openFolder(data ?? process.env['LOTOK_DATA'] ?? '.lotok'), kafka: undefined };
  }
  const database = await openServer(postgres);
  try {
    return { database, kafka: kafka === undefined ? undefined : await openKafkaTopics(kafka.split(',')) };
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
}

const everyMs = 2_000;

/** On standard error, so that the report alone is on standard output; not more often than somebody reads. */
function progressTo(write: (line: string) => void): (line: string) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  return (line) => {
    if (performance.now() - toldAt < everyMs) return;
    toldAt = performance.now();
    write(line);
  };
}

const giveUp = (error: unknown): void => {
  console.error(`couldn't check: ${reasonOf(error)}`);
  process.exitCode = 2;
};
// 1 is for violations alone.
process.on('uncaughtException', (error) => {
  giveUp(error);
  process.exit();
});

try {
  const options = optionsOf(process.argv.slice(2));
  const began = performance.now();
  await using stack = new AsyncDisposableStack();
  const { database, kafka } = await open(options);
  stack.use(database);
  stack.use(kafka);
  console.error(`looking at ${database.title}`);
  const report = await verify(database, kafka, {
    live: options.live,
    boundSeconds: options['bound-seconds'],
    watched: options.watched,
    lostWebhooks: options['lost-webhooks'],
    progress: progressTo((line) => console.error(line)),
  });
  const cost = {
    durationMs: Math.round(performance.now() - began),
    peakMemoryMb: Math.round(process.resourceUsage().maxRSS / 1024),
  };
  if (options.json) console.log(JSON.stringify({ ...report, ...cost }));
  else console.log(`${tableOf(report)} (${(cost.durationMs / 1000).toFixed(1)} s, ${cost.peakMemoryMb} MB)`);
  process.exitCode = report.holds ? 0 : 1;
} catch (error) {
  giveUp(error);
}

/** Causes too: which invariant, then what the database said. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join('; ');
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${reasonOf(error.cause)}`;
}
