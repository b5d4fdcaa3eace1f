// The demo pictures: all of them can be drawn, and an interrupted seed goes on.
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type World } from '../../../tests/world.ts';
import { demoPictureSize, demoPictures } from '../../platform/demo/pictures.ts';
import { media } from '../index.ts';
import type { MediaTables } from '../store.ts';
import { drawSvg } from './seed.ts';

let world: World<MediaTables>;
beforeAll(async () => {
  world = await openWorld(media);
});
afterAll(() => world[Symbol.asyncDispose]());

describe('demo pictures', () => {
  it('are all drawn, each another one', () => {
    const drawn = demoPictures.map(drawSvg);
    expect(new Set(drawn).size).toBe(demoPictures.length);
    for (const svg of drawn) expect(svg).not.toMatch(/NaN|undefined|\[object/);
  });

  it('are there after the seed, and an interrupted seed goes on where it stopped', async () => {
    await world.running.seed?.();
    expect(await world.said()).toHaveLength(demoPictures.length);
    const [first, second] = demoPictures;
    if (!first || !second) throw new Error('there are no demo pictures');
    const shown = await world.ask('GET', `/media/${first.id}/full.webp`);
    expect(await sharp(shown.bytes).metadata()).toMatchObject({ format: 'webp', ...demoPictureSize });

    await world.db.deleteFrom('media').where('id', '=', second.id).execute();
    await world.running.seed?.();
    expect((await world.said()).map(({ key }) => key)).toEqual([second.id]);
  }, 120_000);
});
