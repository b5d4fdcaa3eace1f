// Categories and the form that each of them asks a seller to fill in.
import type { Attribute, Category } from '../../../contracts/ads.ts';
import type { LocalisedText } from '../../../contracts/common.ts';

export type CategoryDefinition = Omit<Category, 'ads'>;

const named = (ru: string, en: string): LocalisedText => ({ ru, en });

const choice = (id: string, name: LocalisedText, choices: Readonly<Record<string, LocalisedText>>): Attribute => ({
  id,
  name,
  type: 'choice',
  choices: Object.entries(choices).map(([value, text]) => ({ id: value, name: text })),
  required: false,
});
const number = (id: string, name: LocalisedText, unit?: string): Attribute => ({
  id,
  name,
  type: 'number',
  ...(unit === undefined ? {} : { unit }),
  required: false,
});
const text = (id: string, name: LocalisedText): Attribute => ({ id, name, type: 'text', required: false });
const yesNo = (id: string, name: LocalisedText): Attribute => ({ id, name, type: 'boolean', required: false });
const required = (attribute: Attribute): Attribute => ({ ...attribute, required: true });

const condition = choice('condition', named('Состояние', 'Condition'), {
  new: named('Новое', 'New'),
  excellent: named('Отличное', 'Excellent'),
  good: named('Хорошее', 'Good'),
  worn: named('Со следами использования', 'Shows wear'),
});
const brand = text('brand', named('Бренд', 'Brand'));
const colour = text('colour', named('Цвет', 'Colour'));
const storage = number('storage', named('Память', 'Storage'), 'GB');
const material = choice('material', named('Материал', 'Material'), {
  wood: named('Дерево', 'Wood'),
  metal: named('Металл', 'Metal'),
  fabric: named('Ткань', 'Fabric'),
  leather: named('Кожа', 'Leather'),
  plastic: named('Пластик', 'Plastic'),
});

export const categories: readonly CategoryDefinition[] = [
  {
    id: 'bicycles',
    name: named('Велосипеды', 'Bicycles'),
    attributes: [
      condition,
      brand,
      choice('kind', named('Тип', 'Kind'), {
        mountain: named('Горный', 'Mountain'),
        road: named('Шоссейный', 'Road'),
        city: named('Городской', 'City'),
        kids: named('Детский', 'Kids'),
        folding: named('Складной', 'Folding'),
      }),
      number('wheel-size', named('Диаметр колёс', 'Wheel size'), '″'),
      number('speeds', named('Скоростей', 'Speeds')),
    ],
  },
  {
    id: 'phones',
    name: named('Телефоны', 'Phones'),
    attributes: [condition, brand, storage, colour, yesNo('original-box', named('Родная коробка', 'Original box'))],
  },
  {
    id: 'laptops',
    name: named('Ноутбуки', 'Laptops'),
    attributes: [
      condition,
      brand,
      number('screen', named('Экран', 'Screen'), '″'),
      number('memory', named('Оперативная память', 'Memory'), 'GB'),
      storage,
    ],
  },
  {
    id: 'furniture',
    name: named('Мебель', 'Furniture'),
    attributes: [condition, material, colour, number('width', named('Ширина', 'Width'), 'cm')],
  },
  {
    id: 'kids',
    name: named('Детские товары', 'Kids'),
    attributes: [condition, brand, number('age', named('Возраст от', 'Age from'), 'years')],
  },
  {
    id: 'books',
    name: named('Книги', 'Books'),
    attributes: [
      condition,
      text('author', named('Автор', 'Author')),
      number('year', named('Год издания', 'Year')),
      choice('binding', named('Переплёт', 'Binding'), {
        hard: named('Твёрдый', 'Hard'),
        soft: named('Мягкий', 'Soft'),
      }),
    ],
  },
  {
    id: 'tools',
    name: named('Инструменты', 'Tools'),
    attributes: [
      condition,
      brand,
      choice('power', named('Питание', 'Power'), {
        mains: named('От сети', 'Mains'),
        battery: named('Аккумулятор', 'Battery'),
        manual: named('Ручной', 'Manual'),
      }),
    ],
  },
  {
    id: 'sports',
    name: named('Спорт и отдых', 'Sports'),
    attributes: [condition, brand, number('weight', named('Вес', 'Weight'), 'kg')],
  },
  {
    id: 'music',
    name: named('Музыкальные инструменты', 'Music'),
    attributes: [condition, brand, yesNo('case', named('С чехлом', 'With a case'))],
  },
  {
    id: 'garden',
    name: named('Дача и сад', 'Garden'),
    attributes: [condition, material, number('height', named('Высота', 'Height'), 'cm')],
  },
  {
    id: 'appliances',
    name: named('Бытовая техника', 'Appliances'),
    attributes: [condition, brand, colour, number('power-watts', named('Мощность', 'Power'), 'W')],
  },
  {
    id: 'clothes',
    name: named('Одежда и обувь', 'Clothes'),
    attributes: [condition, brand, colour, required(text('size', named('Размер', 'Size')))],
  },
  {
    id: 'car-parts',
    name: named('Автозапчасти', 'Car parts'),
    attributes: [
      condition,
      required(text('make', named('Марка автомобиля', 'Car make'))),
      text('part-number', named('Номер детали', 'Part number')),
    ],
  },
];

const byId: ReadonlyMap<string, CategoryDefinition> = new Map(categories.map((category) => [category.id, category]));

export const findCategory = (id: string): CategoryDefinition | undefined => byId.get(id);
