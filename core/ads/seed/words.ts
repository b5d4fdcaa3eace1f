// What demo ads are about: titles, prices and attributes for each kind of picture.
import type { DemoCategory, DemoKind } from '../../platform/demo/pictures.ts';
import { deskWords } from './words/desk.ts';
import { hobbiesWords } from './words/hobbies.ts';
import { homeWords } from './words/home.ts';
import type { KindWords, Words } from './words/kind.ts';
import { outdoorsWords } from './words/outdoors.ts';

export const kindWords: Readonly<Record<DemoKind, KindWords>> = {
  ...outdoorsWords,
  ...homeWords,
  ...hobbiesWords,
  ...deskWords,
};

/** Categories whose form has a brand, which is then the first word of the model. */
export const brandedCategories: ReadonlySet<DemoCategory> = new Set([
  'bicycles',
  'phones',
  'laptops',
  'kids',
  'tools',
  'sports',
  'music',
  'appliances',
  'clothes',
]);

export const conditions = {
  new: 'Как новое.',
  excellent: 'Состояние отличное.',
  good: 'Состояние хорошее, есть мелкие следы.',
  worn: 'Следы использования есть, на работу не влияют.',
} as const;

export const reasons: Words = [
  'Продаю, потому что купили другое.',
  'Продаю из-за переезда.',
  'Просто занимает место.',
  'Подарили второе такое же.',
  'Долго лежало, пусть послужит.',
];

export const deliveries: Words = [
  'Отправлю в день оплаты.',
  'Упакую надёжно, отправлю в любой город.',
  'Можно посмотреть перед покупкой.',
  'Отвечу на все вопросы.',
  'Возможен небольшой торг.',
];
