import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { derivedSecret, folderSecret } from './secrets.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lotok-secrets-'));
});
afterEach(() => rm(folder, { recursive: true }));

const modeOf = async (...path: string[]): Promise<string> =>
  ((await stat(join(folder, ...path))).mode & 0o777).toString(8);

describe("a folder's secret", () => {
  it('is made once and stays, one for each name', async () => {
    const made = await folderSecret(folder, 'keys');
    expect(Buffer.from(made, 'base64url')).toHaveLength(32);
    expect(await folderSecret(folder, 'keys')).toBe(made);
    expect(await folderSecret(folder, 'objects')).not.toBe(made);
  });

  it('can be read by its owner alone', async () => {
    await folderSecret(join(folder, 'data'), 'keys');
    expect(await modeOf('data', 'secrets')).toBe('700');
    expect(await modeOf('data', 'secrets', 'keys')).toBe('600');
  });

  it('is agreed upon by many who ask at once, and no draft is left', async () => {
    const secrets = await Promise.all(Array.from({ length: 50 }, () => folderSecret(folder, 'keys')));
    expect(new Set(secrets).size).toBe(1);
    expect(await readdir(join(folder, 'secrets'))).toEqual(['keys']);
  });

  it('is agreed upon by processes that start at once', async () => {
    const url = pathToFileURL(join(import.meta.dirname, 'secrets.ts')).href;
    const program = `const { folderSecret } = await import(process.argv[1]); console.log(await folderSecret(process.argv[2], 'keys'));`;
    const start = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, ['--input-type=module', '-e', program, url, folder]);
        let output = '';
        child.stdout.on('data', (chunk) => (output += chunk));
        child.stderr.on('data', (chunk) => (output += chunk));
        child.on('error', reject);
        child.on('close', () => resolve(output.trim()));
      });
    const secrets = await Promise.all([start(), start(), start(), start()]);
    expect(secrets[0]).toMatch(/^[\w-]{43}$/);
    expect(new Set(secrets).size).toBe(1);
  });

  it('is not taken for made when it is empty or cannot be read', async () => {
    await folderSecret(folder, 'keys');
    await writeFile(join(folder, 'secrets', 'empty'), '');
    await expect(folderSecret(folder, 'empty')).rejects.toThrow('cannot be read');
    await rm(join(folder, 'secrets', 'empty'));
    await writeFile(join(folder, 'file'), '');
    await expect(folderSecret(join(folder, 'file'), 'keys')).rejects.toThrow();
  });
});

describe('a derived secret', () => {
  it('is always the same for its purpose, and another for each other', () => {
    expect(derivedSecret('one', 'webhooks')).toBe(derivedSecret('one', 'webhooks'));
    expect(derivedSecret('one', 'webhooks')).not.toBe(derivedSecret('one', 'keys'));
    expect(derivedSecret('one', 'webhooks')).not.toBe(derivedSecret('two', 'webhooks'));
    expect(derivedSecret('one', 'webhooks')).toMatch(/^[\w-]{43}$/);
  });
});
