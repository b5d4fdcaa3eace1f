import { describe, expect, it } from 'vitest';
import { until } from '../../tests/until.ts';
import { startLoop } from './loop.ts';
import { type Log, silentLog } from './telemetry/log.ts';

/** Longer than any test: whatever runs again before that was woken. */
const never = 3_600_000;

describe('a loop', () => {
  it('runs at once, and then whenever it is woken', async () => {
    let runs = 0;
    await using loop = await startLoop({
      name: 'test',
      pollMs: never,
      log: silentLog,
      run: async () => {
        runs += 1;
        return false;
      },
    });
    await until('it has run', () => runs === 1);
    loop.wake();
    await until('it has run again', () => runs === 2);
  });

  it('runs by itself after its pause', async () => {
    let runs = 0;
    await using _ = await startLoop({
      name: 'test',
      pollMs: 5,
      log: silentLog,
      run: async () => {
        runs += 1;
        return false;
      },
    });
    await until('it has run several times', () => runs >= 5);
  });

  it('goes on without a pause while more is waiting', async () => {
    let left = 50;
    await using _ = await startLoop({
      name: 'test',
      pollMs: never,
      log: silentLog,
      run: async () => {
        left -= 1;
        return left > 0;
      },
    });
    await until('nothing is left', () => left === 0);
  });

  it('never runs twice at the same time, and forgets no wake that came during a run', async () => {
    let [runs, inside, most] = [0, 0, 0];
    const gates: (() => void)[] = [];
    await using loop = await startLoop({
      name: 'test',
      pollMs: never,
      log: silentLog,
      run: async () => {
        inside += 1;
        most = Math.max(most, inside);
        await new Promise<void>((resolve) => gates.push(resolve));
        inside -= 1;
        runs += 1;
        return false;
      },
    });
    await until('it runs', () => gates.length === 1);
    for (let wakes = 0; wakes < 10; wakes += 1) loop.wake();
    gates[0]?.();
    await until('it runs again, for all ten', () => gates.length === 2);
    gates[1]?.();
    await until('it has ended twice', () => runs === 2);
    expect(most).toBe(1);
    expect(gates).toHaveLength(2);
  });

  it('is woken by what it listens to, and listens no more once it is disposed', async () => {
    let runs = 0;
    const heard = new Set<() => void>();
    const loop = await startLoop({
      name: 'test',
      pollMs: never,
      log: silentLog,
      run: async () => {
        runs += 1;
        return false;
      },
      wake: async (wake) => {
        heard.add(wake);
        return { [Symbol.asyncDispose]: async () => void heard.delete(wake) };
      },
    });
    await until('it has run', () => runs === 1);
    for (const wake of heard) wake();
    await until('it has run again', () => runs === 2);
    await loop[Symbol.asyncDispose]();
    expect(heard.size).toBe(0);
    loop.wake();
    await Promise.resolve();
    expect(runs).toBe(2);
  });

  it('goes on after failures, ever slower, and tells each', async () => {
    const failures: unknown[] = [];
    const times: number[] = [];
    const log: Log = { ...silentLog, error: (event, fields) => void failures.push({ event, ...fields }) };
    let runs = 0;
    await using _ = await startLoop({
      name: 'test',
      pollMs: never,
      log,
      run: async () => {
        times.push(performance.now());
        runs += 1;
        if (runs <= 3) throw new Error(`trouble ${runs}`);
        return false;
      },
    });
    await until('it has run without failing', () => runs === 4);
    expect(failures).toEqual(
      [1, 2, 3].map((count) => ({
        event: 'loop.failed',
        loop: 'test',
        failures: count,
        error: expect.objectContaining({ message: `trouble ${count}` }),
      })),
    );
    // Jitter takes at most half off 100, 200 and 400 ms.
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(pauses.map((pause, index) => pause >= 49 * 2 ** index)).toEqual([true, true, true]);
  });

  it('lets a run end before it is disposed, having told it so', async () => {
    const steps: string[] = [];
    const loop = await startLoop({
      name: 'test',
      pollMs: never,
      log: silentLog,
      run: async (signal) => {
        steps.push('begun');
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        await new Promise((resolve) => setImmediate(resolve));
        steps.push('ended');
        return true;
      },
    });
    await until('it runs', () => steps.length === 1);
    await loop[Symbol.asyncDispose]();
    await loop[Symbol.asyncDispose]();
    steps.push('disposed');
    expect(steps).toEqual(['begun', 'ended', 'disposed']);
  });

  it('is disposed at once from the middle of a pause, also of one after a failure', async () => {
    for (const fails of [false, true]) {
      let runs = 0;
      const loop = await startLoop({
        name: 'test',
        pollMs: never,
        log: silentLog,
        run: async () => {
          runs += 1;
          if (fails) throw new Error('no');
          return false;
        },
      });
      await until('it has run', () => runs === 1);
      await loop[Symbol.asyncDispose]();
    }
  });
});
