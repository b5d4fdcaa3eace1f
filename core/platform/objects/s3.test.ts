// Objects in a real S3-compatible store: S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY name it.
import { describe, expect, it } from 'vitest';
import { objectStoreContract, type Upload } from './contract.ts';
import { openS3, type S3Options } from './s3.ts';

const { S3_ENDPOINT: endpoint = '', S3_REGION: region = 'us-east-1', S3_BUCKET: bucket = '' } = process.env;
const { S3_ACCESS_KEY_ID: accessKeyId = '', S3_SECRET_ACCESS_KEY: secretAccessKey = '' } = process.env;
const options: S3Options = { endpoint, region, bucket, accessKeyId, secretAccessKey };

const upload: Upload = async (url, bytes, headers) =>
  (await fetch(url, { method: 'PUT', body: bytes, headers })).status;

describe.skipIf(endpoint === '')('objects in S3', () => {
  objectStoreContract(async () => ({ store: await openS3(options), upload }));

  it('are refused at the start when the bucket or the key is wrong', async () => {
    await expect(openS3({ ...options, bucket: 'no-such-bucket' })).rejects.toThrow('object store: the bucket answered');
    await expect(openS3({ ...options, secretAccessKey: 'wrong' })).rejects.toThrow(
      'object store: the bucket answered 403',
    );
  });
});
