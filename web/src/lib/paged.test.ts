import { describe, expect, it } from 'vitest';

import { Paged } from './paged.svelte.ts';

const id = (item: string) => item;

/** A list of a server whose items the test changes, in pages of at most 50, and what was asked of it. */
function served(...items: string[]) {
  const server = { items, asked: [] as unknown[], fails: false };
  const list = new Paged<string>((query) => {
    server.asked.push(query);
    if (server.fails) return Promise.reject(new Error('offline'));
    const [from, size] = [Number(query.cursor ?? 0), Math.min(query.limit ?? 50, 50)];
    const next_cursor = from + size < server.items.length ? String(from + size) : null;
    return Promise.resolve({ items: server.items.slice(from, from + size), next_cursor });
  });
  return { server, list };
}

const many = Array.from({ length: 120 }, (_, at) => `item ${at}`);

describe('a list of which something was deleted', () => {
  it('loses it when it is renewed, on whatever page it was, and shows as much as before', async () => {
    const { server, list } = served(...many);
    await list.load();
    await list.more();
    expect(list.items).toHaveLength(100);
    server.items = many.filter((item) => item !== 'item 3' && item !== 'item 70');
    await list.refresh(id);
    expect(list.items).toContain('item 3');
    await list.renew();
    expect(list.items).toEqual(server.items.slice(0, 100));
    expect(list.hasMore).toBe(true);
    await list.more();
    expect(list.items).toEqual(server.items);
  });

  it('is asked for again by the next load, and not before', async () => {
    const { server, list } = served('a', 'b');
    await list.load();
    server.items = ['b'];
    await list.load();
    expect(server.asked).toHaveLength(1);
    list.expire();
    expect(list.items).toEqual(['a', 'b']);
    await list.load();
    expect([list.items, list.state]).toEqual([['b'], 'ready']);
    await list.load();
    expect(server.asked).toHaveLength(2);
  });

  it('stays as it is when nobody answers, and is asked for again', async () => {
    const { server, list } = served('a', 'b');
    await list.load();
    server.items = ['b'];
    server.fails = true;
    await list.renew();
    expect([list.items, list.state]).toEqual([['a', 'b'], 'ready']);
    server.fails = false;
    await list.load();
    expect(list.items).toEqual(['b']);
  });
});
