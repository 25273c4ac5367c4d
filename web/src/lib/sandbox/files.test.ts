import { expect, it } from 'vitest';

import type { FileEntry } from '#lib/api/resources.ts';

import { imageType, joined, languageOf, sorted, textOf } from './files.ts';

const entry = (name: string, kind: FileEntry['kind'] = 'file'): FileEntry => ({ name, kind, bytes: 1, changed_at: '2026-11-20T08:00:00Z' });

it('lists folders first, then names as people sort them', () => {
  expect(sorted([entry('b10.txt'), entry('src', 'folder'), entry('B2.txt'), entry('assets', 'folder')]).map((one) => one.name)).toEqual([
    'assets', 'src', 'B2.txt', 'b10.txt',
  ]);
});

it('joins paths below the workspace', () => {
  expect([joined('', 'a'), joined('src/lib', 'a.ts')]).toEqual(['a', 'src/lib/a.ts']);
});

it('knows the language and the images by the name’s ending', () => {
  expect(['a.tsx', 'Dockerfile', 'x.tar.gz', 'README'].map(languageOf)).toEqual(['typescript', 'dockerfile', 'text', 'text']);
  expect([imageType('a.PNG'), imageType('a.svg'), imageType('a.html')]).toEqual(['image/png', undefined, undefined]);
});

it('takes bytes for text only where they are text', () => {
  expect(textOf(new TextEncoder().encode('Grüße'))).toBe('Grüße');
  expect(textOf(Uint8Array.of(0xff, 0xfe, 0x41))).toBeNull();
  expect(textOf(Uint8Array.of(0x41, 0))).toBeNull();
});
