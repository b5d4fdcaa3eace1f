// Bicycles, sports, garden and car parts.
import type { DemoKind } from '../../../platform/demo/pictures.ts';
import { box, type Colours, disc, group, oval, ring, type Scene, shape, stroke, times } from '../canvas.ts';

interface Bicycle {
  readonly radius: number;
  readonly tyre: number;
  readonly handlebar: string;
  readonly extras?: string;
}

function bicycle({ main, dark, accent }: Colours, { radius, tyre, handlebar, extras = '' }: Bicycle): Scene {
  const y = 740 - radius - tyre / 2;
  const [back, front] = [600 - 215, 600 + 235];
  const spokes = (x: number): string =>
    times(14, (index) => {
      const angle = (index * Math.PI) / 7;
      return stroke(
        `M${x} ${y} l${(Math.cos(angle) * radius).toFixed(1)} ${(Math.sin(angle) * radius).toFixed(1)}`,
        '#8d959c',
        2,
      );
    });
  const wheel = (x: number): string =>
    spokes(x) +
    ring(x, y, radius, '#23272b', tyre) +
    ring(x, y, radius - tyre / 2 - 3, '#c9ced3', 6) +
    disc(x, y, 16, '#4b5258');
  const [seatX, seatY] = [back + 120, y - 265];
  const [headX, headY] = [front - 75, y - 270];
  const crank = [600 - 20, y + 4] as const;
  const frame = [
    `M${back} ${y} L${crank[0]} ${crank[1]} L${headX + 14} ${headY + 55} L${seatX + 22} ${seatY + 75} Z`,
    `M${crank[0]} ${crank[1]} L${seatX} ${seatY + 20}`,
    `M${back} ${y} L${seatX + 22} ${seatY + 75}`,
  ];
  return {
    shadow: 470,
    shapes:
      wheel(back) +
      wheel(front) +
      stroke(`M${headX} ${headY} L${front} ${y}`, dark, 18) +
      frame.map((line) => stroke(line, main, 20)).join('') +
      stroke(`M${headX - 2} ${headY + 4} L${headX + 14} ${headY + 55}`, '#fff', 5, 'opacity=".5"') +
      stroke(`M${seatX + 34} ${seatY + 88} L${headX - 16} ${headY + 68}`, '#fff', 5, 'opacity=".45"') +
      stroke(`M${seatX} ${seatY} L${seatX + 8} ${seatY + 40}`, '#55606a', 14) +
      shape(`M${seatX - 62} ${seatY - 14} q60 -26 128 4 q-10 26 -60 24 q-60 2 -68 -28z`, '#2b2f33') +
      stroke(handlebar.replaceAll('X', String(headX)).replaceAll('Y', String(headY)), '#2b2f33', 16) +
      ring(crank[0], crank[1], 46, '#3f464c', 10) +
      stroke(`M${crank[0]} ${crank[1]} l34 62 m-22 4 h52`, '#2b2f33', 12) +
      stroke(
        `M${crank[0]} ${crank[1] - 44} L${back} ${y - 18} M${crank[0]} ${crank[1] + 44} L${back} ${y + 18}`,
        '#5b636a',
        5,
      ) +
      disc(crank[0], crank[1], 14, accent) +
      extras,
  };
}

const basket = (accent: string): string =>
  group(
    'translate(842 330)',
    box(-46, 0, 126, 84, accent, 12) +
      times(5, (index) => stroke(`M${-28 + index * 23} 6 v72`, '#fff', 4, 'opacity=".55"')) +
      stroke('M-40 40 h114', '#fff', 4, 'opacity=".55"'),
  );
const trainingWheel = disc(430, 690, 50, '#2b2f33') + disc(430, 690, 24, '#c9ced3');

