// Objects in S3 or anything that speaks its protocol; clients upload to it straight by presigned URLs.
import { AwsClient } from 'aws4fetch';
import type { ObjectStore, StoredObject } from './objects.ts';

export interface S3Options {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const timeoutMs = 15_000;
/** Answers 5xx and 429 are tried again with growing pauses. */
const retries = 3;

/** Fails when the bucket can't be reached, so that a wrong setting shows at the start. */
export async function openS3({
  endpoint,
  region,
  bucket,
  accessKeyId,
  secretAccessKey,
}: S3Options): Promise<ObjectStore> {
  const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3', retries, initRetryMs: 100 });
  // Path style: works with every server and with bucket names that are no host names.
  const bucketUrl = `${endpoint.replace(/\/+$/, '')}/${encodeURIComponent(bucket)}`;
  const urlOf = (key: string): string => `${bucketUrl}/${key.split('/').map(encodeURIComponent).join('/')}`;

  const request = async (
    what: string,
    url: string,
    init: RequestInit,
    allowed: readonly number[] = [],
  ): Promise<Response> => {
    const response = await client.fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) });
    if (response.ok || allowed.includes(response.status)) return response;
    const code = /<Code>(\w+)<\/Code>/.exec(await response.text())?.[1] ?? '';
    throw new Error(`object store: ${what} answered ${response.status} ${code}`);
  };
  await request('the bucket', bucketUrl, { method: 'HEAD' });

  return {
    async signUpload(key, { contentType, sizeBytes, expiresAt }) {
      const url = new URL(urlOf(key));
      url.searchParams.set('X-Amz-Expires', String(Math.max(1, Math.floor((expiresAt.getTime() - Date.now()) / 1000))));
      // Type and length are signed too: the store itself refuses anything else.
      const headers = { 'content-type': contentType, 'content-length': String(sizeBytes) };
      const signed = await client.sign(url.href, {
        method: 'PUT',
        headers,
        aws: { signQuery: true, allHeaders: true },
      });
      return { url: signed.url, headers: { 'content-type': contentType } };
    },

    async put(key, { bytes, contentType }) {
      const response = await request(`put ${key}`, urlOf(key), {
        method: 'PUT',
        body: bytes,
        headers: { 'content-type': contentType },
      });
      await response.body?.cancel();
    },

    async get(key): Promise<StoredObject | null> {
      const response = await request(`get ${key}`, urlOf(key), { method: 'GET' }, [404]);
      if (response.status === 404) {
        await response.body?.cancel();
        return null;
      }
      const contentType = response.headers.get('content-type') ?? 'application/octet-stream';
      return { bytes: new Uint8Array(await response.arrayBuffer()), contentType };
    },

    async delete(key) {
      const response = await request(`delete ${key}`, urlOf(key), { method: 'DELETE' }, [404]);
      await response.body?.cancel();
    },
  };
}
