import { expect, it } from 'vitest';

import { keepNext, nextOf, signInFor } from './next.ts';

const after = (next: string) => nextOf(new URL(`https://slipway.example/sign-in?next=${encodeURIComponent(next)}`));

it('returns to the place in the app that one came from', () => {
  expect(after('/o/org_1/c/chan_1/chat_1?m=msg_1')).toBe('/o/org_1/c/chan_1/chat_1?m=msg_1');
  const url = new URL(signInFor('/o/org_1?x=1'), 'https://slipway.example');
  expect(nextOf(url)).toBe('/o/org_1?x=1');
  expect(keepNext('/sign-up', url)).toBe('/sign-up?next=%2Fo%2Forg_1%3Fx%3D1');
});

it('goes nowhere else', () => {
  expect(['//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:alert(1)', ''].map(after)).toEqual([
    null,
    null,
    null,
    null,
    null,
  ]);
});
