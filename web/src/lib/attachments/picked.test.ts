import { describe, expect, it } from 'vitest';

import { sources } from './open.ts';
import { pasted } from './picked.ts';

const file = (name: string) => new File(['x'], name, { lastModified: 7 });

/** What a browser hands over with a paste or a drop. */
function data(types: string[], files: File[], folders: string[] = []): DataTransfer {
  const all = [...files, ...folders.map((name) => file(name))];
  const items = all.map((one) => ({
    kind: 'file',
    webkitGetAsEntry: () => ({ name: one.name, isDirectory: folders.includes(one.name) }),
  }));
  return { types, files: all, items } as unknown as DataTransfer;
}

describe('what is pasted', () => {
  it('is files where there is no text: with text, people mean the text', () => {
    expect(pasted(data(['Files'], [file('image.png')])).files.length).toBe(1);
    expect(pasted(data(['text/plain', 'text/html', 'Files'], [file('image.png')])).files).toEqual([]);
    expect(pasted(data(['text/plain'], [])).files).toEqual([]);
    expect(pasted(null).files).toEqual([]);
  });

  it('never is a folder, which a browser shows as an empty file', () => {
    const { files, folders } = pasted(data(['Files'], [file('a.txt')], ['src']));
    expect([files.map((one) => one.name), folders]).toEqual([['a.txt'], 1]);
  });

  it('has a name that says so, where the browser made one up', () => {
    const names = (names: string[], paste: boolean) => sources({ files: names.map(file), folders: 0 }, paste).map((one) => one.name);
    expect(names(['image.png'], true)).toEqual(['Pasted image.png']);
    expect(names(['image.png', 'image.png'], true)).toEqual(['Pasted image 1.png', 'Pasted image 2.png']);
    expect(names(['tide.png'], true)).toEqual(['tide.png']);
    expect(names(['image.png'], false)).toEqual(['image.png']);
  });
});
