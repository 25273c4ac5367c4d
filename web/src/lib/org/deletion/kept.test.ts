import { expect, it } from 'vitest';

import { forgetKept } from './kept.ts';

function shelf() {
  const keys = [
    'slipway.draft.user_ada.chat_1',
    'slipway.draft.user_ada.chat_10',
    'slipway.outbox.user_ada.chat_1',
    'slipway.draft.user_grace.chat_1',
    'slipway.last-org',
  ];
  return {
    keys,
    get length() {
      return keys.length;
    },
    key: (index: number) => keys[index] ?? null,
    removeItem: (key: string) => void keys.splice(keys.indexOf(key), 1),
  };
}

it('takes away what one person kept of one chat', () => {
  const kept = shelf();
  forgetKept(kept, 'user_ada', 'chat_1');
  expect(kept.keys).toEqual(['slipway.draft.user_ada.chat_10', 'slipway.draft.user_grace.chat_1', 'slipway.last-org']);
});

it('takes away all that a person kept, and nothing of another', () => {
  const kept = shelf();
  forgetKept(kept, 'user_ada');
  expect(kept.keys).toEqual(['slipway.draft.user_grace.chat_1', 'slipway.last-org']);
});
