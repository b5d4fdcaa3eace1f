// Passwords: argon2id, with as much work for an account that doesn't exist as for one that does.
import { hash, parseOptions, verify } from '@node-rs/argon2';
import { ProblemError } from '../../contracts/problem.ts';

/** OWASP's Password Storage Cheat Sheet: argon2id with 19 MiB, two passes, one lane. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
/** Each hash takes 19 MiB and a thread; beyond this many at once a caller is asked to come back. */
const atOnce = 64;

export interface Passwords {
  hash(password: string): Promise<string>;
  /** Without a hash it does the same work and says no. */
  verify(hashed: string | undefined, password: string): Promise<boolean>;
  /** Made with other costs than today's. */
  isOutdated(hashed: string): boolean;
}

export async function createPasswords(): Promise<Passwords> {
  const nobodys = await hash('the password of nobody', cost);
  let running = 0;
  const bounded = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (running >= atOnce) throw new ProblemError('unavailable', { headers: { 'retry-after': '1' } });
    running += 1;
    try {
      return await work();
    } finally {
      running -= 1;
    }
  };
  return {
    hash: (password) => bounded(() => hash(password, cost)),
    verify: async (hashed, password) => {
      const matches = await bounded(() => verify(hashed ?? nobodys, password));
      return matches && hashed !== undefined;
    },
    isOutdated: (hashed) => {
      const { memoryCost, timeCost, parallelism } = parseOptions(hashed);
      return memoryCost !== cost.memoryCost || timeCost !== cost.timeCost || parallelism !== cost.parallelism;
    },
  };
}
