import { expect, it } from 'vitest';

import { moved, placeAt, placeByKey } from './order.ts';

const LIST = ['a', 'b', 'c', 'd'];

it('moves an item up, down and to the ends', () => {
  expect(moved(LIST, 2, 0).join('')).toBe('cabd');
  expect(moved(LIST, 0, 2).join('')).toBe('bcad');
  expect(moved(LIST, 1, 99).join('')).toBe('acdb');
  expect(moved(LIST, 1, -3).join('')).toBe('bacd');
  expect(moved(LIST, 9, 0)).toEqual(LIST);
  expect(LIST.join('')).toBe('abcd');
});

it('drops an item where the pointer has passed the middle of another', () => {
  const rows = [0, 40, 80, 120].map((top) => ({ top, bottom: top + 40 }));
  expect([10, 61, 99, 101, 159, 500].map((y) => placeAt(rows, 1, y))).toEqual([0, 1, 1, 2, 3, 3]);
  expect(placeAt(rows, 3, -50)).toBe(0);
  expect(placeAt([], 0, 5)).toBe(0);
});

it('moves by keys, and stays within the list', () => {
  expect(['ArrowUp', 'ArrowDown', 'Home', 'End', 'x'].map((key) => placeByKey(key, 1, 4))).toEqual([0, 2, 0, 3, null]);
  expect([placeByKey('ArrowUp', 0, 4), placeByKey('ArrowDown', 3, 4)]).toEqual([0, 3]);
});
