// Processor time of processes, as Linux counts it.
import { readdirSync, readFileSync } from 'node:fs';

export interface CpuSeconds {
  readonly user: number;
  readonly kernel: number;
}

const ticksPerSecond = 100;

/** Of these processes and of those of their children that have ended. */
export function cpuOf(pids: readonly number[]): CpuSeconds {
  let user = 0;
  let kernel = 0;
  for (const pid of pids) {
    const fields = statOf(pid);
    user += Number(fields[11] ?? 0) + Number(fields[13] ?? 0);
    kernel += Number(fields[12] ?? 0) + Number(fields[14] ?? 0);
  }
  return { user: user / ticksPerSecond, kernel: kernel / ticksPerSecond };
}

export function withChildren(parent: number): number[] {
  const pids = readdirSync('/proc').map(Number).filter(Boolean);
  return [parent, ...pids.filter((pid) => Number(statOf(pid)[1]) === parent)];
}

/** The fields of proc(5)'s stat after the name, from the state on; none for a process that has ended. */
function statOf(pid: number): readonly string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}
