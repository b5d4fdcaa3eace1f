// Media as sellers meet it: from the signed URL to the picture that everybody sees.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MediaId } from '../../contracts/common.ts';
import type { Media, Upload } from '../../contracts/media.ts';
import type { Problem } from '../../contracts/problem.ts';
import { openWorld, type Person, person, type World } from '../../tests/world.ts';
import { createOutbox } from '../platform/db/outbox.ts';
import { openFolder } from '../platform/objects/folder.ts';
import type { ReceivingStore } from '../platform/objects/objects.ts';
import { silentLog } from '../platform/telemetry/log.ts';
import { media } from './index.ts';
import { createMediaService, type MediaService } from './service.ts';
import type { MediaTables } from './store.ts';

type NewUpload = (typeof Upload)['_output'];
type Bytes = Uint8Array<ArrayBuffer>;

let world: World<MediaTables>;
let folder: string;
let objects: ReceivingStore;
let service: MediaService;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lotok-media-'));
  objects = await openFolder({ folder, secret: 'a secret for tests' });
  world = await openWorld(media, { objects, config: { publicUrl: 'https://lotok.example' } });
  const { db, clock } = world;
  service = createMediaService({ db, objects, clock, outbox: createOutbox('media', clock), log: silentLog });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const photo = async (width = 640, height = 480): Promise<Bytes> =>
  new Uint8Array(
    await sharp({ create: { width, height, channels: 3, background: 'teal' } })
      .jpeg()
      .toBuffer(),
  );

const askUpload = async (as: Person, size: number, content_type = 'image/jpeg'): Promise<NewUpload> => {
  const answer = await world.ask<NewUpload>('POST', '/v1/media/uploads', { as, body: { content_type, size } });
  expect(answer.status).toBe(201);
  return answer.body;
};
const pathOf = ({ upload_url }: NewUpload): string => upload_url.replace('https://lotok.example', '');
const put = (path: string, bytes: Bytes, type = 'image/jpeg') =>
  world.ask<Problem>('PUT', path, { bytes, headers: { 'content-type': type } });
const complete = (as: Person, id: string) =>
  world.ask<Media & Pick<Problem, 'errors'>>('POST', `/v1/media/${id}/complete`, { as });
const uploaded = async (as: Person, bytes: Bytes, type = 'image/jpeg'): Promise<MediaId> => {
  const upload = await askUpload(as, bytes.byteLength, type);
  expect((await put(pathOf(upload), bytes, type)).status).toBe(204);
  return upload.media_id as MediaId;
};

describe('an upload', () => {
  it('becomes a picture in three sizes that may be kept for ever', async () => {
    const seller = person();
    await world.said();
    const id = await uploaded(seller, await photo(2400, 1200));
    const { status, body } = await complete(seller, id);
    expect(status).toBe(200);
    expect(body).toMatchObject({ id, status: 'ready', width: 1600, height: 800, url: `/media/${id}/full.webp` });
    expect(await world.said()).toMatchObject([
      {
        topic: 'media.v1',
        type: 'media.ready',
        key: id,
        data: { media_id: id, owner_id: seller.id, width: 1600, height: 800 },
      },
    ]);
    for (const [variant, side] of [
      ['thumb', 400],
      ['card', 800],
      ['full', 1600],
    ] as const) {
      const shown = await world.ask('GET', `/media/${id}/${variant}.webp`);
      expect(shown.headers.get('content-type')).toBe('image/webp');
      expect(shown.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      expect(await sharp(shown.bytes).metadata()).toMatchObject({ format: 'webp', width: side, height: side / 2 });
      const headers = { 'if-none-match': shown.headers.get('etag') ?? '' };
      expect((await world.ask('GET', `/media/${id}/${variant}.webp`, { headers })).status).toBe(304);
    }
    expect((await world.ask('GET', `/media/${uuidv7()}/full.webp`)).status).toBe(404);
    expect((await world.ask('GET', `/media/${id}/full.png`)).status).toBe(404);
  });

  it('is completed once, however often and at once it is asked', async () => {
    const seller = person();
    const id = await uploaded(seller, await photo());
    await world.said();
    const answers = await Promise.all(Array.from({ length: 5 }, () => complete(seller, id)));
    answers.push(await complete(seller, id));
    for (const { status, body } of answers) expect([status, body.status]).toEqual([200, 'ready']);
    expect(await world.said()).toHaveLength(1);
  });

  it('loses what the camera wrote down, after it was turned upright', async () => {
    const seller = person();
    const taken = await sharp({ create: { width: 800, height: 400, channels: 3, background: 'navy' } })
      .jpeg()
      .withExif({ IFD0: { Make: 'Camera' }, IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '55/1 45/1 0/1' } })
      .withMetadata({ orientation: 6 })
      .toBuffer();
    expect((await sharp(taken).metadata()).exif).toBeDefined();
    const id = await uploaded(seller, new Uint8Array(taken));
    const { body } = await complete(seller, id);
    expect([body.width, body.height]).toEqual([400, 800]);
    const shown = await sharp((await world.ask('GET', `/media/${id}/full.webp`)).bytes).metadata();
    expect([shown.exif, shown.orientation, shown.xmp]).toEqual([undefined, undefined, undefined]);
    expect(await objects.get(`uploads/${id}.jpg`)).toBeNull();
  });

  it('belongs to who asked for it', async () => {
    const seller = person();
    const id = await uploaded(seller, await photo());
    const stranger = person();
    expect((await complete(stranger, id)).status).toBe(404);
    expect((await world.ask('GET', `/v1/media/${id}`, { as: stranger })).status).toBe(404);
    expect((await world.ask<Media>('GET', `/v1/media/${id}`, { as: seller })).body.status).toBe('awaiting_upload');
  });

  it('can’t be completed before anything was uploaded', async () => {
    const seller = person();
    const { media_id } = await askUpload(seller, 1000);
    expect((await complete(seller, media_id)).status).toBe(409);
  });

  it('is refused when it is too big from the start, or of another type', async () => {
    const as = person();
    const ask = (body: unknown) => world.ask<Problem>('POST', '/v1/media/uploads', { as, body });
    expect((await ask({ content_type: 'image/jpeg', size: 11 * 1024 * 1024 })).body.errors?.[0]?.field).toBe('size');
    expect((await ask({ content_type: 'image/svg+xml', size: 100 })).body.errors?.[0]?.field).toBe('content_type');
  });
});

