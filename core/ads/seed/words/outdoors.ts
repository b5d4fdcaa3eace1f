// Bicycles, sports, garden and car parts.
import type { DemoKind } from '../../../platform/demo/pictures.ts';
import type { KindWords } from './kind.ts';

export const outdoorsWords = {
  mountain: {
    titles: ['Горный велосипед *', 'Велосипед *, горный', 'Горный велосипед *, 27,5″'],
    models: [
      'Stels Navigator 700',
      'Forward Apache',
      'Merida Big.Nine',
      'Trek Marlin 5',
      'Stern Force',
      'Author Solution',
    ],
    price: [9_000, 48_000],
    about: [
      'Вилка и тормоза обслужены этой весной.',
      'Катались по парку и лесным дорожкам.',
      'Дисковые тормоза, все передачи переключаются чётко.',
    ],
    attributes: (chance) => ({
      kind: 'mountain',
      speeds: chance.pick([18, 21, 24, 27]),
      'wheel-size': chance.pick([26, 27.5, 29]),
    }),
  },
  city: {
    titles: ['Городской велосипед *', 'Велосипед * с корзиной', 'Дорожный велосипед *'],
    models: ['Schwinn Sierra', 'Electra Cruiser', 'Stels Pilot', 'Shulz Roadkiller', 'Dewolf Asphalt'],
    price: [8_000, 32_000],
    about: [
      'Удобная посадка, корзина в подарок.',
      'Ездил на нём до работы, всегда хранился дома.',
      'Есть крылья, багажник и подножка.',
    ],
    attributes: (chance) => ({ kind: 'city', speeds: chance.pick([1, 3, 7]), 'wheel-size': 28 }),
  },
  road: {
    titles: ['Шоссейный велосипед *', 'Велосипед шоссейный *', 'Шоссер *, почти новый'],
    models: ['Giant Contend', 'Specialized Allez', 'Merida Scultura', 'Format 2222', 'Bianchi Via Nirone'],
    price: [28_000, 95_000],
    about: ['Лёгкая рама, карбоновая вилка.', 'Пробег около 1500 км, цепь новая.', 'Подойдёт на рост 172–182 см.'],
    attributes: (chance) => ({ kind: 'road', speeds: chance.pick([16, 18, 22]), 'wheel-size': 28 }),
  },
  kids: {
    titles: ['Детский велосипед *', 'Велосипед * для ребёнка', 'Первый велосипед *'],
    models: ['Novatrack Vector', 'Stels Jet', 'Forward Funky', 'Puky ZL', 'Royal Baby'],
    price: [3_000, 12_000],
    about: [
      'Боковые колёсики в комплекте.',
      'Ребёнок вырос, велосипед ищет нового хозяина.',
      'Ручной тормоз и звонок работают.',
    ],
    attributes: (chance) => ({ kind: 'kids', speeds: 1, 'wheel-size': chance.pick([12, 14, 16, 20]) }),
  },
  dumbbells: {
    titles: ['Гантели *', 'Пара гантелей *', 'Разборные гантели *'],
    models: ['Torneo', 'Starfit', 'MB Barbell', 'Demix', 'Reebok'],
    price: [1_200, 12_000],
    about: ['Покрытие целое, пол не царапают.', 'Отличный старт для дома.', 'Замки держат крепко.'],
    attributes: (chance) => ({ weight: chance.pick([4, 6, 10, 16, 20]) }),
  },
  ball: {
    titles: ['Баскетбольный мяч *', 'Мяч *', 'Мяч * для улицы'],
    models: ['Spalding TF-150', 'Molten GG7X', 'Wilson NBA', 'Demix', 'Torres'],
    price: [600, 4_500],
    about: ['Держит давление.', 'Играли в зале.', 'Насос отдам вместе с мячом.'],
    attributes: () => ({ weight: 0.6 }),
  },
  tent: {
    titles: ['Палатка *', 'Туристическая палатка *', 'Палатка *, 3 места'],
    models: ['Nova Tour', 'Alexika', 'Outventure', 'RedFox', 'Tramp'],
    price: [3_000, 24_000],
    about: ['Не протекает, швы проклеены.', 'Ставится за пять минут.', 'Была в двух походах.'],
    attributes: (chance) => ({ weight: chance.pick([2.4, 3.1, 4.2]) }),
  },
  skateboard: {
    titles: ['Скейтборд *', 'Скейт *, новые колёса', 'Круизер *'],
    models: ['Santa Cruz', 'Element', 'Footwork', 'Penny', 'Termit'],
    price: [1_800, 11_000],
    about: ['Подшипники свежие, едет далеко.', 'Дека без трещин.', 'Для начинающих и не только.'],
    attributes: () => ({ weight: 2.5 }),
  },
  plant: {
    titles: ['Комнатное растение: *', '* в горшке', 'Взрослое растение: *'],
    models: ['сансевиерия', 'драцена', 'алоэ', 'спатифиллум', 'замиокулькас'],
    price: [300, 4_500],
    about: ['Здоровое, недавно пересажено.', 'Неприхотливое, поливать раз в неделю.', 'Горшок входит в цену.'],
    attributes: (chance) => ({ height: chance.whole(30, 120) }),
  },
  'watering-can': {
    titles: ['Лейка садовая *', 'Лейка *, 9 литров', 'Металлическая лейка *'],
    models: ['Palisad', 'Gardena', 'Fiskars', 'Hozelock'],
    price: [300, 2_500],
    about: ['Не течёт, рассеиватель на месте.', 'Красиво смотрится и на балконе.', 'Ручка удобная.'],
    attributes: (chance) => ({ material: chance.pick(['metal', 'plastic']) }),
  },
  shovel: {
    titles: ['Лопата и грабли *', 'Садовый набор *', 'Инвентарь для дачи *'],
    models: ['Fiskars', 'Gardena', 'Palisad', 'Зубр', 'Цикл'],
    price: [500, 4_000],
    about: ['Черенки крепкие, без заноз.', 'Дачу продали, инвентарь остался.', 'Заточена, копает легко.'],
    attributes: () => ({ material: 'metal' }),
  },
  barbecue: {
    titles: ['Гриль *', 'Угольный гриль *', 'Барбекю * с крышкой'],
    models: ['Weber Compact', 'Go Garden', 'Char-Broil', 'Boyscout', 'BergHOFF'],
    price: [3_000, 26_000],
    about: [
      'Решётка отмыта, эмаль целая.',
      'Хватает на компанию из восьми человек.',
      'Колёса на месте, легко перекатывать.',
    ],
    attributes: () => ({ material: 'metal', height: 96 }),
  },
  wheel: {
    titles: ['Колесо на диске *', 'Комплект колёс *', 'Зимние колёса *'],
    models: ['R15 Nokian', 'R16 Michelin', 'R17 Pirelli', 'R14 Cordiant', 'R16 Yokohama'],
    price: [3_000, 42_000],
    about: ['Без грыж и порезов.', 'Остаток протектора 6 мм.', 'Диски ровные, не варены.'],
    attributes: (chance) => ({ make: chance.pick(['Kia', 'Hyundai', 'Volkswagen', 'Toyota', 'Lada']) }),
  },
  battery: {
    titles: ['Аккумулятор *', 'Автомобильный аккумулятор *', 'АКБ *'],
    models: ['Varta 60 Ah', 'Mutlu 63 Ah', 'Тюмень 55 Ah', 'Bosch 70 Ah', 'Titan 62 Ah'],
    price: [2_000, 9_500],
    about: ['Заводит в минус двадцать.', 'Куплен прошлой осенью.', 'Клеммы чистые.'],
    attributes: (chance) => ({ make: chance.pick(['Lada', 'Renault', 'Skoda', 'Ford']) }),
  },
  headlight: {
    titles: ['Фара *', 'Передняя фара *', 'Фара левая *'],
    models: ['Hyundai Solaris', 'Kia Rio', 'Renault Logan', 'Volkswagen Polo', 'Toyota Camry', 'Lada Granta'],
    price: [2_500, 19_000],
    about: ['Оригинал, крепления целы.', 'Стекло без трещин и мутности.', 'Снята с машины, проверена.'],
    attributes: (chance) => ({
      make: chance.pick(['Hyundai', 'Kia', 'Renault', 'Toyota']),
      'part-number': `FL-${chance.whole(10_000, 99_999)}`,
    }),
  },
  'steering-wheel': {
    titles: ['Руль *', 'Рулевое колесо *', 'Спортивный руль *'],
    models: ['Momo', 'Sparco', 'от Octavia', 'от Golf', 'OMP'],
    price: [2_000, 17_000],
    about: ['Кожа без потёртостей.', 'Кнопки работают.', 'Подушка не стреляла.'],
    attributes: (chance) => ({ make: chance.pick(['Skoda', 'Volkswagen', 'Lada', 'BMW']) }),
  },
} satisfies Partial<Record<DemoKind, KindWords>>;
