// Clothes, tools and music.
import type { DemoKind } from '../../../platform/demo/pictures.ts';
import { box, type Colours, disc, group, oval, ring, type Scene, shape, stroke, times } from '../canvas.ts';
import { legs } from './home.ts';

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

export const hobbies = {
  shirt: ({ main, dark, accent }) => ({
    shadow: 300,
    shapes: shirt(
      main,
      dark,
      disc(600, 500, 78, accent) +
        shape('M600 450 l16 34 l38 5 l-28 26 l7 38 l-33 -18 l-33 18 l7 -38 l-28 -26 l38 -5z', '#fff'),
    ),
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
  ukulele: (c) => guitar(c, 0.82, 4),
} satisfies Partial<Record<DemoKind, (colours: Colours) => Scene>>;