describe('the signed URL', () => {
  it('takes only what it was signed for', async () => {
    const seller = person();
    const bytes = await photo();
    const upload = await askUpload(seller, bytes.byteLength);
    const path = pathOf(upload);
    expect((await put(path.replace(/signature=.{4}/, 'signature=AAAA'), bytes)).status).toBe(401);
    expect((await put(path.replace(/expires=\d/, 'expires=9'), bytes)).status).toBe(401);
    const other = await askUpload(seller, bytes.byteLength);
    expect((await put(path.replace(upload.media_id, other.media_id), bytes)).status).toBe(401);
    expect((await put(path.replace(upload.media_id, uuidv7()), bytes)).status).toBe(401);
    expect((await put(path, bytes, 'image/png')).status).toBe(415);
    expect((await put(path, new Uint8Array(bytes.byteLength + 1))).status).toBe(413);
    expect((await put(path, bytes)).status).toBe(204);
    await complete(seller, upload.media_id);
    expect((await put(path, bytes)).status).toBe(409);
  });

  it('ends, and what nobody finished is removed', async () => {
    const seller = person();
    const bytes = await photo();
    const late = await askUpload(seller, bytes.byteLength);
    const forgotten = await uploaded(seller, bytes);
    world.clock.advance(16 * 60);
    expect((await put(pathOf(late), bytes)).status).toBe(401);
    await service.cleanUp();
    expect(await objects.get(`uploads/${forgotten}.jpg`)).not.toBeNull();
    world.clock.advance(3600);
    await service.cleanUp();
    expect(await objects.get(`uploads/${forgotten}.jpg`)).toBeNull();
    expect((await world.ask('GET', `/v1/media/${forgotten}`, { as: seller })).status).toBe(404);
  });

  it('is not given out without end', async () => {
    const seller = person();
    for (let asked = 0; asked < 30; asked += 1) await askUpload(seller, 1000);
    const answer = await world.ask('POST', '/v1/media/uploads', {
      as: seller,
      body: { content_type: 'image/png', size: 10 },
    });
    expect(answer.status).toBe(429);
  });
});

describe('a bad picture', () => {
  const refused = async (bytes: Bytes, type: string): Promise<string> => {
    const seller = person();
    const id = await uploaded(seller, bytes, type);
    const first = await complete(seller, id);
    expect(first.status).toBe(422);
    expect((await complete(seller, id)).body.errors).toEqual(first.body.errors);
    expect((await world.ask<Media>('GET', `/v1/media/${id}`, { as: seller })).body.status).toBe('rejected');
    expect((await world.ask('GET', `/media/${id}/full.webp`)).status).toBe(404);
    expect(await readdir(join(folder, 'uploads'))).not.toContain(`${id}.jpg`);
    return first.body.errors?.[0]?.message ?? '';
  };

  it('is refused with the reason: not what it says, no picture, damaged, or a bomb', async () => {
    const png = new Uint8Array(
      await sharp(await photo())
        .png()
        .toBuffer(),
    );
    expect(await refused(png, 'image/jpeg')).toBe('declared as image/jpeg, but it is image/png');
    const script = new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>');
    expect(await refused(script, 'image/webp')).toBe('not a JPEG, PNG or WebP picture');
    const whole = await photo(1200, 1200);
    expect(await refused(whole.slice(0, whole.byteLength / 2), 'image/jpeg')).toBe('the picture is damaged');
    const bomb = await sharp({ create: { width: 12_000, height: 12_000, channels: 3, background: 'white' } })
      .png({ compressionLevel: 9 })
      .toBuffer();
    expect(bomb.byteLength).toBeLessThan(1_000_000);
    expect(await refused(new Uint8Array(bomb), 'image/png')).toMatch(/too many|damaged/);
  });

  it('is refused when fewer bytes came than were declared', async () => {
    const seller = person();
    const bytes = await photo();
    const upload = await askUpload(seller, bytes.byteLength + 5);
    await put(pathOf(upload), bytes);
    expect((await complete(seller, upload.media_id)).body.errors?.[0]?.message).toContain('declared with');
  });
});
