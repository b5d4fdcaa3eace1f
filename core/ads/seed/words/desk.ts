// Phones, computers and books.
import type { DemoKind } from '../../../platform/demo/pictures.ts';
import type { KindWords } from './kind.ts';

export const deskWords = {
  phone: {
    titles: ['Смартфон *', '* на гарантии', 'Телефон *, отличное состояние'],
    models: [
      'Apple iPhone 13',
      'Apple iPhone 14',
      'Samsung Galaxy S22',
      'Xiaomi Redmi Note 13',
      'Honor 90',
      'Google Pixel 7',
    ],
    price: [9_000, 62_000],
    about: [
      'Экран без царапин, всегда был под стеклом.',
      'Батарея держит весь день.',
      'Полный комплект: коробка и кабель.',
    ],
    attributes: (chance) => ({ storage: chance.pick([64, 128, 256]), 'original-box': chance.next() > 0.4 }),
  },
  'phone-back': {
    titles: ['* в ярком цвете', 'Смартфон *, два слота', '*, пользовались полгода'],
    models: ['Apple iPhone 12', 'realme 11', 'Xiaomi 13T', 'Samsung Galaxy A54', 'POCO X6', 'Nothing Phone 2'],
    price: [8_000, 45_000],
    about: [
      'Камера снимает отлично, особенно ночью.',
      'Корпус целый, покупали в официальном магазине.',
      'Чек сохранился, чехол отдам.',
    ],
    attributes: (chance) => ({ storage: chance.pick([128, 256]), 'original-box': chance.next() > 0.5 }),
  },
  'button-phone': {
    titles: ['Кнопочный телефон *', '* для бабушки', 'Телефон * с большой батареей'],
    models: ['Nokia 105', 'Philips Xenium', 'teXet TM-B', 'Nokia 3310', 'F+ Ezzy'],
    price: [700, 3_500],
    about: [
      'Крупные кнопки, громкий звонок.',
      'Заряда хватает на две недели.',
      'Лежал запасным, почти не использовался.',
    ],
  },
  tablet: {
    titles: ['Планшет *', '* для учёбы и кино', 'Планшет *, как новый'],
    models: ['Apple iPad 9', 'Samsung Galaxy Tab A8', 'Xiaomi Pad 6', 'Lenovo Tab M10', 'Huawei MatePad'],
    price: [8_000, 42_000],
    about: ['Экран яркий, без пятен.', 'Смотрели фильмы и рисовали.', 'С чехлом-книжкой.'],
    attributes: (chance) => ({ storage: chance.pick([32, 64, 128]) }),
  },
  laptop: {
    titles: ['Ноутбук *', '* для работы и учёбы', 'Ноутбук *, быстрый SSD'],
    models: [
      'Lenovo ThinkPad T14',
      'Apple MacBook Air M1',
      'ASUS VivoBook 15',
      'Huawei MateBook D',
      'HP Pavilion',
      'Acer Swift 3',
    ],
    price: [22_000, 98_000],
    about: [
      'Система установлена, готов к работе.',
      'Батарея держит 6–7 часов.',
      'Клавиатура с русской раскладкой, всё работает.',
    ],
    attributes: (chance) => ({
      screen: chance.pick([13.3, 14, 15.6]),
      memory: chance.pick([8, 16, 32]),
      storage: chance.pick([256, 512, 1000]),
    }),
  },
  monitor: {
    titles: ['Монитор *', 'Монитор * для дома', '*, без битых пикселей'],
    models: ['Dell P2422H', 'LG UltraGear 27', 'Samsung Odyssey', 'AOC 24G2', 'Xiaomi Mi Display'],
    price: [6_000, 34_000],
    about: ['Без битых пикселей и засветов.', 'Регулировка по высоте, кабель отдам.', 'Матрица IPS, приятные цвета.'],
    attributes: (chance) => ({ screen: chance.pick([23.8, 24, 27]) }),
  },
  keyboard: {
    titles: ['Механическая клавиатура *', 'Клавиатура * с подсветкой', 'Клавиатура *'],
    models: ['Keychron K8', 'Logitech MX Keys', 'Varmilo VA87', 'Dark Project KD87', 'Redragon Kumara'],
    price: [2_000, 12_000],
    about: ['Переключатели мягкие, нажатия приятные.', 'Почищена, все клавиши на месте.', 'Подсветка настраивается.'],
  },
  mouse: {
    titles: ['Мышь *', 'Игровая мышь *', 'Мышка *, почти новая'],
    models: ['Logitech G102', 'Logitech MX Master 3', 'Razer DeathAdder', 'SteelSeries Rival', 'A4Tech Bloody'],
    price: [900, 7_000],
    about: ['Кнопки не залипают, колесо тихое.', 'Удобно лежит в руке.', 'Сенсор точный, ножки новые.'],
  },
  stack: {
    titles: ['Книги пачкой: *', 'Собрание: *', 'Подборка книг: *'],
    models: ['русская классика', 'детективы', 'фантастика', 'книги по истории', 'романы о любви'],
    price: [300, 4_000],
    about: ['Страницы чистые, без надписей.', 'Отдам только вместе.', 'Есть издания советских лет.'],
    attributes: (chance) => ({ binding: 'hard', year: chance.whole(1968, 2021) }),
  },
  shelf: {
    titles: ['Домашняя библиотека: *', 'Собрание сочинений: *', 'Полка книг: *'],
    models: ['Чехов, 12 томов', 'Толстой, 22 тома', 'Жюль Верн', 'Булгаков', 'Стругацкие'],
    price: [1_500, 14_000],
    about: ['Тома целые, корешки ровные.', 'Стояли за стеклом.', 'Можно выбрать отдельные тома.'],
    attributes: (chance) => ({ binding: 'hard', year: chance.whole(1955, 2012) }),
  },
  'open-book': {
    titles: ['Книга «*»', '«*», подарочное издание', '«*», с иллюстрациями'],
    models: ['Мастер и Маргарита', 'Маленький принц', 'Пикник на обочине', 'Алиса в Стране чудес', 'Евгений Онегин'],
    price: [250, 2_500],
    about: ['Прочитана один раз.', 'Плотная бумага, крупный шрифт.', 'Хороший подарок.'],
    attributes: (chance) => ({ binding: 'hard', year: chance.whole(1990, 2024) }),
  },
  comics: {
    titles: ['Комиксы *', 'Коллекция комиксов *', 'Комикс *, первый выпуск'],
    models: ['Bubble', 'Человек-паук', 'Бэтмен', 'Майор Гром', 'Манга «Наруто»'],
    price: [200, 3_000],
    about: ['Хранились в плёнке.', 'Без заломов.', 'Есть редкие обложки.'],
    attributes: (chance) => ({ binding: 'soft', year: chance.whole(2012, 2025) }),
  },
} satisfies Partial<Record<DemoKind, KindWords>>;
