// What every demo picture is drawn on: a room with light, a floor, a shadow, and few shapes to draw with.
import { demoPictureSize } from '../../platform/demo/pictures.ts';

export interface Colours {
  readonly main: string;
  readonly dark: string;
  readonly light: string;
  readonly accent: string;
  readonly wall: readonly [top: string, bottom: string];
  readonly floor: readonly [top: string, bottom: string];
}

const palette = (main: string, dark: string, light: string, accent: string, wall: string, floor: string): Colours => {
  const [wallTop = '', wallBottom = ''] = wall.split(' ');
  const [floorTop = '', floorBottom = ''] = floor.split(' ');
  return { main, dark, light, accent, wall: [wallTop, wallBottom], floor: [floorTop, floorBottom] };
};

export const palettes: readonly Colours[] = [
  palette('#d94f30', '#9c3018', '#f2a08c', '#f6c445', '#eef3f4 #dbe6e8', '#c9b8a2 #b39f86'),
  palette('#2b6fb3', '#184a7d', '#8fbbe4', '#f2994a', '#fbf3e7 #f0e2cc', '#d8c3a5 #c2a984'),
  palette('#2f8f6b', '#1b5e45', '#93d1b6', '#f2c14e', '#f5f1ec #e8dfd3', '#bca78b #a58f72'),
  palette('#e0a526', '#a87512', '#f7d98a', '#3d6b99', '#e9eef6 #d4deec', '#c4b7a6 #ab9c88'),
  palette('#7b5ea7', '#513a78', '#c3b1e1', '#f4b942', '#f3f6ef #e1e9d8', '#c8b597 #b19c7b'),
  palette('#c2426b', '#8a2847', '#eda6bc', '#5cb8b2', '#fdf1ee #f6dfd8', '#d3bda8 #bba48c'),
  palette('#3c4a5c', '#232d3a', '#93a3b8', '#ef6f53', '#f1efe9 #e1ddd2', '#b9a88f #a08e74'),
  palette('#1f9aa8', '#12636d', '#8fd6dd', '#f28d52', '#fff7ea #f5e7cd', '#cdb795 #b59d79'),
  palette('#a8572f', '#703718', '#dca88a', '#4f8f5b', '#eaf2ee #d3e3db', '#bfae97 #a6947b'),
  palette('#5a8f3c', '#3a6124', '#b3d29c', '#d9573f', '#f2f0f7 #dfdbea', '#c9b9a3 #b1a088'),
  palette('#dd6b8a', '#a8415e', '#f5b9c8', '#4c78a8', '#eef7f8 #d8ebee', '#d1c0aa #b9a68d'),
  palette('#46505e', '#2a313b', '#a9b4c2', '#e8b23a', '#f7f2ea #e9decb', '#c5ae8c #ab9370'),
];

const [width, height] = [1200, 900];
const floorLine = 640;

export interface Scene {
  /** SVG shapes; things stand on y = 740. */
  readonly shapes: string;
  /** Half the width of the shadow under them. */
  readonly shadow: number;
}

export function svgOf({ wall, floor }: Colours, { shapes, shadow }: Scene): string {
  const gradient = (id: string, [top, bottom]: readonly [string, string]): string =>
    `<linearGradient id="${id}" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="${top}"/><stop offset="1" stop-color="${bottom}"/></linearGradient>`;
  const glow = (id: string, colour: string, opacity: number): string =>
    `<radialGradient id="${id}"><stop offset="0" stop-color="${colour}" stop-opacity="${opacity}"/><stop offset="1" stop-color="${colour}" stop-opacity="0"/></radialGradient>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${demoPictureSize.width}" height="${demoPictureSize.height}" viewBox="0 0 ${width} ${height}">
<defs>${gradient('wall', wall)}${gradient('floor', floor)}${glow('light', '#fff', 0.75)}${glow('shadow', '#1c140c', 0.5)}</defs>
<rect width="${width}" height="${height}" fill="url(#wall)"/>
<ellipse cx="330" cy="230" rx="560" ry="420" fill="url(#light)"/>
<rect y="${floorLine}" width="${width}" height="${height - floorLine}" fill="url(#floor)"/>
<rect y="${floorLine - 14}" width="${width}" height="14" fill="#fff" opacity=".65"/>
<ellipse cx="600" cy="742" rx="${shadow}" ry="38" fill="url(#shadow)"/>
${shapes}</svg>`;
}

/** Shapes, so that scenes read as what they draw. */
export const box = (x: number, y: number, w: number, h: number, fill: string, radius = 0, more = ''): string =>
  `<rect x="${x}" y="${y}" width="${w}" height="${h}" rx="${radius}" fill="${fill}" ${more}/>`;
export const disc = (x: number, y: number, radius: number, fill: string, more = ''): string =>
  `<circle cx="${x}" cy="${y}" r="${radius}" fill="${fill}" ${more}/>`;
export const oval = (x: number, y: number, rx: number, ry: number, fill: string, more = ''): string =>
  `<ellipse cx="${x}" cy="${y}" rx="${rx}" ry="${ry}" fill="${fill}" ${more}/>`;
export const ring = (x: number, y: number, radius: number, stroke: string, thick: number): string =>
  `<circle cx="${x}" cy="${y}" r="${radius}" fill="none" stroke="${stroke}" stroke-width="${thick}"/>`;
export const shape = (d: string, fill: string, more = ''): string => `<path d="${d}" fill="${fill}" ${more}/>`;
export const stroke = (d: string, colour: string, thick: number, more = ''): string =>
  `<path d="${d}" fill="none" stroke="${colour}" stroke-width="${thick}" stroke-linecap="round" stroke-linejoin="round" ${more}/>`;
export const times = (count: number, draw: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => draw(index)).join('');
export const group = (transform: string, shapes: string): string => `<g transform="${transform}">${shapes}</g>`;
