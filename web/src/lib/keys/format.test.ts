import { expect, it } from 'vitest';

import { matches } from './format.ts';

const press = (key: string, ...held: string[]) => ({
  key,
  ctrlKey: held.includes('ctrl'),
  metaKey: held.includes('meta'),
  altKey: held.includes('alt'),
  shiftKey: held.includes('shift'),
});

it('takes Control for `mod`, and Command on a Mac', () => {
  expect(matches('mod+k', press('k', 'ctrl'), false)).toBe(true);
  expect(matches('mod+k', press('k', 'meta'), true)).toBe(true);
  expect(matches('mod+k', press('k', 'ctrl'), true)).toBe(false);
  expect(matches('k', press('k', 'ctrl'), false)).toBe(false);
});

it('wants Shift where it is named, and does not mind it for a sign that needs it', () => {
  expect(matches('?', press('?', 'shift'), false)).toBe(true);
  expect(matches('alt+shift+arrowdown', press('ArrowDown', 'alt', 'shift'), false)).toBe(true);
  expect(matches('alt+arrowdown', press('ArrowDown', 'alt', 'shift'), false)).toBe(false);
});
