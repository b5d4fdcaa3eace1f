// Ports for servers that are started in a moment.
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the ports that systems lend to outgoing connections and to servers that ask for any (from 32768 on Linux,
 * from 49152 elsewhere): between the answer here and the server's start nobody takes one by chance.
 */
const lowest = 12_000;
const highest = 32_000;
const tries = 50;

/** The first of the wanted ports that is free on 127.0.0.1, or any free one. */
export async function freePort(...wanted: readonly (number | undefined)[]): Promise<number> {
  for (const port of wanted) if (port !== undefined && (await isFree(port))) return port;
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const port = randomInt(lowest, highest);
    if (await isFree(port)) return port;
  }
  throw new Error('no free port');
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
