// Resident memory of a process, as Linux counts it.
import { readFileSync } from 'node:fs';

export const residentKiB = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
