// Furniture, appliances and things for children.
import type { DemoKind } from '../../../platform/demo/pictures.ts';
import { box, type Colours, disc, group, oval, type Scene, shape, stroke, times } from '../canvas.ts';

export const legs = (positions: readonly number[], y: number, colour: string): string =>
  positions.map((x) => shape(`M${x - 14} ${y} h28 l-6 ${740 - y} h-16z`, colour)).join('');

export const home = {
  sofa: ({ main, dark, light, accent }) => ({
    shadow: 560,
    shapes:
      legs([260, 940], 680, '#5f4632') +
      box(230, 360, 740, 260, main, 50) +
      box(150, 440, 150, 260, dark, 48) +
      box(900, 440, 150, 260, dark, 48) +
      box(280, 530, 320, 130, light, 28) +
      box(600, 530, 320, 130, light, 28) +
      box(240, 640, 720, 62, main, 18) +
      group('rotate(-12 380 470)', box(320, 410, 130, 130, accent, 22)) +
      group('rotate(10 820 470)', box(750, 410, 130, 130, '#f7f2e8', 22)),
  }),
  armchair: ({ main, dark, light, accent }) => ({
    shadow: 370,
    shapes:
      legs([430, 770], 670, '#5f4632') +
      box(410, 230, 380, 420, main, 90) +
      box(330, 430, 130, 260, dark, 52) +
      box(740, 430, 130, 260, dark, 52) +
      box(440, 520, 320, 130, light, 34) +
      box(420, 630, 360, 60, main, 18) +
      group('rotate(8 600 420)', box(530, 350, 140, 140, accent, 26)),
  }),
  table: ({ main, dark, accent }) => ({
    shadow: 560,
    shapes:
      legs([240, 960], 480, '#8a5f3a') +
      box(170, 440, 860, 52, '#b98552', 14) +
      box(170, 478, 860, 16, '#8a5f3a', 8) +
      box(400, 492, 400, 90, '#a3713f', 8) +
      disc(600, 538, 13, '#ecdcc4') +
      shape('M700 440 l-16 -120 h120 l-16 120z', main) +
      times(4, (index) =>
        stroke(`M${744 + index * 2} 320 q${-60 + index * 40} -70 ${-80 + index * 54} -130`, '#4f8f5b', 10),
      ) +
      times(4, (index) => oval(664 + index * 54, 186, 24, 38, '#5fa56d')) +
      box(300, 400, 150, 40, dark, 6) +
      box(312, 366, 126, 34, accent, 6),
  }),
  bookcase: ({ main, dark, light, accent }) => ({
    shadow: 360,
    shapes:
      box(330, 110, 540, 630, '#a3713f', 12) +
      box(354, 134, 492, 582, '#6f4a27', 6) +
      times(
        3,
        (row) =>
          box(354, 310 + row * 190, 492, 20, '#a3713f') +
          times(9, (index) => {
            const tall = 96 + ((index * 37 + row * 53) % 60);
            const colour = [main, dark, light, accent, '#e8dfd0'][(index * 2 + row) % 5] ?? main;
            return box(372 + index * 50 + (row % 2) * 6, 310 + row * 190 - tall, 38, tall, colour, 4);
          }),
      ),
  }),
  fridge: ({ main, light, dark }) => ({
    shadow: 330,
    shapes:
      box(400, 90, 400, 640, main, 30) +
      box(400, 90, 120, 640, light, 30, 'opacity=".35"') +
      box(400, 318, 400, 10, dark) +
      box(440, 180, 20, 110, '#eef1f3', 10) +
      box(440, 360, 20, 190, '#eef1f3', 10) +
      box(640, 150, 110, 60, dark, 8) +
      box(430, 726, 60, 16, '#33393f') +
      box(710, 726, 60, 16, '#33393f'),
  }),
  washer: ({ main, dark, light, accent }) => ({
    shadow: 380,
    shapes:
      box(340, 180, 520, 560, '#f4f5f6', 28) +
      box(340, 180, 520, 110, '#e3e7ea', 28) +
      disc(780, 236, 32, main) +
      box(776, 206, 8, 30, '#fff') +
      box(390, 214, 160, 44, dark, 8) +
      box(590, 222, 100, 28, accent, 14) +
      disc(600, 510, 180, '#cdd4da') +
      disc(600, 510, 150, dark) +
      disc(600, 510, 136, main) +
      shape('M470 540 q70 -50 130 0 t136 -6 a136 136 0 0 1 -266 6z', light) +
      oval(548, 440, 54, 30, '#fff', 'opacity=".45" transform="rotate(-30 548 440)"'),
  }),
  kettle: ({ main, dark, light, accent }) => ({
    shadow: 310,
    shapes:
      stroke('M790 380 q150 60 40 240', dark, 36) +
      shape('M420 330 l-130 -40 l60 110 l60 60z', dark) +
      shape('M420 300 h360 l50 400 q0 30 -40 30 h-380 q-40 0 -40 -30z', main) +
      shape('M462 330 l-36 360 h60 l20 -360z', light, 'opacity=".6"') +
      oval(600, 300, 180, 36, dark) +
      disc(600, 256, 28, accent) +
      box(360, 716, 480, 26, '#33393f', 12) +
      box(730, 420, 26, 200, '#dfe7ec', 12),
  }),
  microwave: ({ main, dark, accent }) => ({
    shadow: 520,
    shapes:
      box(210, 350, 780, 380, main, 26) +
      box(244, 386, 520, 308, '#23282d', 20) +
      box(276, 418, 456, 244, '#3d474f', 16) +
      oval(504, 630, 170, 22, '#7c8890') +
      disc(504, 568, 56, accent) +
      box(738, 400, 20, 280, '#e9edf0', 10) +
      box(800, 392, 156, 60, dark, 8) +
      times(9, (index) => disc(828 + (index % 3) * 50, 506 + Math.floor(index / 3) * 48, 15, '#f0f2f4')) +
      box(800, 650, 156, 34, accent, 10),
  }),
  bear: ({ main, dark, light, accent }) => ({
    shadow: 330,
    shapes:
      oval(600, 590, 170, 160, main) +
      oval(600, 610, 100, 106, light) +
      oval(450, 690, 76, 52, dark) +
      oval(750, 690, 76, 52, dark) +
      oval(430, 540, 50, 96, main, 'transform="rotate(28 430 540)"') +
      oval(770, 540, 50, 96, main, 'transform="rotate(-28 770 540)"') +
      disc(470, 210, 66, dark) +
      disc(730, 210, 66, dark) +
      disc(470, 210, 36, light) +
      disc(730, 210, 36, light) +
      disc(600, 310, 172, main) +
      oval(600, 366, 82, 64, light) +
      oval(600, 338, 30, 22, '#2d2420') +
      disc(532, 282, 17, '#2d2420') +
      disc(668, 282, 17, '#2d2420') +
      disc(538, 276, 6, '#fff') +
      disc(674, 276, 6, '#fff') +
      stroke('M600 360 v24 m-34 6 q34 30 68 0', '#2d2420', 7) +
      shape('M600 480 l-96 -40 v84z M600 480 l96 -40 v84z', accent) +
      disc(600, 480, 24, accent),
  }),
  blocks: ({ main, dark, light, accent }) => ({
    shadow: 470,
    shapes: (
      [
        [290, 560, main, 'А'],
        [490, 560, accent, 'Б'],
        [690, 560, dark, 'В'],
        [390, 380, light, '1'],
        [590, 380, main, '2'],
        [490, 200, accent, '★'],
      ] as const
    )
      .map(
        ([x, y, colour, sign]) =>
          box(x, y, 178, 178, colour, 18) +
          box(x + 22, y + 22, 134, 134, '#fff', 14, 'opacity=".85"') +
          `<text x="${x + 89}" y="${y + 122}" font-family="sans-serif" font-weight="bold" font-size="96" text-anchor="middle" fill="${colour}">${sign}</text>`,
      )
      .join(''),
  }),
  stroller: ({ main, dark, light, accent }) => ({
    shadow: 420,
    shapes:
      stroke('M820 420 L960 260 h60', '#454c53', 20) +
      stroke('M420 600 L760 690 M780 590 L440 690', '#6c757d', 16) +
      shape('M290 430 h540 q-10 170 -180 180 h-190 q-160 -10 -170 -180z', main) +
      shape('M290 430 a270 250 0 0 1 270 -250 v250z', dark) +
      times(3, (index) => stroke(`M560 430 L${330 + index * 76} ${330 - index * 50}`, light, 7)) +
      box(290, 416, 560, 30, accent, 15) +
      [420, 780]
        .map((x) => disc(x, 670, 70, '#2b2f33') + disc(x, 670, 46, '#d5dade') + disc(x, 670, 12, '#2b2f33'))
        .join(''),
  }),
  train: ({ main, dark, light, accent }) => ({
    shadow: 540,
    shapes:
      box(150, 716, 900, 22, '#8a6a48', 8) +
      box(250, 440, 360, 190, main, 30) +
      box(560, 330, 220, 300, dark, 20) +
      box(600, 370, 140, 110, '#dff1f7', 12) +
      box(540, 304, 260, 40, accent, 16) +
      shape('M300 440 v-110 h-24 l-16 -50 h144 l-16 50 h-24 v110z', dark) +
      disc(250, 540, 40, light) +
      box(230, 620, 560, 40, accent, 14) +
      box(820, 500, 200, 130, light, 16) +
      box(800, 630, 230, 30, dark, 12) +
      [320, 470, 680, 870, 970].map((x) => disc(x, 676, 42, '#2b2f33') + disc(x, 676, 20, accent)).join('') +
      times(3, (index) => disc(332 - index * 36, 220 - index * 54, 34 - index * 5, '#fff', 'opacity=".8"')),
  }),
} satisfies Partial<Record<DemoKind, (colours: Colours) => Scene>>;
