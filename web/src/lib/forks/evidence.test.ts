import { expect, it } from 'vitest';

import type { Message } from '#lib/chat/log.ts';

import { citationsIn, citedIn, numbered } from './evidence.ts';

const message = (seq: number, deleted = false): Message => ({
  id: `m${seq}`, seq, at: '', author: { kind: 'user', id: 'user_ada' }, text: 'x', partial: false, deleted, reactions: [],
});

it.each([
  ['We take B [12], because it is cheaper [14] [12].', [12, 14]],
  ['Several at once [3, 4; 5].', [3, 4, 5]],
  ['No citations: [1](https://example.com), [ ] box, [x], \\[7], [abc], [-3].', []],
  ['In code `[8]` and\n```\n[9]\n```\nnone, but [10] is one.', [10]],
  ['', []],
])('finds what %j cites', (text, seqs) => {
  expect(citationsIn(text)).toEqual(seqs);
});

it('passes over citations of deleted messages and of messages that are not in the fork', () => {
  expect(citedIn('[2] [3] [4]', [message(2), message(3, true)]).map((one) => one.id)).toEqual(['m2']);
});

it.each([
  ['We take B [12], because it is cheaper [14] [12].', [14, 12], 'We take B [2], because it is cheaper [1] [2].'],
  ['Both [12; 14] say so.', [12, 14], 'Both [1, 2] say so.'],
  ['One is left out [12, 13] and one goes [13].', [12], 'One is left out [1] and one goes.'],
  ['In code `a [12]` and\n```\n[12]\n```\nnone, but [12] is one.', [12], 'In code `a [12]` and\n```\n[12]\n```\nnone, but [1] is one.'],
  ['A link [12](https://example.com), a box [ ], an escape \\[12].', [12], 'A link [12](https://example.com), a box [ ], an escape \\[12].'],
])('numbers the citations of %j by the evidence', (text, evidence, expected) => {
  expect(numbered(text, evidence)).toBe(expected);
});
