// The sandbox courier's label: one page of PDF (ISO 32000-1) with the tracking number as text and as bars (Code 128).
import type { ShipmentRow } from './books.ts';
import { pickupPoints } from './network.ts';

/** A6, in points. */
const page = { width: 298, height: 420 };

export function labelOf({ tracking_number, destination, method, reference }: ShipmentRow): Uint8Array<ArrayBuffer> {
  const point = pickupPoints.find(({ id }) => id === destination);
  const lines = [
    { text: 'LOTOK COURIER', size: 18, y: 380 },
    { text: method === 'pickup' ? 'To pick-up point' : 'To the door', size: 11, y: 352 },
    ...wrapped(latin(point ? `${point.id}: ${point.address}` : destination), 40).map((text, index) => ({
      ...{ text, size: 12, y: 332 - index * 15 },
    })),
    { text: tracking_number, size: 16, y: 110 },
    { text: reference, size: 8, y: 40 },
  ];
  const text = lines.map((line) => `BT /F1 ${line.size} Tf 24 ${line.y} Td (${escaped(line.text)}) Tj ET`);
  return pdf([...text, ...bars(tracking_number, { x: 24, y: 135, width: page.width - 48, height: 70 })].join('\n'));
}

function pdf(content: string): Uint8Array<ArrayBuffer> {
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${page.width} ${page.height}] /Resources << /Font << /F1 4 0 R >> >> /Contents 5 0 R >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
  ];
  let file = '%PDF-1.4\n';
  const places: number[] = [];
  for (const [index, object] of objects.entries()) {
    places.push(file.length);
    file += `${index + 1} 0 obj\n${object}\nendobj\n`;
  }
  const table = file.length;
  const entries = places.map((place) => `${String(place).padStart(10, '0')} 00000 n \n`).join('');
  file += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${entries}`;
  file += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${table}\n%%EOF\n`;
  return new TextEncoder().encode(file);
}

const startB = '211214';
const stop = '2331112';

function bars(text: string, box: { x: number; y: number; width: number; height: number }): string[] {
  const codeOf = (character: string): number => character.charCodeAt(0) - 32;
  const sum = [...text].reduce((total, character, index) => total + (index + 1) * codeOf(character), 104) % 103;
  const widths = [
    startB,
    ...[...text].map((character) => patterns[codeOf(character)] ?? ''),
    patterns[sum] ?? '',
    stop,
  ].join('');
  const module = box.width / [...widths].reduce((total, width) => total + Number(width), 0);
  let x = box.x;
  return [...widths].flatMap((width, index) => {
    const from = x;
    x += Number(width) * module;
    return index % 2 === 0
      ? [`${from.toFixed(2)} ${box.y} ${(Number(width) * module).toFixed(2)} ${box.height} re f`]
      : [];
  });
}

/** Code 128's patterns by value (ISO/IEC 15417): widths of bars and spaces in turn. */
const patterns =
  '212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 114311 411113 411311 113141 114131 311141 411131'.split(
    ' ',
  );

const letters =
  'а a б b в v г g д d е e ё e ж zh з z и i й y к k л l м m н n о o п p р r с s т t у u ф f х kh ц ts ч ch ш sh щ shch ъ  ы y ь  э e ю yu я ya'.split(
    ' ',
  );
const latinOf = new Map(
  Array.from({ length: letters.length / 2 }, (_, index) => [letters[index * 2], letters[index * 2 + 1] ?? '']),
);

/** The fonts that every reader has know no Cyrillic. */
function latin(text: string): string {
  return [...text]
    .map((character) => {
      const known = latinOf.get(character.toLowerCase());
      if (known === undefined) return /^[ -~]$/.test(character) ? character : '?';
      return character === character.toLowerCase() ? known : known.charAt(0).toUpperCase() + known.slice(1);
    })
    .join('');
}

const escaped = (text: string): string => text.replaceAll(/[\\()]/g, '\\$&');

function wrapped(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + word.length >= width) lines.push(word.slice(0, width));
    else lines[lines.length - 1] = line === '' ? word.slice(0, width) : `${line} ${word}`;
  }
  return lines.slice(0, 8);
}
