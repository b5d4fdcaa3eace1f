// Objects in a folder: what a laptop has instead of S3. Uploads come through core by URLs that it signed.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ReceivingStore, SignedPut, StoredObject } from './objects.ts';

export interface FolderOptions {
  readonly folder: string;
  /** Signs uploads; whoever has it may write. */
  readonly secret: string;
}

/** An object's type is the ending of its key, so that the file alone is the whole object. */
const types: Readonly<Record<string, string>> = { webp: 'image/webp', jpg: 'image/jpeg', png: 'image/png' };
const typeOf = (key: string): string | undefined => types[key.split('.').at(-1) ?? ''];

export async function openFolder({ folder, secret }: FolderOptions): Promise<ReceivingStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const fileOf = (key: string): string => join(folder, checkedKey(key));

  const signatureOf = (key: string, { contentType, sizeBytes, expiresAt }: Omit<SignedPut, 'signature'>): Buffer =>
    createHmac('sha256', secret)
      .update(JSON.stringify(['PUT', key, contentType, sizeBytes, unixSeconds(expiresAt)]))
      .digest();

  return {
    async signUpload(key, put) {
      const name = basename(checkedKey(key)).replace(/\.\w+$/, '');
      const query = new URLSearchParams({
        expires: String(unixSeconds(put.expiresAt)),
        signature: signatureOf(key, put).toString('base64url'),
      });
      return { url: `/v1/media/objects/${name}?${query}`, headers: { 'content-type': put.contentType } };
    },

    verifyUpload(key, put, now) {
      const expected = signatureOf(key, put);
      const given = Buffer.from(put.signature, 'base64url');
      return given.length === expected.length && timingSafeEqual(given, expected) && put.expiresAt > now;
    },

    async put(key, { bytes, contentType }) {
      const file = fileOf(key);
      if (typeOf(key) !== contentType) throw new Error(`${key} cannot hold ${contentType}`);
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      // Whole or not at all: readers and a crash never see half of it.
      const draft = `${file}.${randomBytes(6).toString('hex')}.part`;
      try {
        await writeFile(draft, bytes, { mode: 0o600, flush: true });
        await rename(draft, file);
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
    },

    async get(key): Promise<StoredObject | null> {
      try {
        const bytes = new Uint8Array(await readFile(fileOf(key)));
        return { bytes, contentType: typeOf(key) ?? 'application/octet-stream' };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
    },

    async delete(key) {
      await rm(fileOf(key), { force: true });
    },
  };
}

const unixSeconds = (at: Date): number => Math.floor(at.getTime() / 1000);

/** Keys are made by code, but a path that leaves the folder must never reach the disk. */
function checkedKey(key: string): string {
  if (!/^[a-z0-9][\w-]*(\/[a-z0-9][\w.-]*)+$/.test(key) || key.includes('..'))
    throw new Error(`not an object key: ${key}`);
  return key;
}
