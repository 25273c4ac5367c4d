import { expect, it } from 'vitest';

import { rank } from './rank.ts';

/** The texts that fit, best first. */
const found = (query: string, ...texts: string[]) =>
  texts
    .map((text) => ({ text, score: rank(query, text) }))
    .filter(({ score }) => score > 0)
    .sort((one, other) => other.score - one.score)
    .map(({ text }) => text);

it('puts starts before starts of words, and those before the middle', () => {
  expect(found('rate', 'Generated', 'Sign-in rate', 'Rate limits')).toEqual(['Rate limits', 'Sign-in rate', 'Generated']);
});

it('finds initials and skipped letters, and nothing out of order', () => {
  expect(found('rl', 'Rate limits', 'Later')).toEqual(['Rate limits']);
  expect(found('mgrtn', 'Migration history', 'Margin')).toEqual(['Migration history']);
});
