// Clothes, tools and music.
import type { DemoKind } from '../../../platform/demo/pictures.ts';
import type { KindWords } from './kind.ts';

export const hobbiesWords = {
  shirt: {
    titles: ['Футболка *', 'Футболка * с принтом', 'Хлопковая футболка *'],
    models: ['Uniqlo', 'Levi’s', 'Nike', 'Befree', 'Reserved'],
    price: [300, 3_000],
    about: ['Не села после стирки.', 'Плотный хлопок.', 'Надевали пару раз.'],
    attributes: (chance) => ({ size: chance.pick(['S', 'M', 'L', 'XL']) }),
  },
  dress: {
    titles: ['Платье *', 'Летнее платье *', 'Платье * на выпускной'],
    models: ['Zarina', 'Mango', 'Love Republic', '12Storeez', 'Lime'],
    price: [900, 9_000],
    about: ['Надето один раз.', 'Лёгкая ткань, подкладка.', 'Село по фигуре идеально.'],
    attributes: (chance) => ({ size: chance.pick(['42', '44', '46', '48']) }),
  },
  sneakers: {
    titles: ['Кроссовки *', 'Беговые кроссовки *', 'Кеды *'],
    models: ['Nike Pegasus', 'adidas Ultraboost', 'New Balance 574', 'Asics Gel', 'Puma RS'],
    price: [1_500, 12_000],
    about: ['Подошва почти не стёрта.', 'Не подошёл размер.', 'Почищены, шнурки новые.'],
    attributes: (chance) => ({ size: String(chance.whole(36, 46)) }),
  },
  jacket: {
    titles: ['Куртка *', 'Демисезонная куртка *', 'Ветровка *'],
    models: ['Columbia', 'The North Face', 'Baon', 'Finn Flare', 'Red Fox'],
    price: [1_800, 14_000],
    about: ['Молния работает, карманы целые.', 'Не продувается.', 'Носили одну осень.'],
    attributes: (chance) => ({ size: chance.pick(['S', 'M', 'L', 'XL']) }),
  },
  drill: {
    titles: ['Дрель-шуруповёрт *', 'Шуруповёрт *', 'Аккумуляторная дрель *'],
    models: ['Makita DF333', 'Bosch GSR 120', 'Зубр ДША-12', 'Metabo PowerMaxx', 'DeWalt DCD710'],
    price: [2_500, 16_000],
    about: ['Два аккумулятора и зарядное устройство.', 'Собрал кухню, больше не нужен.', 'Патрон без люфта.'],
    attributes: () => ({ power: 'battery' }),
  },
  hammer: {
    titles: ['Набор: молоток и ключ *', 'Молоток и гаечный ключ *', 'Ручной инструмент *'],
    models: ['Stanley', 'Gross', 'Matrix', 'Зубр', 'Kraftool'],
    price: [400, 3_000],
    about: ['Рукоятки целые.', 'Пригодится в каждом доме.', 'Сталь закалённая.'],
    attributes: () => ({ power: 'manual' }),
  },
  toolbox: {
    titles: ['Ящик для инструментов *', 'Ящик * с инструментом', 'Чемодан инструментов *'],
    models: ['Stanley', 'Keter', 'Toptul', 'Jonnesway', 'Berger'],
    price: [900, 14_000],
    about: ['Замки закрываются плотно.', 'Внутри порядок, ничего не потеряно.', 'Удобно возить в багажнике.'],
    attributes: () => ({ power: 'manual' }),
  },
  ladder: {
    titles: ['Стремянка *', 'Лестница-стремянка *', 'Стремянка *, 6 ступеней'],
    models: ['Krause', 'Новая Высота', 'Alumet', 'Nika', 'Зубр'],
    price: [1_500, 8_000],
    about: ['Стоит ровно, не шатается.', 'Алюминий, лёгкая.', 'Использовали один ремонт.'],
    attributes: () => ({ power: 'manual' }),
  },
  guitar: {
    titles: ['Акустическая гитара *', 'Гитара *', 'Гитара * с чехлом'],
    models: ['Yamaha F310', 'Fender CD-60', 'Ibanez V50', 'Cort AD810', 'Martinez FAW-702'],
    price: [5_000, 38_000],
    about: ['Новые струны, строит идеально.', 'Гриф ровный, играть удобно.', 'Звук тёплый и громкий.'],
    attributes: (chance) => ({ case: chance.next() > 0.4 }),
  },
  piano: {
    titles: ['Цифровое пианино *', 'Синтезатор *', 'Пианино * со стойкой'],
    models: ['Yamaha P-45', 'Casio CDP-S110', 'Roland FP-10', 'Casio CT-S300', 'Korg B2'],
    price: [12_000, 68_000],
    about: ['Клавиши взвешенные, все работают.', 'Купили для музыкальной школы.', 'Педаль и блок питания в комплекте.'],
    attributes: (chance) => ({ case: chance.next() > 0.6 }),
  },
  drum: {
    titles: ['Малый барабан *', 'Барабан * с палочками', 'Барабан *'],
    models: ['Tama Imperialstar', 'Pearl Export', 'Mapex', 'Sonor', 'Ludwig'],
    price: [4_000, 26_000],
    about: ['Пластик новый, звук плотный.', 'Палочки в подарок.', 'Стоял в студии.'],
    attributes: (chance) => ({ case: chance.next() > 0.7 }),
  },
  ukulele: {
    titles: ['Укулеле *', 'Укулеле * сопрано', 'Гавайская гитара *'],
    models: ['Mahalo', 'Flight TUS-35', 'Kala', 'Enya Nova', 'Parksons'],
    price: [1_500, 9_000],
    about: ['Весёлый звук, лёгкая.', 'Нейлоновые струны, пальцы не болят.', 'Тюнер отдам.'],
    attributes: (chance) => ({ case: chance.next() > 0.3 }),
  },
} satisfies Partial<Record<DemoKind, KindWords>>;
