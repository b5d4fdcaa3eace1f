// The demo pictures: which there are and what their ids are, known to media (which draws them) and ads (which show them).
import type { MediaId, UserId } from '../../../contracts/common.ts';
import { demoSellers } from '../../../contracts/demo.ts';

/** What is drawn for each category. */
export const demoKinds = {
  bicycles: ['mountain', 'city', 'road', 'kids'],
  phones: ['phone', 'phone-back', 'button-phone', 'tablet'],
  laptops: ['laptop', 'monitor', 'keyboard', 'mouse'],
  furniture: ['sofa', 'armchair', 'table', 'bookcase'],
  kids: ['bear', 'blocks', 'stroller', 'train'],
  books: ['stack', 'shelf', 'open-book', 'comics'],
  tools: ['drill', 'hammer', 'toolbox', 'ladder'],
  sports: ['dumbbells', 'ball', 'tent', 'skateboard'],
  music: ['guitar', 'piano', 'drum', 'ukulele'],
  garden: ['plant', 'watering-can', 'shovel', 'barbecue'],
  appliances: ['fridge', 'washer', 'kettle', 'microwave'],
  clothes: ['shirt', 'dress', 'sneakers', 'jacket'],
  'car-parts': ['wheel', 'battery', 'headlight', 'steering-wheel'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type DemoCategory = keyof typeof demoKinds;
export type DemoKind = (typeof demoKinds)[DemoCategory][number];
export const demoCategories = Object.keys(demoKinds) as DemoCategory[];

export interface DemoPicture {
  readonly id: MediaId;
  readonly ownerId: UserId;
  readonly category: DemoCategory;
  readonly kind: DemoKind;
  /** Which of the palettes it is drawn in. */
  readonly palette: number;
}

export const demoPictureSize = { width: 1000, height: 750 } as const;
export const palettesPerKind = 2;

export const demoPictures: readonly DemoPicture[] = demoCategories.flatMap((category, place) =>
  demoKinds[category].flatMap((kind, index) =>
    Array.from({ length: palettesPerKind }, (_, palette): DemoPicture => {
      const number = place * 100 + index * 10 + palette;
      return {
        id: `01935b5e-7d01-7000-8000-${String(number).padStart(12, '0')}` as MediaId,
        ownerId: (demoSellers[number % demoSellers.length] ?? demoSellers[0]).id,
        category,
        kind,
        palette: number % 12,
      };
    }),
  ),
);
