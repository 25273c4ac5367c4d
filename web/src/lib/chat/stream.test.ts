import { expect, it } from 'vitest';

import { Streams, place } from './stream.ts';

it('puts a piece where it belongs, counted as JavaScript counts', () => {
  expect(place('', 0, 'Hello')).toBe('Hello');
  expect(place('Hello', 5, ' 👋')).toBe('Hello 👋');
  expect(place('Hello 👋', 8, '!')).toBe('Hello 👋!');
});

it('starts over at 0, and takes a piece again without doubling it', () => {
  expect(place('a first try', 0, 'again')).toBe('again');
  expect(place('Hello', 3, 'lo')).toBe('Hello');
});

it('refuses a piece when text before it is missing', () => {
  expect(place('Hello', 9, 'x')).toBeNull();
});

it('commits once a frame, however many pieces came', () => {
  const frames: (() => void)[] = [];
  const commits: [string, string | undefined][] = [];
  const streams = new Streams(
    (run) => frames.push(run),
    (turn, text) => commits.push([turn, text]),
  );
  expect(streams.take('t', 0, 'a')).toBe(true);
  expect(streams.take('t', 1, 'b')).toBe(true);
  expect(streams.take('t', 7, 'z')).toBe(false);
  expect(commits).toEqual([]);
  frames.shift()?.();
  expect(commits).toEqual([['t', 'ab']]);
  streams.drop('t');
  frames.shift()?.();
  expect(commits.at(-1)).toEqual(['t', undefined]);
  expect(frames).toEqual([]);
});
