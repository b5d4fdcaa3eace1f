// Demo pictures: drawn in code, so that a first start needs nothing from anywhere.
import type { Kysely } from 'kysely';
import sharp from 'sharp';
import type { Clock } from '../../platform/clock.ts';
import type { Outbox } from '../../platform/db/outbox.ts';
import { type DemoKind, type DemoPicture, demoPictureSize, demoPictures } from '../../platform/demo/pictures.ts';
import type { ObjectStore } from '../../platform/objects/objects.ts';
import { renderVariants } from '../pictures.ts';
import { readyEvent, storeVariants } from '../service.ts';
import { hasMedia, insertMedia, listKnown, type MediaRow, type MediaTables } from '../store.ts';
import { type Colours, palettes, type Scene, svgOf } from './canvas.ts';
import { desk } from './scenes/desk.ts';
import { hobbies } from './scenes/hobbies.ts';
import { home } from './scenes/home.ts';
import { outdoors } from './scenes/outdoors.ts';

const scenes: Readonly<Record<DemoKind, (colours: Colours) => Scene>> = { ...outdoors, ...home, ...hobbies, ...desk };
const rendersAtOnce = 4;
/** Flat colours are small anyway, and a first start should be short. */
const effort = 1;

export interface SeedOptions {
  readonly db: Kysely<MediaTables>;
  readonly objects: ObjectStore;
  readonly outbox: Outbox;
  readonly clock: Clock;
}

/** Goes on where an interrupted seed stopped; does nothing in a schema that others have filled. */
export async function seedPictures({ db, objects, outbox, clock }: SeedOptions): Promise<void> {
  const known = new Set(
    await listKnown(
      db,
      demoPictures.map(({ id }) => id),
    ),
  );
  if (known.size === 0 && (await hasMedia(db))) return;
  const missing = demoPictures.filter(({ id }) => !known.has(id));
  const draw = async (): Promise<void> => {
    for (let picture = missing.shift(); picture; picture = missing.shift()) {
      await storeVariants(objects, picture.id, await renderVariants(sharp(Buffer.from(drawSvg(picture))), { effort }));
      const row = rowOf(picture, clock.now());
      // The row comes last: a picture that has one is whole.
      await db.transaction().execute(async (trx) => {
        await insertMedia(trx, [row]);
        await outbox.add(trx, 'media.ready', row.id, readyEvent(row));
      });
    }
  };
  await Promise.all(Array.from({ length: rendersAtOnce }, draw));
}

export function drawSvg({ kind, palette }: Pick<DemoPicture, 'kind' | 'palette'>): string {
  const colours = palettes[palette % palettes.length];
  if (!colours) throw new Error('there are no palettes');
  return svgOf(colours, scenes[kind](colours));
}

const rowOf = ({ id, ownerId }: DemoPicture, now: Date): MediaRow => ({
  id,
  owner_id: ownerId,
  content_type: 'image/webp',
  size_bytes: 0,
  status: 'ready',
  rejection_reason: null,
  ...demoPictureSize,
  created_at: now,
  expires_at: now,
  original_kept: false,
});
