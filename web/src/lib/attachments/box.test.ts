import { describe, expect, it } from 'vitest';

import { boxOf, gist, isImage } from './box.ts';

const image = (width: number, height: number, media_type = 'image/png') => ({ media_type, pixels: [width, height] as [number, number] });

describe('the box of an image', () => {
  it('keeps its proportions within the room that there is, and never grows it', () => {
    expect(boxOf(image(4_000, 3_000), true)).toEqual({ width: 416, height: 312 });
    expect(boxOf(image(1_000, 4_000), true)).toEqual({ width: 80, height: 320 });
    expect(boxOf(image(120, 90), true)).toEqual({ width: 120, height: 90 });
  });

  it('is smaller among others', () => {
    expect(boxOf(image(4_000, 3_000), false)).toEqual({ width: 200, height: 150 });
  });

  it('can be pressed, however thin the image', () => {
    expect(boxOf(image(1, 1), true)).toEqual({ width: 40, height: 40 });
    expect(boxOf(image(10_000, 4), true)).toEqual({ width: 416, height: 40 });
  });

  it('is only of what is shown in its place', () => {
    expect([image(9, 9), image(9, 9, 'image/svg+xml'), image(9, 9, 'text/html'), { media_type: 'image/png' }, image(0, 9)].map(isImage)).toEqual([
      true, false, false, false, false,
    ]);
    expect(boxOf({ media_type: 'application/pdf' }, true)).toBeNull();
  });
});

describe('a message in one line', () => {
  it('is its text, or else its files', () => {
    expect(gist('Look', [{ name: 'a.png' }])).toBe('Look');
    expect(gist('', [{ name: 'a.png' }])).toBe('a.png');
    expect(gist('', [{ name: 'a.png' }, { name: 'b.txt' }])).toBe('2 files: a.png, b.txt');
    expect(gist('')).toBe('');
  });
});
