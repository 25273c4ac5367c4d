import { expect, it } from 'vitest';

import { Present } from './present.svelte.ts';

function here(present: string[], count: number) {
  const who = new Present('me');
  who.hello({ type: 'hello', you: 'me', head: 1, present, count });
  return who;
}

it('follows who comes and goes', () => {
  const who = here(['me', 'ada'], 2);
  who.take({ type: 'presence', count: 3, came: ['bo', 'cleo'], went: ['ada'] });
  expect(['ada', 'bo', 'cleo', 'me'].map((user) => who.has(user))).toEqual([false, true, true, true]);
  expect(who.count).toBe(3);
});

it('does not say that somebody is away of whom it was not told', () => {
  const who = here(['ada'], 60);
  expect(['me', 'ada', 'bo'].map((user) => who.has(user))).toEqual([true, true, undefined]);
  who.take({ type: 'presence', count: 61 });
  expect([who.count, who.has('bo')]).toEqual([61, undefined]);
  who.take({ type: 'presence', count: 2, present: ['bo'] });
  expect(['me', 'ada', 'bo'].map((user) => who.has(user))).toEqual([true, false, true]);
});

it('takes all who are named for everybody where nobody counts', () => {
  expect(here(['ada'], 0).has('bo')).toBe(false);
});
