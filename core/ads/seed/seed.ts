// Demo ads: the same ones in every fresh data folder, with times counted back from now.
import type { Kysely } from 'kysely';
import type { Photo } from '../../../contracts/ads.ts';
import type { AdId } from '../../../contracts/common.ts';
import { type DemoUser, demoBuyer, demoBuyer2, demoSellers, demoUsers } from '../../../contracts/demo.ts';
import { cities } from '../../platform/catalogue/cities.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Outbox } from '../../platform/db/outbox.ts';
import { type DemoPicture, demoPictureSize, demoPictures } from '../../platform/demo/pictures.ts';
import { type AdRow, type AdsTables, hasAds, insertAds, saveSeller } from '../store.ts';
import { suspicions } from '../suspicion.ts';
import { toAd } from '../view.ts';
import { type Chance, chance } from './random.ts';
import { brandedCategories, conditions, deliveries, kindWords, reasons } from './words.ts';

export interface SeedOptions {
  readonly db: Kysely<AdsTables>;
  readonly outbox: Outbox;
  readonly clock: Clock;
}

const seed = 20_261_124;
/** Bicycles are what the demo is about: more of them, and some on the first page. */
const adsPerPicture = { bicycles: 8, others: 3.15 };
const bicyclesInFront = [0, 3, 7, 12, 16];
/** Buyers sell a little too, far enough back that the first pages are for buying. */
const buyersFrom = 120;

/** All in one transaction: after a crash in the middle the schema is still empty, and the next start seeds it. */
export async function seedAds({ db, outbox, clock }: SeedOptions): Promise<void> {
  if (await hasAds(db)) return;
  const ads = demoAds(clock.now());
  const names = new Map(demoUsers.map((user) => [user.id, user.name]));
  await db.transaction().execute(async (trx) => {
    // Version 0, so that the first news from users is newer.
    for (const { id, name } of demoUsers) await saveSeller(trx, { id, name, rating: null, reviews: 0, version: 0 });
    for (let start = 0; start < ads.length; start += 100) await insertAds(trx, ads.slice(start, start + 100));
    // Oldest first, as they would have come. No purge: nothing of them was ever cached.
    for (const ad of ads.toReversed()) {
      const seller = { id: ad.seller_id, name: names.get(ad.seller_id) ?? '', rating: null, reviews: 0, version: 0 };
      await outbox.add(trx, 'ad.changed', ad.id, { ad: toAd({ ...ad, seller }), previous_status: null });
    }
  });
}

/** Newest first. */
export function demoAds(now: Date): AdRow[] {
  const luck = chance(seed);
  const ads = inOrder(luck).map((picture, index) => demoAd(luck, picture, sellerOf(luck, index), index, now));
  return [...ads, ...unlisted(luck, ads.length, now)];
}

function inOrder(luck: Chance): DemoPicture[] {
  const copies = (picture: DemoPicture, index: number): DemoPicture[] => {
    const wanted = picture.category === 'bicycles' ? adsPerPicture.bicycles : adsPerPicture.others;
    // A fraction spreads over the pictures: every so many of them get one ad more.
    const count = Math.floor((index + 1) * wanted) - Math.floor(index * wanted);
    return Array.from({ length: count }, () => picture);
  };
  const shuffled = luck.shuffle(demoPictures.flatMap(copies));
  for (const place of bicyclesInFront) {
    const from = shuffled.findIndex(({ category }, index) => category === 'bicycles' && index >= place);
    const [bicycle] = shuffled.splice(from, 1);
    if (bicycle) shuffled.splice(place, 0, bicycle);
  }
  return shuffled;
}

const sellerOf = (luck: Chance, index: number): DemoUser =>
  index >= buyersFrom && index % 50 === 0 ? luck.pick([demoBuyer, demoBuyer2]) : luck.pick(demoSellers);

function demoAd(luck: Chance, picture: DemoPicture, seller: DemoUser, index: number, now: Date): AdRow {
  const { category, kind } = picture;
  const words = kindWords[kind];
  const model = luck.pick(words.models);
  const condition = luck.pick<keyof typeof conditions>(['new', 'excellent', 'excellent', 'good', 'good', 'worn']);
  const [least, most] = words.price;
  // More cheap things than dear ones.
  const price = least + (most - least) * luck.next() ** 1.6;
  const brand = brandedCategories.has(category) ? { brand: model.split(' ')[0] ?? model } : {};
  // About one every two hours, the newest a few minutes old.
  const created = new Date(now.getTime() - (4 + index * 118 + luck.whole(0, 90)) * 60_000);
  return {
    id: idAt(luck, created),
    seller_id: seller.id,
    title: luck.pick(words.titles).replace('*', model),
    description: [luck.pick(words.about), conditions[condition], luck.pick(reasons), luck.pick(deliveries)].join(' '),
    price_amount: roundPrice(price) * 100,
    price_currency: 'RUB',
    category,
    city: luck.pick(cityIds),
    attributes: { condition, ...brand, ...words.attributes?.(luck, model) },
    photos: [photoOf(picture)],
    status: 'active',
    rejection_reason: null,
    suspicions: [],
    order_id: null,
    reserved_until: null,
    given_up_by: [],
    takedown_reason: null,
    approved_at: null,
    created_at: created,
    updated_at: created,
    listed_at: created,
    version: 1,
  };
}

/** Something for moderators to decide on, and a draft for the seller to finish. */
function unlisted(luck: Chance, from: number, now: Date): AdRow[] {
  const [first, second, third] = luck.shuffle(demoPictures);
  if (!first || !second || !third) return [];
  const make = (picture: DemoPicture, seller: DemoUser, index: number, fields: Partial<AdRow>): AdRow => {
    const ad = { ...demoAd(luck, picture, seller, from + index, now), listed_at: null, ...fields };
    return { ...ad, suspicions: ad.status === 'moderation' ? suspicions(ad) : [] };
  };
  const phone = 'Звоните сразу: +7 (900) 000-00-00.';
  return [
    make(first, demoSellers[1], 0, { status: 'moderation', description: `Пишите не здесь. ${phone}` }),
    make(second, demoSellers[2], 1, { status: 'moderation', description: 'Только предоплата, перевод на карту.' }),
    make(third, demoSellers[0], 2, { status: 'draft' }),
  ];
}

const [firstCity = '', ...otherCities] = cities.map(({ id }) => id);
/** Big cities have more ads. */
const cityIds = [firstCity, firstCity, firstCity, ...otherCities.slice(0, 4), ...otherCities] as [string, ...string[]];

const photoOf = ({ id }: DemoPicture): Photo => ({
  id,
  url: `/media/${id}/full.webp`,
  thumb_url: `/media/${id}/thumb.webp`,
  ...demoPictureSize,
});

function roundPrice(roubles: number): number {
  const step = roubles < 1_000 ? 50 : roubles < 10_000 ? 100 : 500;
  return Math.max(step, Math.round(roubles / step) * step);
}

/** A UUIDv7 of that moment (RFC 9562, section 5.7), from our own chance. */
function idAt(luck: Chance, at: Date): AdId {
  const hex = (digits: number): string => Array.from({ length: digits }, () => luck.whole(0, 15).toString(16)).join('');
  const time = at.getTime().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(3)}-8${hex(3)}-${hex(12)}` as AdId;
}
