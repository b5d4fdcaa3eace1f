// A stored answer as bytes, for the second level: a digest, the length of the head, the head as JSON, the body.
import { z } from 'zod';
import type { Policy } from './policy.ts';
import type { StoredResponse } from './store.ts';
import { type Prepare, preparedFields, selectionOf } from './stored-response.ts';

/** When an answer was fetched, as its cache counts invalidations; another cache counts for itself. */
export interface Fetched {
  readonly epoch: string;
  readonly begun: number;
}

export interface ReadRecord {
  readonly stored: StoredResponse;
  readonly fetched: Fetched;
}

const fields = z.record(z.string(), z.union([z.string(), z.array(z.string())]));
const policy = z.object({
  storable: z.boolean(),
  lifetimeMs: z.number(),
  initialAgeMs: z.number(),
  receivedAt: z.number(),
  staleWhileRevalidateMs: z.number(),
  staleIfErrorMs: z.number(),
  mustRevalidate: z.boolean(),
  alwaysValidate: z.boolean(),
  etag: z.string().nullable(),
  lastModified: z.string().nullable(),
  lastModifiedAt: z.number().nullable(),
  date: z.number(),
}) satisfies z.ZodType<Policy>;
const Head = z.object({
  key: z.string(),
  status: z.int(),
  headers: fields,
  policy,
  label: z.string(),
  varyValues: z.array(z.string().nullable()).readonly(),
  epoch: z.string(),
  begun: z.int(),
});

const digestBytes = 32;
const headAt = digestBytes + 4;

export async function writeRecord(
  { key, status, headers, policy, label, varyValues, body }: StoredResponse,
  { epoch, begun }: Fetched,
): Promise<Uint8Array<ArrayBuffer>> {
  const head = new TextEncoder().encode(
    JSON.stringify({ key, status, headers, policy, label, varyValues, epoch, begun } satisfies z.input<typeof Head>),
  );
  const record = new Uint8Array(headAt + head.byteLength + body.byteLength);
  new DataView(record.buffer).setUint32(digestBytes, head.byteLength);
  record.set(head, headAt);
  record.set(body, headAt + head.byteLength);
  record.set(await digest(record), 0);
  return record;
}

/** Null for what is damaged, of another version, or of another key than its name says. */
export async function readRecord(
  record: Uint8Array<ArrayBuffer>,
  key: string,
  prepare: Prepare,
): Promise<ReadRecord | null> {
  if (record.byteLength < headAt) return null;
  const expected = await digest(record);
  if (!expected.every((byte, index) => byte === record[index])) return null;
  const length = new DataView(record.buffer, record.byteOffset).getUint32(digestBytes);
  const head = Head.safeParse(JSON.parse(new TextDecoder().decode(record.subarray(headAt, headAt + length)))).data;
  if (head?.key !== key) return null;
  const { epoch, begun, varyValues, headers, ...rest } = head;
  const { groups, varyNames } = selectionOf(headers);
  if (varyNames.length !== varyValues.length) return null;
  const stored: StoredResponse = {
    ...rest,
    headers,
    sent: preparedFields(headers, prepare),
    // A copy: the body must not keep the record's head in memory, nor a buffer that a runtime shares.
    body: record.slice(headAt + length),
    part: null,
    groups,
    varyNames,
    varyValues,
    invalid: false,
  };
  return { stored, fetched: { epoch, begun } };
}

async function digest(record: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', record.subarray(digestBytes)));
}
