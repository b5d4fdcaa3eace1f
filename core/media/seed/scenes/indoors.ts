// Furniture, appliances, things for children, clothes, tools and music.
import type { DemoKind } from '../../../platform/demo/pictures.ts';
import { box, type Colours, disc, group, oval, ring, type Scene, shape, stroke, times } from '../canvas.ts';

const legs = (positions: readonly number[], y: number, colour: string): string =>
  positions.map((x) => shape(`M${x - 14} ${y} h28 l-6 ${740 - y} h-16z`, colour)).join('');

function shirt(main: string, dark: string, print: string): string {
  return (
    shape(
      'M430 250 L300 330 L230 500 L330 550 L380 470 L380 740 H820 L820 470 L870 550 L970 500 L900 330 L770 250 Q600 340 430 250z',
      main,
    ) +
    stroke('M380 470 V736 M820 470 V736', dark, 6, 'opacity=".5"') +
    shape('M452 250 q148 110 296 0 l-30 -10 q-118 70 -236 0z', dark) +
    print
  );
}

function guitar({ main, dark, light, accent }: Colours, scale: number, strings: number): Scene {
  const body =
    shape(
      'M0 0 c-120 -10 -130 120 -80 160 c-90 50 -110 250 80 260 c190 -10 170 -210 80 -260 c50 -40 40 -170 -80 -160z',
      main,
    ) +
    shape(
      'M-10 20 c-90 0 -104 100 -52 134 c-30 20 -60 50 -66 100 c10 -40 60 -80 84 -96 c-40 -40 -30 -120 34 -138z',
      light,
      'opacity=".55"',
    ) +
    disc(0, 150, 46, '#2c211a') +
    ring(0, 150, 50, accent, 7) +
    box(-56, 296, 112, 22, dark, 6) +
    box(-20, -330, 40, 400, '#5b4030', 4) +
    times(9, (index) => box(-20, -310 + index * 38, 40, 4, '#d8cdbd')) +
    shape('M-30 -430 h60 l-8 106 h-44z', dark) +
    times(6, (index) => disc(index < 3 ? -36 : 36, -410 + (index % 3) * 32, 9, '#d8dde2')) +
    times(strings, (index) => stroke(`M${-14 + (index * 28) / (strings - 1)} -400 V306`, '#f3ead8', 1.6));
  return { shadow: 280, shapes: group(`translate(600 ${740 - 420 * scale}) rotate(9) scale(${scale})`, body) };
}

