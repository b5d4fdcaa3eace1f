// docs/clients.md as its reader uses it: the example is pasted and run.
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import { Client } from './client.ts';
import { startLotok, type TestLotok } from './lotok.ts';

const root = join(import.meta.dirname, '../..');

describe('the example in docs/clients.md', () => {
  let lotok: TestLotok;
  beforeAll(async () => {
    lotok = await startLotok();
  }, 240_000);
  afterAll(() => lotok?.[Symbol.asyncDispose]());

  it('tells what its reader buys', async () => {
    const page = await readFile(join(root, 'docs/clients.md'), 'utf8');
    const example = /```js\n(import \{ openLive \}.*?)```/s.exec(page)?.[1] ?? '';
    const child = spawn(process.execPath, ['--input-type=module', '--eval', example], {
      cwd: root,
      env: { ...process.env, LOTOK_URL: lotok.url },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    const says = (line: RegExp) =>
      until(`it says ${line}`, () => line.test(output), { timeoutMs: 30_000 }).catch((error: unknown) => {
        throw new Error(output, { cause: error });
      });
    try {
      await says(/^present: start 0 orders$/m);
      const buyer = await Client.signIn(lotok.url, 'buyer@demo.lotok');
      const [ad] = await buyer.adsForSale('&category=bicycles');
      if (!ad) throw new Error('there is no bicycle for sale');
      const order = await buyer.orders(ad);
      await says(new RegExp(`^order ${order.id} pending_payment$`, 'm'));
      await says(new RegExp(`^ad ${ad.id} ${ad.price.amount} reserved$`, 'm'));
      expect(output).toMatch(/^connection: live$/m);
    } finally {
      child.kill();
    }
  }, 120_000);
});
