// Objects in a real S3-compatible store: `TEST_S3_URL` (http://KEY:SECRET@HOST/BUCKET), or what `npm run services` started.
import { expect, it } from 'vitest';
import { describeWith } from '../../../tests/services.ts';
import { objectStoreContract, type Upload } from './contract.ts';
import { openS3, type S3Options } from './s3.ts';

function optionsOf(address: string): S3Options {
  const { username, password, origin, pathname } = new URL(address);
  return {
    endpoint: origin,
    region: process.env['S3_REGION'] ?? 'us-east-1',
    bucket: pathname.slice(1),
    accessKeyId: decodeURIComponent(username),
    secretAccessKey: decodeURIComponent(password),
  };
}

const upload: Upload = async (url, bytes, headers) =>
  (await fetch(url, { method: 'PUT', body: bytes, headers })).status;

describeWith('s3', 'objects in S3', (address) => {
  const options = optionsOf(address);

  objectStoreContract(async () => ({ store: await openS3(options), upload }));

  it('are refused at the start when the bucket or the key is wrong', async () => {
    await expect(openS3({ ...options, bucket: 'no-such-bucket' })).rejects.toThrow('object store: the bucket answered');
    await expect(openS3({ ...options, secretAccessKey: 'wrong' })).rejects.toThrow(
      'object store: the bucket answered 403',
    );
  });
});
