// Pictures that sellers uploaded, known from the media service's events.
import type { Kysely } from 'kysely';
import type { Photo } from '../../contracts/ads.ts';
import type { MediaId, UserId } from '../../contracts/common.ts';
import { ProblemError } from '../../contracts/problem.ts';
import type { AdsTables } from './store.ts';

export interface MediaLibrary {
  /** The seller's pictures in the order given; those that the ad has `already` need no proof. Throws `invalid-field`. */
  photosOf(seller: UserId, ids: readonly MediaId[], already?: readonly Photo[]): Promise<Photo[]>;
  /** Says that a picture has become known. */
  heard(): void;
}

/**
 * A picture that was completed a moment ago may be known to media and not yet here, since `media.ready`
 * travels over the bus. So an unknown picture is waited for, within bounds, and only then refused.
 */
const patienceMs = 3_000;
const pollMs = 100;

export function createMediaLibrary(db: Kysely<AdsTables>): MediaLibrary {
  const waiting = new Set<() => void>();

  const find = async (
    seller: UserId,
    ids: readonly MediaId[],
    known: ReadonlyMap<string, Photo>,
  ): Promise<(Photo | undefined)[]> => {
    const asked = ids.filter((id) => !known.has(id));
    const rows = asked.length === 0 ? [] : await db.selectFrom('media').selectAll().where('id', 'in', asked).execute();
    const mine = new Map(
      rows.flatMap(({ owner_id, ...photo }) =>
        owner_id === seller ? [[photo.id as string, photo satisfies Photo] as const] : [],
      ),
    );
    const foreign = rows.find((row) => row.owner_id !== seller);
    if (foreign) throw unusable(ids, [foreign.id]);
    return ids.map((id) => known.get(id) ?? mine.get(id));
  };

  const news = (): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        waiting.delete(done);
        resolve();
      };
      // The event may be handled by another process, so news is also looked for.
      const timer = setTimeout(done, pollMs);
      waiting.add(done);
    });

  return {
    async photosOf(seller, ids, already = []) {
      if (ids.length === 0) return [];
      const repeated = ids.find((id, index) => ids.indexOf(id) !== index);
      if (repeated !== undefined) throw unusable(ids, [repeated], 'is there twice');
      const known = new Map(already.map((photo) => [photo.id as string, photo]));
      const end = performance.now() + patienceMs;
      for (;;) {
        const photos = await find(seller, ids, known);
        const missing = ids.filter((_, index) => photos[index] === undefined);
        if (missing.length === 0) return photos.filter((photo) => photo !== undefined);
        if (performance.now() >= end) throw unusable(ids, missing);
        await news();
      }
    },
    heard() {
      for (const done of waiting) done();
    },
  };
}

/** The same words for another's picture and for one that doesn't exist. */
const unusable = (
  ids: readonly MediaId[],
  wrong: readonly MediaId[],
  message = 'is not a ready picture of yours',
): ProblemError =>
  new ProblemError('invalid-field', {
    errors: wrong.map((id) => ({ field: `photos.${ids.lastIndexOf(id)}`, message })),
  });
