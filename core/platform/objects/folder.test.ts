// Objects in a folder.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { objectStoreContract, type Upload } from './contract.ts';
import { openFolder } from './folder.ts';
import type { ReceivingStore } from './objects.ts';

let folder: string;
let store: ReceivingStore;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lotok-objects-'));
  store = await openFolder({ folder, secret: 'a secret for tests' });
});
afterAll(() => rm(folder, { recursive: true }));

/** What core does with a PUT: it compares with what it knows of the upload. */
const upload: Upload = async (url, bytes, headers) => {
  const { pathname, searchParams } = new URL(url, 'http://core.test');
  const put = {
    contentType: headers['content-type'] ?? '',
    sizeBytes: bytes.byteLength,
    expiresAt: new Date(Number(searchParams.get('expires')) * 1000),
    signature: searchParams.get('signature') ?? '',
  };
  const key = `uploads/${pathname.split('/').at(-1)}.png`;
  if (!store.verifyUpload(key, put, new Date())) return 401;
  await store.put(key, { bytes, contentType: put.contentType });
  return 204;
};

describe('objects in a folder', () => {
  objectStoreContract(async () => ({ store, upload }));

  it('stay in it', async () => {
    for (const key of [
      '../secret.webp',
      'media/../../secret.webp',
      '/etc/x.webp',
      'media//x.webp',
      'media/.hidden.webp',
    ]) {
      await expect(store.put(key, { bytes: new Uint8Array(1), contentType: 'image/webp' }), key).rejects.toThrow(
        'not an object key',
      );
    }
  });

  it('are never seen by half, however many write at once', async () => {
    const object = (fill: number) => ({ bytes: new Uint8Array(200_000).fill(fill), contentType: 'image/webp' });
    const key = 'media/shared/full.webp';
    await Promise.all(Array.from({ length: 8 }, (_, fill) => store.put(key, object(fill))));
    const read = await store.get(key);
    expect(new Set(read?.bytes).size).toBe(1);
    expect(await readdir(join(folder, 'media/shared'))).toEqual(['full.webp']);
  });

  it('are not taken by a URL whose time is over', async () => {
    const expiresAt = new Date(Date.now() - 1000);
    const signed = await store.signUpload('uploads/late.png', { contentType: 'image/png', sizeBytes: 3, expiresAt });
    expect(await upload(signed.url, new Uint8Array(3), signed.headers)).toBe(401);
  });
});
