import { describe, expect, it } from 'vitest';

import type { Found } from '#lib/api/resources.ts';

import { pageOf } from './found.ts';
import { linkTo, paramsOf, queryOf, wantedIn } from './query.ts';

describe('what is looked for', () => {
  it('comes back out of the address as it went in', () => {
    const wanted = { q: 'tide "high water"', channel: 'chan_1', author: 'user_1', from: '2026-11-01', to: '2026-11-20', sort: 'newest' as const };
    expect(wantedIn(new URLSearchParams(paramsOf(wanted)))).toEqual(wanted);
  });

  it('leaves out days that are none, and filters that are empty', () => {
    expect(wantedIn(new URLSearchParams('q=a&from=yesterday&to=2026-13-40&channel=&sort=odd'))).toEqual({ q: 'a', sort: 'best' });
  });

  it('covers the last day whole', () => {
    const { from, to } = queryOf({ q: ' a ', from: '2026-11-20', to: '2026-11-20', sort: 'best' });
    expect(Date.parse(to!) - Date.parse(from!)).toBe(24 * 3_600_000);
  });

  it('leads to the message, and through its fork where it stands in one', () => {
    const found = { channel: 'chan_1', chat: 'chat_1', message: 'msg_1' };
    expect(linkTo('org_1', found)).toBe('/o/org_1/c/chan_1/chat_1?m=msg_1');
    expect(linkTo('org_1', { ...found, fork: 'fork_1' })).toBe('/o/org_1/c/chan_1/chat_1?fork=fork_1&m=msg_1');
  });
});

it('gives the newest first over all pages that can be had, and the best as they come', async () => {
  const at = (day: number) => ({ message: `m${day}`, at: `2026-11-${day}T08:00:00Z` }) as Found;
  const find = async ({ cursor }: { cursor?: string }) =>
    cursor ? { items: [at(20)] } : { items: [at(11), at(15)], next_cursor: 'more' };
  expect((await pageOf(find, 'newest')).items.map((one) => one.message)).toEqual(['m20', 'm15', 'm11']);
  expect(await pageOf(find, 'best')).toEqual({ items: [at(11), at(15)], next_cursor: 'more' });
});
