// `npm run simulate`: runs the order saga through many simulated worlds, or replays one.
// docs/simulation.md says how to read what it prints.
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { Coverage } from '../core/orders/simulation/coverage.testing.ts';
import { explore, howToReplay, startTimer, traceOf } from '../core/orders/simulation/explore.testing.ts';
import { product } from '../core/orders/simulation/product.testing.ts';

const mostSeed = 2 ** 32 - 1;
const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most);
const Options = z
  .strictObject({
    seeds: whole(1, mostSeed + 1).default(100_000),
    from: whole(0, mostSeed).default(0),
    seed: whole(0, mostSeed).optional(),
    trace: z.boolean().default(false),
  })
  .refine(({ trace, seed }) => !trace || seed !== undefined, { path: ['trace'], message: 'needs --seed' });

const batch = 5_000;
const tellEveryMs = 5_000;

const { seeds, from, seed, trace } = readOptions();
process.stdout.on('error', () => process.exit()); // whoever read the trace has seen enough
let stopped = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (stopped = true));

const coverage = new Coverage();
const first = seed ?? from;
const count = seed === undefined ? Math.min(seeds, mostSeed + 1 - from) : 1;
const rate = startTimer();
let toldAt = performance.now();
for (let next = first; next < first + count && !stopped; next += batch) {
  const failed = explore({ product, coverage, from: next, seeds: Math.min(batch, first + count - next) });
  if (trace || failed) console.log(traceOf(product, failed?.seed ?? first).join('\n'));
  if (failed) {
    console.log(howToReplay(failed));
    process.exitCode = 1;
    break;
  }
  if (performance.now() - toldAt > tellEveryMs) {
    toldAt = performance.now();
    console.log(`${coverage.worlds.toLocaleString('en')} worlds without a defect, ${rate(coverage.worlds)}`);
  }
  await setImmediate(); // so that Ctrl-C is heard
}
if (seed === undefined) {
  console.log(coverage.report());
  console.log(`seeds ${first} to ${first + coverage.worlds - 1}, ${rate(coverage.worlds)}`);
} else if (process.exitCode === undefined) console.log(`seed ${seed}: nothing was wrong`);

function readOptions(): z.output<typeof Options> {
  try {
    const { values } = parseArgs({
      options: {
        seeds: { type: 'string' },
        from: { type: 'string' },
        seed: { type: 'string' },
        trace: { type: 'boolean' },
      },
    });
    return Options.parse(values);
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    console.error(`npm run simulate -- [--seeds N] [--from N] | --seed N [--trace]\n${why}`);
    process.exit(2);
  }
}
