// Phones, computers and books.
import type { DemoKind } from '../../../platform/demo/pictures.ts';
import { box, type Colours, disc, group, oval, type Scene, shape, stroke, times } from '../canvas.ts';

const wallpaper = (id: string, from: string, to: string): string =>
  `<defs><linearGradient id="${id}" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="${from}"/><stop offset="1" stop-color="${to}"/></linearGradient></defs>`;

const book = (x: number, y: number, w: number, h: number, cover: string, band: string): string =>
  box(x, y, w, h, cover, 8) +
  box(x + w - 22, y + 8, 18, h - 16, '#f5efe2', 3) +
  box(x + 40, y, 16, h, band, 0, 'opacity=".8"');

export const desk = {
  phone: ({ main, light, accent, dark }) => ({
    shadow: 230,
    shapes:
      wallpaper('screen', main, accent) +
      group(
        'rotate(-6 600 440)',
        box(430, 120, 340, 620, '#1e2226', 52) +
          box(446, 136, 308, 588, 'url(#screen)', 38) +
          box(550, 152, 100, 26, '#14171a', 13) +
          `<text x="600" y="300" font-family="sans-serif" font-size="84" font-weight="bold" text-anchor="middle" fill="#fff">10:24</text>` +
          times(8, (index) =>
            box(
              478 + (index % 4) * 66,
              480 + Math.floor(index / 4) * 84,
              48,
              48,
              [light, '#fff', dark, accent][index % 4] ?? '#fff',
              14,
              'opacity=".92"',
            ),
          ) +
          box(540, 696, 120, 8, '#fff', 4),
      ),
  }),
  'phone-back': ({ main, light, dark }) => ({
    shadow: 240,
    shapes: group(
      'rotate(7 600 440)',
      box(428, 120, 344, 620, dark, 54) +
        box(436, 126, 330, 608, main, 50) +
        shape('M436 176 q0 -50 50 -50 h90 L436 420z', light, 'opacity=".55"') +
        box(466, 156, 150, 150, dark, 40) +
        disc(510, 200, 30, '#16191c') +
        disc(572, 262, 30, '#16191c') +
        disc(510, 200, 14, '#3f5872') +
        disc(572, 262, 14, '#3f5872') +
        disc(572, 200, 12, '#fff4c9') +
        box(560, 640, 80, 8, light, 4),
    ),
  }),
  'button-phone': ({ main, dark, light }) => ({
    shadow: 210,
    shapes: group(
      'rotate(-5 600 450)',
      box(466, 110, 268, 630, main, 60) +
        box(496, 160, 208, 200, '#1f2a24', 14) +
        box(508, 172, 184, 176, '#b8d2a6', 8) +
        stroke('M530 220 h140 M530 256 h90', '#3f5b3a', 10) +
        box(560, 384, 80, 60, dark, 20) +
        box(500, 396, 46, 34, light, 14) +
        box(654, 396, 46, 34, light, 14) +
        times(12, (index) => box(504 + (index % 3) * 68, 470 + Math.floor(index / 3) * 62, 56, 42, light, 16)),
    ),
  }),
  tablet: ({ main, accent, light }) => ({
    shadow: 440,
    shapes:
      wallpaper('screen', accent, main) +
      group(
        'rotate(-3 600 460)',
        box(240, 180, 720, 540, '#24282c', 40) +
          box(270, 210, 660, 480, 'url(#screen)', 20) +
          shape(
            'M270 600 q160 -150 300 -40 q150 -150 360 -20 v130 q0 20 -20 20 h-620 q-20 0 -20 -20z',
            light,
            'opacity=".7"',
          ) +
          disc(780, 320, 50, '#fff6da') +
          disc(600, 196, 5, '#5b646b'),
      ),
  }),

  laptop: ({ main, dark, accent, light }) => ({
    shadow: 570,
    shapes:
      wallpaper('screen', main, dark) +
      box(290, 180, 620, 430, '#2a2f34', 26) +
      box(314, 204, 572, 376, 'url(#screen)', 8) +
      shape('M314 520 q140 -140 270 -50 q150 -120 302 -10 v112 q0 8 -8 8 h-556 q-8 0 -8 -8z', light, 'opacity=".55"') +
      box(350, 240, 220, 150, '#fff', 12, 'opacity=".9"') +
      times(4, (row) => box(374, 268 + row * 28, 170 - row * 26, 12, row ? '#c5ccd2' : accent, 6)) +
      shape('M290 610 h620 l120 110 q6 20 -20 20 h-820 q-26 0 -20 -20z', '#c6ccd1') +
      shape('M330 626 h540 l50 56 h-640z', '#3a4046') +
      box(520, 694, 160, 30, '#aab1b7', 6),
  }),
  monitor: ({ main, dark, accent, light }) => ({
    shadow: 400,
    shapes:
      wallpaper('screen', dark, main) +
      shape('M540 600 h120 l24 130 h-168z', '#a7afb6') +
      box(430, 716, 340, 24, '#8d959c', 10) +
      box(200, 150, 800, 470, '#22262a', 20) +
      box(218, 168, 764, 416, 'url(#screen)', 6) +
      times(5, (index) =>
        box(
          280 + index * 130,
          520 - index * 56 + (index % 2) * 60,
          80,
          44 + index * 56 - (index % 2) * 60,
          index % 2 ? light : accent,
          8,
        ),
      ) +
      stroke('M290 380 L430 340 L560 390 L700 270 L880 230', '#fff', 8),
  }),
  keyboard: ({ main, dark, accent, light }) => ({
    shadow: 560,
    shapes: group(
      'rotate(-4 600 620)',
      box(170, 500, 860, 240, dark, 28) +
        box(170, 490, 860, 236, '#2c3136', 28) +
        times(4, (row) =>
          times(13, (index) =>
            box(
              198 + index * 62,
              512 + row * 50,
              52,
              40,
              (index + row * 3) % 11 === 0 ? accent : (index + row) % 7 === 0 ? main : '#4a5259',
              8,
            ),
          ),
        ) +
        box(390, 712 - 30, 380, 34, light, 8),
    ),
  }),
  mouse: ({ main, dark, light, accent }) => ({
    shadow: 320,
    shapes:
      stroke('M600 330 q-10 -120 90 -150 q120 -20 240 -130', '#33393f', 14) +
      shape('M420 560 q0 -240 180 -240 q180 0 180 240 q0 180 -180 180 q-180 0 -180 -180z', main) +
      shape('M600 320 v190 h-178 q10 -190 178 -190z', light, 'opacity=".6"') +
      stroke('M424 510 h352 M600 324 v186', dark, 7) +
      box(580, 380, 40, 90, dark, 20) +
      box(590, 396, 20, 40, accent, 10),
  }),

  stack: ({ main, dark, light, accent }) => ({
    shadow: 430,
    shapes:
      book(270, 640, 640, 100, dark, accent) +
      book(310, 548, 580, 92, main, '#fff') +
      book(280, 470, 600, 78, accent, dark) +
      book(340, 380, 520, 90, light, main) +
      group('rotate(-7 600 330)', book(330, 296, 500, 80, '#4d5964', accent)) +
      shape('M820 380 v130 l22 -20 l22 20 v-130z', '#c0392b'),
  }),
  shelf: ({ main, dark, light, accent }) => ({
    shadow: 560,
    shapes:
      box(150, 700, 900, 40, '#a3713f', 8) +
      times(12, (index) => {
        const tall = 330 + ((index * 83) % 150);
        const colour = [main, light, dark, accent, '#e9dfcc', '#55606a'][index % 6] ?? main;
        return (
          box(190 + index * 60, 700 - tall, 54, tall, colour, 6) +
          box(190 + index * 60, 700 - tall + 46, 54, 12, '#fff', 0, 'opacity=".65"') +
          box(206 + index * 60, 700 - tall + 90, 22, 120, '#fff', 6, 'opacity=".3"')
        );
      }) +
      group('rotate(14 960 700)', box(914, 340, 56, 360, accent, 6)),
  }),
  'open-book': ({ main, dark, accent }) => ({
    shadow: 520,
    shapes:
      shape('M160 400 q220 -60 440 30 q220 -90 440 -30 v330 q-220 -50 -440 20 q-220 -70 -440 -20z', main) +
      shape('M190 380 q210 -50 410 40 v300 q-200 -60 -410 -20z', '#fbf7ec') +
      shape('M1010 380 q-210 -50 -410 40 v300 q200 -60 410 -20z', '#f2ebda') +
      times(
        7,
        (row) =>
          stroke(`M240 ${440 + row * 32} q160 -26 310 30`, '#b9b09e', 6) +
          stroke(`M960 ${440 + row * 32} q-160 -26 -310 30`, '#b9b09e', 6),
      ) +
      stroke('M600 420 v300', dark, 6) +
      shape('M640 416 v170 l24 -22 l24 22 v-180z', accent),
  }),
  comics: ({ main, dark, light, accent }) => ({
    shadow: 350,
    shapes:
      group('rotate(-10 560 460)', box(350, 170, 400, 560, dark, 12)) +
      group(
        'rotate(5 640 460)',
        box(420, 160, 410, 570, main, 12) +
          box(446, 186, 358, 110, accent, 8) +
          `<text x="625" y="266" font-family="sans-serif" font-weight="bold" font-size="84" text-anchor="middle" fill="${dark}">POW!</text>` +
          shape(
            'M625 330 l34 80 l84 -30 l-30 84 l80 40 l-84 30 l24 90 l-80 -44 l-60 74 l-20 -90 l-94 14 l56 -76 l-70 -60 l92 -10 l-4 -88z',
            '#ffe06b',
          ) +
          disc(625, 500, 70, light) +
          oval(604, 486, 9, 14, '#23272b') +
          oval(648, 486, 9, 14, '#23272b') +
          stroke('M596 524 q30 26 58 0', '#23272b', 7),
      ),
  }),
} satisfies Partial<Record<DemoKind, (colours: Colours) => Scene>>;
