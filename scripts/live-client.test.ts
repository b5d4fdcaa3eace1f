import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { bundleLiveClient, bundlePath } from './live-client.ts';

describe('the live client that browsers load', () => {
  it('is made from contracts/client as it is now, and carries no library', async () => {
    const bundle = await bundleLiveClient();
    expect(await readFile(bundlePath, 'utf8'), 'run: node scripts/run.mjs scripts/live-client.ts').toBe(bundle);
    expect(bundle).not.toMatch(/node_modules|^import /m);
    expect(bundle.length).toBeLessThan(40_000);
  });
});