export const indoors = {
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

  shirt: ({ main, dark, accent }) => ({
    shadow: 300,
    shapes: shirt(
      main,
      dark,
      disc(600, 500, 78, accent) +
        shape('M600 450 l16 34 l38 5 l-28 26 l7 38 l-33 -18 l-33 18 l7 -38 l-28 -26 l38 -5z', '#fff'),
    ),
  }),
  jacket: ({ main, dark, light, accent }) => ({
    shadow: 300,
    shapes:
      shirt(
        main,
        dark,
        box(592, 320, 16, 416, '#f0eee8') +
          times(8, (index) => box(586, 340 + index * 48, 28, 8, '#9aa3ab')) +
          box(420, 560, 130, 16, dark, 8) +
          box(650, 560, 130, 16, dark, 8) +
          box(382, 704, 436, 36, dark, 8),
      ) +
      shape('M450 260 q150 -90 300 0 l-20 60 q-130 -60 -260 0z', light) +
      box(450, 410, 90, 60, accent, 10),
  }),
  dress: ({ main, dark, light, accent }) => ({
    shadow: 330,
    shapes:
      stroke('M520 170 v90 M680 170 v90', dark, 16) +
      shape('M500 240 q100 60 200 0 q10 120 -20 200 l170 300 H350 l170 -300 q-30 -80 -20 -200z', main) +
      shape('M520 440 h160 l8 30 h-176z', accent) +
      times(5, (index) => stroke(`M${548 + index * 26} 476 L${430 + index * 84} 736`, light, 5, 'opacity=".7"')) +
      shape('M350 740 h500 l-10 -20 q-240 26 -480 0z', dark),
  }),
  sneakers: ({ main, dark, light, accent }) => {
    const shoe =
      shape('M0 0 q10 -120 90 -130 q40 40 110 20 q80 90 230 110 q60 20 60 70 h-490z', main) +
      shape('M0 0 q4 -60 30 -96 q50 60 60 166 h-90z', dark) +
      box(-10, 60, 510, 44, '#f6f3ec', 20) +
      times(4, (index) => stroke(`M${190 + index * 38} ${-84 + index * 22} l44 -34`, '#fff', 10)) +
      stroke('M120 30 q90 -10 160 -70', accent, 16) +
      oval(430, 34, 52, 24, light);
    return { shadow: 520, shapes: group('translate(330 500) rotate(-6)', shoe) + group('translate(440 636)', shoe) };
  },

  drill: ({ main, dark, accent }) => ({
    shadow: 380,
    shapes:
      box(170, 366, 220, 20, '#9aa3ab', 4) +
      box(370, 336, 90, 80, '#4a5258', 12) +
      shape('M450 290 h330 q70 10 70 90 q0 80 -70 86 h-330z', main) +
      shape('M620 450 h150 l40 200 h-160z', dark) +
      box(600, 630, 260, 100, '#33393f', 18) +
      box(630, 654, 200, 50, accent, 10) +
      shape('M606 466 q-30 40 0 70 h30 v-70z', accent) +
      times(4, (index) => box(690 + index * 30, 316, 14, 70, dark, 6)) +
      box(470, 330, 120, 34, '#fff', 8, 'opacity=".7"'),
  }),
  hammer: ({ main, dark, accent }) => ({
    shadow: 420,
    shapes:
      group(
        'rotate(-28 600 520)',
        box(574, 300, 52, 430, '#b98552', 20) +
          box(566, 560, 68, 180, main, 24) +
          shape('M430 230 h260 q70 0 110 70 q-70 -20 -110 20 h-260z', '#7d868d') +
          box(400, 216, 60, 118, '#5f686f', 10),
      ) +
      group('rotate(30 700 560)', box(680, 360, 40, 360, accent, 16) + stroke('M660 330 a46 46 0 1 1 80 0', dark, 34)),
  }),
  toolbox: ({ main, dark, light, accent }) => ({
    shadow: 500,
    shapes:
      stroke('M470 390 v-90 h260 v90', '#33393f', 30) +
      box(230, 380, 740, 130, main, 24) +
      box(210, 500, 780, 240, dark, 24) +
      box(210, 500, 780, 40, main) +
      box(320, 474, 70, 90, accent, 12) +
      box(810, 474, 70, 90, accent, 12) +
      box(450, 590, 300, 90, light, 14) +
      stroke('M510 636 h180', dark, 10),
  }),
  ladder: ({ main, dark, accent }) => ({
    shadow: 330,
    shapes:
      stroke('M640 150 L830 736', '#8b949b', 24) +
      stroke('M720 420 L520 470', accent, 8) +
      stroke('M560 150 L370 736 M650 150 L540 736', main, 28) +
      times(6, (index) => box(530 - index * 32, 226 + index * 84, 104 + index * 9, 26, dark, 8)) +
      box(520, 130, 190, 36, accent, 12),
  }),

  guitar: (c) => guitar(c, 1.08, 6),
  ukulele: (c) => guitar(c, 0.82, 4),
  piano: ({ main, dark, accent }) => ({
    shadow: 560,
    shapes:
      legs([260, 940], 600, '#2b2f33') +
      box(150, 400, 900, 210, main, 18) +
      box(150, 400, 900, 60, dark, 18) +
      times(18, (index) => box(176 + index * 47.2, 470, 44, 124, '#fbfaf6', 5)) +
      times(17, (index) =>
        index % 7 === 2 || index % 7 === 6 ? '' : box(208 + index * 47.2, 470, 28, 76, '#23272b', 4),
      ) +
      box(420, 250, 360, 150, '#f4efe4', 8) +
      times(4, (row) => stroke(`M450 ${290 + row * 26} h300`, '#8f8a80', 3)) +
      disc(540, 316, 10, dark) +
      disc(640, 342, 10, dark) +
      box(920, 416, 90, 26, accent, 8),
  }),
  drum: ({ main, dark, light, accent }) => ({
    shadow: 400,
    shapes:
      shape('M330 400 v250 a270 90 0 0 0 540 0 v-250z', main) +
      stroke('M330 440 a270 90 0 0 0 540 0 M330 640 a270 90 0 0 0 540 0', accent, 22) +
      times(6, (index) =>
        stroke(`M${370 + index * 92} ${486 + (index === 0 || index === 5 ? -20 : 24)} v170`, '#e6eaed', 8),
      ) +
      oval(600, 400, 270, 90, dark) +
      oval(600, 394, 250, 78, '#f7f2e6') +
      oval(560, 380, 120, 30, light, 'opacity=".4"') +
      stroke('M420 250 L640 400', '#c99a62', 16) +
      disc(640, 400, 16, '#c99a62') +
      stroke('M830 230 L600 384', '#b98552', 16) +
      disc(600, 384, 16, '#b98552'),
  }),
} satisfies Partial<Record<DemoKind, (colours: Colours) => Scene>>;
