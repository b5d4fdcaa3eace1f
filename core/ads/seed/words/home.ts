// Furniture, appliances and things for children.
import type { DemoKind } from '../../../platform/demo/pictures.ts';
import type { KindWords } from './kind.ts';

export const homeWords = {
  sofa: {
    titles: ['Диван *', 'Диван-кровать *', 'Большой диван *'],
    models: ['«Стокгольм»', '«Монако»', 'IKEA Ektorp', '«Бостон»', '«Амстердам»', 'IKEA Friheten'],
    price: [12_000, 55_000],
    about: ['Раскладывается, есть ящик для белья.', 'Чехлы снимаются и стираются.', 'Без животных и пятен.'],
    attributes: (chance) => ({ material: chance.pick(['fabric', 'leather']), width: chance.whole(180, 260) }),
  },
  armchair: {
    titles: ['Кресло *', 'Мягкое кресло *', 'Кресло * для чтения'],
    models: ['«Оскар»', 'IKEA Strandmon', '«Бергамо»', '«Лофт»', 'IKEA Poäng'],
    price: [4_000, 22_000],
    about: ['Очень удобное, высокая спинка.', 'Стояло в спальне, почти не сидели.', 'Ткань чистая, ножки из бука.'],
    attributes: (chance) => ({ material: 'fabric', width: chance.whole(70, 95) }),
  },
  table: {
    titles: ['Письменный стол *', 'Стол * из массива', 'Рабочий стол *'],
    models: ['«Скандинавия»', 'IKEA Lisabo', '«Дуб Сонома»', '«Мадрид»', 'IKEA Alex'],
    price: [3_500, 26_000],
    about: ['Один выдвижной ящик, столешница ровная.', 'Разберу для перевозки.', 'Массив, покрыт маслом.'],
    attributes: (chance) => ({ material: 'wood', width: chance.whole(100, 160) }),
  },
  bookcase: {
    titles: ['Книжный шкаф *', 'Стеллаж *', 'Стеллаж для книг *'],
    models: ['IKEA Billy', '«Классика»', 'IKEA Kallax', '«Гарвард»'],
    price: [3_000, 18_000],
    about: [
      'Полки выдерживают тяжёлые книги.',
      'Книги на фото в стоимость не входят.',
      'Крепление к стене в комплекте.',
    ],
    attributes: (chance) => ({ material: 'wood', width: chance.whole(60, 160) }),
  },
  fridge: {
    titles: ['Холодильник *', 'Двухкамерный холодильник *', 'Холодильник *, No Frost'],
    models: ['Bosch KGN39', 'LG GA-B459', 'Atlant ХМ-4421', 'Indesit DS 4180', 'Samsung RB30'],
    price: [8_000, 46_000],
    about: ['Морозит отлично, тихий.', 'Полки все целы, запаха нет.', 'Работал до последнего дня, переезжаем.'],
    attributes: (chance) => ({ 'power-watts': chance.whole(100, 180) }),
  },
  washer: {
    titles: ['Стиральная машина *', 'Стиралка *', 'Стиральная машина *, 7 кг'],
    models: ['LG F2J5', 'Bosch WAN24', 'Indesit IWSC', 'Haier HW70', 'Samsung WW65'],
    price: [7_000, 36_000],
    about: ['Отжимает до 1200 оборотов, не прыгает.', 'Подшипники тихие, манжета чистая.', 'Шланги отдам.'],
    attributes: (chance) => ({ 'power-watts': chance.whole(1700, 2200) }),
  },
  kettle: {
    titles: ['Электрочайник *', 'Чайник *', 'Чайник *, 1,7 литра'],
    models: ['Bosch TWK', 'Philips HD', 'Xiaomi Mi Kettle', 'Kitfort KT', 'Polaris PWK'],
    price: [500, 5_000],
    about: ['Накипи нет, крышка закрывается плотно.', 'Кипятит за три минуты.', 'Подарили второй, этот лишний.'],
    attributes: (chance) => ({ 'power-watts': chance.pick([1850, 2200]) }),
  },
  microwave: {
    titles: ['Микроволновка *', 'Микроволновая печь *', 'СВЧ-печь * с грилем'],
    models: ['LG MS-20', 'Samsung ME81', 'Horizont 20', 'Midea MM7', 'Gorenje MO20'],
    price: [1_800, 9_000],
    about: ['Греет равномерно, тарелка целая.', 'Внутри чистая.', 'Таймер и гриль работают.'],
    attributes: (chance) => ({ 'power-watts': chance.pick([700, 800]) }),
  },
  bear: {
    titles: ['Плюшевый мишка *', 'Большой медведь *', 'Мягкая игрушка: мишка *'],
    models: ['Тедди', 'Steiff', 'Orange Toys', 'Aurora', 'Fancy'],
    price: [400, 3_500],
    about: ['Постиран, как новый.', 'Дочка выросла, мишка скучает.', 'Мягкий, не линяет.'],
    attributes: (chance) => ({ age: chance.whole(1, 3) }),
  },
  blocks: {
    titles: ['Деревянные кубики *', 'Кубики с буквами *', 'Набор кубиков *'],
    models: ['Томик', 'Paremo', 'Mapacha', 'Краснокамская игрушка'],
    price: [300, 2_000],
    about: ['Все кубики на месте.', 'Краска не облезла, дерево гладкое.', 'Помогли выучить алфавит.'],
    attributes: (chance) => ({ age: chance.whole(1, 4) }),
  },
  stroller: {
    titles: ['Коляска *', 'Детская коляска *, 2 в 1', 'Прогулочная коляска *'],
    models: ['Cybex Priam', 'Tutis Zippy', 'Yoya Plus', 'Anex Sport', 'Happy Baby'],
    price: [5_000, 38_000],
    about: [
      'Колёса не скрипят, тормоз держит.',
      'Складывается одной рукой, влезает в лифт.',
      'Дождевик и москитная сетка в комплекте.',
    ],
    attributes: () => ({ age: 0 }),
  },
  train: {
    titles: ['Игрушечный поезд *', 'Паровозик *', 'Железная дорога *'],
    models: ['Brio', 'LEGO Duplo', 'IKEA Lillabo', 'Edwone', 'Hape'],
    price: [900, 7_000],
    about: ['Все детали целы, едет и гудит.', 'Рельсов хватит на целую комнату.', 'Играли аккуратно, коробка есть.'],
    attributes: (chance) => ({ age: chance.whole(2, 5) }),
  },
} satisfies Partial<Record<DemoKind, KindWords>>;
