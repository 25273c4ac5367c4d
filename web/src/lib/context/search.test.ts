import { describe, expect, it } from 'vitest';

import type { ContextItem, FoundItems } from '#lib/api/resources.ts';

import { ItemSearch, beside, howOf } from './search.svelte.ts';

const item = (id: string, title = id): ContextItem => ({
  id,
  org: 'org_1',
  scope: 'org',
  state: 'active',
  title,
  text: 'x',
  tags: [],
  created_by: { kind: 'user', id: 'user_ada' },
  created_at: '2026-11-20T08:00:00Z',
  version: 1,
});
const found = (ids: string[], semantic: FoundItems['semantic'] = { state: 'available' }): FoundItems => ({
  items: ids.map((id) => ({ item: item(id), score: 1 })),
  semantic,
});
const titles = (items: ContextItem[]): string[] => items.map((one) => one.title);

describe('how items were found', () => {
  it('is by meaning where it could be', () => expect(howOf(found([])).badge).toBe('by meaning'));

  it.each([
    ['no_extension', /database/],
    ['no_model', /names no model/],
    ['provider_failed', /does not answer/],
  ] as const)('is by words, with the reason %s', (reason, why) => {
    const how = howOf(found([], { state: 'not_available', reason }));
    expect(how.badge).toBe('by words');
    expect(how.why).toMatch(why);
  });

  it('is by words for reasons that are newer than this page', () => {
    expect(howOf(found([], { state: 'not_available', reason: 'weather' as never }))).toEqual({ badge: 'by words', why: 'Found by their words.' });
  });
});

describe('what was found', () => {
  it('is shown once, in the order in which it was found, as it stands now', () => {
    const known = [item('a'), item('b', 'b, renamed'), item('c')];
    expect(titles(beside(found(['c', 'a', 'b']), [item('a')], known, true))).toEqual(['c', 'b, renamed']);
  });

  it('is gone when it was deleted here, and counts where not all items are known', () => {
    expect(titles(beside(found(['gone']), [], [], true))).toEqual([]);
    expect(titles(beside(found(['older']), [], [], false))).toEqual(['older']);
  });
});

describe('a search', () => {
  it('shows the answer to what was looked for last', async () => {
    const answers = new Map<string, (found: FoundItems) => void>();
    const search = new ItemSearch((q) => new Promise((resolve) => answers.set(q, resolve)));
    const first = search.look('first');
    const second = search.look('second');
    answers.get('second')!(found(['2']));
    await second;
    answers.get('first')!(found(['1']));
    await first;
    expect([search.found?.items[0]?.item.id, search.busy]).toEqual(['2', false]);
  });

  it('says that it failed, until one does not', async () => {
    let fails = true;
    const search = new ItemSearch(async () => {
      if (fails) throw new Error('away');
      return found(['1']);
    });
    await search.look('x');
    expect([search.error instanceof Error, search.found, search.busy]).toEqual([true, null, false]);
    fails = false;
    await search.look('x');
    expect([search.error, search.found?.items.length]).toEqual([null, 1]);
  });
});