export const outdoors = {
  mountain: (c) => bicycle(c, { radius: 172, tyre: 34, handlebar: 'MX Y m-64 -34 h70 l28 18' }),
  city: (c) =>
    bicycle(c, {
      radius: 176,
      tyre: 18,
      handlebar: 'MX Y l-14 -48 q-50 -34 -104 -4',
      extras: basket(c.accent) + stroke('M218 520 q170 -160 330 20', c.dark, 10),
    }),
  road: (c) => bicycle(c, { radius: 180, tyre: 11, handlebar: 'MX Y l-8 -18 h66 q46 10 30 56 q-14 26 -44 20' }),
  kids: (c) =>
    bicycle(c, {
      radius: 132,
      tyre: 28,
      handlebar: 'MX Y l-16 -60 q-40 -20 -80 0',
      extras:
        trainingWheel +
        times(3, (index) =>
          stroke(`M${752 - index * 2} ${360 + index * 3} q${-30 - index * 18} 30 ${-24 - index * 26} 70`, c.accent, 7),
        ),
    }),

  dumbbells: ({ main, dark, accent }) => {
    const dumbbell =
      box(-190, -14, 380, 28, '#a9b1b8', 12) +
      [-1, 1]
        .map(
          (side) =>
            box(side * 130 - 26, -84, 52, 168, main, 16) +
            box(side * 190 - 20, -64, 40, 128, dark, 14) +
            box(side * 222 - 8, -20, 24, 40, accent, 8),
        )
        .join('');
    return {
      shadow: 480,
      shapes: group('translate(520 560) rotate(-18)', dumbbell) + group('translate(680 652)', dumbbell),
    };
  },
  ball: ({ main, dark, light }) => ({
    shadow: 320,
    shapes:
      disc(600, 500, 240, main) +
      stroke('M600 260 v480 M360 500 h480', dark, 9) +
      stroke('M430 330 q170 170 0 340 M770 330 q-170 170 0 340', dark, 9) +
      oval(510, 380, 90, 60, light, 'opacity=".55" transform="rotate(-35 510 380)"'),
  }),
  tent: ({ main, dark, light, accent }) => ({
    shadow: 540,
    shapes:
      shape('M600 250 L980 740 H220 Z', main) +
      shape('M600 250 L980 740 H760 Z', dark) +
      shape('M600 250 L700 740 H480 Z', '#3a3028') +
      shape('M600 250 L480 740 H400 q120 -220 200 -490z', light) +
      stroke('M600 250 v-50 M220 740 l-70 14 M980 740 l70 14', accent, 9) +
      shape('M600 200 l64 22 l-64 24z', accent),
  }),
  skateboard: ({ main, dark, accent }) => ({
    shadow: 470,
    shapes: group(
      'rotate(-8 600 620)',
      shape(
        'M200 560 q40 64 120 66 h560 q80 -2 120 -66 q22 20 8 44 q-46 66 -128 66 h-560 q-82 0 -128 -66 q-14 -24 8 -44z',
        main,
      ) +
        shape('M300 632 h600 v14 h-600z', accent) +
        [360, 840]
          .map(
            (x) =>
              box(x - 50, 668, 100, 18, '#8b939a', 6) +
              disc(x - 36, 704, 34, dark) +
              disc(x + 36, 704, 34, dark) +
              disc(x - 36, 704, 13, '#f2ede2') +
              disc(x + 36, 704, 13, '#f2ede2'),
          )
          .join(''),
    ),
  }),

  plant: ({ main, dark, light }) => ({
    shadow: 300,
    shapes:
      times(7, (index) => {
        const angle = -66 + index * 22;
        return group(
          `translate(600 500) rotate(${angle})`,
          shape('M0 0 q-84 -140 0 -310 q84 170 0 310z', index % 2 ? '#3f8f55' : '#58ad6b') +
            stroke('M0 -10 V-270', '#2d6b3d', 5),
        );
      }) +
      shape('M450 500 h300 l-44 240 h-212z', main) +
      box(432, 470, 336, 64, dark, 12) +
      shape('M484 546 l26 176 h22 l-18 -176z', light, 'opacity=".6"'),
  }),
  'watering-can': ({ main, dark, light }) => ({
    shadow: 420,
    shapes:
      stroke('M760 640 L980 420', main, 44) +
      shape('M930 350 l110 104 l-40 32 l-104 -96z', dark) +
      stroke('M470 470 q-190 30 -70 200', dark, 28) +
      shape('M430 440 h340 l26 300 h-392z', main) +
      oval(600, 440, 170, 34, dark) +
      stroke('M470 430 q130 -190 260 0', dark, 26) +
      shape('M468 490 l-16 220 h44 l8 -220z', light, 'opacity=".6"') +
      times(3, (index) => oval(1062 + index * 22, 480 + index * 50, 8, 14, '#6fb7e8')),
  }),
  shovel: ({ main, dark, accent }) => ({
    shadow: 330,
    shapes:
      group(
        'rotate(14 560 480)',
        box(546, 150, 30, 420, '#b98a56', 10) +
          stroke('M510 150 h102', accent, 34) +
          shape('M470 540 h182 v110 q-20 90 -91 120 q-71 -30 -91 -120z', '#8f99a2') +
          stroke('M561 560 v150', '#6e7880', 8),
      ) +
      group(
        'rotate(-16 680 480)',
        box(668, 170, 26, 430, '#a97a48', 10) +
          box(590, 590, 182, 26, main, 8) +
          times(6, (index) => box(598 + index * 32, 606, 12, 96, dark, 5)),
      ),
  }),
  barbecue: ({ main, dark, light, accent }) => ({
    shadow: 380,
    shapes:
      stroke('M470 560 L410 740 M730 560 L790 740 M446 660 H754', '#4a4f54', 18) +
      disc(410, 720, 30, '#2b2f33') +
      shape('M360 470 a240 190 0 0 0 480 0z', dark) +
      shape('M360 456 a240 220 0 0 1 480 0z', main) +
      shape('M420 420 a180 150 0 0 1 120 -140 q-80 50 -86 140z', light, 'opacity=".6"') +
      box(350, 450, 500, 24, '#2b2f33', 10) +
      box(560, 214, 80, 24, accent, 10) +
      times(3, (index) => stroke(`M${520 + index * 80} 190 q-26 -40 0 -74 q24 -34 0 -66`, '#fff', 9, 'opacity=".6"')),
  }),

  wheel: ({ main, accent }) => ({
    shadow: 330,
    shapes:
      disc(600, 480, 262, '#24282c') +
      times(36, (index) => group(`translate(600 480) rotate(${index * 10})`, box(-7, -262, 14, 32, '#33383d', 3))) +
      disc(600, 480, 190, '#c3c9cf') +
      ring(600, 480, 176, '#8f979e', 10) +
      times(5, (index) =>
        group(
          `translate(600 480) rotate(${index * 72})`,
          shape('M-20 -30 L-40 -168 H40 L20 -30z', '#e4e8eb') + shape('M8 -30 L22 -168 H40 L20 -30z', '#aab2b9'),
        ),
      ) +
      disc(600, 480, 52, main) +
      times(5, (index) => group(`translate(600 480) rotate(${index * 72 + 36})`, disc(0, -34, 7, '#f2f2f2'))) +
      disc(600, 480, 14, accent),
  }),
  battery: ({ main, dark, light, accent }) => ({
    shadow: 420,
    shapes:
      box(300, 400, 600, 340, dark, 22) +
      box(280, 370, 640, 80, main, 18) +
      box(370, 330, 70, 48, '#b9bfc5', 8) +
      box(760, 330, 70, 48, '#b9bfc5', 8) +
      box(350, 500, 500, 180, light, 14) +
      shape('M620 510 l-90 96 h60 l-24 74 l96 -104 h-62z', accent) +
      stroke('M390 590 h56 M774 590 h56 M802 562 v56', dark, 12),
  }),
  headlight: ({ main, dark, accent }) => ({
    shadow: 440,
    shapes:
      shape('M230 620 q10 -190 260 -240 q300 -40 480 60 q20 220 -120 280 h-520 q-90 -10 -100 -100z', '#2d3237') +
      shape('M270 610 q20 -150 230 -190 q250 -34 420 44 q10 160 -90 206 h-470 q-80 -4 -90 -60z', '#dfe8ee') +
      disc(490, 560, 92, '#eef4f7') +
      ring(490, 560, 88, '#97a4ad', 12) +
      disc(490, 560, 50, '#fdf6d0') +
      disc(730, 560, 82, '#eef4f7') +
      ring(730, 560, 78, '#97a4ad', 12) +
      disc(730, 560, 42, '#fdf6d0') +
      shape('M850 480 q50 60 10 160 h-40 q30 -80 0 -150z', accent) +
      stroke('M300 560 q70 -100 220 -124', '#fff', 12) +
      box(420, 716, 360, 24, main, 8) +
      box(560, 690, 80, 40, dark, 8),
  }),
  'steering-wheel': ({ main, dark, accent }) => ({
    shadow: 310,
    shapes:
      ring(600, 470, 230, dark, 56) +
      ring(600, 470, 230, '#fff', 3) +
      shape('M396 440 h408 v74 h-124 l-30 180 h-100 l-30 -180 h-124z', '#33393f') +
      stroke('M420 330 A230 230 0 0 1 780 330', main, 56) +
      disc(600, 486, 74, dark) +
      disc(600, 486, 42, accent) +
      box(440, 462, 64, 30, '#5d666e', 10) +
      box(696, 462, 64, 30, '#5d666e', 10),
  }),
} satisfies Partial<Record<DemoKind, (colours: Colours) => Scene>>;
