// `npm run faults`: a shop under load on servers of its own, everything in it broken again and again, and the reckoning.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { folder as servicesFolder } from '../../scripts/services/state.ts';
import { faultKinds } from './faults.ts';
import { topologies } from './layout.ts';
import { lookAt } from './look.ts';
import { runFaults } from './run.ts';
import { removeData } from './server.ts';
import { summaryOf } from './summary.ts';

const kinds = faultKinds.map(({ name }) => name);
const Options = z.strictObject({
  minutes: z.coerce.number().min(0.1).max(1_440).default(5),
  seed: z.coerce.number().int().min(0).max(2_147_483_647).optional(),
  'orders-per-second': z.coerce.number().min(0.1).max(100).default(2),
  buyers: z.coerce.number().int().min(2).max(500).default(24),
  'fault-every-seconds': z.coerce.number().min(0.2).max(600).default(4),
  'calm-seconds': z.coerce.number().int().min(10).max(3_600).default(240),
  topology: z.enum(topologies).optional(),
  only: z
    .string()
    .transform((text) => text.split(',').map((name) => name.trim()))
    .pipe(z.array(z.enum(kinds)).min(1))
    .optional(),
  look: z.string().min(1).optional(),
});

const options = Options.safeParse(
  parseArgs({ options: Object.fromEntries(Object.keys(Options.shape).map((name) => [name, { type: 'string' }])) })
    .values,
);
if (!options.success) {
  console.error(z.prettifyError(options.error));
  process.exit(2);
}
const ending = new AbortController();
process.once('SIGINT', () => ending.abort()).once('SIGTERM', () => ending.abort());
await (options.data.look === undefined ? run(options.data) : look(options.data.look));
// Not by itself: with some of the thousands of broken sockets half closed, Node's own clean-up has been seen to spin for ever.
process.exit();

async function run({ minutes, buyers, only, ...given }: z.output<typeof Options>): Promise<void> {
  const seed = given.seed ?? randomInt(2 ** 31);
  const topology = given.topology ?? (seed % 2 === 0 ? 'whole' : 'split');
  const folder = join(servicesFolder, 'faults', `${seed}-${Date.now()}`);
  console.log(`seed ${seed}: ${minutes} minutes, ${topology}, in ${folder}`);
  const outcome = await runFaults({
    seed,
    minutes,
    topology,
    buyers,
    only,
    folder,
    ordersPerSecond: given['orders-per-second'],
    faultEverySeconds: given['fault-every-seconds'],
    timeouts: { paymentSeconds: 60, deliverySeconds: 120, acceptSeconds: 20 },
    calmSeconds: given['calm-seconds'],
    provesHalves: true,
    say: (line) => console.log(line),
    signal: ending.signal,
  });
  console.log(summaryOf(outcome));
  if (outcome.violations.length === 0) {
    await removeData(folder);
    return;
  }
  console.log(`
logs:             ${join(folder, 'logs')}
what buyers saw:  ${join(folder, 'watched.jsonl')}
the data:         npm run faults -- --look ${folder}
once more:        npm run faults -- --seed ${seed} --minutes ${minutes} --topology ${topology}`);
  process.exitCode = 1;
}

async function look(folder: string): Promise<void> {
  await using looking = await lookAt(folder);
  for (const line of looking.variables) console.log(line);
  console.log('\nthe servers run until Ctrl-C');
  if (!ending.signal.aborted) await once(ending.signal, 'abort');
}
