// What happens to a picture: asked for, uploaded, checked, made into variants, shown.
import type { Kysely } from 'kysely';
import { uuidv7 } from 'uuidv7';
import type { MediaId, UserId } from '../../contracts/common.ts';
import { ProblemError } from '../../contracts/problem.ts';
import type { Clock } from '../platform/clock.ts';
import type { Outbox } from '../platform/db/outbox.ts';
import { type ObjectStore, receivesUploads, type SignedUpload } from '../platform/objects/objects.ts';
import type { Log } from '../platform/telemetry/log.ts';
import { type Picture, processPicture, UnusablePicture, type Variant } from './pictures.ts';
import {
  countAwaiting,
  findMedia,
  insertMedia,
  listLeftOriginals,
  type MediaRow,
  type MediaTables,
  type MediaType,
  noteOriginalGone,
  settleMedia,
} from './store.ts';

export interface NewUpload {
  readonly content_type: MediaType;
  readonly size: number;
}
export interface PutUpload {
  readonly expires: number;
  readonly signature: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

export interface MediaService {
  createUpload(owner: UserId, upload: NewUpload): Promise<SignedUpload & { id: MediaId; expiresInSeconds: number }>;
  /** Takes an upload by its signed URL where the object store has no server of its own. */
  receive(id: MediaId, put: PutUpload): Promise<void>;
  /** Checks what was uploaded and makes the variants; again for the same picture gives the same answer. */
  complete(owner: UserId, id: MediaId): Promise<MediaRow>;
  read(owner: UserId, id: MediaId): Promise<MediaRow>;
  variant(id: MediaId, variant: Variant): Promise<Uint8Array<ArrayBuffer>>;
  /** Removes originals that are no longer needed and uploads that nobody finished; true when there are more. */
  cleanUp(): Promise<boolean>;
}

export interface MediaServiceOptions {
  readonly db: Kysely<MediaTables>;
  readonly objects: ObjectStore;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Log;
}

const uploadSeconds = 15 * 60;
/** An upload that began in time may be completed a little later. */
const graceMs = 3_600_000;
const mostAwaiting = 30;
const cleanUpBatch = 50;
/** Decoding takes memory and a core: more at once would only make each slower. */
const decodersAtOnce = 2;

const endings: Readonly<Record<MediaType, string>> = { 'image/jpeg': 'jpg', 'image/png': 'png', 'image/webp': 'webp' };
const originalKey = ({ id, content_type }: MediaRow): string => `uploads/${id}.${endings[content_type]}`;
export const variantKey = (id: MediaId, variant: Variant): string => `media/${id}/${variant}.webp`;
export const variantUrl = (id: MediaId, variant: Variant): string => `/media/${id}/${variant}.webp`;

export function createMediaService({ db, objects, outbox, clock, log }: MediaServiceOptions): MediaService {
  const decoding = slots(decodersAtOnce);

  const readOwn = async (owner: UserId, id: MediaId): Promise<MediaRow> => {
    const media = await findMedia(db, id);
    if (!media || media.owner_id !== owner) throw new ProblemError('not-found', { detail: 'You have no such picture' });
    return media;
  };

  /** One of several completions at once sets the end state and tells; all of them answer with it. */
  const settle = async (id: MediaId, picture: Picture | UnusablePicture): Promise<MediaRow> => {
    const end =
      picture instanceof UnusablePicture
        ? { status: 'rejected' as const, rejection_reason: picture.message, width: null, height: null }
        : { status: 'ready' as const, rejection_reason: null, width: picture.width, height: picture.height };
    const settled = await db.transaction().execute(async (trx) => {
      const media = await settleMedia(trx, id, end);
      if (media?.status === 'ready') await outbox.add(trx, 'media.ready', id, readyEvent(media));
      return media;
    });
    const media = settled ?? (await findMedia(db, id));
    if (!media) throw new ProblemError('not-found', { detail: 'The upload has expired' });
    return media;
  };

  const removeOriginal = async (media: MediaRow): Promise<void> => {
    await objects.delete(originalKey(media));
    await noteOriginalGone(db, media.id);
  };

  return {
    async createUpload(owner, { content_type, size }) {
      const now = clock.now();
      if ((await countAwaiting(db, owner, now)) >= mostAwaiting) {
        throw new ProblemError('too-many-requests', {
          detail: `At most ${mostAwaiting} unfinished uploads`,
          headers: { 'retry-after': '60' },
        });
      }
      const media: MediaRow = {
        id: uuidv7() as MediaId,
        owner_id: owner,
        content_type,
        size_bytes: size,
        status: 'awaiting_upload',
        rejection_reason: null,
        width: null,
        height: null,
        created_at: now,
        // Whole seconds, as the signature has them.
        expires_at: new Date(Math.ceil(now.getTime() / 1000 + uploadSeconds) * 1000),
        original_kept: true,
      };
      const signed = await objects.signUpload(originalKey(media), {
        contentType: content_type,
        sizeBytes: size,
        expiresAt: media.expires_at,
      });
      await insertMedia(db, [media]);
      return { ...signed, id: media.id, expiresInSeconds: uploadSeconds };
    },

    async receive(id, { expires, signature, contentType, bytes }) {
      const media = await findMedia(db, id);
      if (!media || !receivesUploads(objects)) throw new ProblemError('invalid-signature');
      const put = {
        contentType: media.content_type,
        sizeBytes: media.size_bytes,
        expiresAt: new Date(expires * 1000),
        signature,
      };
      if (!objects.verifyUpload(originalKey(media), put, clock.now())) throw new ProblemError('invalid-signature');
      if (contentType !== media.content_type) {
        throw new ProblemError('unsupported-media-type', { detail: `This URL takes ${media.content_type}` });
      }
      if (bytes.byteLength > media.size_bytes) {
        throw new ProblemError('content-too-large', { detail: `This URL takes ${media.size_bytes} bytes` });
      }
      if (media.status !== 'awaiting_upload')
        throw new ProblemError('conflict', { detail: `The picture is ${media.status}` });
      await objects.put(originalKey(media), { bytes: new Uint8Array(bytes), contentType });
    },

    async complete(owner, id) {
      const media = await readOwn(owner, id);
      if (media.status !== 'awaiting_upload') return media;
      const settled = await decoding(async () => {
        const original = await objects.get(originalKey(media));
        if (!original) {
          const now = await readOwn(owner, id);
          if (now.status !== 'awaiting_upload') return now; // completed meanwhile by another request
          throw new ProblemError('conflict', { detail: 'Nothing has been uploaded yet' });
        }
        const picture = await decode(original.bytes, media);
        if (!(picture instanceof UnusablePicture)) await storeVariants(objects, id, picture);
        return settle(id, picture);
      });
      await removeOriginal(settled).catch((error: unknown) => log.warn('media.original_kept', { id, error })); // cleanUp comes back to it
      return settled;
    },

    read: readOwn,

    async variant(id, variant) {
      const object = await objects.get(variantKey(id, variant));
      if (!object) throw new ProblemError('not-found', { detail: 'There is no such picture' });
      return object.bytes;
    },

    async cleanUp() {
      const left = await listLeftOriginals(db, new Date(clock.now().getTime() - graceMs), cleanUpBatch);
      for (const media of left) await removeOriginal(media);
      return left.length === cleanUpBatch;
    },
  };
}

export const readyEvent = ({ id, owner_id, width, height }: MediaRow) => ({
  media_id: id,
  owner_id,
  width: width ?? 0,
  height: height ?? 0,
  url: variantUrl(id, 'full'),
  thumb_url: variantUrl(id, 'thumb'),
});

async function decode(bytes: Uint8Array, { size_bytes, content_type }: MediaRow): Promise<Picture | UnusablePicture> {
  if (bytes.byteLength !== size_bytes) {
    return new UnusablePicture(`declared with ${size_bytes} bytes, but it has ${bytes.byteLength}`);
  }
  try {
    return await processPicture(bytes, content_type);
  } catch (error) {
    if (error instanceof UnusablePicture) return error;
    throw error;
  }
}

export async function storeVariants(objects: ObjectStore, id: MediaId, { variants }: Picture): Promise<void> {
  const names = Object.keys(variants) as Variant[];
  await Promise.all(
    names.map((name) => objects.put(variantKey(id, name), { bytes: variants[name], contentType: 'image/webp' })),
  );
}

/** Lets so many run at once; the others wait in the order in which they came. */
function slots(count: number): <Result>(run: () => Promise<Result>) => Promise<Result> {
  let free = count;
  const waiting: (() => void)[] = [];
  return async (run) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await run();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}
