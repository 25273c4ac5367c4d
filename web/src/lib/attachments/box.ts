// How much room a file takes in the log, known before anything of it is loaded: so nothing moves when it is.
import type { Attachment } from '#lib/api/events.ts';

/** Types that are shown in their place; all others are cards. */
const SHOWN: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif']);

export interface Box {
  width: number;
  height: number;
}

/** Largest box of one image that stands alone, and of each of several. */
const ALONE: Box = { width: 416, height: 320 };
const AMONG: Box = { width: 200, height: 160 };
/** Smaller than this, an image could not be pressed. */
const LEAST = 40;

type Sized = Pick<Attachment, 'media_type' | 'pixels'>;

export const isImage = (file: Sized): boolean =>
  SHOWN.has(file.media_type) && file.pixels !== undefined && file.pixels[0] > 0 && file.pixels[1] > 0;

/** Box of an image in CSS pixels, in its own proportions; null of a file that is a card. */
export function boxOf(file: Sized, alone: boolean): Box | null {
  if (!isImage(file) || !file.pixels) return null;
  const [width, height] = file.pixels;
  const most = alone ? ALONE : AMONG;
  const scale = Math.min(1, most.width / width, most.height / height);
  return { width: Math.max(LEAST, Math.round(width * scale)), height: Math.max(LEAST, Math.round(height * scale)) };
}

/** A message in one line: its text, or else the names of its files. */
export function gist(text: string, files: readonly Pick<Attachment, 'name'>[] = []): string {
  if (text !== '' || files.length === 0) return text;
  return files.length === 1 ? (files[0]?.name ?? '') : `${files.length} files: ${files.map((file) => file.name).join(', ')}`;
}
