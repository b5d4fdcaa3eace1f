// The flow on Deno, on two threads.
import { edgeFlow } from './flow.ts';
import { startDenoTask } from './processes.ts';

const threads = 2;

edgeFlow('Deno', (env) => startDenoTask('edge:parallel', { ...env, DENO_JOBS: String(threads) }), {
  processes: threads,
});
