// What chat hears: ads, people and pictures that it shows, and complaints about messages.
import type { MediaId, MessageId, UserId } from '../../contracts/common.ts';
import type { Handlers } from '../platform/bus/consumer.ts';
import { type ChatOptions, takeAway } from './service.ts';
import { type ChatTables, markReported, saveAd, savePerson, savePicture } from './store.ts';

export const chatEvents = (options: Omit<ChatOptions, 'db'>): Handlers<ChatTables> => ({
  'ad.changed': ({ data: { ad } }, trx) =>
    saveAd(trx, {
      id: ad.id,
      version: ad.version,
      seller_id: ad.seller.id,
      title: ad.title,
      price: ad.price,
      status: ad.status,
      thumb_url: ad.photos[0]?.thumb_url ?? null,
    }),

  'user.changed': ({ data: { user_id, name, version } }, trx) => savePerson(trx, { id: user_id, name, version }),

  'media.ready': async ({ data: { media_id, ...picture } }, trx) => {
    await savePicture(trx, { ...picture, id: media_id as MediaId });
  },

  'report.submitted': async ({ data: { subject, reporter_id } }, trx) => {
    if (subject.type === 'message') await markReported(trx, subject.id as MessageId, reporter_id as UserId);
  },

  'report.resolved': async ({ data: { subject, decision } }, trx) => {
    if (subject.type === 'message' && decision === 'accept') await takeAway(options, trx, subject.id as MessageId);
  },
});
