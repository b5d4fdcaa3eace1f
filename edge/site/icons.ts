// Line icons, drawn on a 24 × 24 grid. They are decoration: the words beside them say what they mean.
import { html, raw } from 'hono/html';
import type { Html } from './html.ts';

const shapes = {
  search: '<circle cx="11" cy="11" r="7"/><path d="m20 20-4-4"/>',
  heart:
    '<path d="M12 20s-7.5-4.6-9-9.2C2 7.4 4.2 5 7 5c2 0 3.8 1.1 5 3 1.2-1.9 3-3 5-3 2.8 0 5 2.4 4 5.800C19.5 15.4 12 20 12 20z"/>',
  chat: '<path d="M4 5h16v11H10l-4 4v-4H4z"/>',
  bell: '<path d="M6 10a6 6 0 0 1 12 0c0 5 2 6 2 7H4c0-1 2-2 2-7z"/><path d="M10 20a2 2 0 0 0 4 0"/>',
  user: '<circle cx="12" cy="8" r="4"/><path d="M4 20c1-4 4-6 8-6s7 2 8 6"/>',
  plus: '<path d="M12 5v14M5 12h14"/>',
  shield: '<path d="M12 3 5 6v5c0 5 3 8 7 10 4-2 7-5 7-10V6z"/><path d="m9 12 2 2 4-4"/>',
  truck: '<path d="M2 6h12v10H2zM14 10h4l3 3v3h-7z"/><circle cx="7" cy="18" r="2"/><circle cx="17" cy="18" r="2"/>',
  pulse: '<path d="M3 12h4l3-7 4 14 3-7h4"/>',
  pin: '<path d="M12 21s7-6 7-11a7 7 0 0 0-14 0c0 5 7 11 7 11z"/><circle cx="12" cy="10" r="2.5"/>',
  camera: '<path d="M4 8h3l2-3h6l2 3h3v11H4z"/><circle cx="12" cy="13" r="3.5"/>',
  flag: '<path d="M6 21V4h11l-2 4 2 4H6"/>',
  check: '<path d="m5 12 5 5 9-10"/>',
  alert: '<path d="M12 4 2.5 20h19z"/><path d="M12 10v4M12 17v.01"/>',
  box: '<path d="m12 3 8 4v10l-8 4-8-4V7z"/><path d="m4 7 8 4 8-4M12 11v10"/>',
  card: '<rect x="3" y="5" width="18" height="14" rx="2"/><path d="M3 10h18"/>',
  bicycle:
    '<circle cx="6" cy="16" r="4"/><circle cx="18" cy="16" r="4"/><path d="m6 16 4-8h5l3 8M9 8H7M10 8l4 8H6M15 8l1-3h2"/>',
  phone: '<rect x="7" y="2" width="10" height="20" rx="2"/><path d="M11 18h2"/>',
  laptop: '<rect x="5" y="5" width="14" height="10" rx="1"/><path d="M2 19h20"/>',
  sofa: '<path d="M5 11V7a2 2 0 0 1 2-2h10a2 2 0 0 1 2 2v4"/><path d="M3 11a2 2 0 0 1 4 0v3h10v-3a2 2 0 0 1 4 0v7H3zM6 18v2M18 18v2"/>',
  shirt: '<path d="m8 4-6 4 3 4 2-1v9h10v-9l2 1 3-4-6-4c-1 2-7 2-8 0z"/>',
  book: '<path d="M4 5c3-1 6-1 8 1 2-2 5-2 8-1v14c-3-1-6-1-8 1-2-2-5-2-8-1zM12 6v14"/>',
  toy: '<circle cx="12" cy="13" r="6"/><circle cx="6.5" cy="7" r="2.5"/><circle cx="17.5" cy="7" r="2.5"/><path d="M10 12v.01M14 12v.01M10.5 15.500c1 .7 2 .7 3 0"/>',
  paw: '<circle cx="6" cy="11" r="2"/><circle cx="10" cy="7" r="2"/><circle cx="14.5" cy="7" r="2"/><circle cx="18" cy="11" r="2"/><path d="M12 12c-3 0-5 4-4.5 6s3 1 4.5 1 4 1 4.5-1S15 12 12 12z"/>',
  ball: '<circle cx="12" cy="12" r="9"/><path d="M3 12h18M12 3c4 5 4 13 0 18M12 3c-4 5-4 13 0 18"/>',
  wrench: '<path d="M14 7a4 4 0 0 1 5-4l-2.5 3L18 8l3-2a4 4 0 0 1-6 4l-8 9-3-3 9-8z"/>',
  music: '<path d="M9 18V5l11-2v13"/><circle cx="6" cy="18" r="3"/><circle cx="17" cy="16" r="3"/>',
  car: '<path d="M3 16v-4l2-6h14l2 6v4zM3 12h18"/><circle cx="7" cy="17" r="2"/><circle cx="17" cy="17" r="2"/>',
  leaf: '<path d="M5 19c0-9 5-14 15-14 0 10-5 15-13 14M5 21c1-5 4-8 8-10"/>',
  plug: '<path d="M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4"/>',
  house: '<path d="m3 11 9-8 9 8v10h-6v-6H9v6H3z"/>',
  watch: '<circle cx="12" cy="12" r="5"/><path d="M9 7.5 10 3h4l1 4.500M9 16.500l1 4.500h4l1-4.500M12 10v2l1.5 1"/>',
  game: '<path d="M7 8h10a5 5 0 0 1 4 8c-1.5 2-3.5 0-5-2H8c-1.5 2-3.5 4-5 2a5 5 0 0 1 4-8zM8 10v3M6.5 11.500h3M16 11v.01M18 13v.01"/>',
  tag: '<path d="M3 11V3h8l10 10-8 8z"/><circle cx="7.5" cy="7.5" r="1.5"/>',
} as const;
export type IconName = keyof typeof shapes;

export const icon = (name: IconName, size = 24): Html =>
  html`<svg class="icon" width="${size}" height="${size}" viewBox="0 0 24 24" aria-hidden="true" focusable="false">${raw(shapes[name])}</svg>`;

/** Categories come from core and may grow: what no picture is known for gets a price tag. */
const byCategory: readonly (readonly [RegExp, IconName])[] = [
  [/bicyc|bike/, 'bicycle'],
  [/phone|mobile/, 'phone'],
  [/laptop|computer|electronic/, 'laptop'],
  [/furnitur|sofa|interior/, 'sofa'],
  [/cloth|shoe|fashion/, 'shirt'],
  [/book/, 'book'],
  [/kid|child|toy|bab/, 'toy'],
  [/pet|animal/, 'paw'],
  [/sport|outdoor|tourism/, 'ball'],
  [/tool|repair|build/, 'wrench'],
  [/music|instrument/, 'music'],
  [/auto|car|vehicle|transport/, 'car'],
  [/garden|plant/, 'leaf'],
  [/appliance/, 'plug'],
  [/camera|photo/, 'camera'],
  [/watch|jewel/, 'watch'],
  [/game|console/, 'game'],
  [/home|house|kitchen/, 'house'],
];
export const categoryIcon = (slug: string): IconName =>
  byCategory.find(([pattern]) => pattern.test(slug))?.[1] ?? 'tag';
