import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../services/state.ts';
import { invariants } from './all.ts';

it('docs/invariants.md tells the same names, sentences and reasons as the program, in the same order', async () => {
  const text = await readFile(join(root, 'docs/invariants.md'), 'utf8');
  const told = [...text.matchAll(/^\| `([a-z-]+)` \| (.+?) \| (.+?) \|$/gm)].map(([, name, says, why]) => ({
    name,
    says,
    why,
  }));
  expect(told).toEqual(invariants.map(({ name, says, why }) => ({ name, says, why })));
});

it('each invariant has a name of its own', () => {
  expect(new Set(invariants.map(({ name }) => name)).size).toBe(invariants.length);
});
