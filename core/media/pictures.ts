// Pictures: what was uploaded, decoded within limits, and made into variants without its metadata.
import sharp, { type Sharp } from 'sharp';
import type { variants } from '../../contracts/media.ts';
import type { MediaType } from './store.ts';

export type Variant = (typeof variants)[number];
export type Variants = Readonly<Record<Variant, Uint8Array<ArrayBuffer>>>;

export interface Picture {
  /** Of the largest variant. */
  readonly width: number;
  readonly height: number;
  readonly variants: Variants;
}

/** Longest sides in pixels. */
export const variantSides: Readonly<Record<Variant, number>> = { thumb: 400, card: 800, full: 1600 };
const quality = 80;

/** A small file may unfold to gigabytes ("pixel bomb"): looked at before a pixel is decoded. */
const mostPixels = 50_000_000;
const longestSide = 16_000;
const decodeSeconds = 15;

/** Why a file can't be a picture here; its message is for who uploaded it. */
export class UnusablePicture extends Error {}

/** Turns an upload into variants; throws `UnusablePicture`. */
export async function processPicture(bytes: Uint8Array, declared: MediaType): Promise<Picture> {
  const actual = sniffType(bytes);
  if (actual !== declared) {
    throw new UnusablePicture(
      actual ? `declared as ${declared}, but it is ${actual}` : 'not a JPEG, PNG or WebP picture',
    );
  }
  try {
    const { width, height } = await sharp(bytes, { limitInputPixels: mostPixels }).metadata();
    if (width > longestSide || height > longestSide || width * height > mostPixels) {
      throw new UnusablePicture(`${width}×${height} pixels are too many`);
    }
    // Turned as the camera said; written without EXIF (it may tell where somebody lives) and in sRGB.
    const upright = sharp(bytes, { limitInputPixels: mostPixels, failOn: 'error' }).autoOrient();
    return await renderVariants(upright);
  } catch (error) {
    if (error instanceof UnusablePicture) throw error;
    throw new UnusablePicture('the picture is damaged', { cause: error });
  }
}

/** All variants of one decoded picture: each smaller one from the larger, so that the upload is decoded once. */
export async function renderVariants(picture: Sharp, { effort = 3 } = {}): Promise<Picture> {
  const inside = (side: number) => ({ width: side, height: side, fit: 'inside', withoutEnlargement: true }) as const;
  const { data, info } = await picture
    .timeout({ seconds: decodeSeconds })
    .resize(inside(variantSides.full))
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const render = async (variant: Variant): Promise<Uint8Array<ArrayBuffer>> =>
    new Uint8Array(
      await sharp(data, { raw: { width, height, channels } })
        .resize(inside(variantSides[variant]))
        .webp({ quality, effort })
        .toBuffer(),
    );
  const [full, card, thumb] = await Promise.all([render('full'), render('card'), render('thumb')]);
  return { width, height, variants: { full, card, thumb } };
}

/** By the first bytes; nothing else reaches the decoders. */
function sniffType(bytes: Uint8Array): MediaType | undefined {
  const begins = (signature: readonly number[], at = 0): boolean =>
    signature.every((byte, index) => bytes[at + index] === byte);
  if (begins([0xff, 0xd8, 0xff])) return 'image/jpeg';
  if (begins([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return 'image/png';
  if (begins([0x52, 0x49, 0x46, 0x46]) && begins([0x57, 0x45, 0x42, 0x50], 8)) return 'image/webp';
  return undefined;
}
