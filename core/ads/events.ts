// What ads hears: pictures that are ready, sellers that changed, complaints that were accepted.
import type { AdId, MediaId } from '../../contracts/common.ts';
import type { Handlers } from '../platform/bus/consumer.ts';
import { purge, type Recorder } from './changes.ts';
import type { MediaLibrary } from './media.ts';
import { takeDown } from './service.ts';
import { type AdsTables, placesOfSeller, saveMedia, saveSeller } from './store.ts';

export const adsEvents = (recorder: Recorder, media: MediaLibrary): Handlers<AdsTables> => ({
  'media.ready': async ({ data }, trx) => {
    const { media_id, ...picture } = data;
    await saveMedia(trx, { ...picture, id: media_id as MediaId });
    media.heard();
  },

  'user.changed': async ({ data }, trx) => {
    const { user_id, name, rating, reviews, version } = data;
    if (!(await saveSeller(trx, { id: user_id, name, rating, reviews, version }))) return;
    // Cards carry the seller's group; listings show the seller too, but only under their own groups.
    const places = await placesOfSeller(trx, user_id);
    if (places.length === 0) return;
    const listings = places.flatMap(({ category, city }) => [`category-${category}`, `city-${city}`]);
    await purge(recorder, trx, [...new Set([`user-${user_id}`, 'ads', ...listings])]);
  },

  'report.resolved': async ({ data, time }, trx) => {
    if (data.decision !== 'accept' || data.subject.type !== 'ad') return;
    await takeDown(recorder, trx, data.subject.id as AdId, data.resolution, time);
  },
});
