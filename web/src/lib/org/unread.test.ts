import { describe, expect, it } from 'vitest';

import type { Unread, UnreadChat } from '#lib/api/resources.ts';

import { Marks } from './unread.svelte.ts';

const chat = (id: string, channel: string, unread: number, mentions = 0, version = 1): UnreadChat => ({
  chat: id, channel, unread, mentions, version,
});

/** Marks of a server that gives these answers, one after the other, and what it was asked. */
function marksOf(...answers: Partial<Unread>[]) {
  const asked: unknown[] = [];
  const marks = new Marks(async (query) => {
    asked.push(query);
    const answer = answers.shift();
    if (!answer) throw new Error('offline');
    return { chats: [], cursor: asked.length, ...answer };
  });
  return { marks, asked };
}

describe('what is unread', () => {
  it('is asked for once, and then what changed since', async () => {
    const { marks, asked } = marksOf(
      { chats: [chat('a', 'one', 2, 1), chat('b', 'one', 1), chat('c', 'two', 5)], cursor: 70 },
      { chats: [chat('a', 'one', 0, 0, 2), chat('c', 'two', 6, 1, 2)], cursor: 71 },
      {},
    );
    expect(marks.known).toBe(false);
    await marks.ask(null);
    expect([marks.in('one'), marks.in('two')]).toEqual([{ unread: 3, mentions: 1 }, { unread: 5, mentions: 0 }]);
    await marks.ask('two');
    expect([marks.in('one'), marks.in('two')]).toEqual([{ unread: 1, mentions: 0 }, { unread: 6, mentions: 1 }]);
    await marks.ask('two');
    expect(marks.in('two').unread).toBe(6);
    expect(asked).toEqual([{}, { since: 70, channel: 'two' }, { since: 71, channel: 'two' }]);
  });

  it('stays as it is when nobody answers, and is asked for again from the same place', async () => {
    const { marks, asked } = marksOf({ chats: [chat('a', 'one', 2)], cursor: 7 });
    await marks.ask(null);
    await expect(marks.ask(null)).rejects.toThrow();
    await expect(marks.ask(null)).rejects.toThrow();
    expect(marks.in('one').unread).toBe(2);
    expect(asked.slice(1)).toEqual([{ since: 7 }, { since: 7 }]);
  });

  it('begins anew where the server does not know the place, and no older count takes the place of a newer one', async () => {
    const { marks } = marksOf(
      { chats: [chat('a', 'one', 2, 0, 9), chat('b', 'one', 2)] },
      { chats: [chat('a', 'one', 7, 0, 8)] },
      { chats: [chat('b', 'one', 1)], anew: true },
    );
    await marks.ask(null);
    await marks.ask(null);
    expect(marks.in('one').unread).toBe(4);
    await marks.ask(null);
    expect(marks.in('one').unread).toBe(1);
  });

  it('is what the open chat says, and stays so after it was left until something changes', async () => {
    const { marks } = marksOf(
      { chats: [chat('a', 'one', 3, 1), chat('b', 'one', 1)] },
      { chats: [chat('a', 'one', 4, 1, 2)] },
      { chats: [chat('a', 'one', 1, 0, 3)] },
    );
    await marks.ask(null);
    marks.note('a', 'one', { unread: 0, mentions: 0 });
    expect(marks.in('one').unread).toBe(1);
    await marks.ask(null);
    expect(marks.in('one').unread).toBe(1);
    marks.leave();
    expect(marks.in('one')).toEqual({ unread: 1, mentions: 0 });
    await marks.ask(null);
    expect(marks.in('one').unread).toBe(2);
    // From one open chat to the next.
    marks.note('b', 'one', { unread: 5, mentions: 0 });
    marks.note('c', 'one', { unread: 0, mentions: 0 });
    expect(marks.in('one').unread).toBe(6);
  });

  it('of what was deleted counts no more, be it open or not', async () => {
    const { marks } = marksOf({ chats: [chat('a', 'one', 3, 1), chat('b', 'one', 1), chat('c', 'two', 2)] });
    await marks.ask(null);
    marks.note('d', 'one', { unread: 4, mentions: 0 });
    marks.forget((one) => one.chat === 'a' || one.chat === 'd');
    expect(marks.in('one')).toEqual({ unread: 1, mentions: 0 });
    marks.forget((one) => one.channel === 'one');
    expect([marks.in('one').unread, marks.in('two').unread]).toEqual([0, 2]);
  });
});
