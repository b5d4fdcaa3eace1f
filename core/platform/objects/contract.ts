// What every object store must do; each adapter's test runs this.
import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import type { ObjectStore } from './objects.ts';

/** `upload` sends bytes to a signed URL the way a client would, and gives the status. */
export type Upload = (
  url: string,
  bytes: Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>>,
) => Promise<number>;

export function objectStoreContract(open: () => Promise<{ store: ObjectStore; upload: Upload }>): void {
  const key = (): string => `media/${randomBytes(8).toString('hex')}/full.webp`;
  const bytes = (size: number): Uint8Array<ArrayBuffer> => new Uint8Array(randomBytes(size));

  it('gives back what was put, whole, also when it was put again', async () => {
    const { store } = await open();
    const place = key();
    for (const size of [0, 1, 300_000]) {
      const object = { bytes: bytes(size), contentType: 'image/webp' };
      await store.put(place, object);
      expect(await store.get(place)).toEqual(object);
    }
  });

  it('has nothing where nothing was put, or where it was deleted', async () => {
    const { store } = await open();
    const place = key();
    expect(await store.get(place)).toBeNull();
    await store.put(place, { bytes: bytes(10), contentType: 'image/webp' });
    await store.delete(place);
    await store.delete(place);
    expect(await store.get(place)).toBeNull();
  });

  it('takes an upload by its signed URL, and only what was signed', async () => {
    const { store, upload } = await open();
    const place = `uploads/${randomBytes(8).toString('hex')}.png`;
    const signed = await store.signUpload(place, {
      contentType: 'image/png',
      sizeBytes: 1000,
      expiresAt: new Date(Date.now() + 60_000),
    });
    expect(await upload(signed.url, bytes(1001), signed.headers)).toBeGreaterThanOrEqual(400);
    expect(
      await upload(signed.url, bytes(1000), { ...signed.headers, 'content-type': 'text/html' }),
    ).toBeGreaterThanOrEqual(400);
    const forged = signed.url.replace(
      /signature=[\w-]{6}/i,
      (part) => `${part.slice(0, -6)}${part.endsWith('000000') ? '111111' : '000000'}`,
    );
    expect(await upload(forged, bytes(1000), signed.headers)).toBeGreaterThanOrEqual(400);
    expect(await store.get(place)).toBeNull();
    const sent = bytes(1000);
    expect(await upload(signed.url, sent, signed.headers)).toBeLessThan(300);
    expect((await store.get(place))?.bytes).toEqual(sent);
  });
}
